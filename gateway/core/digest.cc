#include "gateway/core/digest.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cassert>
#include <new>
#include <stdexcept>

#include "gateway/core/crc64nvme.h"
#include "gateway/core/hash_lanes.h"

namespace sluice {

namespace asio = boost::asio;

namespace {

// GF(2) arithmetic on reflected polynomials, as zlib's crc32_combine does it:
// appending n zero bytes multiplies the register by x^(8n) mod the polynomial.
template <class Word>
Word multiply_mod(Word a, Word b, Word polynomial) {
  constexpr Word kTop = Word{1} << (sizeof(Word) * 8 - 1);
  Word product = 0;
  for (Word bit = kTop; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ polynomial : b >> 1;
  }
  return product;
}

template <class Word>
Word append_zeros(Word crc, std::uint64_t size, Word polynomial) {
  constexpr Word kTop = Word{1} << (sizeof(Word) * 8 - 1);
  Word power = kTop >> 8;  // x^8: one byte.
  Word factor = kTop;      // x^0.
  for (; size != 0; size >>= 1) {
    if ((size & 1) != 0) factor = multiply_mod(power, factor, polynomial);
    power = multiply_mod(power, power, polynomial);
  }
  return multiply_mod(factor, crc, polynomial);
}

constexpr std::uint32_t kPolynomialCrc32 = 0xEDB88320U;
constexpr std::uint32_t kPolynomialCrc32c = 0x82F63B78U;
constexpr std::uint64_t kPolynomialCrc64Nvme = 0x9A6C9329AC4BC9B5ULL;

template <class Word>
std::string big_endian(Word value) {
  std::string bytes(sizeof(Word), '\0');
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, value >>= 8) {
    *byte = static_cast<char>(value & 255);
  }
  return bytes;
}

template <class Word>
Word from_big_endian(std::string_view bytes) {
  Word value = 0;
  for (const char c : bytes) value = static_cast<Word>(value << 8 | static_cast<unsigned char>(c));
  return value;
}

// A digest step fails for want of memory only; going on would hand out a wrong digest.
void must(bool succeeded) {
  if (!succeeded) throw std::bad_alloc();
}

class EvpHasher : public Hasher {
 public:
  EvpHasher(DigestAlgorithm algorithm, const EVP_MD* type) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
    must(context_ != nullptr && EVP_DigestInit_ex(context_, type, nullptr) == 1);
  }
  ~EvpHasher() override { EVP_MD_CTX_free(context_); }
  EvpHasher(const EvpHasher&) = delete;
  EvpHasher& operator=(const EvpHasher&) = delete;

  void update(std::string_view bytes) override { must(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1); }

  Digest finish() override {
    std::string bytes(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    must(EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(bytes.data()), &size) == 1);
    bytes.resize(size);
    return {algorithm_, std::move(bytes)};
  }

 private:
  DigestAlgorithm algorithm_;
  EVP_MD_CTX* context_;
};

class LaneHasher : public Hasher {
 public:
  explicit LaneHasher(LaneAlgorithm algorithm) : hash_(algorithm) {}
  void update(std::string_view bytes) override { hash_.update(bytes); }
  Digest finish() override { return hash_.finish(); }
  LaneHash* lanes() override { return &hash_; }

 private:
  LaneHash hash_;
};

template <class Word>
class CrcHasher : public Hasher {
 public:
  using Function = Word (*)(std::string_view, Word);
  CrcHasher(DigestAlgorithm algorithm, Function function) : algorithm_(algorithm), function_(function) {}
  void update(std::string_view bytes) override { crc_ = function_(bytes, crc_); }
  Digest finish() override { return {algorithm_, big_endian(crc_)}; }

 private:
  DigestAlgorithm algorithm_;
  Function function_;
  Word crc_ = 0;
};

// OpenSSL looks an algorithm up by name on every use of EVP_md5() and its like;
// a fetched one is looked up once.
const EVP_MD* fetched(const char* name) {
  const EVP_MD* const type = EVP_MD_fetch(nullptr, name, nullptr);
  if (type == nullptr) throw std::runtime_error(std::string("this OpenSSL has no ") + name);
  return type;
}
const EVP_MD* sha1_type() {
  static const EVP_MD* const type = fetched("SHA1");
  return type;
}
const EVP_MD* sha256_type() {
  static const EVP_MD* const type = fetched("SHA256");
  return type;
}

}  // namespace

std::size_t digest_size(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::md5:
      return 16;
    case DigestAlgorithm::sha1:
      return 20;
    case DigestAlgorithm::sha256:
      return 32;
    case DigestAlgorithm::crc32:
    case DigestAlgorithm::crc32c:
      return 4;
    case DigestAlgorithm::crc64nvme:
      return 8;
  }
  return 0;
}

bool is_crc(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::crc32 || algorithm == DigestAlgorithm::crc32c ||
         algorithm == DigestAlgorithm::crc64nvme;
}

