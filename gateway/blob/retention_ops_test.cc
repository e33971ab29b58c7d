#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "tests/support/run_task.h"

namespace sluice::blob {
namespace {

using test::container_sas;
using test::Gateway;
using test::Headers;
using test::Reply;

// The clock of the tests stands in January 2026.
constexpr const char* kSooner = "Mon, 01 Jan 2029 00:00:00 GMT";
constexpr const char* kLater = "Tue, 01 Jan 2030 00:00:00 GMT";
constexpr const char* kLatest = "Wed, 01 Jan 2031 00:00:00 GMT";

/// A container whose blobs can be protected, and a blob in it.
struct Locked : Gateway {
  Locked() {
    REQUIRE(put("/pics?restype=container", {}, {{"x-ms-immutable-storage-with-versioning-enabled", "true"}}).status ==
            201);
    REQUIRE(put_blob("/pics/cat", "meow").status == 201);
    version = head("/pics/cat").header("x-ms-version-id").value();
    REQUIRE(put_blob("/pics/cat", "woof").status == 201);
  }
  Reply retain(const std::string& until, const std::string& mode = "Unlocked") {
    return put(earlier("immutabilityPolicies"), {},
               {{"x-ms-immutability-policy-until-date", until}, {"x-ms-immutability-policy-mode", mode}});
  }
  Reply hold(const std::string& target, const std::string& on) { return put(target, {}, {{"x-ms-legal-hold", on}}); }
  Reply remove() { return del("/pics/cat?versionid=" + version); }
  std::string earlier(const std::string& comp) { return "/pics/cat?comp=" + comp + "&versionid=" + version; }
  Reply shown() { return head("/pics/cat?versionid=" + version); }
  void pass(std::chrono::milliseconds time) { clock().set(clock().now() + time); }
  /// As S3 sets it: new blobs are kept for a day.
  void keep_new_blobs(object::RetentionMode mode) {
    RequestContext context;
    const object::Buckets::Edit edit = [&](object::BucketSettings& settings) -> Result<> {
      settings.object_lock = {.enabled = true, .mode = mode, .days = 1};
      return done;
    };
    REQUIRE(sluice::test::run(buckets().change(context, "pics", edit)));
  }

