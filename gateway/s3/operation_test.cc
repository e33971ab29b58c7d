#include "gateway/s3/operation.h"

#include <catch2/catch.hpp>
#include <set>

namespace sluice::s3 {
namespace {

Target target_of(std::string_view raw, std::string_view host = "localhost:9000",
                 const std::vector<std::string>& domains = {}) {
  auto target = parse_target(raw, host, domains);
  REQUIRE(target.has_value());
  return *std::move(target);
}

Code refusal_of(std::string_view raw) { return parse_target(raw, "localhost", {}).error().code; }

std::string_view operation(http::Method method, std::string_view raw, bool copies = false) {
  const Target target = target_of(raw);
  const auto row = find_operation(method, target, copies);
  return row ? (*row)->name : row_of(row.error().code).name;
}

using enum http::Method;

TEST_CASE("a path without a bucket is the service's") {
  CHECK(target_of("/").scope == Scope::service);
  CHECK(target_of("/?max-buckets=3").scope == Scope::service);
}

TEST_CASE("a path of one segment is a bucket, with a slash behind it or not") {
  for (const char* raw : {"/photos", "/photos/", "/photos?list-type=2", "/photos/?location"}) {
    const Target target = target_of(raw);
    CHECK(target.scope == Scope::bucket);
    CHECK(target.bucket == "photos");
  }
}

TEST_CASE("the rest of the path is the key, decoded once and otherwise as it came") {
  CHECK(target_of("/photos/a/b").key == "a/b");
  CHECK(target_of("/photos//a/../b/./").key == "/a/../b/./");
  CHECK(target_of("/photos/a%2Fb%20c+d").key == "a/b c+d");
  CHECK(target_of("/photos/%2525").key == "%25");
  CHECK(target_of("/photos/%C3%BC%3F").key == "\xC3\xBC?");
}

TEST_CASE("a target in absolute form is read like one in origin form") {
  CHECK(target_of("http://host:9000/photos/cat").key == "cat");
}

TEST_CASE("a path that cannot be decoded or is not UTF-8 is refused") {
  CHECK(refusal_of("/photos/%zz") == Code::invalid_uri);
  CHECK(refusal_of("/photos/%FF") == Code::invalid_uri);
  CHECK(refusal_of("/photos/a?x=%zz") == Code::invalid_uri);
  CHECK(refusal_of("photos") == Code::invalid_uri);
  CHECK(refusal_of("/photos/" + std::string(1025, 'k')) == Code::key_too_long);
}

TEST_CASE("a host below a configured domain names the bucket") {
  const std::vector<std::string> domains{"s3.example.com"};

  CHECK(target_of("/cat", "photos.s3.example.com", domains).bucket == "photos");
  CHECK(target_of("/cat", "photos.S3.Example.com:9000", domains).key == "cat");
  CHECK(target_of("/cat", "a.b.s3.example.com", domains).bucket == "a.b");
  CHECK(target_of("/", "photos.s3.example.com", domains).scope == Scope::bucket);
}

TEST_CASE("any other host leaves the bucket to the path") {
  const std::vector<std::string> domains{"s3.example.com"};

  CHECK(target_of("/photos/cat", "s3.example.com", domains).bucket == "photos");
  CHECK(target_of("/photos/cat", "photos.example.com", domains).bucket == "photos");
  CHECK(target_of("/photos/cat", "192.168.1.2:9000", domains).bucket == "photos");
  CHECK(target_of("/photos/cat", "[::1]:9000", domains).bucket == "photos");
  CHECK(target_of("/photos/cat", "", domains).bucket == "photos");
}

TEST_CASE("operations are told by method, scope and subresource") {
  CHECK(operation(get, "/") == "ListBuckets");
  CHECK(operation(put, "/b") == "CreateBucket");
  CHECK(operation(head, "/b") == "HeadBucket");
  CHECK(operation(get, "/b") == "ListObjects");
  CHECK(operation(get, "/b?delimiter=&prefix=") == "ListObjects");
  CHECK(operation(get, "/b?list-type=2&prefix=") == "ListObjectsV2");
  CHECK(operation(get, "/b?versions") == "ListObjectVersions");
  CHECK(operation(get, "/b?uploads") == "ListMultipartUploads");
  CHECK(operation(post, "/b?delete") == "DeleteObjects");
  CHECK(operation(get, "/b/k") == "GetObject");
  CHECK(operation(get, "/b/k?partNumber=1") == "GetObject");
  CHECK(operation(get, "/b/k?x-id=GetObject&response-expires=") == "GetObject");
  CHECK(operation(put, "/b/k") == "PutObject");
  CHECK(operation(put, "/b/k", true) == "CopyObject");
  CHECK(operation(put, "/b/k?uploadId=u&partNumber=1") == "UploadPart");
  CHECK(operation(put, "/b/k?uploadId=u&partNumber=1", true) == "UploadPartCopy");
  CHECK(operation(post, "/b/k?uploads=") == "CreateMultipartUpload");
  CHECK(operation(post, "/b/k?uploadId=u") == "CompleteMultipartUpload");
  CHECK(operation(del, "/b/k?uploadId=u") == "AbortMultipartUpload");
  CHECK(operation(get, "/b/k?uploadId=u") == "ListParts");
  CHECK(operation(get, "/b/k?attributes") == "GetObjectAttributes");
  CHECK(operation(options, "/b/k") == "Preflight");
}

TEST_CASE("a subresource that is not known never falls through to the object") {
  CHECK(operation(put, "/b/k?newthing") == "NotImplemented");
  CHECK(operation(put, "/b/k?newthing=") == "NotImplemented");
  CHECK(operation(get, "/b/k?newthing") == "NotImplemented");
  CHECK(operation(put, "/b/k?annotation&annotationName=x") == "PutObjectAnnotation");
  CHECK(operation(put, "/b/k?append&position=0") == "AppendObject");
}

TEST_CASE("a parameter with a value that is not known is ignored") {
  CHECK(operation(get, "/b/k?foo=bar") == "GetObject");
  CHECK(operation(get, "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00") == "GetObject");
}

TEST_CASE("a known subresource with another method is refused") {
  CHECK(operation(post, "/b?acl") == "MethodNotAllowed");
  CHECK(operation(head, "/b/k?acl") == "MethodNotAllowed");
  CHECK(operation(put, "/") == "MethodNotAllowed");
  CHECK(operation(other, "/b/k") == "MethodNotAllowed");
}

TEST_CASE("two subresources at once are refused") {
  CHECK(operation(get, "/b?acl&policy") == "InvalidArgument");
  CHECK(operation(put, "/b/k?uploadId=u&tagging") == "InvalidArgument");
}

TEST_CASE("no two rows of the table answer the same request") {
  std::set<std::tuple<Scope, http::Method, std::string_view, bool>> seen;
  for (const OperationRow& row : operations()) {
    CAPTURE(row.name);
    CHECK(seen.emplace(row.scope, row.method, row.subresource, row.copies).second);
  }
}

TEST_CASE("everything refused by name is refused as not implemented") {
  for (const OperationRow& row : operations()) {
    if (row.operation != Operation::not_implemented) continue;
    CAPTURE(row.name);
    CHECK(row.document.empty());
  }
}

}  // namespace
}  // namespace sluice::s3
