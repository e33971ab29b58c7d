# sluice_library(name SOURCES ... TESTS ... LINKS ... TEST_LINKS ...) is one
# folder: a library, and a test program of the _test.cc files beside it. LINKS
# is the folder's whole allowance: what is not listed there cannot be linked,
# and tests/tidy/tidy.py holds the includes to the same list.
set(SLUICE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)

function(sluice_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;TESTS;LINKS;TEST_LINKS")
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${SLUICE_WARNINGS})
  target_link_libraries(${name} PUBLIC ${arg_LINKS})
  if(BUILD_TESTING AND arg_TESTS)
    sluice_test(${name}_test TESTS ${arg_TESTS} LINKS ${name} ${arg_TEST_LINKS})
  endif()
endfunction()

# sluice_test(name TESTS ... LINKS ...) is one Catch2 program, each of its cases
# a test of its own in CTest.
function(sluice_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "TESTS;LINKS")
  add_executable(${name} ${arg_TESTS})
  target_compile_options(${name} PRIVATE ${SLUICE_WARNINGS})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} test_support)
  catch_discover_tests(${name} TEST_PREFIX "${name}: ")
endfunction()
