#include "gateway/s3/headers.h"

#include <catch2/catch.hpp>

namespace sluice::s3 {
namespace {

UtcTime date(int year, unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day));
}

Fields fields_of(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
  Fields fields;
  for (const auto& [name, value] : list) fields.add(name, value);
  return fields;
}

const OperationRow& row_of_operation(std::string_view name) {
  for (const OperationRow& row : operations()) {
    if (row.name == name) return row;
  }
  throw std::runtime_error("no such operation");
}

std::string_view write(std::string_view operation, std::string_view name, std::string_view value = "x") {
  const auto checked = check_write_headers(fields_of({{name, value}}), row_of_operation(operation));
  return checked ? "taken" : row_of(checked.error().code).name;
}

TEST_CASE("a write takes the headers of its operation") {
  CHECK(write("PutObject", "Content-Type") == "taken");
  CHECK(write("PutObject", "X-Amz-Meta-Colour") == "taken");
  CHECK(write("PutObject", "x-amz-storage-class", "STANDARD") == "taken");
  CHECK(write("PutObject", "x-amz-acl", "private") == "taken");
  CHECK(write("PutObject", "x-amz-server-side-encryption", "AES256") == "taken");
  CHECK(write("CopyObject", "x-amz-copy-source-if-match") == "taken");
  CHECK(write("DeleteObjects", "x-amz-bypass-governance-retention", "true") == "taken");
  CHECK(write("PutObjectRetention", "x-amz-bypass-governance-retention", "true") == "taken");
  CHECK(write("CreateBucket", "x-amz-bucket-object-lock-enabled", "true") == "taken");
  CHECK(write("CreateMultipartUpload", "x-amz-object-lock-mode") == "taken");
}

TEST_CASE("a write header that would be ignored is refused") {
  CHECK(write("UploadPart", "x-amz-tagging", "a=b") == "NotImplemented");
  CHECK(write("PutObject", "x-amz-server-side-encryption-context", "e30=") == "NotImplemented");
  CHECK(write("UploadPart", "x-amz-object-lock-mode") == "NotImplemented");
  CHECK(write("PutObject", "x-amz-write-offset-bytes", "0") == "NotImplemented");
  CHECK(write("PutObject", "X-Amz-Invented-Tomorrow") == "NotImplemented");
  CHECK(write("UploadPart", "x-amz-meta-late") == "NotImplemented");
  CHECK(write("DeleteObject", "x-amz-if-match-size", "3") == "NotImplemented");
  CHECK(write("PutObject", "x-amz-bucket-object-lock-enabled", "true") == "NotImplemented");
}

TEST_CASE("ACLs are given where something is made, and where they are set") {
  CHECK(write("PutBucketAcl", "x-amz-acl", "public-read") == "taken");
  CHECK(write("CreateMultipartUpload", "x-amz-grant-full-control") == "taken");
  CHECK(write("CreateBucket", "x-amz-object-ownership") == "taken");
  CHECK(write("PutObject", "x-amz-object-ownership") == "NotImplemented");
  CHECK(write("UploadPart", "x-amz-acl", "private") == "NotImplemented");
  CHECK(write("DeleteObject", "x-amz-grant-read") == "NotImplemented");
  CHECK(write("PutObject", "x-amz-grant-reads") == "NotImplemented");
}

TEST_CASE("storage classes are STANDARD, or less that is given more") {
  CHECK(write("PutObject", "x-amz-storage-class", "REDUCED_REDUNDANCY") == "taken");
  CHECK(write("PutObject", "x-amz-storage-class", "GLACIER") == "InvalidStorageClass");
}

TEST_CASE("aws-chunked is about the transfer and is not stored") {
  CHECK(without_aws_chunked("gzip") == "gzip");
  CHECK(without_aws_chunked("deflate, gzip") == "deflate, gzip");
  CHECK(without_aws_chunked("deflate,gzip") == "deflate,gzip");
  CHECK(without_aws_chunked("gzip, aws-chunked") == "gzip");
  CHECK(without_aws_chunked("aws-chunked, gzip") == "gzip");
  CHECK(without_aws_chunked("aws-chunked") == "");
  CHECK(without_aws_chunked("aws-chunked, aws-chunked") == "");
}

TEST_CASE("metadata names are lower case, repeated ones are one list, empty values stay") {
  const auto read = read_description(
      fields_of({{"X-Amz-Meta-Colour", "red"}, {"x-amz-meta-empty", ""}, {"x-amz-meta-colour", "blue"}}));

  REQUIRE(read);
  CHECK(read->metadata == object::Metadata{{"colour", "red,blue"}, {"empty", ""}});
}

