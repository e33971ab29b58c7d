#include "gateway/object/row_fields.h"

#include "gateway/core/cipher.h"

namespace sluice::object {

std::string encode_headers(const ContentHeaders& headers) {
  return Encoder()
      .bytes(1, headers.type)
      .bytes(2, headers.cache_control)
      .bytes(3, headers.disposition)
      .bytes(4, headers.encoding)
      .bytes(5, headers.language)
      .bytes(6, headers.expires)
      .bytes(7, headers.redirect_location)
      .bytes(8, headers.md5)
      .take();
}

bool decode_headers(std::string_view bytes, ContentHeaders& headers) {
  Decoder in(bytes);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        headers.type = in.bytes();
        break;
      case 2:
        headers.cache_control = in.bytes();
        break;
      case 3:
        headers.disposition = in.bytes();
        break;
      case 4:
        headers.encoding = in.bytes();
        break;
      case 5:
        headers.language = in.bytes();
        break;
      case 6:
        headers.expires = in.bytes();
        break;
      case 7:
        headers.redirect_location = in.bytes();
        break;
      case 8:
        headers.md5 = in.bytes();
        break;
      default:
        break;
    }
  }
  return in.ok();
}

void encode_metadata(Encoder& out, unsigned tag, const Metadata& metadata) {
  for (const auto& [name, value] : metadata) out.element(tag, Encoder().bytes(1, name).bytes(2, value).take());
}

bool decode_metadata(std::string_view bytes, Metadata& metadata) {
  auto& [name, value] = metadata.emplace_back();
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) name = in.bytes();
    if (in.tag() == 2) value = in.bytes();
  }
  return in.ok();
}

std::string encode_encryption(const Encryption& encryption) {
  return Encoder()
      .number(1, static_cast<unsigned>(encryption.mode))
      .bytes(2, encryption.master)
      .bytes(3, encryption.salt)
      .bytes(4, encryption.wrapped)
      .take();
}

bool decode_encryption(std::string_view bytes, std::optional<Encryption>& encryption) {
  Encryption found;
  std::uint64_t mode = 0;
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) mode = in.number();
    if (in.tag() == 2) found.master = in.bytes();
    if (in.tag() == 3) found.salt = in.bytes();
    if (in.tag() == 4) found.wrapped = in.bytes();
  }
  found.mode = static_cast<EncryptionMode>(mode);
  const bool by_customer = found.mode == EncryptionMode::customer;
  const bool known = mode >= static_cast<unsigned>(EncryptionMode::managed) &&
                     mode <= static_cast<unsigned>(EncryptionMode::named) && found.master.empty() == by_customer;
  if (!in.ok() || !known || found.salt.size() != kSaltSize || found.wrapped.size() != SecretKey::kWrappedSize) {
    return false;
  }
  encryption = std::move(found);
  return true;
}

std::string encode_seal(const Seal& seal) { return seal.seed + seal.tag + seal.place; }

bool decode_seal(std::string_view bytes, std::optional<Seal>& seal) {
  constexpr std::size_t kSize = kSeedSize + kCipherTagSize;
  if (bytes.size() != kSize && bytes.size() != kSize + kPlaceSize) return false;
  seal = Seal{.seed = std::string(bytes.substr(0, kSeedSize)),
              .tag = std::string(bytes.substr(kSeedSize, kCipherTagSize)),
              .place = std::string(bytes.substr(kSize))};
  return true;
}

std::string encode_lease(const Lease& lease) {
  Encoder out;
  out.bytes(1, lease.id).number(3, time_number(lease.ends));
  if (lease.duration) out.number(2, static_cast<std::uint64_t>(lease.duration->count()));
  if (lease.breaks) out.number(4, time_number(*lease.breaks));
  return out.take();
}

bool decode_lease(std::string_view bytes, std::optional<Lease>& decoded) {
  Lease lease;
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) lease.id = in.bytes();
    if (in.tag() == 2) lease.duration = std::chrono::seconds(in.number32());
    if (in.tag() == 3) lease.ends = time_of(in.number());
    if (in.tag() == 4) lease.breaks = time_of(in.number());
  }
  decoded = std::move(lease);
  return in.ok() && !decoded->id.empty();
}

std::string encode_retention(const Retention& retention) {
  if (retention.mode == RetentionMode::none) return {};
  return Encoder().number(1, static_cast<unsigned>(retention.mode)).number(2, time_number(retention.until)).take();
}

bool decode_retention(std::string_view bytes, Retention& retention) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) retention.mode = word_of(in, RetentionMode::compliance);
    if (in.tag() == 2) retention.until = time_of(in.number());
  }
  return in.ok();
}

bool is_algorithm(std::uint64_t number) {
  return number <= 255 && digest_size(static_cast<DigestAlgorithm>(number)) != 0;
}

bool is_checksum_type(std::uint64_t number) { return number == 1 || number == 2; }

std::string encode_digest(const Digest& digest) { return static_cast<char>(digest.algorithm) + digest.bytes; }

bool decode_digest(std::string_view bytes, std::optional<Digest>& digest) {
  if (bytes.empty() || !is_algorithm(static_cast<unsigned char>(bytes[0]))) return false;
  const auto algorithm = static_cast<DigestAlgorithm>(bytes[0]);
  if (bytes.size() != 1 + digest_size(algorithm)) return false;
  digest = Digest{algorithm, std::string(bytes.substr(1))};
  return true;
}

std::string encode_checksum(const Checksum& checksum) {
  return static_cast<char>(checksum.type) + encode_digest(checksum.digest);
}

bool decode_checksum(std::string_view bytes, std::optional<Checksum>& checksum) {
  if (bytes.empty() || !is_checksum_type(static_cast<unsigned char>(bytes[0]))) return false;
  std::optional<Digest> digest;
  if (!decode_digest(bytes.substr(1), digest)) return false;
  checksum = Checksum{std::move(*digest), static_cast<ChecksumType>(bytes[0])};
  return true;
}

}  // namespace sluice::object
