#include "gateway/core/lane_hash.h"

#include <openssl/evp.h>

#include <catch2/catch.hpp>
#include <random>

#include "gateway/core/encoding.h"

namespace sluice {
namespace {

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string reference(LaneAlgorithm algorithm, std::string_view text) {
  std::string digest(algorithm == LaneAlgorithm::md5 ? 16 : 32, '\0');
  const EVP_MD* const type = algorithm == LaneAlgorithm::md5 ? EVP_md5() : EVP_sha256();
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, type, nullptr);
  return digest;
}

TEST_CASE("a lane hash of every length up to five blocks is OpenSSL's") {
  const auto algorithm = GENERATE(LaneAlgorithm::md5, LaneAlgorithm::sha256);
  std::mt19937 random(1);

  for (std::size_t size = 0; size <= 5 * LaneHash::kBlockSize; ++size) {
    const std::string text = random_text(random, size);
    LaneHash hash(algorithm);
    hash.update(text);

    INFO("size " << size);
    REQUIRE(hash.finish().bytes == reference(algorithm, text));
  }
}

TEST_CASE("a lane hash does not depend on where its bytes are parted") {
  const auto algorithm = GENERATE(LaneAlgorithm::md5, LaneAlgorithm::sha256);
  std::mt19937 random(2);

  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random, random() % 1000);
    LaneHash hash(algorithm);
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t step = std::min<std::size_t>(rest.size(), random() % 150);
      hash.update(rest.substr(0, step));
      rest.remove_prefix(step);
    }

    INFO("round " << round);
    REQUIRE(hash.finish().bytes == reference(algorithm, text));
  }
}

TEST_CASE("a lane hash names its digest") {
  CHECK(LaneHash(LaneAlgorithm::md5).finish().algorithm == DigestAlgorithm::md5);
  CHECK(LaneHash(LaneAlgorithm::sha256).finish().algorithm == DigestAlgorithm::sha256);
}

TEST_CASE("a lane hash of abc is what the standards say") {
  LaneHash md5(LaneAlgorithm::md5);
  LaneHash sha256(LaneAlgorithm::sha256);

  md5.update("abc");
  sha256.update("abc");

  CHECK(to_hex(md5.finish().bytes) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(to_hex(sha256.finish().bytes) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace sluice
