#include "gateway/s3/access.h"

#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Headers;
using test::Reply;

struct WithBucket : Gateway {
  WithBucket() { put("/photos"); }

  Reply as(const std::string& user, const std::string& method, const std::string& target, Headers headers = {},
           const std::string& body = {}) {
    return send({.method = method, .target = target, .headers = std::move(headers), .body = body, .user = user});
  }
  unsigned status_as(const std::string& user, const std::string& method, const std::string& target) {
    return as(user, method, target).status;
  }
  /// Sets a policy of one statement.
  Reply set_policy(const std::string& effect, const std::string& action, const std::string& resource,
                   const std::string& condition = "{}", const std::string& principal = "*") {
    return put("/photos?policy", R"({"Version": "2012-10-17", "Statement": [{"Effect": ")" + effect +
                                     R"(", "Principal": {"AWS": ")" + principal + R"("}, "Action": ")" + action +
                                     R"(", "Resource": "arn:aws:s3:::)" + resource + R"(", "Condition": )" + condition +
                                     "}]}");
  }
  void set_block(const std::string& element) {
    put("/photos?publicAccessBlock",
        "<PublicAccessBlockConfiguration><" + element + ">true</" + element + "></PublicAccessBlockConfiguration>");
  }
};

std::string ownership(const std::string& word) {
  return "<OwnershipControls><Rule><ObjectOwnership>" + word + "</ObjectOwnership></Rule></OwnershipControls>";
}

}  // namespace

TEST_CASE("every permission of an operation is one that policies know") {
  for (const OperationRow& row : operations()) {
    const std::string permission(permission_of(row, {}));
    if (permission.empty()) continue;
    const auto parsed = auth::BucketPolicy::parse(R"({"Statement": {"Effect": "Allow", "Principal": "*", "Action": ")" +
                                                      permission + R"(", "Resource": "arn:aws:s3:::photos/*"}})",
                                                  "photos");
    CHECK(parsed.has_value());
  }
}

TEST_CASE("a policy is given back byte by byte, until it is deleted") {
  WithBucket gateway;
  CHECK(gateway.get("/photos?policy").element("Code") == "NoSuchBucketPolicy");

  CHECK(gateway.set_policy("Allow", "s3:GetObject", "photos/*").status == 204);
  const Reply read = gateway.get("/photos?policy");
  CHECK(read.header("Content-Type") == "application/json");
  CHECK(gateway.put("/photos?policy", read.body).status == 204);
  CHECK(gateway.get("/photos?policy").body == read.body);

  CHECK(gateway.del("/photos?policy").status == 204);
  CHECK(gateway.get("/photos?policy").element("Code") == "NoSuchBucketPolicy");
  CHECK(gateway.del("/photos?policy").status == 204);
}

