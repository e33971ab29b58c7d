#include "gateway/s3/checksum.h"

#include <catch2/catch.hpp>

namespace sluice::s3 {
namespace {

Fields fields_of(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
  Fields fields;
  for (const auto& [name, value] : list) fields.add(name, value);
  return fields;
}

TEST_CASE("a checksum comes by header, with its algorithm in the name") {
  const auto declared = declared_checksum(fields_of({{"X-Amz-Checksum-CRC64NVME", "rosUhgp5mIg="}}));

  REQUIRE(declared);
  CHECK(declared->digest == digest_of(DigestAlgorithm::crc64nvme, "123456789"));
  CHECK(declared->algorithm() == DigestAlgorithm::crc64nvme);
}

TEST_CASE("a checksum comes by trailer, announced in the header") {
  const auto declared = declared_checksum(
      fields_of({{"x-amz-trailer", "x-amz-checksum-crc32c"}, {"x-amz-sdk-checksum-algorithm", "CRC32C"}}));

  REQUIRE(declared);
  CHECK(declared->trailer == DigestAlgorithm::crc32c);
}

TEST_CASE("no checksum is no checksum, whatever the SDK says it meant to use") {
  const auto declared = declared_checksum(fields_of({{"x-amz-sdk-checksum-algorithm", "CRC32"}}));

  REQUIRE(declared);
  CHECK_FALSE(declared->algorithm());
}

TEST_CASE("checksums that contradict each other are refused") {
  const auto code = [](const Fields& fields) { return declared_checksum(fields).error().code; };

  CHECK(code(fields_of({{"x-amz-checksum-crc32", "AAAAAA=="}, {"x-amz-checksum-crc32c", "AAAAAA=="}})) ==
        Code::invalid_request);
  CHECK(code(fields_of({{"x-amz-checksum-crc32", "AAAAAA=="}, {"x-amz-trailer", "x-amz-checksum-crc32"}})) ==
        Code::invalid_request);
  CHECK(code(fields_of({{"x-amz-checksum-crc32", "AAAAAA=="}, {"x-amz-sdk-checksum-algorithm", "SHA1"}})) ==
        Code::invalid_request);
  CHECK(code(fields_of({{"x-amz-trailer", "x-amz-meta-late"}})) == Code::invalid_request);
}

TEST_CASE("a checksum of an algorithm that is not known here is refused") {
  const auto code = [](const Fields& fields) { return declared_checksum(fields).error().code; };

  CHECK(code(fields_of({{"x-amz-checksum-sha512", "AAAA"}})) == Code::not_implemented);
  CHECK(code(fields_of({{"x-amz-checksum-xxhash3", "AAAA"}})) == Code::not_implemented);
  CHECK(code(fields_of({{"x-amz-trailer", "x-amz-checksum-md5"}})) == Code::not_implemented);
}

TEST_CASE("a value that is no digest is a bad digest") {
  CHECK(parse_digest(DigestAlgorithm::sha256, "bad").error().code == Code::bad_digest);
  CHECK(parse_digest(DigestAlgorithm::crc32, "").error().code == Code::bad_digest);
  CHECK(parse_digest(DigestAlgorithm::crc32, "AAAAAAA=").error().code == Code::bad_digest);
}

TEST_CASE("a composite checksum carries the count of its parts") {
  const auto parsed = parse_complete_digest(DigestAlgorithm::crc32, "AAAAAA==-3");

  REQUIRE(parsed);
  CHECK(parsed->part_count == 3);
  CHECK(checksum_text({.digest = parsed->digest, .type = object::ChecksumType::composite}, 3) == "AAAAAA==-3");
  CHECK(checksum_text({.digest = parsed->digest, .type = object::ChecksumType::full_object}, 3) == "AAAAAA==");
  CHECK(parse_complete_digest(DigestAlgorithm::crc32, "AAAAAA==-x").error().code == Code::bad_digest);
}

TEST_CASE("an upload's checksum type follows from its algorithm") {
  using enum object::ChecksumType;
  CHECK(upload_checksum_type(DigestAlgorithm::crc32, {}) == composite);
  CHECK(upload_checksum_type(DigestAlgorithm::sha256, {}) == composite);
  CHECK(upload_checksum_type(DigestAlgorithm::crc64nvme, {}) == full_object);
  CHECK(upload_checksum_type(DigestAlgorithm::crc32c, full_object) == full_object);
  CHECK(upload_checksum_type(DigestAlgorithm::sha1, full_object).error().code == Code::invalid_request);
  CHECK(upload_checksum_type(DigestAlgorithm::crc64nvme, composite).error().code == Code::invalid_request);
}

}  // namespace
}  // namespace sluice::s3
