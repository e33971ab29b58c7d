#include "gateway/program.h"

#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

namespace sluice {
namespace {

int run_words(const Program& program, Program::Words words) {
  const std::string_view verb = words.empty() ? "--help" : words[0];
  if (verb == "--help" || verb == "-h" || verb == "help") {
    std::fputs(program.usage.c_str(), stdout);
    return words.empty() ? 2 : 0;
  }
  const std::string name(program.name);
  if (verb == "--version") {
    std::puts((name + " " SLUICE_VERSION).c_str());
    return 0;
  }
  if (const auto status = program.run(verb, words.subspan(1))) return *status;
  throw std::invalid_argument("there is no verb '" + std::string(verb) + "'; see " + name + " --help");
}

}  // namespace

int run(const Program& program, int argc, char** argv) {
  // What a peer does is never worth a signal; files hold people's data.
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(S_IRWXO | S_IWGRP);
  int status = 1;
  std::string what;
  try {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    return run_words(program, words);
  } catch (const std::invalid_argument& error) {
    status = 2;
    what = error.what();
  } catch (const std::exception& error) {
    what = error.what();
  }
  std::fprintf(stderr, "%s: %s\n", std::string(program.name).c_str(), what.c_str());
  return status;
}

}  // namespace sluice
