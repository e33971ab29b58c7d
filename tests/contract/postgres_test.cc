#include <catch2/catch.hpp>

#include "tests/contract/index_contract.h"
#include "tests/contract/postgres_server.h"
#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

TEST_CASE("the PostgreSQL index keeps the contract") {
  // One server for all sections, each of which runs the case anew.
  static PostgresServer server;
  check_index_contract([] {
    auto store = std::make_shared<PostgresStore>(server);
    return std::shared_ptr<Index>(store, &store->index());
  });
}

}  // namespace
}  // namespace sluice::test
