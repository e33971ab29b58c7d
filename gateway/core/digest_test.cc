#include "gateway/core/digest.h"

#include <openssl/evp.h>

#include <array>
#include <catch2/catch.hpp>
#include <optional>
#include <random>
#include <string>

#include "gateway/core/encoding.h"
#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice {
namespace {

using test::run;
using test::StringSource;

constexpr std::array kAlgorithms{DigestAlgorithm::md5,   DigestAlgorithm::sha1,   DigestAlgorithm::sha256,
                                 DigestAlgorithm::crc32, DigestAlgorithm::crc32c, DigestAlgorithm::crc64nvme};
constexpr std::array kCrcs{DigestAlgorithm::crc32, DigestAlgorithm::crc32c, DigestAlgorithm::crc64nvme};

std::string noise(std::size_t size) {
  std::mt19937 random(1);  // NOLINT: the same bytes at each run.
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() & 255);
  return text;
}

std::string hex(DigestAlgorithm algorithm, std::string_view bytes) { return to_hex(digest_of(algorithm, bytes).bytes); }

std::string by_openssl(const EVP_MD* type, std::string_view bytes) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  REQUIRE(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, type,
                     nullptr) == 1);
  digest.resize(size);
  return digest;
}

/// Reads `source` to its end; its bytes, or the code of its error.
std::string drain(DigestSource& source) {
  const auto text = run(read_all(source, 1 << 20));
  return text ? *text : "error " + std::to_string(static_cast<int>(text.error().code));
}

std::string error(ErrorCode code) { return "error " + std::to_string(static_cast<int>(code)); }

}  // namespace

