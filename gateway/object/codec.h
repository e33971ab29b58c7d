#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::object {

/// LEB128: seven bits a byte, the lowest first.
void append_varint(std::string& out, std::uint64_t value);

/// Takes a varint off the front of `in`; false, and `in` as it was, if there is none.
bool take_varint(std::string_view& in, std::uint64_t& value);

/// Writes a row as tagged fields: `tag * 2 + kind`, then a varint (kind 0) or a
/// length and bytes (kind 1). Zeros and empty strings are left out, so that a
/// reader's defaults and an absent field mean the same.
class Encoder {
 public:
  Encoder() = default;
  /// A row begins with the version of its format.
  explicit Encoder(std::uint8_t version) { out_.push_back(static_cast<char>(version)); }

  Encoder& number(unsigned tag, std::uint64_t value);
  Encoder& bytes(unsigned tag, std::string_view value);
  /// As bytes(), but written even when empty: an element of a repeated field.
  Encoder& element(unsigned tag, std::string_view value);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Reads tagged fields from bytes nobody vouches for. After the loop, ok() tells
/// whether everything was well formed; until then values may be partial, never
/// out of bounds. Unknown tags are for the caller to ignore.
///
///   while (in.next()) switch (in.tag()) { case 1: size = in.number(); break; }
///   if (!in.ok()) return fail(ErrorCode::corrupt);
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}
  /// For a row: not ok() unless it begins with `version`.
  Decoder(std::string_view in, std::uint8_t version);

  bool next();
  std::uint64_t tag() const { return tag_; }
  std::uint64_t number();    ///< Of the field at hand; not ok() if it is not a number.
  std::uint32_t number32();  ///< As number(); not ok() beyond 32 bits.
  std::string_view bytes();  ///< Of the field at hand; not ok() if it is not bytes.
  bool ok() const { return ok_; }
  void refuse() { ok_ = false; }

 private:
  std::string_view in_;
  std::uint64_t tag_ = 0;
  bool is_bytes_ = false;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace sluice::object
