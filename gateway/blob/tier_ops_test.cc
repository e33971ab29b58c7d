#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/core/encoding.h"

namespace sluice::blob::test {
namespace {

struct BoxGateway : Gateway {
  BoxGateway() {
    REQUIRE(put("/box?restype=container").status == 201);
    REQUIRE(put_blob("/box/cat", "meow").status == 201);
  }

  Reply set_tier(const std::string& target, const std::string& tier, Headers headers = {}) {
    headers.emplace_back("x-ms-access-tier", tier);
    return put(target + (target.find('?') == target.npos ? "?comp=tier" : "&comp=tier"), "", std::move(headers));
  }
  std::string tier(const std::string& target) { return head(target).header("x-ms-access-tier").value_or("none"); }
  Headers source(const std::string& target) { return {{"x-ms-copy-source", "http://127.0.0.1:10000/alpha" + target}}; }
};

}  // namespace

TEST_CASE("a tier is kept and told") {
  BoxGateway gateway;
  CHECK(gateway.head("/box/cat").header("x-ms-access-tier-inferred") == "true");
  const auto before = gateway.head("/box/cat").header("ETag");

  const auto set = gateway.set_tier("/box/cat", "cool");

  CHECK(set.status == 200);
  const auto after = gateway.head("/box/cat");
  CHECK(after.header("x-ms-access-tier") == "Cool");
  CHECK_FALSE(after.header("x-ms-access-tier-inferred"));
  CHECK(after.header("x-ms-access-tier-change-time") == Gateway::kDate);
  CHECK(after.header("ETag") == before);
  const auto listed = gateway.get("/box?restype=container&comp=list");
  CHECK(listed.element("AccessTier") == "Cool");
  CHECK(listed.element("AccessTierInferred").empty());
  CHECK(listed.element("AccessTierChangeTime") == Gateway::kDate);
}

TEST_CASE("a tier comes with a write, or from what the write replaces") {
  BoxGateway gateway;

  CHECK(gateway.put_blob("/box/dog", "woof", {{"x-ms-access-tier", "Cold"}}).status == 201);
  CHECK(gateway.tier("/box/dog") == "Cold");
  CHECK_FALSE(gateway.head("/box/dog").header("x-ms-access-tier-change-time"));
  CHECK(gateway.put_blob("/box/dog", "bark").status == 201);
  CHECK(gateway.tier("/box/dog") == "Cold");
  CHECK(gateway.put("/box/dog?comp=blocklist", "<BlockList></BlockList>", {{"x-ms-access-tier", "Hot"}}).status == 201);
  CHECK(gateway.tier("/box/dog") == "Hot");
  CHECK_FALSE(gateway.head("/box/dog").header("x-ms-access-tier-inferred"));
  CHECK(gateway.put("/box/dog?comp=metadata", "", {{"x-ms-meta-a", "1"}}).status == 200);
  CHECK(gateway.tier("/box/dog") == "Hot");
  CHECK(gateway.put_blob("/box/cow", "moo", {{"x-ms-access-tier", "Smart"}}).code() == "InvalidHeaderValue");
  CHECK(gateway.put_blob("/box/cow", "moo", {{"x-ms-rehydrate-priority", "High"}}).code() == "UnsupportedHeader");
  CHECK(gateway.put("/box/log", "", {{"x-ms-blob-type", "AppendBlob"}, {"x-ms-access-tier", "Cool"}}).code() ==
        "UnsupportedHeader");
}

TEST_CASE("what is archived is told of, and not read") {
  BoxGateway gateway;
  CHECK(gateway.set_tier("/box/cat", "Archive").status == 200);

  CHECK(gateway.get("/box/cat").code() == "BlobArchived");
  CHECK(gateway.get("/box/cat").status == 409);
  CHECK(gateway.get("/box/cat", {{"If-Match", "\"0x1\""}}).code() == "ConditionNotMet");
  CHECK(gateway.tier("/box/cat") == "Archive");
  CHECK(gateway.get("/box/cat?comp=metadata").status == 200);
  CHECK(gateway.put("/box/cat?comp=tags", "<Tags><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tags>")
            .status == 204);
  CHECK(gateway.put("/box/cat?comp=metadata", "", {{"x-ms-meta-a", "1"}}).code() == "BlobArchived");
  CHECK(gateway.put("/box/cat?comp=properties").code() == "BlobArchived");
  CHECK(gateway.put("/box/cat?comp=snapshot").code() == "BlobArchived");
  CHECK(gateway.put_blob("/box/cat", "new").code() == "BlobArchived");
  CHECK(gateway.put("/box/cat?comp=blocklist", "<BlockList></BlockList>").code() == "BlobArchived");
  CHECK(gateway.put("/box/copy", "", gateway.source("/box/cat")).code() == "BlobArchived");
  auto block = gateway.source("/box/cat");
  CHECK(gateway.put("/box/copy?comp=block&blockid=AAAA", "", block).code() == "BlobArchived");
  CHECK(gateway.set_tier("/box/cat", "Archive").status == 200);
  CHECK(gateway.del("/box/cat").status == 202);
}

TEST_CASE("what is archived comes back after a while") {
  BoxGateway gateway;
  REQUIRE(gateway.set_tier("/box/cat", "Archive").status == 200);

  CHECK(gateway.set_tier("/box/cat", "Hot").status == 202);

  const auto waiting = gateway.head("/box/cat");
  CHECK(waiting.header("x-ms-access-tier") == "Archive");
  CHECK(waiting.header("x-ms-archive-status") == "rehydrate-pending-to-hot");
  CHECK(waiting.header("x-ms-rehydrate-priority") == "Standard");
  const auto listed = gateway.get("/box?restype=container&comp=list");
  CHECK(listed.element("ArchiveStatus") == "rehydrate-pending-to-hot");
  CHECK(listed.element("RehydratePriority") == "Standard");
  CHECK(gateway.get("/box/cat").code() == "BlobArchived");
  CHECK(gateway.set_tier("/box/cat", "Cool").code() == "BlobBeingRehydrated");
  CHECK(gateway.set_tier("/box/cat", "Hot").status == 202);
  CHECK(gateway.set_tier("/box/cat", "Hot", {{"x-ms-rehydrate-priority", "High"}}).status == 202);
  CHECK(gateway.head("/box/cat").header("x-ms-rehydrate-priority") == "High");
  CHECK(gateway.set_tier("/box/cat", "Hot", {{"x-ms-rehydrate-priority", "Soon"}}).code() == "InvalidHeaderValue");

  gateway.clock().set(gateway.clock().now() + std::chrono::seconds(1));

  CHECK(gateway.get("/box/cat").body == "meow");
  const auto back = gateway.head("/box/cat");
  CHECK(back.header("x-ms-access-tier") == "Hot");
  CHECK_FALSE(back.header("x-ms-archive-status"));
  CHECK(back.header("x-ms-access-tier-change-time") == "Fri, 02 Jan 2026 03:04:06 GMT");
  CHECK(gateway.set_tier("/box/cat", "Archive").status == 200);
}

TEST_CASE("a copy brings back what is archived, where it names a tier") {
  BoxGateway gateway;
  REQUIRE(gateway.set_tier("/box/cat", "Archive").status == 200);
  auto headers = gateway.source("/box/cat");
  headers.emplace_back("x-ms-access-tier", "Cool");

  CHECK(gateway.put("/box/copy", "", headers).status == 202);
  CHECK(gateway.put("/box/cat", "", headers).code() == "BlobArchived");
  headers.emplace_back("x-ms-requires-sync", "true");
  CHECK(gateway.put("/box/other", "", headers).code() == "BlobArchived");

  CHECK(gateway.head("/box/copy").header("x-ms-archive-status") == "rehydrate-pending-to-cool");
  CHECK(gateway.get("/box/copy").code() == "BlobArchived");
  gateway.clock().set(gateway.clock().now() + std::chrono::minutes(1));
  CHECK(gateway.get("/box/copy").body == "meow");
  CHECK(gateway.tier("/box/copy") == "Cool");
  CHECK(gateway.tier("/box/cat") == "Archive");
}

TEST_CASE("a tier is set where the conditions hold, with the permission for it, of what has one") {
  BoxGateway gateway;

  CHECK(gateway.put("/box/cat?comp=tier").code() == "MissingRequiredHeader");
  CHECK(gateway.set_tier("/box/cat", "P4").code() == "InvalidHeaderValue");
  CHECK(gateway.set_tier("/box/none", "Hot").code() == "BlobNotFound");
  CHECK(gateway.set_tier("/box/cat", "Hot", {{"x-ms-if-tags", "\"a\" = 'b'"}}).code() == "ConditionNotMet");
  CHECK(gateway.set_tier("/box/cat", "Hot", {{"x-ms-lease-id", "11111111-1111-1111-1111-111111111111"}}).code() ==
        "LeaseNotPresentWithBlobOperation");
  REQUIRE(gateway.put("/box/log", "", {{"x-ms-blob-type", "AppendBlob"}}).status == 201);
  CHECK(gateway.set_tier("/box/log", "Cool").code() == "InvalidBlobType");
  const auto by_sas = [&](const char* permission) {
    const std::string target = "/box/cat?comp=tier&" + container_sas(gateway, "box", permission);
    return gateway.anonymous("PUT", target, {{"x-ms-access-tier", "Cool"}}).code();
  };
  CHECK(by_sas("w").empty());
  CHECK(by_sas("r") == "AuthorizationPermissionMismatch");
  const auto snapshot = gateway.put("/box/cat?comp=snapshot").header("x-ms-snapshot").value();
  const std::string of_snapshot = "/box/cat?snapshot=" + percent_encode(snapshot, false);
  CHECK(gateway.set_tier(of_snapshot, "Archive").status == 200);
  CHECK(gateway.get(of_snapshot).code() == "BlobArchived");
  CHECK(gateway.get("/box/cat").body == "meow");
}

}  // namespace sluice::blob::test
