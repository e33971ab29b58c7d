#include "auth/policy.h"

#include <catch2/catch.hpp>
#include <memory>

namespace sluice::auth {
namespace {

Identity acme(Access access = Access::read_write, std::vector<std::string> prefixes = {}) {
  User user;
  user.name = "worker";
  user.account = "acme";
  user.access = access;
  user.bucket_prefixes = std::move(prefixes);
  return {std::make_shared<const User>(user)};
}

Identity root() {
  User user;
  user.account = "ops";
  user.root = true;
  user.access = Access::read_only;
  user.bucket_prefixes = {"none"};
  return {std::make_shared<const User>(user)};
}

bool may(const Identity& identity, Action action, std::string_view bucket, std::optional<std::string_view> owner) {
  const auto answer = authorize(identity, action, {.bucket = bucket, .key = "key"}, owner);
  if (!answer) CHECK(answer.error().code == ErrorCode::access_denied);
  return answer.has_value();
}

}  // namespace

TEST_CASE("nobody anonymous may do anything") {
  CHECK_FALSE(may({}, Action::list_buckets, "", std::nullopt));
  CHECK_FALSE(may({}, Action::read_object, "photos", "acme"));
  CHECK_FALSE(may({}, Action::read_object, "photos", ""));
}

TEST_CASE("root may do everything to every bucket") {
  CHECK(may(root(), Action::list_buckets, "", std::nullopt));
  CHECK(may(root(), Action::delete_object, "photos", "acme"));
  CHECK(may(root(), Action::delete_bucket, "photos", "acme"));
}

TEST_CASE("a bucket is its owner's alone") {
  CHECK(may(acme(), Action::write_object, "photos", "acme"));
  CHECK(may(acme(), Action::write_object, "photos", std::nullopt));
  CHECK_FALSE(may(acme(), Action::write_object, "photos", "others"));
  CHECK_FALSE(may(acme(), Action::read_object, "photos", "others"));
  CHECK_FALSE(may(acme(), Action::read_bucket, "photos", "others"));
  CHECK_FALSE(may(acme(), Action::list_objects, "photos", ""));
}

TEST_CASE("making a bucket whose name is taken is for the object layer to answer") {
  CHECK(may(acme(), Action::create_bucket, "photos", "others"));
}

TEST_CASE("a user who only reads reads and lists, and nothing else") {
  const Identity reader = acme(Access::read_only);

  CHECK(may(reader, Action::list_buckets, "", std::nullopt));
  CHECK(may(reader, Action::read_bucket, "photos", "acme"));
  CHECK(may(reader, Action::list_objects, "photos", "acme"));
  CHECK(may(reader, Action::read_object, "photos", "acme"));
  CHECK_FALSE(may(reader, Action::create_bucket, "photos", std::nullopt));
  CHECK_FALSE(may(reader, Action::delete_bucket, "photos", "acme"));
  CHECK_FALSE(may(reader, Action::write_object, "photos", "acme"));
  CHECK_FALSE(may(reader, Action::delete_object, "photos", "acme"));
}

TEST_CASE("a user with bucket prefixes touches only buckets of such names") {
  const Identity worker = acme(Access::read_write, {"logs-", "tmp"});

  CHECK(may(worker, Action::list_buckets, "", std::nullopt));
  CHECK(may(worker, Action::write_object, "logs-2026", "acme"));
  CHECK(may(worker, Action::create_bucket, "tmp", std::nullopt));
  CHECK_FALSE(may(worker, Action::create_bucket, "photos", std::nullopt));
  CHECK_FALSE(may(worker, Action::read_object, "logs", "acme"));
  CHECK_FALSE(may(worker, Action::write_object, "logs-2026", "others"));
}

}  // namespace sluice::auth