std::unique_ptr<Hasher> Hasher::create(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::md5:
      return std::make_unique<LaneHasher>(LaneAlgorithm::md5);
    case DigestAlgorithm::sha1:
      return std::make_unique<EvpHasher>(algorithm, sha1_type());
    case DigestAlgorithm::sha256:
      return std::make_unique<LaneHasher>(LaneAlgorithm::sha256);
    case DigestAlgorithm::crc32:
      return std::make_unique<CrcHasher<std::uint32_t>>(algorithm, crc32);
    case DigestAlgorithm::crc32c:
      return std::make_unique<CrcHasher<std::uint32_t>>(algorithm, crc32c);
    case DigestAlgorithm::crc64nvme:
      return std::make_unique<CrcHasher<std::uint64_t>>(algorithm, crc64nvme);
  }
  return nullptr;
}

Digest digest_of(DigestAlgorithm algorithm, std::string_view bytes) {
  const auto hasher = Hasher::create(algorithm);
  hasher->update(bytes);
  return hasher->finish();
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  // ISA-L leaves the inversions at both ends to its caller. It takes an int length.
  std::uint32_t crc = ~before;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, 1U << 30);
    crc = crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(part.data())), static_cast<int>(part.size()),
                      crc);
    bytes.remove_prefix(part.size());
  }
  return ~crc;
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  return crc32_gzip_refl(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::uint32_t combine_crc32c(std::uint32_t left, std::uint32_t right, std::uint64_t right_size) {
  return append_zeros(left, right_size, kPolynomialCrc32c) ^ right;
}

Digest combine_crc(const Digest& left, const Digest& right, std::uint64_t right_size) {
  assert(left.algorithm == right.algorithm && is_crc(left.algorithm));
  if (left.algorithm == DigestAlgorithm::crc64nvme) {
    const auto crc = append_zeros(from_big_endian<std::uint64_t>(left.bytes), right_size, kPolynomialCrc64Nvme) ^
                     from_big_endian<std::uint64_t>(right.bytes);
    return {left.algorithm, big_endian(crc)};
  }
  const auto polynomial = left.algorithm == DigestAlgorithm::crc32 ? kPolynomialCrc32 : kPolynomialCrc32c;
  const auto crc = append_zeros(from_big_endian<std::uint32_t>(left.bytes), right_size, polynomial) ^
                   from_big_endian<std::uint32_t>(right.bytes);
  return {left.algorithm, big_endian(crc)};
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::string mac(32, '\0');
  unsigned size = 0;
  must(HMAC(sha256_type(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(message.data()), message.size(),
            reinterpret_cast<unsigned char*>(mac.data()), &size) != nullptr);
  return mac;
}

void DigestSource::take(DigestAlgorithm algorithm) {
  for (const auto& [taken, hasher] : hashers_) {
    if (taken == algorithm) return;
  }
  hashers_.emplace_back(algorithm, Hasher::create(algorithm));
}

void DigestSource::expect(Digest digest, ErrorCode mismatch) {
  take(digest.algorithm);
  expected_.push_back({std::move(digest), mismatch});
}

Task<Chunk> DigestSource::read() {
  if (ended_) co_return Chunk{};
  if (failed_) co_return std::unexpected(*failed_);
  CO_TRY(Chunk chunk, co_await inner_.read());
  if (chunk.empty()) {
    auto compared = compare();
    if (!compared) failed_ = compared.error();
    CO_TRY(std::move(compared));
    ended_ = true;
    co_return Chunk{};
  }
  std::array<LaneHash*, 2> lane_hashes{};  // MD5 and SHA-256 at most.
  const auto gathered = std::span(lane_hashes).first(update(chunk.text(), lane_hashes));
  if (!gathered.empty()) {
    HashLanes& lanes = HashLanes::of(co_await asio::this_coro::executor);
    if (!lanes.update_at_once(gathered, chunk.text())) {
      CO_TRY(co_await lanes.update(gathered, chunk.text()));
    }
  }
  size_ += chunk.size();
  co_return chunk;
}

// Digests `bytes` but for the hashes that gain from lanes: their count, the hashes in `gathered`.
std::size_t DigestSource::update(std::string_view bytes, std::span<LaneHash*> gathered) {
  std::size_t count = 0;
  for (const auto& [algorithm, hasher] : hashers_) {
    LaneHash* const lanes = hasher->lanes();
    if (lanes == nullptr || bytes.size() < HashLanes::kGatherSizeMin) {
      hasher->update(bytes);
    } else {
      gathered[count++] = lanes;
    }
  }
  return count;
}

Result<> DigestSource::compare() {
  for (const auto& [algorithm, hasher] : hashers_) digests_.push_back(hasher->finish());
  if (trailer_) {
    TRY(auto trailer, trailer_());
    if (trailer) expected_.push_back({std::move(*trailer), ErrorCode::digest_mismatch});
  }
  for (const auto& [wanted, mismatch] : expected_) {
    const auto actual = digest(wanted.algorithm);
    if (!actual || actual->bytes != wanted.bytes) return fail(mismatch, "the body does not match its digest");
  }
  return done;
}

std::optional<Digest> DigestSource::digest(DigestAlgorithm algorithm) const {
  const auto found = std::ranges::find(digests_, algorithm, &Digest::algorithm);
  return found == digests_.end() ? std::nullopt : std::optional(*found);
}

}  // namespace sluice
