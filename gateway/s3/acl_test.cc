#include "gateway/s3/acl.h"

#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Headers;
using test::Reply;

constexpr const char* kAllUsers = "http://acs.amazonaws.com/groups/global/AllUsers";

/// A gateway with the bucket photos of alice.
struct WithBucket : Gateway {
  WithBucket() { put("/photos"); }

  Reply as(const std::string& user, const std::string& method, const std::string& target, Headers headers = {},
           const std::string& body = {}) {
    return send({.method = method, .target = target, .headers = std::move(headers), .body = body, .user = user});
  }
  unsigned status_as(const std::string& user, const std::string& method, const std::string& target) {
    return as(user, method, target).status;
  }
};

std::string policy(const std::string& grants, const std::string& owner = "acct-alice") {
  return "<AccessControlPolicy><Owner><ID>" + owner + "</ID></Owner><AccessControlList>" + grants +
         "</AccessControlList></AccessControlPolicy>";
}

std::string grant(const std::string& grantee, const std::string& permission) {
  return "<Grant><Grantee>" + grantee + "</Grantee><Permission>" + permission + "</Permission></Grant>";
}

std::string to_account(const std::string& account, const std::string& permission) {
  return grant("<ID>" + account + "</ID>", permission);
}

}  // namespace

TEST_CASE("an access control list gives the owner everything") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");

  for (const char* target : {"/photos?acl", "/photos/a?acl"}) {
    const Reply reply = gateway.get(target);
    CHECK(reply.has("<Owner><ID>acct-alice</ID><DisplayName>Alice</DisplayName></Owner>"));
    CHECK(reply.has("xsi:type=\"CanonicalUser\"><ID>acct-alice</ID>"));
    CHECK(reply.element("Permission") == "FULL_CONTROL");
    // What was read may be written back.
    CHECK(gateway.put(target, reply.body).status == 200);
    CHECK(gateway.put(target, "", {{"x-amz-acl", "private"}}).status == 200);
    CHECK(gateway.get(target).body == reply.body);
  }
}

TEST_CASE("an object is read by whom its ACL lets, from the moment it is there") {
  WithBucket gateway;
  gateway.put("/photos/public", "bar", {{"x-amz-acl", "public-read"}});
  gateway.put("/photos/signed", "bar", {{"x-amz-acl", "authenticated-read"}});
  gateway.put("/photos/bobs", "bar", {{"x-amz-grant-read", "id=\"acct-bob\""}});
  gateway.put("/photos/private", "bar");

  CHECK(gateway.as("", "GET", "/photos/public").body == "bar");
  CHECK(gateway.status_as("", "HEAD", "/photos/public") == 200);
  CHECK(gateway.status_as("", "GET", "/photos/public?acl") == 403);
  CHECK(gateway.status_as("", "PUT", "/photos/public") == 403);
  CHECK(gateway.status_as("", "DELETE", "/photos/public") == 403);
  CHECK(gateway.status_as("", "GET", "/photos/signed") == 403);
  CHECK(gateway.status_as("bob", "GET", "/photos/signed") == 200);
  CHECK(gateway.status_as("", "GET", "/photos/bobs") == 403);
  CHECK(gateway.status_as("bob", "GET", "/photos/bobs") == 200);
  CHECK(gateway.status_as("bob", "GET", "/photos/private") == 403);
  // Neither what a condition says nor whether a key is there is told to who may not.
  CHECK(gateway.as("bob", "GET", "/photos/private", {{"If-None-Match", "*"}}).status == 403);
  CHECK(gateway.status_as("bob", "GET", "/photos/missing") == 403);
  for (const char* key : {"/photos/private", "/photos/missing"}) {
    for (const char* attributes : {"ETag", "ObjectParts"}) {
      const Headers wanted{{"x-amz-object-attributes", attributes}};
      CHECK(gateway.as("bob", "GET", std::string(key) + "?attributes", wanted).status == 403);
    }
    CHECK(gateway.status_as("bob", "GET", std::string(key) + "?tagging") == 403);
    CHECK(gateway.status_as("bob", "GET", std::string(key) + "?acl") == 403);
  }
}

TEST_CASE("an ACL can be changed, by its owner and whom it lets") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");
  const std::string both = policy(to_account("acct-alice", "FULL_CONTROL") + to_account("acct-bob", "WRITE_ACP"));

  CHECK(gateway.as("bob", "PUT", "/photos/a?acl", {{"x-amz-acl", "public-read"}}).status == 403);
  CHECK(gateway.put("/photos/a?acl", both).status == 200);
  CHECK(gateway.status_as("bob", "GET", "/photos/a") == 403);
  CHECK(gateway.as("bob", "PUT", "/photos/a?acl", {{"x-amz-acl", "public-read"}}).status == 200);

  const Reply acl = gateway.get("/photos/a?acl");
  CHECK(acl.has("<Owner><ID>acct-alice</ID>"));
  CHECK(acl.has(std::string("xsi:type=\"Group\"><URI>") + kAllUsers + "</URI></Grantee><Permission>READ</Permission>"));
  CHECK(gateway.as("", "GET", "/photos/a").body == "bar");
  CHECK(gateway.get("/photos/missing?acl").status == 404);
  CHECK(gateway.as("bob", "PUT", "/photos/missing?acl", {{"x-amz-acl", "private"}}).status == 403);
}

