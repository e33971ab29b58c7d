#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "auth/example_for_test.h"
#include "auth/sigv4.h"

namespace sluice::auth {
namespace {

using test::Example;
using test::FieldList;
using test::Outcome;

/// A request as botocore 1.43 signs it with Signature Version 2: with the
/// credentials and at the time of the examples; presigned, for an hour.
struct Sent {
  std::string_view name;
  std::string_view method;
  std::string_view target;
  FieldList fields;
  std::string_view virtual_host_bucket;
  std::string_view authorization;  ///< Empty: signed in the query.
};

const std::vector<Sent> kSent{
    {.name = "list of buckets",
     .method = "GET",
     .target = "/",
     .fields = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:LmMMufbDz0HS5njYUhVCdBuXpdU="},
    {.name = "list of objects",
     .method = "GET",
     .target = "/bkt?prefix=a%20b%2Bc%2F&delimiter=%2F&encoding-type=url",
     .fields = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:TEJ3/3aYpra71usDcePpZ1Ng1ZU="},
    {.name = "list of objects, by virtual host",
     .method = "GET",
     .target = "/?encoding-type=url",
     .fields = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "bkt",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:TEJ3/3aYpra71usDcePpZ1Ng1ZU="},
    {.name = "list of versions",
     .method = "GET",
     .target = "/bkt?versions&key-marker=k&version-id-marker=&encoding-type=url",
     .fields = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:Gdh5DccUYFk9rqdU5FHxfAwb3H4="},
    {.name = "deletion of several objects",
     .method = "POST",
     .target = "/bkt?delete",
     .fields = {{"x-amz-checksum-crc32", "CEaAGw=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:/QojQwoVXGULvk2mEwlTpHi0ljE="},
    {.name = "put with metadata",
     .method = "PUT",
     .target = "/bkt/a%20b%2Bc/%C3%BC",
     .fields = {{"Content-Type", "text/plain"},
                {"Content-MD5", "nd4DK9ZWr1LB2Bdpto4Sog=="},
                {"x-amz-acl", "private"},
                {"x-amz-meta-Zz", "two  spaces"},
                {"x-amz-meta-aa", "1"},
                {"x-amz-checksum-crc32", "jNwWgw=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:XnH8N1PzQdeZQFQ0NxbZPSc3QNM="},
    {.name = "put by virtual host",
     .method = "PUT",
     .target = "/a%20b%2Bc/%C3%BC",
     .fields = {{"x-amz-checksum-crc32", "jNwWgw=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "bkt",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:stoLsM52FCZEgFvm1ACv8d4UOGY="},
    {.name = "start of an upload",
     .method = "POST",
     .target = "/bkt/k?uploads",
     .fields = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:rjWnK2PFYiNMkAtyeR1fJU7y2OI="},
    {.name = "part of an upload",
     .method = "PUT",
     .target = "/bkt/k?uploadId=a%2Bb%2F%3D%26c&partNumber=3",
     .fields = {{"x-amz-checksum-crc32", "jNwWgw=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:QqBZJ1vK31EkFPttXRQIgqxg8Fs="},
    {.name = "copy",
     .method = "PUT",
     .target = "/bkt/k",
     .fields = {{"x-amz-copy-source", "bkt/a%20b"}, {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:dXZlD3obkmhA77eUCiLKvKEgUZw="},
    {.name = "get with overrides",
     .method = "GET",
     .target = "/bkt/a//b/./"
               "c?versionId=null&response-content-type=text%2Fhtml%3B%20a%3Db&response-content-disposition=attachment%"
               "3B%20filename%3D%22%C3%A9%20%2B.txt%22",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:r97wp7Xh1GCaUESY/w8veMszR3o="},
    {.name = "presigned get",
     .method = "GET",
     .target = "/bkt/a%20b%2Bc/"
               "%C3%BC?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=Caq5oGFhKqVsg3mbi9ynwynKd7g%3D&Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "presigned get by virtual host",
     .method = "GET",
     .target = "/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=zPWNgUAAdZ3Y7gNLxHTPPDTi0Ec%3D&Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "bkt",
     .authorization = ""},
    {.name = "presigned get with overrides",
     .method = "GET",
     .target = "/bkt/"
               "k?response-content-type=text%2Fhtml%3B%20a%3Db&versionId=x%2By&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&"
               "Signature=sru%2FpvrUoWgz44qnaU20sXehfck%3D&Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "presigned list",
     .method = "GET",
     .target = "/bkt?prefix=x&encoding-type=url&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=%"
               "2B0Ni2MoAEwtObrIzwGUWk6Q00VM%3D&Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "presigned list by virtual host",
     .method = "GET",
     .target = "/?encoding-type=url&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=%2B0Ni2MoAEwtObrIzwGUWk6Q00VM%3D&"
               "Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "bkt",
     .authorization = ""},
    {.name = "presigned put",
     .method = "PUT",
     .target = "/bkt/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=DTnX42yS92q2JcCJhBU9KXJZnBg%3D&Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "presigned put with metadata in its query alone",
     .method = "PUT",
     .target = "/bkt/"
               "k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=yOMmsiZFDfQrH27y0IpVzaYG%2F7Q%3D&x-amz-acl=private&x-"
               "amz-meta-q=1%202&Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "presigned put with metadata in its query and its header",
     .method = "PUT",
     .target = "/bkt/"
               "k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=E2MBBPRDjgB84HuqWtkOiczN9WQ%3D&x-amz-acl=private&"
               "content-type=text%2Fplain&x-amz-meta-q=1%202&Expires=1369357200",
     .fields = {{"Content-Type", "text/plain"}, {"x-amz-acl", "private"}, {"X-Amz-Meta-Q", "1 2"}},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "presigned part",
     .method = "PUT",
     .target = "/bkt/"
               "k?uploadId=u&partNumber=1&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=YUplXHfJ5CHwXkCYUyqfYrDtXkM%3D&"
               "Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "presigned deletion",
     .method = "DELETE",
     .target = "/bkt/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=xcd5Jj07el7MadpN2xmWVXA2RBc%3D&Expires=1369357200",
     .fields = {},
     .virtual_host_bucket = "",
     .authorization = ""},
    {.name = "parameter of an empty value",
     .method = "GET",
     .target = "/bkt/k?acl=&versionId=",
     .fields = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:P5S7lpLWcHvpwQwlKLdqbhWhwcU="},
    {.name = "parameters out of order, and twice",
     .method = "GET",
     .target = "/bkt/k?versionId=2&marker=x&uploads&acl&versionId=1",
     .fields = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     .virtual_host_bucket = "",
     .authorization = "AWS AKIAIOSFODNN7EXAMPLE:Qs2/m/6Z0OqY0iAK9Q71/I84IpA="},
};

Outcome ask(const Sent& sent, std::string_view target) {
  const Example example;
  Fields fields = test::fields_of(sent.fields);
  if (!sent.authorization.empty()) fields.add("Authorization", sent.authorization);
  return example.sigv4.authenticate(
      {.method = sent.method, .target = target, .fields = fields, .virtual_host_bucket = sent.virtual_host_bucket});
}

}  // namespace

TEST_CASE("what botocore signs with version 2 is accepted") {
  for (const Sent& sent : kSent) {
    INFO(sent.name);
    const Outcome identity = ask(sent, sent.target);

    if (!identity) UNSCOPED_INFO(identity.error().error.detail << '\n' << identity.error().string_to_sign);
    REQUIRE(identity.has_value());
    CHECK(identity->identity.account() == "acme");
    CHECK(identity->presigned == sent.authorization.empty());
    CHECK(identity->payload == Payload::unsigned_payload);
  }
}

TEST_CASE("what botocore signs with version 2 is refused for another path, method or subresource") {
  for (const Sent& sent : kSent) {
    INFO(sent.name);
    const std::string target(sent.target);
    const std::size_t query = target.find('?');
    const std::string added = query == std::string::npos ? target + "?policy" : target + "&policy";

    CHECK(test::code_of(ask(sent, "/other" + target)) == ErrorCode::signature_mismatch);
    CHECK(test::code_of(ask(sent, added)) == ErrorCode::signature_mismatch);
    Sent other = sent;
    other.method = "PATCH";
    CHECK(test::code_of(ask(other, target)) == ErrorCode::signature_mismatch);
    other = sent;
    other.fields.emplace_back("x-amz-meta-more", "1");
    CHECK(test::code_of(ask(other, target)) == ErrorCode::signature_mismatch);
  }
}

}  // namespace sluice::auth
