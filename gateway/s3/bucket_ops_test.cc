#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Reply;

std::string create_body(const std::string& location) {
  return "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>" +
         location + "</LocationConstraint></CreateBucketConfiguration>";
}

TEST_CASE("a bucket is created, looked at and removed") {
  Gateway gateway;

  const Reply created = gateway.put("/photos");
  CHECK(created.status == 200);
  CHECK(created.header("Location") == "/photos");
  const Reply head = gateway.head("/photos");
  CHECK(head.status == 200);
  CHECK(head.header("x-amz-bucket-region") == "us-east-1");
  CHECK(gateway.del("/photos").status == 204);
  const Reply gone = gateway.head("/photos");
  CHECK(gone.status == 404);
  CHECK(gone.header("x-amz-bucket-region") == "us-east-1");
}

TEST_CASE("a bucket with an object in it is not removed") {
  Gateway gateway;
  gateway.put("/photos");
  gateway.put("/photos/a", "bar");

  CHECK(gateway.del("/photos").element("Code") == "BucketNotEmpty");
  gateway.del("/photos/a");
  CHECK(gateway.del("/photos").status == 204);
}

TEST_CASE("creating one's own bucket again changes nothing") {
  Gateway gateway;
  gateway.put("/photos");
  gateway.put("/photos/a", "bar");

  CHECK(gateway.put("/photos").status == 200);
  CHECK(gateway.get("/photos/a").body == "bar");
}

TEST_CASE("creating one's own bucket again is a conflict outside the first region") {
  Options options;
  options.region = "eu-south-9";
  Gateway gateway(options);
  gateway.put("/photos");

  const Reply again = gateway.put("/photos");
  CHECK(again.status == 409);
  CHECK(again.element("Code") == "BucketAlreadyOwnedByYou");
}

TEST_CASE("another's bucket is not created") {
  Gateway gateway;
  gateway.put("/photos");

  const Reply reply = gateway.send({.method = "PUT", .target = "/photos", .headers = {}, .body = {}, .user = "bob"});
  CHECK(reply.status == 409);
  CHECK(reply.element("Code") == "BucketAlreadyExists");
}

TEST_CASE("a location is the one there is") {
  Options options;
  options.region = "eu-south-9";
  Gateway elsewhere(options);
  Gateway gateway;

  CHECK(elsewhere.put("/photos", create_body("eu-south-9")).status == 200);
  CHECK(elsewhere.get("/photos?location").has(">eu-south-9</LocationConstraint>"));
  CHECK(elsewhere.put("/other", create_body("mars-1")).element("Code") == "IllegalLocationConstraintException");
  CHECK(gateway.put("/photos", create_body("mars-1")).element("Code") == "InvalidLocationConstraint");
  CHECK(gateway.put("/photos", create_body("")).status == 200);
  CHECK(gateway.get("/photos/?location").has("></LocationConstraint>"));
}

TEST_CASE("a malformed or unsupported configuration creates nothing") {
  Gateway gateway;

  CHECK(gateway.put("/photos", "<Create").element("Code") == "MalformedXML");
  CHECK(gateway.put("/photos", "<CreateBucketConfiguration><Tags/></CreateBucketConfiguration>").status == 501);
  CHECK(gateway.head("/photos").status == 404);
}

TEST_CASE("buckets are listed for their owner, by name") {
  Gateway gateway;
  gateway.put("/photos");
  gateway.put("/albums");
  gateway.send({.method = "PUT", .target = "/bobs", .headers = {}, .body = {}, .user = "bob"});

  const Reply reply = gateway.get("/");
  CHECK(reply.status == 200);
  CHECK(
      reply.has("<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner>"
                "<ID>acct-alice</ID><DisplayName>Alice</DisplayName></Owner><Buckets><Bucket><Name>albums</Name>"
                "<CreationDate>2026-01-02T03:04:05.000Z</CreationDate><BucketRegion>us-east-1</BucketRegion>"
                "</Bucket><Bucket><Name>photos</Name>"));
  CHECK_FALSE(reply.has("bobs"));
  CHECK_FALSE(reply.has("ContinuationToken"));
}

