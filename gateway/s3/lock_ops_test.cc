#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"
#include "gateway/s3/object_lock.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Headers;
using test::Reply;

// The clock of the tests stands in January 2026.
constexpr const char* kLater = "2030-01-01T00:00:00.000Z";

Headers with_md5(const std::string& body, Headers headers = {}) {
  headers.emplace_back("content-md5", to_base64(digest_of(DigestAlgorithm::md5, body).bytes));
  return headers;
}

std::string retention(const std::string& mode, const std::string& until) {
  return "<Retention><Mode>" + mode + "</Mode><RetainUntilDate>" + until + "</RetainUntilDate></Retention>";
}

std::string hold(const std::string& status) { return "<LegalHold><Status>" + status + "</Status></LegalHold>"; }

std::string rule(const std::string& retention) {
  return "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>" + retention +
         "</DefaultRetention></Rule></ObjectLockConfiguration>";
}

/// A gateway with alice's bucket that has object lock, and an object in it.
struct Locked : Gateway {
  Locked() {
    REQUIRE(put("/photos", {}, {{"x-amz-bucket-object-lock-enabled", "true"}}).status == 200);
    version = put("/photos/cat", "meow").header("x-amz-version-id").value();
  }
  Reply send_document(const std::string& target, const std::string& body, Headers headers = {}) {
    return put(target, body, with_md5(body, std::move(headers)));
  }
  Reply retain(const std::string& mode, const std::string& until, Headers headers = {}) {
    return send_document("/photos/cat?retention", retention(mode, until), std::move(headers));
  }
  Reply remove_version(Headers headers = {}) { return del("/photos/cat?versionId=" + version, std::move(headers)); }

  std::string version;
  const Headers bypass{{"x-amz-bypass-governance-retention", "true"}};
};

}  // namespace

TEST_CASE("a bucket made with object lock has versioning, and says so") {
  Locked gateway;

  CHECK(gateway.get("/photos?versioning").element("Status") == "Enabled");
  const Reply reply = gateway.get("/photos?object-lock");
  CHECK(reply.element("ObjectLockEnabled") == "Enabled");
  CHECK_FALSE(reply.has("Rule"));
  const Reply suspended = gateway.put("/photos?versioning",
                                      "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>");
  CHECK(suspended.status == 409);
  CHECK(suspended.element("Code") == "InvalidBucketState");
  CHECK(gateway.put("/photos", {}, {{"x-amz-bucket-object-lock-enabled", "true"}}).status == 200);
  CHECK(gateway.put("/photos").element("Code") == "BucketAlreadyExists");
  CHECK(gateway.put("/other", {}, {{"x-amz-bucket-object-lock-enabled", "perhaps"}}).status == 400);
}

TEST_CASE("a default rule is given back, and applies to what is put from then on") {
  Locked gateway;
  const std::string days = "<Mode>GOVERNANCE</Mode><Days>1</Days>";
  REQUIRE(gateway.send_document("/photos?object-lock", rule(days)).status == 200);

  CHECK(gateway.get("/photos?object-lock").has("<DefaultRetention>" + days + "</DefaultRetention>"));
  CHECK_FALSE(gateway.head("/photos/cat").header("x-amz-object-lock-mode"));
  REQUIRE(gateway.put("/photos/cat", "woof").status == 200);
  CHECK(gateway.head("/photos/cat").header("x-amz-object-lock-mode") == "GOVERNANCE");
  CHECK(gateway.get("/photos/cat").header("x-amz-object-lock-retain-until-date") == "2026-01-03T03:04:05.000Z");
}

TEST_CASE("a configuration that is none is refused") {
  struct Wrong {
    const char* retention;
    const char* code;
  };
  const auto wrong = GENERATE(values<Wrong>({
      {"<Mode>GOVERNANCE</Mode><Days>0</Days>", "InvalidRetentionPeriod"},
      {"<Mode>GOVERNANCE</Mode><Years>-1</Years>", "InvalidRetentionPeriod"},
      {"<Mode>GOVERNANCE</Mode><Years>101</Years>", "InvalidRetentionPeriod"},
      {"<Mode>GOVERNANCE</Mode><Days>many</Days>", "MalformedXML"},
      {"<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>", "MalformedXML"},
      {"<Mode>GOVERNANCE</Mode>", "MalformedXML"},
      {"<Mode>governance</Mode><Days>1</Days>", "MalformedXML"},
      {"<Days>1</Days>", "MalformedXML"},
  }));
  Locked gateway;

  CHECK(gateway.send_document("/photos?object-lock", rule(wrong.retention)).element("Code") == wrong.code);
  CHECK_FALSE(gateway.get("/photos?object-lock").has("Rule"));
}

