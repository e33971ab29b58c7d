#include "gateway/core/log.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

#include "gateway/core/encoding.h"

namespace sluice {
namespace {

/// A directory of its own, gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_(std::filesystem::temp_directory_path() / ("log_test-" + to_hex(random_bytes(8)))) {
    std::filesystem::create_directory(path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file() const { return (path_ / "log").string(); }

 private:
  std::filesystem::path path_;
};

/// What is in the file once `write` has written to a log of it.
template <class Write>
std::string logged(Write write, LogLevel least = LogLevel::debug) {
  const TemporaryDirectory directory;
  {
    const auto log = open_log(directory.file(), least);
    write(*log);
  }
  std::ifstream file(directory.file());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The line without its time, which is the only part that changes.
std::string without_time(const std::string& line) {
  const auto level = line.find("\"level\"");
  REQUIRE(line.starts_with("{\"time\":\"20"));
  REQUIRE(level != std::string::npos);
  return line.substr(level);
}

}  // namespace

TEST_CASE("a line of the log is one JSON object with its fields in order") {
  const std::string line = logged([](Log& log) {
    log.warning("slow", {{"text", std::string_view("a")},
                         {"count", std::uint64_t{7}},
                         {"change", std::int64_t{-7}},
                         {"seconds", 0.5},
                         {"again", true}});
  });

  CHECK(without_time(line) ==
        "\"level\":\"warning\",\"event\":\"slow\",\"text\":\"a\",\"count\":7,\"change\":-7,\"seconds\":0.5,"
        "\"again\":true}\n");
}

TEST_CASE("nothing that is logged can break its line or its quotes") {
  const std::string line =
      logged([](Log& log) { log.info("e\"v", {{"key", std::string_view("a\"}\n{\\\r\t\0\x1b\x7f%v", 13)}}); });

  CHECK(without_time(line) ==
        "\"level\":\"info\",\"event\":\"e\\\"v\",\"key\":"
        "\"a\\\"}\\u000a{\\\\\\u000d\\u0009\\u0000\\u001b\\u007f%v\"}\n");
}

TEST_CASE("UTF-8 is logged as it is, other bytes escaped") {
  const std::string line = logged(
      [](Log& log) { log.info("keys", {{"good", std::string_view("\xc3\xbc")}, {"bad", std::string_view("\xfc")}}); });

  CHECK(without_time(line) == "\"level\":\"info\",\"event\":\"keys\",\"good\":\"\xc3\xbc\",\"bad\":\"\\u00fc\"}\n");
}

TEST_CASE("a number that JSON cannot say is logged as null") {
  const std::string line = logged([](Log& log) {
    log.info("rate", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                      {"infinite", std::numeric_limits<double>::infinity()}});
  });

  CHECK(without_time(line) == "\"level\":\"info\",\"event\":\"rate\",\"nan\":null,\"infinite\":null}\n");
}

TEST_CASE("lines below the least level are left out") {
  const std::string lines = logged(
      [](Log& log) {
        log.write(LogLevel::debug, "a", {});
        log.info("b");
        log.warning("c");
        log.error("d");
      },
      LogLevel::warning);

  CHECK(lines.find("\"event\":\"a\"") == std::string::npos);
  CHECK(lines.find("\"event\":\"b\"") == std::string::npos);
  CHECK(lines.find("\"event\":\"c\"") != std::string::npos);
  CHECK(lines.find("\"event\":\"d\"") != std::string::npos);
}

TEST_CASE("a log may go nowhere") {
  const auto log = open_log("", LogLevel::debug);
  log->info("unheard");
  NullLog().info("unheard");
}

TEST_CASE("a log whose file cannot be opened says so at once") {
  const TemporaryDirectory directory;
  CHECK_THROWS_AS(open_log(directory.file() + "/not/there/", LogLevel::debug), std::runtime_error);
}

}  // namespace sluice
