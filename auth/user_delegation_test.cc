#include "auth/user_delegation.h"

#include <catch2/catch.hpp>

#include "auth/sas_example_for_test.h"

namespace sluice::auth::test {
namespace {

const UtcTime kNow = at("2026-06-03T10:20:30Z");

DelegationKeyRequest key_request() {
  return {.oid = "11111111-2222-3333-4444-555555555555",
          .tid = "66666666-7777-8888-9999-000000000000",
          .start = kNow,
          .expiry = kNow + std::chrono::days(6),
          .version = "2022-11-02",
          .delegated_tid = {}};
}

TEST_CASE("an issued key signs, and is found again from its name alone") {
  SasExample example;
  const auto key = issue_delegation_key(example.account, key_request(), kNow);
  REQUIRE(key.has_value());
  CHECK(key->start == "2026-06-03T10:20:30Z");
  CHECK(key->expiry == "2026-06-09T10:20:30Z");
  CHECK(key->service == "b");

  Parameters parameters = blob_parameters();
  for (const auto& [name, value] : Parameters{{"skoid", key->oid},
                                              {"sktid", key->tid},
                                              {"skt", key->start},
                                              {"ske", key->expiry},
                                              {"sks", key->service},
                                              {"skv", key->version}}) {
    parameters = with(parameters, name, value);
  }
  const SasSubject subject{.account = "sluiceaccount",
                           .resource = "/blob/sluiceaccount/photos/cat.jpg",
                           .moment = {},
                           .headers = {},
                           .query = {}};
  example.target = "/?" + signed_query(parameters, subject, from_base64(key->value).value());
  CHECK(refusal(example.grant()).empty());

  std::swap(example.account.keys.front(), example.account.keys.back());
  CHECK(refusal(example.grant()).empty());
  example.account.keys = {std::string(64, 'n')};
  CHECK(example.grant().error().error.code == ErrorCode::signature_mismatch);
}

TEST_CASE("keys of different names, accounts and account keys differ") {
  const DelegationKeyName name{.oid = "o",
                               .tid = "t",
                               .start = "2026-06-01",
                               .expiry = "2026-06-07",
                               .service = "b",
                               .version = "2022-11-02",
                               .delegated_tid = {}};
  DelegationKeyName other = name;
  other.delegated_tid = "d";

  const std::string key = delegation_key("secret", "account", name);

  CHECK(key.size() == 32);
  CHECK(key == delegation_key("secret", "account", name));
  CHECK(key != delegation_key("secret", "account", other));
  CHECK(key != delegation_key("secret", "accounts", name));
  CHECK(key != delegation_key("secreT", "account", name));
}

TEST_CASE("a key that could be misused is not issued") {
  const AzureAccount account = sluiceaccount();
  const auto issue = [&account](auto change) {
    DelegationKeyRequest request = key_request();
    change(request);
    return issue_delegation_key(account, request, kNow).has_value();
  };

  CHECK(issue([](auto&) {}));
  CHECK_FALSE(issue([](auto& request) { request.oid = ""; }));
  CHECK_FALSE(issue([](auto& request) { request.tid = ""; }));
  CHECK_FALSE(issue([](auto& request) { request.oid = "a\nb"; }));
  CHECK_FALSE(issue([](auto& request) { request.delegated_tid = "a b"; }));
  CHECK_FALSE(issue([](auto& request) { request.version = "2017-11-09"; }));
  CHECK_FALSE(issue([](auto& request) { request.expiry = request.start; }));
  CHECK_FALSE(issue([](auto& request) { request.expiry = request.start + std::chrono::days(8); }));
  CHECK_FALSE(issue([](auto& request) {
    request.start = kNow - std::chrono::days(3);
    request.expiry = kNow;
  }));
  CHECK_FALSE(issue([](auto& request) {
    request.start = kNow + std::chrono::days(3);
    request.expiry = kNow + std::chrono::days(8);
  }));
}

}  // namespace
}  // namespace sluice::auth::test
