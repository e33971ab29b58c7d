#include "gateway/object/codec.h"

#include <limits>

namespace sluice::object {

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

bool take_varint(std::string_view& in, std::uint64_t& value) {
  if (!in.empty() && static_cast<unsigned char>(in.front()) < 0x80) {
    value = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    return true;
  }
  value = 0;
  for (std::size_t i = 0; i < in.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (i == 9 && byte > 1) return false;  // More than 64 bits.
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      in.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

Encoder& Encoder::number(unsigned tag, std::uint64_t value) {
  if (value == 0) return *this;
  append_varint(out_, std::uint64_t{tag} * 2);
  append_varint(out_, value);
  return *this;
}

Encoder& Encoder::bytes(unsigned tag, std::string_view value) { return value.empty() ? *this : element(tag, value); }

Encoder& Encoder::element(unsigned tag, std::string_view value) {
  append_varint(out_, std::uint64_t{tag} * 2 + 1);
  append_varint(out_, value.size());
  out_.append(value);
  return *this;
}

Decoder::Decoder(std::string_view in, std::uint8_t version) : in_(in) {
  ok_ = !in_.empty() && static_cast<std::uint8_t>(in_.front()) == version;
  if (ok_) in_.remove_prefix(1);
}

bool Decoder::next() {
  if (!ok_ || in_.empty()) return false;
  std::uint64_t head = 0;
  ok_ = take_varint(in_, head) && take_varint(in_, number_);
  if (!ok_) return false;
  tag_ = head / 2;
  is_bytes_ = head % 2 == 1;
  if (!is_bytes_) return true;
  ok_ = number_ <= in_.size();
  if (!ok_) return false;
  bytes_ = in_.substr(0, number_);
  in_.remove_prefix(number_);
  return true;
}

std::uint64_t Decoder::number() {
  if (is_bytes_) refuse();
  return is_bytes_ ? 0 : number_;
}

std::uint32_t Decoder::number32() {
  const auto value = number();
  if (value > std::numeric_limits<std::uint32_t>::max()) refuse();
  return static_cast<std::uint32_t>(value);
}

std::string_view Decoder::bytes() {
  if (!is_bytes_) refuse();
  return is_bytes_ ? bytes_ : std::string_view{};
}

}  // namespace sluice::object
