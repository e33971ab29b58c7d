#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/body.h"

namespace sluice {

/// The digests and checksums both protocols speak. The numbers are stored.
enum class DigestAlgorithm : std::uint8_t {
  md5 = 1,
  sha1 = 2,
  sha256 = 3,
  crc32 = 4,      ///< ISO HDLC, as zlib.
  crc32c = 5,     ///< Castagnoli.
  crc64nvme = 6,  ///< NVM Express, reflected 0x9A6C9329AC4BC9B5.
};

/// The size of a digest in bytes.
std::size_t digest_size(DigestAlgorithm algorithm);

/// True for the checksums that combine: crc32, crc32c, crc64nvme.
bool is_crc(DigestAlgorithm algorithm);

/// A digest as raw bytes; CRCs big-endian, as S3 writes them.
struct Digest {
  DigestAlgorithm algorithm{};
  std::string bytes;
  friend bool operator==(const Digest&, const Digest&) = default;
};

class LaneHash;

/// One digest as it streams. finish() is called once.
class Hasher {
 public:
  virtual ~Hasher() = default;
  virtual void update(std::string_view bytes) = 0;
  virtual Digest finish() = 0;

  /// The state, where HashLanes can hash it together with other streams.
  virtual LaneHash* lanes() { return nullptr; }

  static std::unique_ptr<Hasher> create(DigestAlgorithm algorithm);
};

/// The digest of bytes at hand.
Digest digest_of(DigestAlgorithm algorithm, std::string_view bytes);

/// The CRC of `left` followed by `right`, where `right` covers `right_size` bytes.
/// Both of one algorithm that is_crc().
Digest combine_crc(const Digest& left, const Digest& right, std::uint64_t right_size);

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);
std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t before = 0);
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

/// CRC32C of `left` followed by `right_size` bytes whose CRC32C is `right`.
std::uint32_t combine_crc32c(std::uint32_t left, std::uint32_t right, std::uint64_t right_size);

/// HMAC-SHA256 (RFC 2104), raw.
std::string hmac_sha256(std::string_view key, std::string_view message);

/// A body that is digested while it is pulled. What it is expected to be is
/// compared at its end, before the end is told: a body that fails its digests
/// never ends well, so nobody can keep it.
class DigestSource : public BodySource {
 public:
  explicit DigestSource(BodySource& inner) : inner_(inner) {}

  /// Digests of `algorithm` are taken; call before the first read(). Idempotent.
  void take(DigestAlgorithm algorithm);

  /// The body must have this digest, or its end is `mismatch`. Takes it as well.
  void expect(Digest digest, ErrorCode mismatch = ErrorCode::digest_mismatch);

  /// Called at the end, before the digests are compared: what a trailer says.
  /// Its algorithm must have been take()n.
  void expect_at_end(std::function<Result<std::optional<Digest>>()> trailer) { trailer_ = std::move(trailer); }

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return inner_.remaining(); }

  /// After the end: the digest taken, or nothing if it was not.
  std::optional<Digest> digest(DigestAlgorithm algorithm) const;
  /// Bytes read so far.
  std::uint64_t size() const { return size_; }

 private:
  struct Expected {
    Digest digest;
    ErrorCode mismatch;
  };
  Result<> compare();
  std::size_t update(std::string_view bytes, std::span<LaneHash*> gathered);

  BodySource& inner_;
  std::vector<std::pair<DigestAlgorithm, std::unique_ptr<Hasher>>> hashers_;
  std::vector<Digest> digests_;
  std::vector<Expected> expected_;
  std::function<Result<std::optional<Digest>>()> trailer_;
  std::uint64_t size_ = 0;
  bool ended_ = false;
  std::optional<Error> failed_;  ///< Why the body did not end well, for every later read().
};

}  // namespace sluice
