#include "gateway/http/framing.h"

namespace sluice::http {
namespace {

constexpr std::uint32_t kSizeLineMax = 1024;
constexpr std::uint32_t kTrailerMax = 16 * 1024;

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool is_text(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); }

}  // namespace

std::size_t BodyFraming::skim(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && payload() == 0 && !done() && !bad()) state_ = next(bytes[taken++]);
  return taken;
}

void BodyFraming::take(std::uint64_t count) {
  if (count == 0) return;
  payload_ -= count;
  if (payload_ == 0) state_ = state_ == State::counted ? State::done : State::data_cr;
}

std::optional<std::uint64_t> BodyFraming::remaining() const {
  if (done()) return 0;
  if (state_ == State::counted) return payload_;
  return std::nullopt;
}

BodyFraming::State BodyFraming::size_digit(char c) {
  constexpr std::uint64_t kSizeMax = ~std::uint64_t{0} >> 4;
  const int digit = hex_digit(c);
  if (digit < 0 || payload_ > kSizeMax) return State::bad;
  payload_ = payload_ << 4 | static_cast<std::uint64_t>(digit);
  return State::size;
}

BodyFraming::State BodyFraming::next(char c) {
  const bool in_trailer = state_ >= State::trailer_first;
  if (++line_size_ > (in_trailer ? kTrailerMax : kSizeLineMax)) return State::bad;
  switch (state_) {
    case State::size_first:
      line_size_ = 1;
      return size_digit(c);
    case State::size:
      if (c == '\r') return State::size_lf;
      return c == ';' ? State::extension : size_digit(c);
    case State::extension:
      if (c == '\r') return State::size_lf;
      return is_text(c) ? State::extension : State::bad;
    case State::size_lf:
      if (c != '\n') return State::bad;
      line_size_ = 0;
      return payload_ == 0 ? State::trailer_first : State::data;
    case State::data_cr:
      return c == '\r' ? State::data_lf : State::bad;
    case State::data_lf:
      return c == '\n' ? State::size_first : State::bad;
    case State::trailer_first:
      if (c == '\r') return State::end_lf;
      return is_text(c) ? State::trailer : State::bad;
    case State::trailer:
      if (c == '\r') return State::trailer_lf;
      return is_text(c) ? State::trailer : State::bad;
    case State::trailer_lf:
      return c == '\n' ? State::trailer_first : State::bad;
    case State::end_lf:
      return c == '\n' ? State::done : State::bad;
    case State::counted:
    case State::data:
    case State::done:
    case State::bad:
      break;
  }
  return State::bad;
}

}  // namespace sluice::http