TEST_CASE("another ACL keeps tag, metadata and date") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar", {{"x-amz-meta-colour", "red"}});
  const Reply before = gateway.head("/photos/a");
  gateway.clock().set(gateway.clock().now() + std::chrono::minutes(5));

  REQUIRE(gateway.put("/photos/a?acl", "", {{"x-amz-acl", "public-read"}}).status == 200);

  CHECK(gateway.head("/photos/a").lines == before.lines);
}

TEST_CASE("a bucket is listed and written by whom its ACL lets") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");
  REQUIRE(gateway.put("/photos?acl", "", {{"x-amz-acl", "public-read-write"}}).status == 200);

  CHECK(gateway.status_as("", "GET", "/photos") == 200);
  CHECK(gateway.status_as("", "HEAD", "/photos") == 200);
  CHECK(gateway.status_as("", "GET", "/photos/missing") == 404);
  CHECK(gateway.status_as("", "GET", "/photos/a") == 403);
  CHECK(gateway.status_as("", "GET", "/photos?acl") == 403);
  CHECK(gateway.status_as("", "PUT", "/photos?acl") == 403);
  CHECK(gateway.status_as("", "DELETE", "/photos") == 403);
  CHECK(gateway.status_as("", "GET", "/photos?policy") == 403);
  CHECK(gateway.as("", "PUT", "/photos/b", {}, "new").status == 200);
  CHECK(gateway.get("/photos/b").body == "new");
  CHECK(gateway.status_as("", "DELETE", "/photos/b") == 204);
}

TEST_CASE("who puts an object owns it; for nobody and root the bucket's owner does") {
  WithBucket gateway;
  gateway.put("/photos?acl", "", {{"x-amz-acl", "public-read-write"}});
  gateway.as("bob", "PUT", "/photos/bobs", {}, "bar");
  gateway.as("bob", "PUT", "/photos/shared", {{"x-amz-acl", "bucket-owner-read"}}, "bar");
  gateway.as("", "PUT", "/photos/nobodys", {{"x-amz-acl", "public-read"}}, "bar");
  gateway.as("root", "PUT", "/photos/roots", {{"x-amz-acl", "private"}}, "bar");

  CHECK(gateway.get("/photos/bobs").status == 403);
  CHECK(gateway.as("bob", "GET", "/photos/bobs").status == 200);
  CHECK(gateway.get("/photos/shared").body == "bar");
  CHECK(gateway.get("/photos/nobodys?acl").has("<Owner><ID>acct-alice</ID>"));
  CHECK(gateway.get("/photos/roots?acl").has("<Owner><ID>acct-alice</ID>"));
  CHECK(gateway.status_as("bob", "GET", "/photos/roots") == 403);
  CHECK(gateway.del("/photos/bobs").status == 204);
}

TEST_CASE("copies take a source that may be read, and an ACL of their own") {
  WithBucket gateway;
  gateway.as("bob", "PUT", "/bobs-bucket");
  gateway.put("/photos/public", "bar", {{"x-amz-acl", "public-read"}});
  gateway.put("/photos/private", "bar");
  const auto copy = [&](const std::string& source) {
    return gateway.as("bob", "PUT", "/bobs-bucket/copy", {{"x-amz-copy-source", source}}).status;
  };

  CHECK(copy("/photos/private") == 403);
  CHECK(copy("/photos/missing") == 403);
  CHECK(copy("/photos/public") == 200);
  CHECK(gateway.status_as("", "GET", "/bobs-bucket/copy") == 403);
  CHECK(gateway.status_as("bob", "GET", "/bobs-bucket/copy") == 200);
}

TEST_CASE("whoever began an upload may see and end it") {
  WithBucket gateway;
  gateway.put("/photos?acl", "", {{"x-amz-acl", "public-read-write"}});
  const std::string id = gateway.as("bob", "POST", "/photos/a?uploads").element("UploadId");
  const std::string upload = "/photos/a?uploadId=" + id;

  CHECK(gateway.as("bob", "GET", upload).has("<Initiator><ID>acct-bob</ID>"));
  CHECK(gateway.status_as("", "GET", upload) == 403);
  CHECK(gateway.status_as("", "DELETE", upload) == 403);
  CHECK(gateway.status_as("bob", "DELETE", upload) == 204);
}

