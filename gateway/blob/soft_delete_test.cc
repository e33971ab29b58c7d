#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/core/digest.h"
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

Headers customer_key(char fill) {
  const std::string secret(32, fill);
  return {{"x-ms-encryption-key", to_base64(secret)},
          {"x-ms-encryption-key-sha256", to_base64(digest_of(DigestAlgorithm::sha256, secret).bytes)},
          {"x-ms-encryption-algorithm", "AES256"}};
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
  const auto names = [&](const std::string& more) {
    const auto reply = gateway.list(more);
    CHECK(reply.element("NextMarker").empty());
    std::string found;
    for (const char* name : {"a", "b/", "b/1", "b/2", "cat", "dog"}) {
      if (reply.has("<Name>" + std::string(name) + "</Name>")) found += std::string(name) + " ";
    }
    return found;
  };
  CHECK(names("&endBefore=cat") == "a b/1 ");
  CHECK(names("&endBefore=cat&include=deleted") == "a b/1 b/2 ");
  CHECK(names("&startFrom=b/1&endBefore=dog") == "b/1 cat ");
  CHECK(names("&endBefore=b/1&delimiter=/") == "a b/ ");
  CHECK(names("&endBefore=a") == "");
  const auto first = gateway.list("&endBefore=cat&maxresults=2");
  CHECK(count(first.body, "<Blob>") == 2);
  CHECK(names("&endBefore=cat&marker=" + percent_encode(first.element("NextMarker"), false)) == "");
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

TEST_CASE("a page blob comes back with its pages, and what was written over as a snapshot") {
  KeepingGateway gateway;
  const std::string page(512, 'x');
  const Headers making{{"x-ms-blob-type", "PageBlob"},
                       {"x-ms-blob-content-length", "2048"},
                       {"x-ms-blob-sequence-number", "7"},
                       {"x-ms-meta-a", "1"}};
  const auto write = [&](const std::string& range, const std::string& bytes) {
    return gateway.put("/box/disk?comp=page", bytes, {{"x-ms-page-write", "update"}, {"x-ms-range", range}}).status;
  };
  REQUIRE(gateway.put("/box/disk", {}, making).status == 201);
  REQUIRE(write("bytes=512-1023", page) == 201);
  const std::string old = std::string(512, '\0') + page + std::string(1024, '\0');

  CHECK(gateway.del("/box/disk").header("x-ms-delete-type-permanent") == "false");
  CHECK(write("bytes=0-511", page) == 404);
  CHECK(gateway.list("&include=deleted&prefix=disk").element("BlobType") == "PageBlob");
  CHECK(gateway.put("/box/disk?comp=tier", {}, {{"x-ms-access-tier", "Cool"}}).code() == "BlobNotFound");
  REQUIRE(gateway.undelete("/box/disk").status == 200);
  const auto back = gateway.get("/box/disk");
  CHECK(back.body == old);
  CHECK(back.header("x-ms-blob-sequence-number") == "7");
  CHECK(back.header("x-ms-meta-a") == "1");
  const auto ranges = gateway.get("/box/disk?comp=pagelist");
  CHECK(ranges.element("Start") == "512");
  CHECK(ranges.element("End") == "1023");
  CHECK(gateway.put("/box/disk?comp=tier", {}, {{"x-ms-access-tier", "Cool"}}).code() == "InvalidBlobType");

  // Written in place: nothing is kept of that. Created anew: all is.
  CHECK(write("bytes=0-511", page) == 201);
  CHECK_FALSE(gateway.list("&include=deleted,snapshots").has("<Deleted>"));
  REQUIRE(gateway.put("/box/disk", {}, {{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "512"}}).status ==
          201);
  CHECK(count(gateway.list("&include=deleted,snapshots").body, "<Deleted>true</Deleted><Snapshot>") == 1);
  REQUIRE(gateway.undelete("/box/disk").status == 200);
  const auto snapshot = gateway.list("&include=snapshots&prefix=disk").element("Snapshot");
  CHECK(gateway.get("/box/disk?snapshot=" + percent_encode(snapshot, false)).body ==
        page + page + std::string(1024, '\0'));
  CHECK(gateway.get("/box/disk").body == std::string(512, '\0'));
}

TEST_CASE("a sealed append blob comes back sealed") {
  KeepingGateway gateway;
  REQUIRE(gateway.put("/box/log", {}, {{"x-ms-blob-type", "AppendBlob"}}).status == 201);
  REQUIRE(gateway.put("/box/log?comp=appendblock", "line").status == 201);
  REQUIRE(gateway.put("/box/log?comp=seal").status == 200);
  REQUIRE(gateway.del("/box/log").status == 202);

  REQUIRE(gateway.undelete("/box/log").status == 200);

  CHECK(gateway.get("/box/log").body == "line");
  CHECK(gateway.put("/box/log?comp=appendblock", "more").code() == "BlobIsSealed");
}

TEST_CASE("a blob comes back under the key of its customer alone, and each that was written over under its own") {
  KeepingGateway gateway;
  const std::string target = "/box/secret";
  const auto get = [&](const std::string& of, char fill) { return gateway.get(of, customer_key(fill)); };
  REQUIRE(gateway.put_blob(target, "first", customer_key('a')).status == 201);
  REQUIRE(gateway.put_blob(target, "second", customer_key('b')).status == 201);

  CHECK(gateway.del(target).header("x-ms-delete-type-permanent") == "false");
  CHECK(get(target, 'b').code() == "BlobNotFound");
  REQUIRE(gateway.undelete(target).status == 200);

  CHECK(gateway.get(target).code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(get(target, 'a').code() == "BlobCustomerSpecifiedEncryptionMismatch");
  CHECK(get(target, 'b').body == "second");
  const auto snapshot = gateway.list("&include=snapshots&prefix=secret").element("Snapshot");
  const std::string earlier = target + "?snapshot=" + percent_encode(snapshot, false);
  CHECK(get(earlier, 'b').code() == "BlobCustomerSpecifiedEncryptionMismatch");
  CHECK(get(earlier, 'a').body == "first");
}

TEST_CASE("the tier of a blob is kept while it is deleted, under a customer's key too") {
  KeepingGateway gateway;
  for (const Headers& key : {Headers{}, customer_key('a')}) {
    const std::string name = key.empty() ? "cold" : "cold-secret";
    const std::string target = "/box/" + name;
    INFO(name);
    REQUIRE(gateway.put_blob(target, "brr", key).status == 201);
    const auto set_tier = [&](const std::string& tier) {
      return gateway.put(target + "?comp=tier", {}, {{"x-ms-access-tier", tier}});
    };
    REQUIRE(set_tier("Archive").status == 200);
    const auto changed = gateway.head(target, key).header("x-ms-access-tier-change-time");

    REQUIRE(gateway.del(target).status == 202);
    CHECK(set_tier("Hot").code() == "BlobNotFound");
    CHECK(gateway.list("&include=deleted&prefix=" + name).element("AccessTier") == "Archive");
    gateway.pass(std::chrono::hours(1));
    REQUIRE(gateway.undelete(target).status == 200);

    const auto back = gateway.head(target, key);
    CHECK(back.header("x-ms-access-tier") == "Archive");
    CHECK(back.header("x-ms-access-tier-change-time") == changed);
    CHECK(gateway.get(target, key).code() == "BlobArchived");
    CHECK(set_tier("Hot").status == 202);
    gateway.pass(std::chrono::hours(1));
    CHECK(gateway.get(target, key).body == "brr");
    // What comes back while it is deleted has come back when it is undeleted.
    REQUIRE(set_tier("Archive").status == 200);
    REQUIRE(set_tier("Cool").status == 202);
    REQUIRE(gateway.del(target).status == 202);
    gateway.pass(std::chrono::hours(1));
    REQUIRE(gateway.undelete(target).status == 200);
    CHECK(gateway.get(target, key).body == "brr");
    CHECK(gateway.head(target, key).header("x-ms-access-tier") == "Cool");
    REQUIRE(gateway.del(target).status == 202);
  }
}

}  // namespace sluice::blob::test