TEST_CASE("each digest of its check text is the published one") {
  CHECK(hex(DigestAlgorithm::md5, "123456789") == "25f9e794323b453885f5181f1b624d0b");
  CHECK(hex(DigestAlgorithm::sha1, "123456789") == "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
  CHECK(hex(DigestAlgorithm::sha256, "123456789") ==
        "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  CHECK(hex(DigestAlgorithm::crc32, "123456789") == "cbf43926");
  CHECK(hex(DigestAlgorithm::crc32c, "123456789") == "e3069283");
  CHECK(hex(DigestAlgorithm::crc64nvme, "123456789") == "ae8b14860a799888");
}

TEST_CASE("each digest of nothing is the published one") {
  CHECK(hex(DigestAlgorithm::md5, "") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(hex(DigestAlgorithm::sha1, "") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex(DigestAlgorithm::sha256, "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(DigestAlgorithm::crc32, "") == "00000000");
  CHECK(hex(DigestAlgorithm::crc32c, "") == "00000000");
  CHECK(hex(DigestAlgorithm::crc64nvme, "") == "0000000000000000");
}

TEST_CASE("MD5, SHA-1 and SHA-256 agree with OpenSSL at every length") {
  const std::string text = noise(300);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto part = std::string_view(text).substr(0, size);
    CAPTURE(size);
    CHECK(digest_of(DigestAlgorithm::md5, part).bytes == by_openssl(EVP_md5(), part));
    CHECK(digest_of(DigestAlgorithm::sha1, part).bytes == by_openssl(EVP_sha1(), part));
    CHECK(digest_of(DigestAlgorithm::sha256, part).bytes == by_openssl(EVP_sha256(), part));
  }
}

TEST_CASE("a digest does not depend on how its bytes are cut") {
  const std::string text = noise(5000);
  for (const DigestAlgorithm algorithm : kAlgorithms) {
    const Digest whole = digest_of(algorithm, text);
    CAPTURE(static_cast<int>(algorithm));
    CHECK(whole.algorithm == algorithm);
    CHECK(whole.bytes.size() == digest_size(algorithm));
    for (const std::size_t step : {1UL, 63UL, 64UL, 65UL, 1000UL, 4999UL}) {
      const auto hasher = Hasher::create(algorithm);
      for (std::size_t at = 0; at < text.size(); at += step) hasher->update(std::string_view(text).substr(at, step));
      CHECK(hasher->finish() == whole);
    }
  }
}

TEST_CASE("only the checksums combine") {
  CHECK(is_crc(DigestAlgorithm::crc32));
  CHECK(is_crc(DigestAlgorithm::crc32c));
  CHECK(is_crc(DigestAlgorithm::crc64nvme));
  CHECK_FALSE(is_crc(DigestAlgorithm::md5));
  CHECK_FALSE(is_crc(DigestAlgorithm::sha1));
  CHECK_FALSE(is_crc(DigestAlgorithm::sha256));
}

TEST_CASE("the combined checksum of two parts is that of both together") {
  const std::string text = noise(3000);
  for (const DigestAlgorithm algorithm : kCrcs) {
    const Digest whole = digest_of(algorithm, text);
    CAPTURE(static_cast<int>(algorithm));
    for (const std::size_t split : {0UL, 1UL, 7UL, 8UL, 1024UL, 2999UL, 3000UL}) {
      const auto left = digest_of(algorithm, std::string_view(text).substr(0, split));
      const auto right = digest_of(algorithm, std::string_view(text).substr(split));
      CAPTURE(split);
      CHECK(combine_crc(left, right, text.size() - split) == whole);
    }
  }
}

TEST_CASE("checksums combine over more bytes than memory holds") {
  for (const DigestAlgorithm algorithm : kCrcs) {
    const Digest before = digest_of(algorithm, "before");
    Digest half = digest_of(algorithm, std::string(1, '\0'));
    for (std::uint64_t size = 1; size < 1ULL << 39; size *= 2) half = combine_crc(half, half, size);
    const Digest whole = combine_crc(half, half, 1ULL << 39);

    const Digest at_once = combine_crc(before, whole, 1ULL << 40);
    const Digest in_two = combine_crc(combine_crc(before, half, 1ULL << 39), half, 1ULL << 39);

    CAPTURE(static_cast<int>(algorithm));
    CHECK(at_once == in_two);
    CHECK(at_once != whole);
  }
}

TEST_CASE("the plain functions of the checksums continue and combine") {
  const std::string text = noise(1000);
  const auto left = std::string_view(text).substr(0, 333);
  const auto right = std::string_view(text).substr(333);

  CHECK(crc32(right, crc32(left)) == crc32(text));
  CHECK(crc32c(right, crc32c(left)) == crc32c(text));
  CHECK(crc64nvme(right, crc64nvme(left)) == crc64nvme(text));
  CHECK(combine_crc32c(crc32c(left), crc32c(right), right.size()) == crc32c(text));
}

TEST_CASE("HMAC-SHA256 of RFC 4231's second case is the published one") {
  CHECK(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(hmac_sha256("", "")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("a digested body is passed on unchanged, and its digests are known at the end") {
  const std::string text = noise(5000);
  StringSource inner(text, 1700);
  DigestSource source(inner);
  source.take(DigestAlgorithm::md5);
  source.take(DigestAlgorithm::sha256);
  source.take(DigestAlgorithm::crc64nvme);
  source.take(DigestAlgorithm::md5);

  CHECK(source.remaining() == text.size());
  CHECK_FALSE(source.digest(DigestAlgorithm::md5));
  CHECK(drain(source) == text);

  CHECK(source.size() == text.size());
  CHECK(source.digest(DigestAlgorithm::md5) == digest_of(DigestAlgorithm::md5, text));
  CHECK(source.digest(DigestAlgorithm::sha256) == digest_of(DigestAlgorithm::sha256, text));
  CHECK(source.digest(DigestAlgorithm::crc64nvme) == digest_of(DigestAlgorithm::crc64nvme, text));
  CHECK_FALSE(source.digest(DigestAlgorithm::sha1));
}

TEST_CASE("the end of a digested body stays the end") {
  StringSource inner("");
  DigestSource source(inner);
  source.take(DigestAlgorithm::md5);

  CHECK(run(source.read())->empty());
  CHECK(run(source.read())->empty());
  CHECK(to_hex(source.digest(DigestAlgorithm::md5)->bytes) == "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_CASE("a body that has its expected digests ends well") {
  StringSource inner("hello");
  DigestSource source(inner);
  source.expect(digest_of(DigestAlgorithm::md5, "hello"));
  source.expect(digest_of(DigestAlgorithm::crc32, "hello"), ErrorCode::payload_hash_mismatch);

  CHECK(drain(source) == "hello");
}

TEST_CASE("a body that fails a digest never ends, with the error asked for") {
  StringSource inner("hello");
  DigestSource source(inner);
  source.expect(digest_of(DigestAlgorithm::md5, "hello"));
  source.expect(digest_of(DigestAlgorithm::sha256, "other"), ErrorCode::payload_hash_mismatch);

  CHECK(drain(source) == error(ErrorCode::payload_hash_mismatch));
  CHECK(run(source.read()).error().code == ErrorCode::payload_hash_mismatch);
}

TEST_CASE("a trailer may say what the digest must be") {
  StringSource inner("hello");
  DigestSource source(inner);
  source.take(DigestAlgorithm::crc32c);
  source.expect_at_end([] { return Result<std::optional<Digest>>(digest_of(DigestAlgorithm::crc32c, "hello")); });

  CHECK(drain(source) == "hello");
}

TEST_CASE("a trailer may say nothing") {
  StringSource inner("hello");
  DigestSource source(inner);
  source.expect_at_end([] { return Result<std::optional<Digest>>(std::nullopt); });

  CHECK(drain(source) == "hello");
}

TEST_CASE("a trailer that differs, or whose digest was not taken, fails the body") {
  StringSource first("hello");
  DigestSource wrong(first);
  wrong.take(DigestAlgorithm::crc32c);
  wrong.expect_at_end([] { return Result<std::optional<Digest>>(digest_of(DigestAlgorithm::crc32c, "other")); });
  CHECK(drain(wrong) == error(ErrorCode::digest_mismatch));

  StringSource second("hello");
  DigestSource untaken(second);
  untaken.expect_at_end([] { return Result<std::optional<Digest>>(digest_of(DigestAlgorithm::crc32c, "hello")); });
  CHECK(drain(untaken) == error(ErrorCode::digest_mismatch));
}

TEST_CASE("a trailer that fails, fails the body for good and is asked once") {
  StringSource inner("hello");
  DigestSource source(inner);
  int asked = 0;
  source.expect_at_end([&]() -> Result<std::optional<Digest>> {
    if (++asked == 1) return fail(ErrorCode::invalid_chunk);
    return std::nullopt;
  });

  CHECK(drain(source) == error(ErrorCode::invalid_chunk));
  CHECK(run(source.read()).error().code == ErrorCode::invalid_chunk);
  CHECK(asked == 1);
}

}  // namespace sluice
