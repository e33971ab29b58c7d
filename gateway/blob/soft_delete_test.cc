#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/core/encoding.h"

namespace sluice::blob::test {
namespace {

/// A container "box" with a blob "cat", of an account that keeps what is deleted for 7 days.
struct KeepingGateway : Gateway {
  KeepingGateway() {
    REQUIRE(put("/box?restype=container").status == 201);
    REQUIRE(put_blob("/box/cat", "meow", {{"x-ms-meta-a", "1"}}).status == 201);
    const auto set = put("/?restype=service&comp=properties",
                         "<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days>"
                         "</DeleteRetentionPolicy></StorageServiceProperties>");
    REQUIRE(set.status == 202);
  }

  Reply list(const std::string& more = "") { return get("/box?restype=container&comp=list" + more); }
  Reply undelete(const std::string& target = "/box/cat") { return put(target + "?comp=undelete"); }
  void pass(std::chrono::milliseconds time) { clock().set(clock().now() + time); }
};

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto where = text.find(word); where != text.npos; where = text.find(word, where + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a deleted blob is told of where that is asked for, and comes back") {
  KeepingGateway gateway;
  const auto before = gateway.head("/box/cat").header("ETag");

  const auto deleted = gateway.del("/box/cat");

  CHECK(deleted.status == 202);
  CHECK(deleted.header("x-ms-delete-type-permanent") == "false");
  CHECK(gateway.get("/box/cat").code() == "BlobNotFound");
  CHECK(gateway.del("/box/cat").code() == "BlobNotFound");
  CHECK_FALSE(gateway.list().has("<Blob>"));
  const auto listed = gateway.list("&include=deleted");
  CHECK(listed.element("Name") == "cat");
  CHECK(listed.element("Deleted") == "true");
  CHECK(listed.element("DeletedTime") == Gateway::kDate);
  CHECK(listed.element("RemainingRetentionDays") == "7");
  gateway.pass(std::chrono::hours(25));
  CHECK(gateway.list("&include=deleted").element("RemainingRetentionDays") == "5");

  CHECK(gateway.undelete().status == 200);

  const auto back = gateway.get("/box/cat");
  CHECK(back.body == "meow");
  CHECK(back.header("x-ms-meta-a") == "1");
  CHECK(back.header("ETag") == before);
  CHECK_FALSE(gateway.list("&include=deleted").has("<Deleted>"));
  CHECK(gateway.undelete().status == 200);
  CHECK(gateway.undelete("/box/none").code() == "BlobNotFound");
}

TEST_CASE("a deleted blob does not come back when its time is over") {
  KeepingGateway gateway;
  REQUIRE(gateway.del("/box/cat").status == 202);

  gateway.pass(std::chrono::days(7));

  CHECK_FALSE(gateway.list("&include=deleted").has("<Blob>"));
  CHECK(gateway.undelete().code() == "BlobNotFound");
}

TEST_CASE("what is written over comes back as a snapshot") {
  KeepingGateway gateway;
  REQUIRE(gateway.put_blob("/box/cat", "purr").status == 201);
  REQUIRE(gateway.put("/box/cat?comp=blocklist", "<BlockList></BlockList>").status == 201);
  const auto kept = gateway.list("&include=deleted,snapshots");
  CHECK(count(kept.body, "<Deleted>true</Deleted><Snapshot>") == 2);
  CHECK_FALSE(gateway.list("&include=snapshots").has("<Snapshot>"));
  CHECK_FALSE(gateway.list("&include=deleted").has("<Snapshot>"));

  REQUIRE(gateway.undelete().status == 200);

  const auto snapshot = gateway.list("&include=snapshots").element("Snapshot");
  CHECK(gateway.get("/box/cat?snapshot=" + percent_encode(snapshot, false)).body == "meow");
  CHECK(gateway.get("/box/cat").body.empty());
}

TEST_CASE("snapshots are deleted softly, too, and a deleted container keeps nothing") {
  KeepingGateway gateway;
  const auto snapshot = gateway.put("/box/cat?comp=snapshot").header("x-ms-snapshot").value();
  const std::string of_snapshot = "/box/cat?snapshot=" + percent_encode(snapshot, false);
  CHECK(gateway.del("/box/cat").code() == "SnapshotsPresent");
  CHECK(gateway.del(of_snapshot).header("x-ms-delete-type-permanent") == "false");
  CHECK(gateway.get(of_snapshot).code() == "BlobNotFound");
  REQUIRE(gateway.undelete().status == 200);
  CHECK(gateway.get(of_snapshot).body == "meow");
  CHECK(gateway.del("/box/cat", {{"x-ms-delete-snapshots", "include"}}).status == 202);
  CHECK(count(gateway.list("&include=deleted,snapshots").body, "<Deleted>true") == 2);
  CHECK(gateway.del(of_snapshot + "&deletetype=permanent").status == 501);

  CHECK(gateway.del("/box?restype=container").status == 202);

  REQUIRE(gateway.put("/box?restype=container").status == 201);
  CHECK_FALSE(gateway.list("&include=deleted").has("<Blob>"));
  CHECK(gateway.undelete().code() == "BlobNotFound");
}

TEST_CASE("a listing shows what is deleted alone, and begins where it is told to") {
  KeepingGateway gateway;
  for (const char* name : {"/box/a", "/box/b/1", "/box/b/2", "/box/dog"})
    REQUIRE(gateway.put_blob(name, "x").status == 201);
  REQUIRE(gateway.del("/box/b/2").status == 202);

  const auto deleted = gateway.list("&showonly=deleted");
  CHECK(count(deleted.body, "<Blob>") == 1);
  CHECK(deleted.element("Name") == "b/2");
  CHECK(gateway.list("&showonly=deleted&delimiter=/").element("Name") == "b/");
  CHECK(gateway.list("&showonly=files").code() == "InvalidQueryParameterValue");
  CHECK(gateway.list("&startFrom=b/2").element("Name") == "cat");
  CHECK(gateway.list("&startFrom=b/1").element("Name") == "b/1");
  CHECK(gateway.list("&startFrom=b/2&include=deleted").element("Name") == "b/2");
  CHECK(gateway.list("&startFrom=cat&delimiter=/").element("Name") == "cat");
  CHECK(gateway.list("&endBefore=cat").code() == "InvalidQueryParameterValue");
}

TEST_CASE("a blob comes back for those alone who may write it, and nothing is kept where that is off") {
  KeepingGateway gateway;
  REQUIRE(gateway.del("/box/cat").status == 202);
  const auto by_sas = [&](const char* permissions) {
    return gateway.anonymous("PUT", "/box/cat?comp=undelete&" + container_sas(gateway, "box", permissions)).code();
  };
  CHECK(by_sas("r") == "AuthorizationPermissionMismatch");
  CHECK(by_sas("w").empty());
  REQUIRE(gateway
              .put("/?restype=service&comp=properties",
                   "<StorageServiceProperties><DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"
                   "</StorageServiceProperties>")
              .status == 202);

  CHECK(gateway.del("/box/cat").header("x-ms-delete-type-permanent") == "true");
  CHECK(gateway.undelete().code() == "BlobNotFound");
}

}  // namespace sluice::blob::test