  std::string version;
};

}  // namespace

TEST_CASE("a container says whether its blobs can be protected") {
  Locked gateway;
  REQUIRE(gateway.put("/plain?restype=container").status == 201);
  const auto enabled = [&](const std::string& name) {
    return gateway.head("/" + name + "?restype=container").header("x-ms-immutable-storage-with-versioning-enabled");
  };

  CHECK(enabled("pics") == "true");
  CHECK(enabled("plain") == "false");
  CHECK(gateway.get("/?comp=list").has("<ImmutableStorageWithVersioningEnabled>true<"));
  CHECK(gateway.put("/other?restype=container", {}, {{"x-ms-immutable-storage-with-versioning-enabled", "perhaps"}})
            .code() == "InvalidHeaderValue");
}

TEST_CASE("an immutability policy is set, told and held to") {
  Locked gateway;

  const Reply set = gateway.retain(kLater);
  CHECK(set.status == 200);
  CHECK(set.header("x-ms-immutability-policy-until-date") == kLater);
  CHECK(set.header("x-ms-immutability-policy-mode") == "unlocked");
  const Reply head = gateway.head("/pics/cat?versionid=" + gateway.version);
  CHECK(head.header("x-ms-immutability-policy-until-date") == kLater);
  const Reply refused = gateway.remove();
  CHECK(refused.status == 409);
  CHECK(refused.code() == "BlobImmutableDueToPolicy");
  const Reply listed = gateway.get("/pics?restype=container&comp=list&include=versions,immutabilitypolicy,legalhold");
  CHECK(listed.element("ImmutabilityPolicyUntilDate") == kLater);
  CHECK(listed.element("ImmutabilityPolicyMode") == "unlocked");
  CHECK_FALSE(gateway.get("/pics?restype=container&comp=list&include=versions").has("ImmutabilityPolicy"));

  CHECK(gateway.del(gateway.earlier("immutabilityPolicies")).status == 200);
  CHECK_FALSE(gateway.head("/pics/cat?versionid=" + gateway.version).header("x-ms-immutability-policy-mode"));
  CHECK(gateway.remove().status == 202);
}

TEST_CASE("a policy that is unlocked is shortened, prolonged and locked") {
  Locked gateway;
  const auto mode = [&] { return gateway.shown().header("x-ms-immutability-policy-mode"); };
  const auto until = [&] { return gateway.shown().header("x-ms-immutability-policy-until-date"); };
  const Reply before = gateway.shown();

  for (const char* date : {kLater, kLatest, kSooner}) {
    CHECK(gateway.retain(date).status == 200);
    CHECK(until() == date);
  }
  CHECK(mode() == "unlocked");
  CHECK(gateway.retain(kSooner, "locked").status == 200);
  CHECK(mode() == "locked");
  CHECK(gateway.shown().header("ETag") == before.header("ETag"));
  CHECK(gateway.shown().header("Last-Modified") == before.header("Last-Modified"));
}

TEST_CASE("a mode that is not said is unlocked") {
  Locked gateway;

  const Reply set =
      gateway.put(gateway.earlier("immutabilityPolicies"), {}, {{"x-ms-immutability-policy-until-date", kLater}});

  CHECK(set.header("x-ms-immutability-policy-mode") == "unlocked");
}

TEST_CASE("a policy that is over is told, and hinders nothing") {
  Locked gateway;
  REQUIRE(gateway.retain("Sat, 03 Jan 2026 00:00:00 GMT", "Locked").status == 200);

  gateway.pass(std::chrono::hours(24));

  CHECK(gateway.shown().header("x-ms-immutability-policy-mode") == "locked");
  CHECK(gateway.del(gateway.earlier("immutabilityPolicies")).status == 200);
  CHECK(gateway.remove().status == 202);
}

TEST_CASE("a policy that is locked is only prolonged") {
  Locked gateway;
  REQUIRE(gateway.retain(kLater, "Locked").status == 200);

  CHECK(gateway.retain(kSooner, "Locked").code() == "BlobImmutableDueToPolicy");
  CHECK(gateway.retain(kLatest).code() == "BlobImmutableDueToPolicy");
  CHECK(gateway.del(gateway.earlier("immutabilityPolicies")).code() == "BlobImmutableDueToPolicy");
  CHECK(gateway.retain(kLatest, "Locked").header("x-ms-immutability-policy-mode") == "locked");
}

TEST_CASE("a policy that is none is refused") {
  Locked gateway;

  CHECK(gateway.retain("Thu, 01 Jan 2026 00:00:00 GMT").code() == "InvalidHeaderValue");
  CHECK(gateway.retain("tomorrow").code() == "InvalidHeaderValue");
  CHECK(gateway.retain(kLater, "Mutable").code() == "InvalidHeaderValue");
  CHECK(gateway.put(gateway.earlier("immutabilityPolicies")).code() == "MissingRequiredHeader");
  CHECK(gateway.put(gateway.earlier("legalhold")).code() == "MissingRequiredHeader");
  CHECK(gateway.hold(gateway.earlier("legalhold"), "perhaps").code() == "InvalidHeaderValue");
  CHECK(gateway.hold("/pics/none?comp=legalhold", "true").code() == "BlobNotFound");
  CHECK(gateway.hold("/pics/cat?comp=legalhold&versionid=2020-01-01T00:00:00.0000000Z", "true").code() ==
        "BlobNotFound");
  CHECK(gateway.hold("/pics/cat?comp=legalhold&snapshot=2020-01-01T00:00:00.0000000Z", "true").code() ==
        "BlobNotFound");
  CHECK(gateway.hold("/pics/cat?comp=legalhold&snapshot=noon", "true").code() == "InvalidQueryParameterValue");
  CHECK(gateway.hold("/none/cat?comp=legalhold", "true").code() == "ContainerNotFound");
  CHECK(gateway.get("/pics/cat?comp=legalhold").code() == "UnsupportedHttpVerb");
  CHECK(gateway
            .put("/pics/cat", "mode alone",
                 {{"x-ms-blob-type", "BlockBlob"}, {"x-ms-immutability-policy-mode", "Locked"}})
            .code() == "MissingRequiredHeader");
  CHECK(gateway.remove().status == 202);
}

TEST_CASE("a legal hold keeps a blob from being changed where it stands") {
  Locked gateway;
  const std::string target = "/pics/cat?comp=legalhold";

  CHECK(gateway.hold(target, "true").header("x-ms-legal-hold") == "true");
  CHECK(gateway.head("/pics/cat").header("x-ms-legal-hold") == "true");
  CHECK(gateway.put("/pics/cat?comp=metadata", {}, {{"x-ms-meta-a", "b"}}).code() == "BlobImmutableDueToLegalHold");
  CHECK(gateway.put("/pics/cat?comp=properties").code() == "BlobImmutableDueToLegalHold");
  CHECK(gateway.put_blob("/pics/cat", "anew").status == 201);
  CHECK_FALSE(gateway.head("/pics/cat").header("x-ms-legal-hold"));
  CHECK(gateway.del("/pics/cat").status == 202);
}

TEST_CASE("policy and legal hold are set apart") {
  Locked gateway;
  REQUIRE(gateway.retain(kLater).status == 200);
  REQUIRE(gateway.hold(gateway.earlier("legalhold"), "True").status == 200);

  CHECK(gateway
            .put(gateway.earlier("immutabilityPolicies"), {},
                 {{"x-ms-immutability-policy-until-date", kLatest}, {"x-ms-legal-hold", "false"}})
            .code() == "UnsupportedHeader");
  CHECK(gateway
            .put(gateway.earlier("legalhold"), {},
                 {{"x-ms-immutability-policy-until-date", kLatest}, {"x-ms-legal-hold", "false"}})
            .code() == "UnsupportedHeader");
  CHECK(gateway.remove().code() == "BlobImmutableDueToLegalHold");
  CHECK(gateway.del(gateway.earlier("immutabilityPolicies")).status == 200);
  CHECK(gateway.remove().code() == "BlobImmutableDueToLegalHold");
  CHECK(gateway.retain(kLater, "Locked").status == 200);
  CHECK(gateway.hold(gateway.earlier("legalhold"), "false").header("x-ms-legal-hold") == "false");
  CHECK(gateway.shown().header("x-ms-legal-hold") == "false");
  CHECK(gateway.remove().code() == "BlobImmutableDueToPolicy");
  CHECK(gateway.get("/pics/cat?versionid=" + gateway.version).body == "meow");
}

TEST_CASE("a policy is set where its condition holds") {
  Locked gateway;
  const auto set = [&](const std::string& name, const std::string& value) {
    return gateway.put(gateway.earlier("immutabilityPolicies"), {},
                       {{"x-ms-immutability-policy-until-date", kLater}, {name, value}});
  };

  const Reply refused = set("If-Unmodified-Since", "Thu, 01 Jan 2026 00:00:00 GMT");
  CHECK(refused.status == 412);
  CHECK(refused.code() == "ConditionNotMet");
  CHECK(set("If-Match", "\"0x1\"").code() == "ConditionNotMet");
  CHECK(set("x-ms-lease-id", "01234567-0123-0123-0123-0123456789ab").code() == "UnsupportedHeader");
  CHECK(set("x-ms-if-tags", "\"a\" = 'b'").code() == "UnsupportedHeader");
  CHECK_FALSE(gateway.shown().header("x-ms-immutability-policy-mode"));
  CHECK(set("If-Unmodified-Since", Gateway::kDate).status == 200);
}

TEST_CASE("a lease hinders no protection, and protection no lease") {
  Locked gateway;
  const Headers acquire{{"x-ms-lease-action", "acquire"}, {"x-ms-lease-duration", "-1"}};
  REQUIRE(gateway.put("/pics/cat?comp=lease", {}, acquire).status == 201);

  CHECK(gateway.hold("/pics/cat?comp=legalhold", "true").status == 200);
  CHECK(gateway.head("/pics/cat").header("x-ms-lease-state") == "leased");
  CHECK(gateway.put("/pics/cat?comp=lease", {}, {{"x-ms-lease-action", "break"}, {"x-ms-lease-break-period", "0"}})
            .status == 202);
}

TEST_CASE("tags and tier of what is protected are free") {
  Locked gateway;
  REQUIRE(gateway.hold("/pics/cat?comp=legalhold", "true").status == 200);

  CHECK(gateway.put("/pics/cat?comp=tags", "<Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>")
            .status == 204);
  CHECK(gateway.put("/pics/cat?comp=tier", {}, {{"x-ms-access-tier", "Cool"}}).status == 200);
  const Reply head = gateway.head("/pics/cat");
  CHECK(head.header("x-ms-access-tier") == "Cool");
  CHECK(head.header("x-ms-tag-count") == "1");
  CHECK(head.header("x-ms-legal-hold") == "true");
}

TEST_CASE("a snapshot is protected by itself") {
  Locked gateway;
  const std::string snapshot = gateway.put("/pics/cat?comp=snapshot").header("x-ms-snapshot").value();
  const std::string named = "&snapshot=" + snapshot;

  CHECK(gateway.hold("/pics/cat?comp=legalhold" + named, "true").status == 200);
  CHECK_FALSE(gateway.head("/pics/cat").header("x-ms-legal-hold"));
  CHECK(gateway.head("/pics/cat?snapshot=" + snapshot).header("x-ms-legal-hold") == "true");
  CHECK(gateway.get("/pics?restype=container&comp=list&include=snapshots,legalhold").element("LegalHold") == "true");
  CHECK(gateway.del("/pics/cat?snapshot=" + snapshot).code() == "BlobImmutableDueToLegalHold");
  CHECK(gateway.del("/pics/cat", {{"x-ms-delete-snapshots", "include"}}).code() == "BlobImmutableDueToLegalHold");
  CHECK(gateway.get("/pics/cat").body == "woof");
  CHECK(gateway.hold("/pics/cat?comp=legalhold" + named, "false").status == 200);
  CHECK(gateway.del("/pics/cat?snapshot=" + snapshot).status == 202);
}

TEST_CASE("what is protected is not soft deleted, and what is soft deleted is not protected") {
  Locked gateway;
  REQUIRE(gateway
              .put("/?restype=service&comp=properties",
                   "<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days>"
                   "</DeleteRetentionPolicy></StorageServiceProperties>")
              .status == 202);
  REQUIRE(gateway.retain(kLater).status == 200);

  CHECK(gateway.remove().code() == "BlobImmutableDueToPolicy");
  REQUIRE(gateway.del(gateway.earlier("immutabilityPolicies")).status == 200);
  CHECK(gateway.remove().status == 202);
  CHECK(gateway.retain(kLater).code() == "BlobNotFound");
  CHECK(gateway.put("/pics/cat?comp=undelete").status == 200);
  CHECK(gateway.retain(kLater).status == 200);
}

TEST_CASE("a batch leaves what is protected") {
  Locked gateway;
  REQUIRE(gateway.retain(kLater).status == 200);
  REQUIRE(gateway.put_blob("/pics/dog", "bark").status == 201);
  const auto part = [&](const std::string& id, const std::string& target) {
    return "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: " + id +
           "\r\n\r\n" + gateway.batch_part({"DELETE", target}) + "\r\n";
  };

  const Reply reply = gateway.post(
      "/?comp=batch", part("0", "/pics/cat?versionid=" + gateway.version) + part("1", "/pics/dog") + "--b--\r\n",
      {{"Content-Type", "multipart/mixed; boundary=b"}});

  CHECK(reply.status == 202);
  CHECK(reply.has("HTTP/1.1 409 BlobImmutableDueToPolicy\r\n"));
  CHECK(reply.has("HTTP/1.1 202 Accepted\r\n"));
  CHECK(gateway.shown().status == 200);
  CHECK(gateway.head("/pics/dog").status == 404);
}

TEST_CASE("who may protect blobs is said by the permission i") {
  Locked gateway;
  const auto as = [&](const std::string& permissions, const std::string& target, Headers headers, std::string body) {
    return gateway.anonymous("PUT", target + "&" + container_sas(gateway, "pics", permissions), std::move(headers),
                             std::move(body));
  };
  const Headers policy{{"x-ms-immutability-policy-until-date", kLater}};
  const Headers held{{"x-ms-legal-hold", "true"}};
  const auto with_type = [](Headers headers) {
    headers.emplace_back("x-ms-blob-type", "BlockBlob");
    return headers;
  };

  const Reply refused = as("racwdxltmeop", gateway.earlier("immutabilityPolicies"), policy, {});
  CHECK(refused.status == 403);
  CHECK(refused.code() == "AuthorizationPermissionMismatch");
  CHECK(as("w", gateway.earlier("legalhold"), held, {}).code() == "AuthorizationPermissionMismatch");
  CHECK(as("w", "/pics/new?a=b", with_type(policy), "new").code() == "AuthorizationPermissionMismatch");
  CHECK(as("w", "/pics/new?a=b", with_type(held), "new").code() == "AuthorizationPermissionMismatch");
  CHECK(gateway.head("/pics/new").status == 404);
  CHECK(as("i", "/pics/new?a=b", with_type(policy), "new").code() == "AuthorizationPermissionMismatch");

  CHECK(as("i", gateway.earlier("immutabilityPolicies"), policy, {}).status == 200);
  CHECK(as("i", gateway.earlier("legalhold"), held, {}).status == 200);
  CHECK(as("wi", "/pics/new?a=b", with_type(policy), "new").status == 201);
  CHECK(gateway.head("/pics/new").header("x-ms-immutability-policy-mode") == "unlocked");
  const std::string sas = "&" + container_sas(gateway, "pics", "i");
  CHECK(gateway.anonymous("DELETE", gateway.earlier("immutabilityPolicies") + sas).status == 200);
  CHECK(gateway.anonymous("PUT", gateway.earlier("legalhold"), held).status == 401);
}

TEST_CASE("a copy is protected as its writer says, not as its source") {
  Locked gateway;
  REQUIRE(gateway.hold("/pics/cat?comp=legalhold", "true").status == 200);
  const Headers source{{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/pics/cat"}};
  const auto with = [&](Headers headers) {
    headers.insert(headers.end(), source.begin(), source.end());
    return headers;
  };
  const Headers policy{{"x-ms-immutability-policy-until-date", kLater}, {"x-ms-immutability-policy-mode", "locked"}};
  const auto check = [&](const std::string& target) {
    const Reply head = gateway.head(target);
    CHECK_FALSE(head.header("x-ms-legal-hold"));
    CHECK(head.header("x-ms-immutability-policy-mode") == "locked");
    CHECK(gateway.put(target + "?comp=metadata", {}, {{"x-ms-meta-a", "b"}}).code() == "BlobImmutableDueToPolicy");
    CHECK(gateway.get(target).body == "woof");
  };

  CHECK(gateway.put("/pics/plain", {}, source).status == 202);
  CHECK_FALSE(gateway.head("/pics/plain").header("x-ms-legal-hold"));
  CHECK(gateway.put("/pics/copy", {}, with(policy)).status == 202);
  check("/pics/copy");
  Headers sync = with(policy);
  sync.emplace_back("x-ms-requires-sync", "true");
  CHECK(gateway.put("/pics/sync", {}, sync).status == 202);
  check("/pics/sync");
  CHECK(gateway.put_blob("/pics/from", {}, with(policy)).status == 201);
  check("/pics/from");
  // Over what is protected: it stays as a version.
  CHECK(gateway.put("/pics/copy", {}, source).status == 202);
  CHECK_FALSE(gateway.head("/pics/copy").header("x-ms-immutability-policy-mode"));
}

TEST_CASE("new blobs are protected as their container is set, or as their writers say") {
  Locked gateway;
  gateway.keep_new_blobs(object::RetentionMode::compliance);
  const auto mode = [&](const std::string& target) {
    return gateway.head(target).header("x-ms-immutability-policy-mode");
  };

  CHECK(gateway.head("/pics?restype=container").header("x-ms-has-immutability-policy") == "true");
  CHECK(gateway.get("/?comp=list").element("HasImmutabilityPolicy") == "true");
  REQUIRE(gateway.put_blob("/pics/new", "new").status == 201);
  CHECK(gateway.head("/pics/new").header("x-ms-immutability-policy-until-date") == "Sat, 03 Jan 2026 03:04:05 GMT");
  CHECK(mode("/pics/new") == "locked");
  CHECK(gateway.put("/pics/new?comp=metadata", {}, {{"x-ms-meta-a", "b"}}).code() == "BlobImmutableDueToPolicy");
  REQUIRE(gateway.put_blob("/pics/own", "own", {{"x-ms-immutability-policy-until-date", kLater}}).status == 201);
  CHECK(mode("/pics/own") == "unlocked");
  REQUIRE(gateway.put("/pics/log", {}, {{"x-ms-blob-type", "AppendBlob"}}).status == 201);
  CHECK(gateway.put("/pics/log?comp=appendblock", "more").code() == "BlobImmutableDueToPolicy");
  gateway.pass(std::chrono::hours(24));
  CHECK(gateway.put("/pics/log?comp=appendblock", "more").status == 201);
}

TEST_CASE("blobs of every kind are made protected") {
  Locked gateway;
  const Headers protection{{"x-ms-immutability-policy-until-date", kLater}, {"x-ms-legal-hold", "true"}};
  const auto with = [&](Headers headers) {
    headers.insert(headers.end(), protection.begin(), protection.end());
    return headers;
  };
  const auto check = [&](const std::string& target) {
    const Reply head = gateway.head(target);
    CHECK(head.header("x-ms-immutability-policy-mode") == "unlocked");
    CHECK(head.header("x-ms-legal-hold") == "true");
  };

  REQUIRE(gateway.put_blob("/pics/block", "meow", protection).status == 201);
  check("/pics/block");
  REQUIRE(gateway.put("/pics/list?comp=blocklist", "<BlockList/>", protection).status == 201);
  check("/pics/list");
  const Reply append = gateway.put("/pics/append", {}, with({{"x-ms-blob-type", "AppendBlob"}}));
  REQUIRE(append.status == 201);
  CHECK(append.header("x-ms-version-id") == gateway.head("/pics/append").header("x-ms-version-id"));
  check("/pics/append");
  CHECK(gateway.put("/pics/append?comp=appendblock", "more").code() == "BlobImmutableDueToLegalHold");
  const Reply page =
      gateway.put("/pics/page", {}, with({{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "512"}}));
  REQUIRE(page.status == 201);
  CHECK(page.header("x-ms-version-id") == gateway.head("/pics/page").header("x-ms-version-id"));
  check("/pics/page");
  CHECK(gateway
            .put("/pics/page?comp=page", std::string(512, 'x'),
                 {{"x-ms-page-write", "update"}, {"x-ms-range", "bytes=0-511"}})
            .code() == "BlobImmutableDueToLegalHold");
}

TEST_CASE("a container without immutable storage takes no protection") {
  Gateway gateway;
  REQUIRE(gateway.put("/plain?restype=container").status == 201);
  REQUIRE(gateway.put_blob("/plain/cat", "meow").status == 201);

  CHECK(gateway.put_blob("/plain/cat", "woof", {{"x-ms-legal-hold", "true"}}).code() == "BlobOperationNotSupported");
  const Reply refused = gateway.put("/plain/cat?comp=legalhold", {}, {{"x-ms-legal-hold", "true"}});
  CHECK(refused.status == 409);
  CHECK(refused.code() == "BlobOperationNotSupported");
  CHECK(gateway.put("/plain/cat?comp=immutabilityPolicies", {}, {{"x-ms-immutability-policy-until-date", kLater}})
            .code() == "BlobOperationNotSupported");
  CHECK(gateway.del("/plain/cat?comp=immutabilityPolicies").code() == "BlobOperationNotSupported");
  CHECK(gateway.put("/plain/log", {}, {{"x-ms-blob-type", "AppendBlob"}, {"x-ms-legal-hold", "true"}}).code() ==
        "BlobOperationNotSupported");
  CHECK(gateway.get("/plain/cat").body == "meow");
}

TEST_CASE("a container with immutable storage is not deleted before it is empty") {
  Locked gateway;

  CHECK(gateway.del("/pics?restype=container").code() == "ContainerProtectedFromDeletion");
  CHECK(gateway.get("/pics/cat").body == "woof");
}

}  // namespace sluice::blob