TEST_CASE("an ACL that cannot be is refused, and the old one stays") {
  WithBucket gateway;
  const auto code = [&](const std::string& body) { return gateway.put("/photos?acl", body).element("Code"); };
  const auto by_header = [&](Headers headers) {
    return gateway.put("/photos?acl", "", std::move(headers)).element("Code");
  };
  std::string many;
  for (int i = 0; i < 101; ++i) many += to_account("acct-bob", "READ");
  const Reply before = gateway.get("/photos?acl");

  CHECK(code(policy(to_account("_foo", "READ"))) == "InvalidArgument");
  CHECK(code(policy(grant("<EmailAddress>a@b</EmailAddress>", "READ"))) == "UnresolvableGrantByEmailAddress");
  CHECK(code(policy(grant("<URI>http://example.com/group</URI>", "READ"))) == "InvalidArgument");
  CHECK(code(policy(grant("<ID>acct-bob</ID><URI>http://example.com/</URI>", "READ"))) == "MalformedACLError");
  CHECK(code(policy(to_account("acct-bob", "READ_ALL"))) == "MalformedACLError");
  CHECK(code(policy("<Grant/>")) == "MalformedACLError");
  CHECK(code(policy(many)) == "MalformedACLError");
  CHECK(code(policy("", "acct-bob")) == "AccessDenied");
  CHECK(code("<AccessControlPolicy/>") == "MalformedACLError");
  CHECK(code("") == "InvalidRequest");
  CHECK(by_header({{"x-amz-acl", "public-ready"}}) == "InvalidArgument");
  CHECK(by_header({{"x-amz-acl", "aws-exec-read"}}) == "NotImplemented");
  CHECK(by_header({{"x-amz-grant-read", "id=_foo"}}) == "InvalidArgument");
  CHECK(by_header({{"x-amz-grant-read", "acct-bob"}}) == "InvalidArgument");
  CHECK(by_header({{"x-amz-grant-read", "emailAddress=\"a@b\""}}) == "UnresolvableGrantByEmailAddress");
  CHECK(by_header({{"x-amz-grant-read", "id=acct-bob"}, {"x-amz-acl", "private"}}) == "InvalidRequest");
  CHECK(gateway.put("/photos?acl", policy(""), {{"x-amz-acl", "private"}}).element("Code") == "InvalidRequest");
  CHECK(gateway.get("/photos?acl").body == before.body);
}

TEST_CASE("grants by header name accounts and groups, several to a header") {
  WithBucket gateway;
  const std::string group = std::string("uri=\"") + kAllUsers + "\"";

  REQUIRE(gateway
              .put("/photos?acl", "",
                   {{"x-amz-grant-read", "id=acct-bob, " + group}, {"x-amz-grant-write-acp", "id=\"acct-bob\""}})
              .status == 200);

  const Reply acl = gateway.get("/photos?acl");
  CHECK(acl.body.find("<URI>") < acl.body.find("<ID>acct-bob</ID>"));
  CHECK(acl.has("<Permission>WRITE_ACP</Permission>"));
  CHECK_FALSE(acl.has("FULL_CONTROL"));
  CHECK(gateway.status_as("", "GET", "/photos") == 200);
  CHECK(gateway.status_as("alice", "PUT", "/photos/a") == 200);
}

TEST_CASE("a bucket is made with an ACL, and made again only as it is") {
  Gateway gateway;
  const Headers is_public{{"x-amz-acl", "public-read"}};

  REQUIRE(gateway.put("/photos", "", is_public).status == 200);

  CHECK(gateway.send({.method = "GET", .target = "/photos", .user = ""}).status == 200);
  CHECK(gateway.put("/photos", "", is_public).status == 200);
  CHECK(gateway.put("/photos").element("Code") == "BucketAlreadyExists");
  CHECK(gateway.send({.method = "GET", .target = "/photos", .user = ""}).status == 200);
}

TEST_CASE("the expected owner is looked at whoever asks") {
  WithBucket gateway;
  gateway.put("/photos?acl", "", {{"x-amz-acl", "public-read-write"}});
  const auto list = [&](const std::string& user, const std::string& owner) {
    return gateway.as(user, "GET", "/photos", {{"x-amz-expected-bucket-owner", owner}}).status;
  };

  for (const char* user : {"", "bob", "alice", "root"}) {
    CHECK(list(user, "acct-alice") == 200);
    CHECK(list(user, "acct-bob") == 403);
  }
}

TEST_CASE("a plus in a query is what the signature covers, and a space where none does") {
  WithBucket gateway;
  gateway.put("/photos?acl", "", {{"x-amz-acl", "public-read"}});
  gateway.put("/photos/a+b", "plus");
  gateway.put("/photos/a%20b", "space");
  const auto key = [&](const std::string& user, const std::string& prefix) {
    return gateway.as(user, "GET", "/photos?prefix=" + prefix).element("Key");
  };

  CHECK(key("alice", "a+b") == "a+b");
  CHECK(key("alice", "a%2Bb") == "a+b");
  CHECK(key("alice", "a%20b") == "a b");
  CHECK(key("", "a+b") == "a b");
  CHECK(key("", "a%2Bb") == "a+b");
}

}  // namespace sluice::s3
