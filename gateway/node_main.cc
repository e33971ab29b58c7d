#include "gateway/environment.h"
#include "gateway/node.h"
#include "gateway/program.h"

namespace {

constexpr std::string_view kUsage = R"(sluice-extent-node: serves one disk to the gateways of a cluster

usage: sluice-extent-node format [flags]    make a file or partition a disk of the cluster
       sluice-extent-node serve  [flags]    serve it until SIGTERM or Ctrl-C
       sluice-extent-node --version | --help

A flag beats its environment variable.

flags:
)";

std::optional<int> run_verb(std::string_view verb, sluice::Program::Words rest) {
  if (verb == "serve") return sluice::serve_node(sluice::read_node_config(rest, sluice::environment()));
  if (verb != "format") return std::nullopt;
  sluice::format_node(sluice::read_node_config(rest, sluice::environment()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return sluice::run(
      {.name = "sluice-extent-node", .usage = std::string(kUsage) + sluice::describe_node_options(), .run = run_verb},
      argc, argv);
}
