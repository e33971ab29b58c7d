#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/environment.h"
#include "gateway/node.h"

namespace {

constexpr std::string_view kUsage = R"(sluice-extent-node: serves one disk to the gateways of a cluster

usage: sluice-extent-node format [flags]    make a file or partition a disk of the cluster
       sluice-extent-node serve  [flags]    serve it until SIGTERM or Ctrl-C
       sluice-extent-node --version | --help

A flag beats its environment variable.

flags:
)";

int run(std::span<const std::string_view> words) {
  const std::string_view verb = words.empty() ? "--help" : words[0];
  if (verb == "--help" || verb == "-h" || verb == "help") {
    std::fputs((std::string(kUsage) + sluice::describe_node_options()).c_str(), stdout);
    return words.empty() ? 2 : 0;
  }
  if (verb == "--version") {
    std::puts("sluice-extent-node " SLUICE_VERSION);
    return 0;
  }
  if (verb == "serve") return sluice::serve_node(sluice::read_node_config(words.subspan(1), sluice::environment()));
  if (verb == "format") {
    sluice::format_node(sluice::read_node_config(words.subspan(1), sluice::environment()));
    return 0;
  }
  throw std::invalid_argument("there is no verb '" + std::string(verb) + "'; see sluice-extent-node --help");
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(S_IRWXO | S_IWGRP);
  try {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    return run(words);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "sluice-extent-node: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice-extent-node: %s\n", error.what());
    return 1;
  }
}
