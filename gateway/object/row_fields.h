#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/digest.h"
#include "gateway/core/result.h"
#include "gateway/object/codec.h"
#include "gateway/object/info.h"

// What rows of several kinds are made of: values as the bytes of a field. decode_ gives false for
// bytes that are no such value, and what it was to fill in is void then.

namespace sluice::object {

/// What a row begins with.
inline constexpr std::uint8_t kRowVersion = 1;

/// Fails with corrupt; `what` says of which row.
inline std::unexpected<Error> corrupt_row(const char* what) { return fail(ErrorCode::corrupt, what); }

inline std::uint64_t time_number(UtcTime time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

inline UtcTime time_of(std::uint64_t number) {
  return UtcTime(std::chrono::milliseconds(static_cast<std::int64_t>(number)));
}

/// A number that stands for one of an enum's words, of which `last` is the last.
template <class Word>
Word word_of(Decoder& in, Word last) {
  const auto number = in.number();
  if (number <= static_cast<std::uint64_t>(last)) return static_cast<Word>(number);
  in.refuse();
  return Word{};
}

std::string encode_headers(const ContentHeaders& headers);
bool decode_headers(std::string_view bytes, ContentHeaders& headers);

/// Pairs of strings: metadata and tags. A field each; decoding adds one.
void encode_metadata(Encoder& out, unsigned tag, const Metadata& metadata);
bool decode_metadata(std::string_view bytes, Metadata& metadata);

std::string encode_encryption(const Encryption& encryption);
bool decode_encryption(std::string_view bytes, std::optional<Encryption>& encryption);

std::string encode_seal(const Seal& seal);
bool decode_seal(std::string_view bytes, std::optional<Seal>& seal);

std::string encode_lease(const Lease& lease);
bool decode_lease(std::string_view bytes, std::optional<Lease>& decoded);

std::string encode_retention(const Retention& retention);
bool decode_retention(std::string_view bytes, Retention& retention);

/// Does the number stand for an algorithm, or a kind of checksum?
bool is_algorithm(std::uint64_t number);
bool is_checksum_type(std::uint64_t number);

std::string encode_digest(const Digest& digest);
bool decode_digest(std::string_view bytes, std::optional<Digest>& digest);

std::string encode_checksum(const Checksum& checksum);
bool decode_checksum(std::string_view bytes, std::optional<Checksum>& checksum);

}  // namespace sluice::object
