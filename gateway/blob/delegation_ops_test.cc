#include <catch2/catch.hpp>

#include "auth/sas_token.h"
#include "gateway/blob/client_for_test.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::blob::test {
namespace {

constexpr const char* kTarget = "/?restype=service&comp=userdelegationkey";

std::string key_info(const std::string& start, const std::string& expiry) {
  return "<KeyInfo><Start>" + start + "</Start><Expiry>" + expiry + "</Expiry></KeyInfo>";
}

/// A SAS of the container "box" that is signed with the key in `answer`, as a query.
std::string delegated_sas(const Reply& answer, const std::string& permissions) {
  auth::SasToken token;
  token.kind = auth::SasKind::user_delegation;
  token.sv = "2021-08-06";
  token.sr = "c";
  token.sp = permissions;
  token.se = "2026-01-20T00:00:00Z";
  token.skoid = answer.element("SignedOid");
  token.sktid = answer.element("SignedTid");
  token.skt = answer.element("SignedStart");
  token.ske = answer.element("SignedExpiry");
  token.sks = answer.element("SignedService");
  token.skv = answer.element("SignedVersion");
  const std::string text = auth::sas_string_to_sign(
      token, {.account = "alpha", .resource = "/blob/alpha/box", .moment = {}, .headers = {}, .query = {}});
  const std::string signature = to_base64(hmac_sha256(*from_base64(answer.element("Value")), text));
  std::string query = "sig=" + percent_encode(signature, false);
  const std::pair<const char*, const std::string&> kFields[] = {
      {"sv", token.sv},       {"sr", token.sr},   {"sp", token.sp},   {"se", token.se},   {"skoid", token.skoid},
      {"sktid", token.sktid}, {"skt", token.skt}, {"ske", token.ske}, {"sks", token.sks}, {"skv", token.skv}};
  for (const auto& [name, value] : kFields) query += std::string("&") + name + "=" + percent_encode(value, false);
  return query;
}

}  // namespace

TEST_CASE("a user delegation key that is issued signs what is then admitted") {
  Gateway gateway;
  REQUIRE(gateway.put("/box?restype=container").status == 201);
  REQUIRE(gateway.put_blob("/box/cat", "meow").status == 201);

  const auto issued = gateway.post(kTarget, key_info("2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"));

  REQUIRE(issued.status == 200);
  CHECK(issued.element("SignedExpiry") == "2026-01-05T00:00:00Z");
  CHECK(issued.element("SignedService") == "b");
  CHECK(issued.element("SignedVersion") == "2026-04-06");
  CHECK(gateway.anonymous("GET", "/box/cat?" + delegated_sas(issued, "r")).body == "meow");
  CHECK(gateway.anonymous("DELETE", "/box/cat?" + delegated_sas(issued, "r")).status == 403);
  gateway.clock().set(gateway.clock().now() + std::chrono::days(5));
  CHECK(gateway.anonymous("GET", "/box/cat?" + delegated_sas(issued, "r")).code() == "AuthenticationFailed");
}

TEST_CASE("a user delegation key is refused where it asks for too much, or nobody proves the account") {
  Gateway gateway;
  const auto good = key_info("2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z");

  CHECK(gateway.post(kTarget, key_info("2026-01-02T00:00:00Z", "2026-01-20T00:00:00Z")).code() == "InvalidInput");
  CHECK(gateway.post(kTarget, key_info("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")).code() == "InvalidInput");
  CHECK(gateway.post(kTarget, key_info("soon", "2026-01-05T00:00:00Z")).code() == "InvalidXmlDocument");
  CHECK(gateway.post(kTarget, "<KeyInfo/>").code() == "InvalidXmlDocument");
  CHECK(gateway.post(kTarget, "<KeyInfo><Expiry>2026-01-05</Expiry><DelegatedUserTid>t</DelegatedUserTid></KeyInfo>")
            .status == 501);
  CHECK(gateway.anonymous("POST", kTarget, {}, good).status == 401);
  REQUIRE(gateway.put("/box?restype=container").status == 201);
  const std::string sas = "&" + container_sas(gateway, "box", "rwdl");
  CHECK(gateway.anonymous("POST", kTarget + sas, {}, good).status == 403);
}

}  // namespace sluice::blob::test
