#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "gateway/http/message.h"

namespace sluice::http {

/// Finds the end of a request's header in bytes that come piece by piece, and
/// refuses at once what can never become one: lines that end in a bare LF, folded
/// lines, and a first byte that begins no method.
class HeaderScanner {
 public:
  enum class Found : std::uint8_t { end, more, malformed };

  /// `bytes` are those of the last call and more; the search goes on where it was.
  Found scan(std::string_view bytes);

  /// After `end`: the size of the header, with the empty line.
  std::size_t size() const { return line_; }
  /// Is the request line complete?
  bool has_request_line() const { return line_ != 0; }
  void reset() { *this = {}; }

 private:
  std::size_t line_ = 0;  ///< Where the present line starts.
  std::size_t at_ = 0;
};

/// A request's header, and what of it concerns the connection.
struct ParsedRequest {
  RequestHeader header;
  bool http_1_0 = false;
  bool keep_alive = false;        ///< The client lets the connection live.
  bool expects_continue = false;  ///< It holds the body back until told to go on.
};

/// Understands `block`, a whole header with its empty line, into `request`, whose
/// memory is used again; or says what is wrong with it. Of everything that two
/// readers could frame differently, nothing is accepted (RFC 9112 section 11.2).
std::optional<Refusal> parse_request(std::string_view block, std::size_t target_size_max, ParsedRequest& request);

}  // namespace sluice::http
