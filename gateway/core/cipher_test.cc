#include "gateway/core/cipher.h"

#include <catch2/catch.hpp>
#include <deque>

#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "tests/support/run_task.h"

namespace sluice {
namespace {

using test::run;

/// Hands out chunks as they are.
class ChunksSource : public BodySource {
 public:
  explicit ChunksSource(std::deque<Chunk> chunks) : chunks_(std::move(chunks)) {}
  Task<Chunk> read() override {
    if (chunks_.empty()) co_return Chunk{};
    Chunk chunk = std::move(chunks_.front());
    chunks_.pop_front();
    co_return chunk;
  }

 private:
  std::deque<Chunk> chunks_;
};

std::deque<Chunk> cut_up(const std::string& text, std::size_t size) {
  std::deque<Chunk> chunks;
  for (std::size_t at = 0; at < text.size(); at += size) chunks.push_back(Chunk::of(text.substr(at, size)));
  return chunks;
}

SecretKey counting_key() {
  std::string bytes;
  for (char c = 0; c < 32; ++c) bytes.push_back(c);
  return *SecretKey::of(bytes);
}

SecretKey zero_key() { return *SecretKey::of(std::string(32, '\0')); }

/// Bytes that tell their place.
std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 % 256);
  return text;
}

struct Encrypted {
  std::string bytes;
  std::string tag;
};

Encrypted encrypt(const SecretKey& key, const std::string& text, std::size_t chunk_size = 1000) {
  ChunksSource plain(cut_up(text, chunk_size));
  EncryptingSource source(plain, key);
  auto bytes = run(read_all(source, 1 << 24));
  REQUIRE(bytes);
  return {*bytes, source.tag()};
}

Result<std::string> decrypt_range(const SecretKey& key, const Encrypted& content, ByteRange range,
                                  std::size_t chunk_size = 1000) {
  auto inner = std::make_unique<ChunksSource>(cut_up(content.bytes.substr(range.offset, range.length), chunk_size));
  DecryptingSource source(std::move(inner), key, {content.bytes.size(), content.tag}, range);
  return run(read_all(source, 1 << 24));
}