TEST_CASE("metadata of more than 2 KiB is refused") {
  const std::string value(2047, 'v');

  CHECK(read_description(fields_of({{"x-amz-meta-a", value}})));
  CHECK(read_description(fields_of({{"x-amz-meta-ab", value}})).error().code == Code::metadata_too_large);
}

TEST_CASE("metadata beyond ASCII goes out as RFC 2047, and raw bytes as they came") {
  CHECK(metadata_text("plain") == "plain");
  CHECK(metadata_text("h\xC3\xA9") == "=?UTF-8?B?aMOp?=");
  CHECK(metadata_text("h\xE9") == "h\xE9");
}

TEST_CASE("system headers are kept as they came") {
  const auto read = read_description(fields_of({{"content-type", "text/plain"},
                                                {"Cache-Control", "no-cache"},
                                                {"Expires", "whenever"},
                                                {"Content-Encoding", "aws-chunked"}}));

  REQUIRE(read);
  CHECK(read->headers.type == "text/plain");
  CHECK(read->headers.cache_control == "no-cache");
  CHECK(read->headers.expires == "whenever");
  CHECK(read->headers.encoding.empty());
}

TEST_CASE("conditions are read, and dates that are none or in the future are not") {
  const UtcTime now = date(2026, 1, 10);
  const auto read = read_conditions(fields_of({{"If-Match", "\"a\", W/\"b\""},
                                               {"If-None-Match", "*"},
                                               {"If-Modified-Since", "Sun, 11 Jan 2026 00:00:00 GMT"},
                                               {"If-Unmodified-Since", "yesterday"}}),
                                    now);

  REQUIRE(read.if_match);
  CHECK(read.if_match->tags == std::vector<std::string>{"a", "b"});
  CHECK(read.if_none_match->any);
  CHECK_FALSE(read.if_modified_since);
  CHECK_FALSE(read.if_unmodified_since);
}

TEST_CASE("the conditions on a copy's source have headers of their own") {
  const auto read = read_conditions(fields_of({{"If-Match", "a"}, {"x-amz-copy-source-if-none-match", "b"}}),
                                    date(2026, 1, 10), Conditional::copy_source);

  CHECK_FALSE(read.if_match);
  CHECK(read.if_none_match->tags == std::vector<std::string>{"b"});
}

TEST_CASE("a copy source is named in several ways") {
  const object::ObjectName wanted{.bucket = "photos", .key = "a/b c?"};
  for (const std::string_view text :
       {"photos/a/b c%3F", "/photos/a%2Fb%20c%3F", "photos%2Fa%2Fb%20c%3F", "/photos/a/b%20c%3F?versionId=null"}) {
    CAPTURE(text);
    CHECK(parse_copy_source(text)->name == wanted);
  }
  CHECK(parse_copy_source("photos/a%2525")->name.key == "a%25");
  CHECK(parse_copy_source("photos/a")->which.current());
  CHECK(parse_copy_source("photos/a?versionId=null")->which.version == object::VersionId::null);
  CHECK(parse_copy_source("photos/a?versionId=08de000000000001")->which.version ==
        object::VersionId{0x08DE000000000001});
}

TEST_CASE("a copy source that names no object here is refused") {
  CHECK(parse_copy_source("photos").error().code == Code::invalid_argument);
  CHECK(parse_copy_source("/photos/").error().code == Code::invalid_argument);
  CHECK(parse_copy_source("photos/a%").error().code == Code::invalid_argument);
  CHECK(parse_copy_source("photos/a?x=1").error().code == Code::invalid_argument);
  CHECK(parse_copy_source("photos/a?versionId=abc").error().code == Code::no_such_version);
  CHECK(parse_copy_source("arn:aws:s3:::x/object/y").error().code == Code::not_implemented);
}

TEST_CASE("a copy range has both its ends") {
  CHECK(parse_copy_range("bytes=0-9") == ByteRange{0, 10});
  for (const std::string_view text : {"0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=hello-",
                                      "bytes=0-2,3-5", "bytes=-5", "bytes=5-", "bytes=5-4"}) {
    CAPTURE(text);
    CHECK(parse_copy_range(text).error().code == Code::invalid_argument);
  }
}

TEST_CASE("times in documents are whole seconds") {
  CHECK(iso_time(date(2026, 1, 2) + std::chrono::seconds(3 * 3600 + 4 * 60 + 5) + std::chrono::milliseconds(678)) ==
        "2026-01-02T03:04:05.000Z");
  CHECK(iso_time(date(2026, 12, 31) + std::chrono::hours(23) + std::chrono::minutes(59)) == "2026-12-31T23:59:00.000Z");
}

}  // namespace
}  // namespace sluice::s3