TEST_CASE("object lock is enabled later where there is versioning, and not taken back") {
  Gateway gateway;
  REQUIRE(gateway.put("/photos").status == 200);
  const std::string enabled =
      "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
  const std::string disabled =
      "<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled></ObjectLockConfiguration>";

  CHECK(gateway.get("/photos?object-lock").element("Code") == "ObjectLockConfigurationNotFoundError");
  const Reply refused = gateway.put("/photos?object-lock", enabled, with_md5(enabled));
  CHECK(refused.status == 409);
  CHECK(refused.element("Code") == "InvalidBucketState");
  gateway.put("/photos?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  CHECK(gateway.put("/photos?object-lock", enabled).element("Code") == "InvalidRequest");  // Nothing checks it.
  CHECK(gateway.put("/photos?object-lock", enabled, with_md5(enabled)).status == 200);
  CHECK(gateway.put("/photos?object-lock", disabled, with_md5(disabled)).element("Code") == "MalformedXML");
}

TEST_CASE("a retention is set, told and held to") {
  Locked gateway;

  CHECK(gateway.get("/photos/cat?retention").element("Code") == "NoSuchObjectLockConfiguration");
  REQUIRE(gateway.retain("GOVERNANCE", kLater).status == 200);
  const Reply reply = gateway.get("/photos/cat?retention");
  CHECK(reply.element("Mode") == "GOVERNANCE");
  CHECK(reply.element("RetainUntilDate") == kLater);
  CHECK(gateway.head("/photos/cat").header("x-amz-object-lock-retain-until-date") == kLater);

  const Reply refused = gateway.remove_version();
  CHECK(refused.status == 403);
  CHECK(refused.element("Code") == "AccessDenied");
  CHECK(gateway.retain("GOVERNANCE", "2029-01-01T00:00:00Z").element("Code") == "AccessDenied");
  CHECK(gateway.retain("GOVERNANCE", "2029-01-01T00:00:00Z", gateway.bypass).status == 200);
  CHECK(gateway.del("/photos/cat").status == 204);
  CHECK(gateway.remove_version(gateway.bypass).status == 204);
}

TEST_CASE("compliance is not passed by") {
  Locked gateway;
  REQUIRE(gateway.retain("COMPLIANCE", kLater).status == 200);

  CHECK(gateway.remove_version(gateway.bypass).status == 403);
  CHECK(gateway.retain("GOVERNANCE", kLater, gateway.bypass).status == 403);
  const std::string none = "<Retention/>";
  CHECK(gateway.send_document("/photos/cat?retention", none, gateway.bypass).status == 403);
  CHECK(gateway.retain("COMPLIANCE", "2031-01-01T00:00:00.5+01:00").status == 200);
  CHECK(gateway.get("/photos/cat?retention").element("RetainUntilDate") == "2030-12-31T23:00:00.500Z");
}

TEST_CASE("a retention that is none, or is over, is refused") {
  Locked gateway;

  CHECK(gateway.retain("governance", kLater).element("Code") == "MalformedXML");
  CHECK(gateway.retain("GOVERNANCE", "soon").element("Code") == "MalformedXML");
  CHECK(gateway.retain("GOVERNANCE", "2026-01-01T00:00:00Z").element("Code") == "InvalidArgument");
  CHECK(gateway.put("/photos/cat?retention", retention("GOVERNANCE", kLater)).element("Code") == "InvalidRequest");
  CHECK(gateway.send_document("/photos/dog?retention", retention("GOVERNANCE", kLater)).element("Code") == "NoSuchKey");
  CHECK(gateway.get("/photos/cat?retention").status == 404);
}

TEST_CASE("a legal hold is put on and taken off") {
  Locked gateway;

  CHECK(gateway.get("/photos/cat?legal-hold").element("Code") == "NoSuchObjectLockConfiguration");
  REQUIRE(gateway.send_document("/photos/cat?legal-hold", hold("ON")).status == 200);
  CHECK(gateway.get("/photos/cat?legal-hold").element("Status") == "ON");
  CHECK(gateway.head("/photos/cat").header("x-amz-object-lock-legal-hold") == "ON");
  CHECK(gateway.remove_version(gateway.bypass).element("Code") == "AccessDenied");
  CHECK(gateway.send_document("/photos/cat?legal-hold", hold("maybe")).element("Code") == "MalformedXML");
  REQUIRE(gateway.send_document("/photos/cat?legal-hold", hold("OFF")).status == 200);
  CHECK(gateway.get("/photos/cat?legal-hold").element("Status") == "OFF");
  CHECK(gateway.remove_version().status == 204);
}

TEST_CASE("a bucket without object lock has no retentions") {
  Gateway gateway;
  gateway.put("/plain");
  gateway.put("/plain/cat", "meow");
  const std::string on = hold("ON");
  const std::string later = retention("GOVERNANCE", kLater);

  CHECK(gateway.get("/plain/cat?retention").element("Code") == "InvalidRequest");
  CHECK(gateway.get("/plain/cat?legal-hold").element("Code") == "InvalidRequest");
  CHECK(gateway.put("/plain/cat?retention", later, with_md5(later)).element("Code") == "InvalidRequest");
  CHECK(gateway.put("/plain/cat?legal-hold", on, with_md5(on)).element("Code") == "InvalidRequest");
  const Reply refused = gateway.put("/plain/cat", "woof", with_md5("woof", {{"x-amz-object-lock-legal-hold", "ON"}}));
  CHECK(refused.element("Message") == "Bucket is missing Object Lock Configuration");
  CHECK(gateway.get("/plain/cat").body == "meow");
}

TEST_CASE("a write says how its object is protected") {
  Locked gateway;
  const Headers lock{{"x-amz-object-lock-mode", "COMPLIANCE"},
                     {"x-amz-object-lock-retain-until-date", kLater},
                     {"x-amz-object-lock-legal-hold", "ON"}};
  const auto check = [&](const std::string& target) {
    const Reply head = gateway.head(target);
    CHECK(head.header("x-amz-object-lock-mode") == "COMPLIANCE");
    CHECK(head.header("x-amz-object-lock-retain-until-date") == kLater);
    CHECK(head.header("x-amz-object-lock-legal-hold") == "ON");
  };

  CHECK(gateway.put("/photos/dog", "woof", lock).element("Code") == "InvalidRequest");  // Nothing checks the bytes.
  REQUIRE(gateway.put("/photos/dog", "woof", with_md5("woof", lock)).status == 200);
  check("/photos/dog");
  Headers copy = lock;
  copy.emplace_back("x-amz-copy-source", "/photos/cat");
  REQUIRE(gateway.put("/photos/copy", {}, copy).status == 200);
  check("/photos/copy");
  REQUIRE(gateway.put("/photos/plain", {}, {{"x-amz-copy-source", "/photos/dog"}}).status == 200);
  CHECK_FALSE(gateway.head("/photos/plain").header("x-amz-object-lock-mode"));

  const std::string id = gateway.post("/photos/parts?uploads", {}, lock).element("UploadId");
  const std::string upload = "/photos/parts?uploadId=" + id;
  const std::string tag = gateway.put(upload + "&partNumber=1", "part").header("ETag").value();
  const std::string parts = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + tag +
                            "</ETag></Part></CompleteMultipartUpload>";
  REQUIRE(gateway.post(upload, parts).status == 200);
  check("/photos/parts");
}

TEST_CASE("headers that say no protection are refused") {
  const auto headers = GENERATE(values<Headers>({
      {{"x-amz-object-lock-mode", "COMPLIANCE"}},
      {{"x-amz-object-lock-retain-until-date", kLater}},
      {{"x-amz-object-lock-mode", "compliance"}, {"x-amz-object-lock-retain-until-date", kLater}},
      {{"x-amz-object-lock-mode", "COMPLIANCE"}, {"x-amz-object-lock-retain-until-date", "2026-01-01T00:00:00Z"}},
      {{"x-amz-object-lock-mode", "COMPLIANCE"}, {"x-amz-object-lock-retain-until-date", "tomorrow"}},
      {{"x-amz-object-lock-legal-hold", "on"}},
  }));
  Locked gateway;

  CHECK(gateway.put("/photos/cat", "woof", with_md5("woof", headers)).element("Code") == "InvalidArgument");
  CHECK(gateway.get("/photos/cat").body == "meow");
}

TEST_CASE("of many deletions that of a protected version fails") {
  Locked gateway;
  const std::string other = gateway.put("/photos/dog", "woof").header("x-amz-version-id").value();
  REQUIRE(gateway.retain("GOVERNANCE", kLater).status == 200);
  const auto entry = [](const std::string& key, const std::string& version) {
    return "<Object><Key>" + key + "</Key><VersionId>" + version + "</VersionId></Object>";
  };
  const std::string both = "<Delete>" + entry("cat", gateway.version) + entry("dog", other) + "</Delete>";
  const std::string one = "<Delete>" + entry("cat", gateway.version) + "</Delete>";

  const Reply reply = gateway.post("/photos?delete", both, with_md5(both));

  CHECK(reply.has("<Error><Key>cat</Key><VersionId>" + gateway.version + "</VersionId><Code>AccessDenied</Code>"));
  CHECK(reply.has("<Deleted><Key>dog</Key>"));
  CHECK(gateway.post("/photos?delete", one, with_md5(one, gateway.bypass)).has("<Deleted><Key>cat</Key>"));
}

TEST_CASE("passing by a retention, and setting one, are permissions of their own") {
  Locked gateway;
  const auto allow = [&](const std::string& actions) {
    const std::string policy = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":[)" +
                               actions + R"(],"Resource":"arn:aws:s3:::photos/*"}]})";
    REQUIRE(gateway.put("/photos?policy", policy).status == 204);
  };
  const auto as_bob = [&](const std::string& method, const std::string& target, const std::string& body = {},
                          const Headers& headers = {}) {
    return gateway.send({method, target, with_md5(body, headers), body, "bob"});
  };
  REQUIRE(gateway.retain("GOVERNANCE", kLater).status == 200);
  const std::string target = "/photos/cat?versionId=" + gateway.version;
  const Headers held{{"x-amz-object-lock-legal-hold", "ON"}};

  allow(R"("s3:GetObject","s3:PutObject","s3:DeleteObjectVersion")");
  CHECK(as_bob("DELETE", target, {}, gateway.bypass).status == 403);
  CHECK_FALSE(as_bob("GET", "/photos/cat").header("x-amz-object-lock-mode"));
  CHECK(as_bob("PUT", "/photos/bobs", "text").status == 200);
  CHECK(as_bob("PUT", "/photos/bobs", "text", held).status == 403);
  CHECK(as_bob("GET", "/photos/cat?retention").status == 403);
  CHECK(as_bob("PUT", "/photos/cat?legal-hold", hold("ON")).status == 403);
  allow(
      R"("s3:GetObject","s3:DeleteObjectVersion","s3:GetObjectRetention","s3:BypassGovernanceRetention","s3:PutObject","s3:PutObjectLegalHold")");
  CHECK(as_bob("GET", "/photos/cat").header("x-amz-object-lock-mode") == "GOVERNANCE");
  CHECK(as_bob("GET", "/photos/cat?retention").status == 200);
  CHECK(as_bob("PUT", "/photos/bobs", "text", held).status == 200);
  CHECK(as_bob("DELETE", target).status == 403);
  CHECK(as_bob("DELETE", target, {}, gateway.bypass).status == 204);
}

TEST_CASE("times of ISO 8601 come with and without fraction and zone") {
  const UtcTime time = std::chrono::sys_days(std::chrono::year(2030) / 1 / 2) + std::chrono::hours(3);
  using std::chrono::milliseconds;

  CHECK(parse_iso_time("2030-01-02T03:00:00Z") == time);
  CHECK(parse_iso_time("2030-01-02T03:00:00") == time);
  CHECK(parse_iso_time("2030-01-02T03:00:00.25Z") == time + milliseconds(250));
  CHECK(parse_iso_time("2030-01-02T03:00:00.123456Z") == time + milliseconds(123));
  CHECK(parse_iso_time("2030-01-02T05:30:00+02:30") == time);
  CHECK(parse_iso_time("2030-01-01T22:00:00-0500") == time);
  for (const char* text : {"", "2030-01-02", "2030-13-02T03:00:00Z", "2030-02-30T03:00:00Z", "2030-01-02T24:00:00Z",
                           "2030-01-02T03:00:00.Z", "2030-01-02T03:00:00z", "2030-01-02T03:00:00Z ",
                           "2030-01-02T03:00:00+2:30", "2030-01-02 03:00:00Z"}) {
    INFO(text);
    CHECK_FALSE(parse_iso_time(text));
  }
}

}  // namespace sluice::s3
