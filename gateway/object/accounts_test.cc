#include <catch2/catch.hpp>

#include "gateway/object/accounts.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

Accounts::Edit service(std::string text) {
  return [text = std::move(text)](AccountSettings& settings) -> Result<> {
    settings.service = text;
    return done;
  };
}

}  // namespace

TEST_CASE("an account is set to nothing until it is, and each to its own") {
  World world;
  Accounts accounts(world.faulty.backend());
  CHECK(run(accounts.settings(world.context, "alice"))->service.empty());

  CHECK(run(accounts.change(world.context, "alice", service("one")))->service == "one");

  CHECK(run(accounts.settings(world.context, "alice"))->service == "one");
  CHECK(run(accounts.settings(world.context, "alic"))->service.empty());
  CHECK(world.check().second.empty());
}

TEST_CASE("a change of an account that is refused, or too large, changes nothing") {
  World world;
  Accounts accounts(world.faulty.backend());
  REQUIRE(run(accounts.change(world.context, "alice", service("one"))));
  const auto refusal = [](AccountSettings& settings) -> Result<> {
    settings.service = "two";
    return fail(ErrorCode::invalid_argument);
  };

  CHECK(run(accounts.change(world.context, "alice", refusal)).error().code == ErrorCode::invalid_argument);
  CHECK(run(accounts.change(world.context, "alice", service(std::string(Index::kValueSizeMax, 'x')))).error().code ==
        ErrorCode::metadata_too_large);

  CHECK(run(accounts.settings(world.context, "alice"))->service == "one");
}

}  // namespace sluice::object
