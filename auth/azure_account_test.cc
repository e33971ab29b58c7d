#include "auth/azure_account.h"

#include <catch2/catch.hpp>
#include <stdexcept>

#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

const std::string kKey(32, 'k');
const std::string kOtherKey(64, 'o');

AzureAccount account(std::string name, std::vector<AccountKey> keys) {
  return {.name = std::move(name), .keys = std::move(keys), .owner = {}, .identity = {}};
}

AzureAccounts accounts(std::vector<AzureAccount> list) { return AzureAccounts(std::move(list)); }

TEST_CASE("an azure account is found by its exact name") {
  const AzureAccounts all({account("first", {kKey}), account("second", {kKey, kOtherKey})});

  REQUIRE(all.find("second") != nullptr);
  CHECK(all.find("second")->keys.size() == 2);
  CHECK(all.find("Second") == nullptr);
  CHECK(all.find("") == nullptr);
}

TEST_CASE("who acts with an account's key is the owner of its buckets") {
  AzureAccount mapped = account("photos", {kKey});
  mapped.owner = "team-a";

  const AzureAccounts all({mapped, account("plain", {kKey})});

  CHECK(all.find("photos")->identity.account() == "team-a");
  CHECK(all.find("plain")->identity.account() == "plain");
  CHECK_FALSE(all.find("plain")->identity.user->root);
}

TEST_CASE("an azure account that could not work stops the start") {
  CHECK_THROWS_AS(accounts({account("ab", {kKey})}), std::invalid_argument);
  CHECK_THROWS_AS(accounts({account("UpperCase", {kKey})}), std::invalid_argument);
  CHECK_THROWS_AS(accounts({account("with-secondary", {kKey})}), std::invalid_argument);
  CHECK_THROWS_AS(accounts({account(std::string(25, 'a'), {kKey})}), std::invalid_argument);
  CHECK_THROWS_AS(accounts({account("nokey", {})}), std::invalid_argument);
  CHECK_THROWS_AS(accounts({account("manykeys", {kKey, kKey, kKey})}), std::invalid_argument);
  CHECK_THROWS_AS(accounts({account("weakkey", {std::string("short")})}), std::invalid_argument);
  CHECK_THROWS_AS(accounts({account("twice", {kKey}), account("twice", {kKey})}), std::invalid_argument);
}

TEST_CASE("configured keys are base64") {
  const AzureAccount dev =
      azure_account(std::string(kDevelopmentAccountName), {std::string(kDevelopmentAccountKey)}, "dev");

  CHECK(dev.keys.front().raw().size() == 64);
  CHECK(dev.owner == "dev");
  CHECK_THROWS_AS(azure_account("account", {"not base64!"}), std::invalid_argument);
}

TEST_CASE("either key of an account proves, and no other") {
  const AzureAccount two = account("account", {kKey, kOtherKey});

  CHECK(is_signed_by(two, "message", hmac_sha256(kKey, "message")));
  CHECK(is_signed_by(two, "message", hmac_sha256(kOtherKey, "message")));
  CHECK_FALSE(is_signed_by(two, "message", hmac_sha256("another", "message")));
  CHECK_FALSE(is_signed_by(two, "message", hmac_sha256(kKey, "massage")));
  CHECK_FALSE(is_signed_by(two, "message", ""));
}

}  // namespace
}  // namespace sluice::auth