TEST_CASE("buckets are listed page by page") {
  Gateway gateway;
  CHECK(gateway.get("/?max-buckets=1").has("<Buckets></Buckets>"));
  gateway.put("/albums");
  CHECK_FALSE(gateway.get("/?max-buckets=1").has("ContinuationToken"));
  gateway.put("/photos");

  const Reply first = gateway.get("/?max-buckets=1");
  CHECK(first.has("albums"));
  CHECK_FALSE(first.has("photos"));
  const Reply second =
      gateway.get("/?max-buckets=1&continuation-token=" + percent_encode(first.element("ContinuationToken"), false));
  CHECK(second.has("photos"));
  CHECK_FALSE(second.has("albums"));
  CHECK_FALSE(second.has("ContinuationToken"));
  CHECK(gateway.get("/?prefix=ph").has("photos"));
  CHECK_FALSE(gateway.get("/?prefix=ph").has("albums"));
  CHECK(gateway.get("/?max-buckets=0").element("Code") == "InvalidArgument");
  CHECK(gateway.get("/?continuation-token=%21").element("Code") == "InvalidArgument");
}

TEST_CASE("a plain bucket's configurations are absent or empty") {
  Gateway gateway;
  gateway.put("/photos");
  const auto code = [&](const std::string& name) { return gateway.get("/photos?" + name).element("Code"); };

  CHECK(code("policy") == "NoSuchBucketPolicy");
  CHECK(code("cors") == "NoSuchCORSConfiguration");
  CHECK(code("lifecycle") == "NoSuchLifecycleConfiguration");
  CHECK(code("tagging") == "NoSuchTagSet");
  CHECK(code("website") == "NoSuchWebsiteConfiguration");
  CHECK(code("encryption") == "ServerSideEncryptionConfigurationNotFoundError");
  CHECK(code("object-lock") == "ObjectLockConfigurationNotFoundError");
  CHECK(code("replication") == "ReplicationConfigurationNotFoundError");
  CHECK(code("publicAccessBlock") == "NoSuchPublicAccessBlockConfiguration");
  CHECK(code("ownershipControls") == "OwnershipControlsNotFoundError");
  CHECK(gateway.get("/photos?policy").status == 404);
  CHECK(
      gateway.get("/photos?versioning")
          .has(
              "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></VersioningConfiguration>"));
  CHECK(gateway.get("/photos?policyStatus")
            .has("<PolicyStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsPublic>false</IsPublic>"
                 "</PolicyStatus>"));
  CHECK(gateway.get("/photos?requestPayment").element("Payer") == "BucketOwner");
  CHECK(gateway.get("/photos?logging").has("<BucketLoggingStatus"));
  CHECK(gateway.get("/photos?notification").has("<NotificationConfiguration"));
  CHECK(gateway.get("/photos?accelerate").has("<AccelerateConfiguration"));
  CHECK(gateway.get("/nowhere?versioning").status == 404);
}

TEST_CASE("a plain object has no tags and no lock") {
  Gateway gateway;
  gateway.put("/photos");
  gateway.put("/photos/a", "bar");

  CHECK(gateway.get("/photos/a?tagging").has("<TagSet></TagSet></Tagging>"));
  CHECK(gateway.get("/photos/a?retention").element("Code") == "InvalidRequest");
  CHECK(gateway.get("/photos/a?legal-hold").status == 400);
  CHECK(gateway.get("/photos/b?tagging").element("Code") == "NoSuchKey");
}

TEST_CASE("a user with bucket prefixes sees the buckets of such names, page by page") {
  Gateway gateway;
  for (const char* bucket : {"/a-bucket", "/photos", "/q-bucket", "/tmp-1", "/tmp-2"}) gateway.put(bucket);
  const auto list = [&](const std::string& target) {
    return gateway.send({.method = "GET", .target = target, .headers = {}, .body = {}, .user = "limited"});
  };

  const Reply all = list("/");
  CHECK_FALSE(all.has("-bucket"));
  CHECK(all.has("<Name>photos</Name>"));
  CHECK(all.has("<Name>tmp-2</Name>"));

  const Reply first = list("/?max-buckets=2");
  CHECK(first.has("<Name>photos</Name>"));
  CHECK(first.has("<Name>tmp-1</Name>"));
  CHECK_FALSE(first.has("<Name>tmp-2</Name>"));
  const Reply second =
      list("/?max-buckets=2&continuation-token=" + percent_encode(first.element("ContinuationToken"), false));
  CHECK(second.has("<Name>tmp-2</Name>"));
  CHECK_FALSE(second.has("<Name>tmp-1</Name>"));
  CHECK(second.element("ContinuationToken").empty());
}

}  // namespace
}  // namespace sluice::s3
