#include <catch2/catch.hpp>

#include "auth/sas_token.h"
#include "gateway/blob/client_for_test.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "tests/support/run_task.h"

namespace sluice::blob::test {
namespace {

std::string quoted_in_query(const std::string& text) { return percent_encode(text, false); }

/// A container "box", with a blob "cat".
struct BoxGateway : Gateway {
  BoxGateway() {
    REQUIRE(put("/box?restype=container").status == 201);
    REQUIRE(put_blob("/box/cat", "one", {{"x-ms-meta-a", "1"}}).status == 201);
  }

  std::string snapshot(Headers headers = {}) {
    const auto made = put("/box/cat?comp=snapshot", "", std::move(headers));
    REQUIRE(made.status == 201);
    return *made.header("x-ms-snapshot");
  }

  void version() {
    RequestContext context;
    const auto enable = [](object::BucketSettings& settings) -> Result<> {
      settings.versioning = object::Versioning::enabled;
      return done;
    };
    REQUIRE(sluice::test::run(buckets().change(context, "box", enable)));
  }
};

std::string at(const std::string& snapshot) { return "/box/cat?snapshot=" + quoted_in_query(snapshot); }
std::string of(const std::string& version) { return "/box/cat?versionid=" + quoted_in_query(version); }

/// A service SAS of one snapshot or version of /box/cat, as a query.
std::string moment_sas(const Gateway& gateway, const std::string& sr, const std::string& moment,
                       const std::string& permissions) {
  auth::SasToken token;
  token.kind = auth::SasKind::service;
  token.sv = "2021-08-06";
  token.sr = sr;
  token.sp = permissions;
  token.se = "2026-01-03T00:00:00Z";
  const std::string text = auth::sas_string_to_sign(
      token, {.account = "alpha", .resource = "/blob/alpha/box/cat", .moment = moment, .headers = {}, .query = {}});
  const std::string signature = to_base64(hmac_sha256(gateway.account("alpha").keys.front().raw(), text));
  return "&sv=" + token.sv + "&sr=" + sr + "&sp=" + permissions + "&se=" + quoted_in_query(token.se) +
         "&sig=" + quoted_in_query(signature);
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto where = text.find(word); where != text.npos; where = text.find(word, where + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a snapshot stays what the blob was") {
  BoxGateway gateway;
  const auto base = gateway.head("/box/cat");
  const auto first = gateway.snapshot();
  REQUIRE(gateway.put_blob("/box/cat", "two").status == 201);
  const auto second = gateway.snapshot({{"x-ms-meta-b", "2"}});

  const auto was = gateway.get(at(first));
  CHECK(was.body == "one");
  CHECK(was.header("x-ms-meta-a") == "1");
  CHECK(was.header("ETag") == base.header("ETag"));
  CHECK_FALSE(was.header("x-ms-lease-state"));
  const auto other = gateway.head(at(second));
  CHECK(other.header("Content-Length").value_or("3") == "3");
  CHECK(other.header("x-ms-meta-b") == "2");
  CHECK(gateway.get("/box/cat").body == "two");
  CHECK_FALSE(gateway.head("/box/cat").header("x-ms-meta-b"));
  CHECK(gateway.get(at(first) + "&comp=metadata").header("x-ms-meta-a") == "1");
  CHECK(gateway.get(at("2020-01-01T00:00:00.0000000Z")).code() == "BlobNotFound");
  CHECK(gateway.get("/box/cat?snapshot=yesterday").code() == "InvalidQueryParameterValue");
  CHECK(gateway.get(at(first) + "&versionid=" + quoted_in_query(first)).code() == "InvalidQueryParameterValue");
  CHECK(gateway.put("/box/none?comp=snapshot").code() == "BlobNotFound");
  CHECK(gateway.put("/box/cat?comp=snapshot", "", {{"If-Match", "\"0x1\""}}).code() == "ConditionNotMet");
}

TEST_CASE("a blob with snapshots goes only with them, or they without it") {
  BoxGateway gateway;
  const auto first = gateway.snapshot();
  gateway.snapshot();
  const auto del = [&](const char* what) { return gateway.del("/box/cat", {{"x-ms-delete-snapshots", what}}); };

  CHECK(gateway.del("/box/cat").code() == "SnapshotsPresent");
  CHECK(del("some").code() == "InvalidHeaderValue");
  CHECK(gateway.del(at(first), {{"x-ms-delete-snapshots", "only"}}).code() == "InvalidHeaderValue");
  CHECK(gateway.del(at(first)).status == 202);
  CHECK(gateway.get(at(first)).code() == "BlobNotFound");
  CHECK(gateway.del(at(first)).code() == "BlobNotFound");

  SECTION("they alone") {
    CHECK(del("only").status == 202);
    CHECK(gateway.get("/box/cat").body == "one");
    CHECK(gateway.del("/box/cat").status == 202);
  }
  SECTION("with it") {
    CHECK(del("include").status == 202);
    CHECK(gateway.get("/box/cat").code() == "BlobNotFound");
  }
}

TEST_CASE("a snapshot can be copied, over its own blob, too, and its bytes be blocks") {
  BoxGateway gateway;
  const auto snapshot = gateway.snapshot();
  REQUIRE(gateway.put_blob("/box/cat", "two").status == 201);
  const Headers source{{"x-ms-copy-source", "http://127.0.0.1:10000/alpha" + at(snapshot)}};

  CHECK(gateway.put("/box/copy", "", source).status == 202);
  CHECK(gateway.get("/box/copy").body == "one");
  CHECK(gateway.put("/box/blocks?comp=block&blockid=AAAA", "", source).status == 201);
  CHECK(gateway.put("/box/blocks?comp=blocklist", "<BlockList><Latest>AAAA</Latest></BlockList>").status == 201);
  CHECK(gateway.get("/box/blocks").body == "one");
  CHECK(gateway.put("/box/cat", "", source).status == 202);
  CHECK(gateway.get("/box/cat").body == "one");
  CHECK(gateway.get(at(snapshot)).body == "one");
  const Headers none{{"x-ms-copy-source", "http://127.0.0.1:10000/alpha" + at("2020-01-01T00:00:00.0000000Z")}};
  CHECK(gateway.put("/box/copy", "", none).code() == "CannotVerifyCopySource");
}

TEST_CASE("a listing shows snapshots before their blob, where they are asked for") {
  BoxGateway gateway;
  const auto first = gateway.snapshot();
  const auto second = gateway.snapshot();
  REQUIRE(gateway.put_blob("/box/dog", "woof").status == 201);
  const std::string list = "/box?restype=container&comp=list";

  const auto all = gateway.get(list + "&include=snapshots");
  const auto first_at = all.body.find("<Snapshot>" + first + "</Snapshot>");
  const auto second_at = all.body.find("<Snapshot>" + second + "</Snapshot>");
  CHECK(first_at < second_at);
  CHECK(second_at != all.body.npos);
  CHECK(count(all.body, "<Blob>") == 4);
  CHECK(count(gateway.get(list).body, "<Blob>") == 2);

  std::string marker;
  std::string seen;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = gateway.get(list + "&include=snapshots&maxresults=1&marker=" + quoted_in_query(marker));
    CHECK(count(page.body, "<Blob>") == 1);
    seen += page.element("Name") + page.element("Snapshot") + " ";
    marker = page.element("NextMarker");
    if (marker.empty()) break;
  }
  CHECK(seen == "cat" + first + " cat" + second + " cat dog ");
  CHECK(gateway.get(list + "&include=snapshots&marker=AAAA").code() == "InvalidQueryParameterValue");
}

TEST_CASE("where the bucket has versions, they are named, read, listed and removed") {
  BoxGateway gateway;
  CHECK_FALSE(gateway.head("/box/cat").header("x-ms-version-id"));
  gateway.version();
  const auto two = *gateway.put_blob("/box/cat", "two").header("x-ms-version-id");
  const auto three = *gateway.put_blob("/box/cat", "three").header("x-ms-version-id");

  const auto head = gateway.head("/box/cat");
  CHECK(head.header("x-ms-version-id") == three);
  CHECK(head.header("x-ms-is-current-version") == "true");
  const auto old = gateway.get(of(two));
  CHECK(old.body == "two");
  CHECK(old.header("x-ms-version-id") == two);
  CHECK_FALSE(old.header("x-ms-is-current-version"));
  CHECK(gateway.head(of(three)).header("x-ms-is-current-version") == "true");

  const auto list = gateway.get("/box?restype=container&comp=list&include=versions");
  CHECK(count(list.body, "<VersionId>") == 3);
  CHECK(list.body.find(two) < list.body.find(three));
  CHECK(count(list.body, "<IsCurrentVersion>true</IsCurrentVersion>") == 1);
  const auto null_version = list.element("VersionId");
  CHECK(gateway.get(of(null_version)).body == "one");

  CHECK(gateway.del(of(three)).code() == "OperationNotAllowedOnRootBlob");
  CHECK(gateway.del(of(two)).status == 202);
  CHECK(gateway.get(of(two)).code() == "BlobNotFound");
  CHECK(gateway.del(of(null_version)).status == 202);
  CHECK(gateway.get(of(null_version)).code() == "BlobNotFound");
  const auto removed = gateway.del("/box/cat");
  CHECK(removed.header("x-ms-delete-type-permanent") == "false");
  CHECK(gateway.get("/box/cat").code() == "BlobNotFound");
  CHECK(gateway.get(of(three)).body == "three");
  // A copy of a version makes it current again.
  const Headers source{{"x-ms-copy-source", "http://127.0.0.1:10000/alpha" + of(three)}};
  CHECK(gateway.put("/box/cat", "", source).status == 202);
  CHECK(gateway.get("/box/cat").body == "three");
}

TEST_CASE("a signature for a snapshot or a version is good for that one alone") {
  BoxGateway gateway;
  const auto snapshot = gateway.snapshot();
  gateway.version();
  const auto two = *gateway.put_blob("/box/cat", "two").header("x-ms-version-id");
  REQUIRE(gateway.put_blob("/box/cat", "three").status == 201);

  const auto of_snapshot = moment_sas(gateway, "bs", snapshot, "rd");
  const auto of_version = moment_sas(gateway, "bv", two, "rx");
  CHECK(gateway.anonymous("GET", at(snapshot) + of_snapshot).body == "one");
  CHECK(gateway.anonymous("GET", of(two) + of_version).body == "two");
  CHECK(gateway.anonymous("GET", "/box/cat?" + of_snapshot.substr(1)).status == 403);
  CHECK(gateway.anonymous("GET", of(two) + of_snapshot).status == 403);
  CHECK(gateway.anonymous("GET", at(snapshot) + of_version).status == 403);
  CHECK(gateway.anonymous("DELETE", of(two) + moment_sas(gateway, "bv", two, "rd")).code() ==
        "AuthorizationPermissionMismatch");
  CHECK(gateway.anonymous("DELETE", of(two) + of_version).status == 202);
  CHECK(gateway.anonymous("DELETE", at(snapshot) + of_snapshot).status == 202);
}

}  // namespace sluice::blob::test