TEST_CASE("a content is encrypted as AES-256-GCM says") {
  // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 and 14.
  CHECK(to_hex(encrypt(zero_key(), "").tag) == "530f8afbc74536b9a963b4f1c4cb738b");
  const auto block = encrypt(zero_key(), std::string(16, '\0'));
  CHECK(to_hex(block.bytes) == "cea7403d4d606b6e074ec5d3baf39d18");
  CHECK(to_hex(block.tag) == "d0d1c8a799996bf0265b98b5d48ab919");

  // Made with another implementation.
  const auto some = encrypt(counting_key(), pattern(100), 7);
  CHECK(
      to_hex(some.bytes) ==
      "0ebbbbcba90fa98c3097ef784c77f3f0a23428d6a412fa8e2831053e01348f8faeb80849d6f1b2172bdc57d8f5f52b07f9501f8315023c2"
      "4d839a9bbeecbfc5d29a8f0df4d32ba132b76d5ca023f6ab06d2208dc6cfb1f205cc9623e7ad4432977f6e0b2");
  CHECK(to_hex(some.tag) == "b6530ae5a1d2ab3ce691512a476b40f6");
  const auto much = encrypt(counting_key(), pattern(1'000'000), 65'536);
  CHECK(to_hex(digest_of(DigestAlgorithm::sha256, much.bytes).bytes) ==
        "fbe93178d5bbd3f05c812cd215000cc2238202861b3ff16761dfad4075644579");
  CHECK(to_hex(much.tag) == "fe4143a0b32b09b33467dc9597c63e87");
}

TEST_CASE("any range of a content is decrypted by itself") {
  const std::string text = pattern(5000);
  const auto content = encrypt(counting_key(), text);

  for (const ByteRange range : {ByteRange{0, 5000}, ByteRange{0, 1}, ByteRange{1, 4999}, ByteRange{15, 2},
                                ByteRange{16, 16}, ByteRange{17, 4000}, ByteRange{4999, 1}, ByteRange{0, 4999}}) {
    INFO(range.offset << " " << range.length);
    CHECK(decrypt_range(counting_key(), content, range, 333) == text.substr(range.offset, range.length));
  }
  CHECK(decrypt(counting_key(), content.bytes, content.tag) == text);
}

TEST_CASE("the last bytes of a changed content are not handed out") {
  auto content = encrypt(counting_key(), pattern(5000));
  content.bytes[1234] = static_cast<char>(content.bytes[1234] ^ 1);

  auto inner = std::make_unique<ChunksSource>(cut_up(content.bytes, 1000));
  DecryptingSource source(std::move(inner), counting_key(), {5000, content.tag}, {0, 5000});
  for (int i = 0; i < 4; ++i) CHECK(run(source.read())->size() == 1000);
  CHECK(run(source.read()).error().code == ErrorCode::corrupt);

  CHECK(decrypt(counting_key(), content.bytes, content.tag).error().code == ErrorCode::corrupt);
  CHECK(decrypt(counting_key(), content.bytes, "").error().code == ErrorCode::corrupt);
}

TEST_CASE("a content that is shorter or longer than it was is corrupt") {
  const auto content = encrypt(counting_key(), pattern(5000));
  const auto of = [&](const std::string& bytes) {
    auto inner = std::make_unique<ChunksSource>(cut_up(bytes, 3000));
    DecryptingSource source(std::move(inner), counting_key(), {5000, content.tag}, {0, 5000});
    return run(read_all(source, 1 << 20));
  };

  CHECK(of(content.bytes.substr(0, 4000)).error().code == ErrorCode::corrupt);
  CHECK(of(content.bytes + content.bytes).error().code == ErrorCode::corrupt);
}

TEST_CASE("memory that others see is left as it was, and memory that none sees is used") {
  const Chunk seen = Chunk::of(pattern(100));
  Chunk unseen = Chunk::of(pattern(100));
  const auto* const memory = unseen.bytes().data();
  std::deque<Chunk> chunks;
  chunks.push_back(seen);
  chunks.push_back(std::move(unseen));
  ChunksSource plain(std::move(chunks));
  EncryptingSource source(plain, counting_key());

  const auto first = run(source.read());
  const auto second = run(source.read());

  CHECK(seen.text() == pattern(100));
  CHECK(first->text() != pattern(100));
  CHECK(second->text() != pattern(100));
  CHECK(second->bytes().data() == memory);
}

TEST_CASE("a key is unwrapped by the key and the context that wrapped it alone") {
  const SecretKey wrapping = *SecretKey::of([] {
    std::string bytes;
    for (char c = 32; c < 64; ++c) bytes.push_back(c);
    return bytes;
  }());
  const auto wrapped = counting_key().wrapped_by(wrapping, "context");

  // Made with another implementation.
  CHECK(to_hex(wrapped) ==
        "e32fe35a905a625ec050ee496ab2016f7c256515b53c139baa2636bdf0ec81e994801c26d7c23fdf9e7e2cebf4ad8a77");
  CHECK(SecretKey::unwrap(wrapping, wrapped, "context")->equals(counting_key()));
  CHECK_FALSE(SecretKey::unwrap(wrapping, wrapped, "contexT"));
  CHECK_FALSE(SecretKey::unwrap(counting_key(), wrapped, "context"));
  CHECK_FALSE(SecretKey::unwrap(wrapping, wrapped.substr(1), "context"));
  auto changed = wrapped;
  changed[3] = static_cast<char>(changed[3] ^ 1);
  CHECK_FALSE(SecretKey::unwrap(wrapping, changed, "context"));
}

TEST_CASE("keys are of 32 bytes, and derived ones are HMACs") {
  CHECK_FALSE(SecretKey::of("short"));
  CHECK_FALSE(SecretKey::of(std::string(33, 'x')));
  CHECK_FALSE(SecretKey::random().equals(SecretKey::random()));
  CHECK(counting_key().derive("label").bytes() == hmac_sha256(counting_key().bytes(), "label"));
}

}  // namespace
}  // namespace sluice
