#include <cstdio>

#include "gateway/check.h"
#include "gateway/cluster_command.h"
#include "gateway/config.h"
#include "gateway/environment.h"
#include "gateway/program.h"
#include "gateway/serve.h"

namespace {

constexpr std::string_view kUsage = R"(sluice: an object store gateway, S3 and Azure Blob over local NVMe or a cluster

usage: sluice serve  [flags]                            serve until SIGTERM or Ctrl-C
       sluice config [flags]                            print the effective configuration
       sluice fsck   --data DIR [--quick] [--repair]    verify a data directory, the gateway stopped
       sluice cluster status | scrub | drain DISK | undrain DISK | remove DISK | forget DISK  [flags]
       sluice --version | --help

A flag beats its environment variable, which beats the file given by --config.

flags:
)";

std::optional<int> run_verb(std::string_view verb, sluice::Program::Words rest) {
  if (verb == "serve") return sluice::serve(sluice::read_config(rest, sluice::environment()));
  if (verb == "cluster") return sluice::command_cluster(rest, sluice::environment());
  if (verb == "fsck") return sluice::check(rest, sluice::environment());
  if (verb != "config") return std::nullopt;
  std::fputs(sluice::to_toml(sluice::read_config(rest, sluice::environment())).c_str(), stdout);
  return 0;
}

}  // namespace

// Read by jemalloc. Bodies and rows in huge pages: where a guest's memory has two tables to go through, a
// copy out of small ones costs twice as much.
extern "C" const char* malloc_conf;
extern "C" const char* malloc_conf = "thp:always";

int main(int argc, char** argv) {
  return sluice::run({.name = "sluice", .usage = std::string(kUsage) + sluice::describe_options(), .run = run_verb},
                     argc, argv);
}