TEST_CASE("a policy that is not understood is refused, and the old one stays") {
  WithBucket gateway;
  gateway.set_policy("Allow", "s3:GetObject", "photos/*");
  const std::string before = gateway.get("/photos?policy").body;

  CHECK(gateway.put("/photos?policy", "{").element("Code") == "MalformedPolicy");
  CHECK(gateway.put("/photos?policy", std::string(30'000, ' ')).element("Code") == "MalformedPolicy");
  CHECK(gateway.set_policy("Allow", "s3:GetObject", "other/*").element("Code") == "MalformedPolicy");
  CHECK(gateway.set_policy("Deny", "s3:GetObject", "photos/*", R"({"StringEquals": {"s3:unknown": "x"}})")
            .element("Code") == "MalformedPolicy");
  CHECK(gateway.get("/photos?policy").body == before);
}

TEST_CASE("a policy opens what it says to whom it says, and nothing else") {
  WithBucket gateway;
  gateway.put("/photos/public/a", "bar");
  gateway.put("/photos/private/a", "bar");
  gateway.set_policy("Allow", "s3:GetObject", "photos/public/*");

  CHECK(gateway.as("", "GET", "/photos/public/a").body == "bar");
  CHECK(gateway.status_as("", "HEAD", "/photos/public/a") == 200);
  CHECK(gateway.status_as("", "GET", "/photos/private/a") == 403);
  CHECK(gateway.status_as("", "GET", "/photos/public/missing") == 403);
  CHECK(gateway.status_as("", "PUT", "/photos/public/a") == 403);
  CHECK(gateway.status_as("", "GET", "/photos") == 403);
  CHECK(gateway.status_as("", "GET", "/photos/public/a?acl") == 403);
}

TEST_CASE("a policy denies its own bucket's users, but never the policy, and never root") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");
  gateway.set_policy("Deny", "s3:*", "*");

  CHECK(gateway.get("/photos/a").status == 403);
  CHECK(gateway.get("/photos/missing").status == 403);
  CHECK(gateway.get("/photos").status == 403);
  CHECK(gateway.put("/photos/b", "x").status == 403);
  CHECK(gateway.status_as("root", "GET", "/photos/a") == 200);
  CHECK(gateway.get("/photos?policy").status == 200);
  CHECK(gateway.status_as("reader", "DELETE", "/photos?policy") == 403);
  CHECK(gateway.status_as("bob", "DELETE", "/photos?policy") == 403);
  CHECK(gateway.del("/photos?policy").status == 204);
  CHECK(gateway.get("/photos/a").status == 200);
}

TEST_CASE("conditions see the request: its prefix, its headers, who sends it") {
  WithBucket gateway;
  gateway.put("/photos/public/a", "bar");

  gateway.set_policy("Allow", "s3:ListBucket", "photos", R"({"StringLike": {"s3:prefix": "public/*"}})");
  CHECK(gateway.status_as("bob", "GET", "/photos?prefix=public/") == 200);
  CHECK(gateway.status_as("bob", "GET", "/photos?prefix=private/") == 403);
  CHECK(gateway.status_as("bob", "GET", "/photos") == 403);
  CHECK(gateway.status_as("bob", "GET", "/photos/public/missing") == 404);
  CHECK(gateway.status_as("bob", "GET", "/photos/private/missing") == 403);

  gateway.set_policy("Allow", "s3:PutObject", "photos/*", R"({"StringEquals": {"s3:x-amz-acl": "private"}})");
  CHECK(gateway.as("bob", "PUT", "/photos/b", {{"x-amz-acl", "private"}}, "x").status == 200);
  CHECK(gateway.as("bob", "PUT", "/photos/b", {}, "x").status == 403);

  gateway.set_policy("Allow", "s3:GetObject", "photos/*",
                     R"({"StringEquals": {"aws:username": "bob"}, "Bool": {"aws:SecureTransport": "false"}})");
  CHECK(gateway.status_as("bob", "GET", "/photos/public/a") == 200);
  CHECK(gateway.status_as("", "GET", "/photos/public/a") == 403);
}

TEST_CASE("deleting many is decided key by key") {
  WithBucket gateway;
  gateway.put("/photos/public/a", "bar");
  gateway.put("/photos/private/a", "bar");
  gateway.set_policy("Allow", "s3:DeleteObject", "photos/public/*");
  const std::string both = "<Delete><Object><Key>public/a</Key></Object><Object><Key>private/a</Key></Object></Delete>";
  const std::string md5 = to_base64(digest_of(DigestAlgorithm::md5, both).bytes);

  const Reply reply = gateway.as("", "POST", "/photos?delete", {{"Content-MD5", md5}}, both);

  CHECK(reply.has("<Deleted><Key>public/a</Key></Deleted>"));
  CHECK(reply.has("<Error><Key>private/a</Key><Code>AccessDenied</Code>"));
  CHECK(gateway.head("/photos/public/a").status == 404);
  CHECK(gateway.head("/photos/private/a").status == 200);
}

TEST_CASE("a source is copied where a policy lets it be read") {
  WithBucket gateway;
  gateway.put("/photos/public/a", "bar");
  gateway.put("/photos/private/a", "bar");
  gateway.as("bob", "PUT", "/bobs-bucket");
  gateway.set_policy("Allow", "s3:GetObject", "photos/public/*");
  const auto copy = [&](const std::string& source) {
    return gateway.as("bob", "PUT", "/bobs-bucket/copy", {{"x-amz-copy-source", source}}).status;
  };

  CHECK(copy("/photos/public/a") == 200);
  CHECK(copy("/photos/private/a") == 403);
}

TEST_CASE("another account that may set a policy is told that only the owner does") {
  WithBucket gateway;
  gateway.set_policy("Allow", "s3:PutBucketPolicy", "photos", "{}", "acct-bob");

  CHECK(gateway.as("bob", "PUT", "/photos?policy", {}, "{}").status == 405);
}

TEST_CASE("the policy's status tells whether the bucket is public, by policy or by ACL") {
  WithBucket gateway;
  const auto is_public = [&] { return gateway.get("/photos?policyStatus").element("IsPublic"); };

  CHECK(is_public() == "false");
  gateway.set_policy("Allow", "s3:GetObject", "photos/*");
  CHECK(is_public() == "true");
  gateway.set_policy("Allow", "s3:GetObject", "photos/*", R"({"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}})");
  CHECK(is_public() == "false");
  gateway.put("/photos?acl", "", {{"x-amz-acl", "authenticated-read"}});
  CHECK(is_public() == "true");
}

TEST_CASE("a public access block is kept until it is deleted") {
  WithBucket gateway;
  CHECK(gateway.get("/photos?publicAccessBlock").element("Code") == "NoSuchPublicAccessBlockConfiguration");

  gateway.set_block("IgnorePublicAcls");
  const Reply reply = gateway.get("/photos?publicAccessBlock");
  CHECK(reply.element("IgnorePublicAcls") == "true");
  CHECK(reply.element("BlockPublicPolicy") == "false");
  CHECK(gateway
            .put("/photos?publicAccessBlock",
                 "<PublicAccessBlockConfiguration><Extra>true</Extra>"
                 "</PublicAccessBlockConfiguration>")
            .status == 400);

  CHECK(gateway.del("/photos?publicAccessBlock").status == 204);
  CHECK(gateway.get("/photos?publicAccessBlock").status == 404);
}

TEST_CASE("public ACLs and policies are kept out where they are blocked") {
  WithBucket gateway;
  gateway.set_block("BlockPublicAcls");
  CHECK(gateway.put("/photos?acl", "", {{"x-amz-acl", "public-read"}}).status == 403);
  CHECK(gateway.put("/photos/a", "bar", {{"x-amz-acl", "authenticated-read"}}).status == 403);
  CHECK(gateway.put("/photos/a", "bar", {{"x-amz-acl", "private"}}).status == 200);
  CHECK(gateway.put("/photos/a?acl", "", {{"x-amz-acl", "public-read"}}).status == 403);
  CHECK(gateway.post("/photos/a?uploads", "", {{"x-amz-acl", "public-read"}}).status == 403);

  gateway.set_block("BlockPublicPolicy");
  CHECK(gateway.set_policy("Allow", "s3:GetObject", "photos/*").status == 403);
  CHECK(gateway.set_policy("Allow", "s3:GetObject", "photos/*", "{}", "acct-bob").status == 204);
}

TEST_CASE("where ownership is enforced, all is the bucket owner's and there are no ACLs") {
  WithBucket gateway;
  gateway.set_policy("Allow", "s3:*", "photos/*", "{}", "acct-bob");
  gateway.as("bob", "PUT", "/photos/before", {}, "bar");
  REQUIRE(gateway.put("/photos?ownershipControls", ownership("BucketOwnerEnforced")).status == 200);

  CHECK(gateway.get("/photos?ownershipControls").element("ObjectOwnership") == "BucketOwnerEnforced");
  CHECK(gateway.get("/photos/before").status == 200);
  CHECK(gateway.as("bob", "PUT", "/photos/a", {}, "bar").status == 200);
  CHECK(gateway.get("/photos/a?acl").has("<Owner><ID>acct-alice</ID>"));
  CHECK(gateway.as("bob", "PUT", "/photos/a", {{"x-amz-acl", "bucket-owner-full-control"}}, "bar").status == 200);
  CHECK(gateway.put("/photos/a", "bar", {{"x-amz-acl", "private"}}).element("Code") == "AccessControlListNotSupported");
  CHECK(gateway.put("/photos?acl", "", {{"x-amz-acl", "private"}}).element("Code") == "AccessControlListNotSupported");
  CHECK(gateway.del("/photos?ownershipControls").status == 204);
  CHECK(gateway.get("/photos?ownershipControls").status == 404);
}

TEST_CASE("where the bucket owner is preferred, an object may be given to them") {
  WithBucket gateway;
  gateway.set_policy("Allow", "s3:PutObject", "photos/*", "{}", "acct-bob");
  gateway.put("/photos?ownershipControls", ownership("BucketOwnerPreferred"));
  gateway.as("bob", "PUT", "/photos/kept", {}, "bar");
  gateway.as("bob", "PUT", "/photos/given", {{"x-amz-acl", "bucket-owner-full-control"}}, "bar");

  CHECK(gateway.get("/photos/kept").status == 403);
  CHECK(gateway.get("/photos/given").status == 200);
}

TEST_CASE("ownership is not enforced over an ACL that gives others something") {
  WithBucket gateway;
  gateway.put("/photos?acl", "", {{"x-amz-acl", "public-read"}});

  const Reply reply = gateway.put("/photos?ownershipControls", ownership("BucketOwnerEnforced"));

  CHECK(reply.element("Code") == "InvalidBucketAclWithObjectOwnership");
  CHECK(gateway.get("/photos?ownershipControls").status == 404);
  CHECK(gateway.put("/photos?ownershipControls", ownership("Mine")).element("Code") == "MalformedXML");
  CHECK(gateway.put("/other", "", {{"x-amz-object-ownership", "BucketOwnerEnforced"}, {"x-amz-acl", "public-read"}})
            .status == 400);
  CHECK(gateway.put("/other", "", {{"x-amz-object-ownership", "Mine"}}).status == 400);
  CHECK(gateway.put("/other", "", {{"x-amz-object-ownership", "ObjectWriter"}}).status == 200);
  CHECK(gateway.get("/other?ownershipControls").element("ObjectOwnership") == "ObjectWriter");
}

}  // namespace sluice::s3
