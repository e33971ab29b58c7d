#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::http {

/// Where the body of one request ends: after so many bytes, or in chunks (RFC
/// 9112 section 7.1). Given the bytes as they come, it tells framing from payload.
/// It takes nothing but the grammar: what two readers could understand
/// differently is a fault, and after a fault the end of the body is unknown.
/// Trailer fields are skipped.
///
///   skim(bytes)  takes the framing at the front, then one of:
///     payload() != 0   that many payload bytes come next: take() what was used
///     done()           the body ended
///     bad()            the framing is wrong
///     else             more bytes are needed
class BodyFraming {
 public:
  static BodyFraming none() { return BodyFraming(State::done, 0); }
  static BodyFraming length(std::uint64_t size) { return {size == 0 ? State::done : State::counted, size}; }
  static BodyFraming chunked() { return {State::size_first, 0}; }

  /// How many bytes at the front of `bytes` are framing; they are taken.
  std::size_t skim(std::string_view bytes);

  /// Payload bytes that come next without framing between.
  std::uint64_t payload() const { return state_ == State::counted || state_ == State::data ? payload_ : 0; }
  void take(std::uint64_t count);

  bool done() const { return state_ == State::done; }
  bool bad() const { return state_ == State::bad; }

  /// Payload bytes still to come, where the framing says.
  std::optional<std::uint64_t> remaining() const;

 private:
  enum class State : std::uint8_t {
    counted,
    size_first,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_first,
    trailer,
    trailer_lf,
    end_lf,
    done,
    bad,
  };

  BodyFraming(State state, std::uint64_t payload) : state_(state), payload_(payload) {}
  State next(char c);
  State size_digit(char c);

  State state_;
  std::uint64_t payload_;
  std::uint32_t line_size_ = 0;  ///< Of the chunk's size line, or of all trailer fields.
};

}  // namespace sluice::http
