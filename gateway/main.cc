#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/check.h"
#include "gateway/cluster_command.h"
#include "gateway/config.h"
#include "gateway/environment.h"
#include "gateway/serve.h"

namespace {

constexpr std::string_view kUsage = R"(sluice: an object store gateway, S3 and Azure Blob over local NVMe or a cluster

usage: sluice serve  [flags]                            serve until SIGTERM or Ctrl-C
       sluice config [flags]                            print the effective configuration
       sluice fsck   --data DIR [--quick] [--repair]    verify a data directory, the gateway stopped
       sluice cluster status | drain DISK | undrain DISK | remove DISK  [flags]
       sluice --version | --help

A flag beats its environment variable, which beats the file given by --config.

flags:
)";

int run(std::span<const std::string_view> words) {
  const std::string_view verb = words.empty() ? "--help" : words[0];
  if (verb == "--help" || verb == "-h" || verb == "help") {
    std::fputs((std::string(kUsage) + sluice::describe_options()).c_str(), stdout);
    return words.empty() ? 2 : 0;
  }
  if (verb == "--version") {
    std::puts("sluice " SLUICE_VERSION);
    return 0;
  }
  const auto rest = words.subspan(1);
  if (verb == "serve") return sluice::serve(sluice::read_config(rest, sluice::environment()));
  if (verb == "config") {
    std::fputs(sluice::to_toml(sluice::read_config(rest, sluice::environment())).c_str(), stdout);
    return 0;
  }
  if (verb == "cluster") return sluice::command_cluster(rest, sluice::environment());
  if (verb == "fsck") return sluice::check(rest, sluice::environment());
  throw std::invalid_argument("there is no verb '" + std::string(verb) + "'; see sluice --help");
}

}  // namespace

int main(int argc, char** argv) {
  // What a client sends is never worth a signal; files hold people's data.
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(S_IRWXO | S_IWGRP);
  try {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    return run(words);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "sluice: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice: %s\n", error.what());
    return 1;
  }
}
