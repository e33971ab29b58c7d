#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gateway/http/message.h"

namespace sluice::http {

/// How the reader of a response learns where it ends.
enum class Delimiter : std::uint8_t { length, chunks, close };

/// What goes out of a response besides its own header lines.
struct ResponsePlan {
  bool has_body = true;  ///< False where the protocol forbids one: HEAD, 204, 304.
  Delimiter delimiter = Delimiter::length;
  std::optional<std::uint64_t> length;  ///< What Content-Length says, where it is sent.
};

ResponsePlan plan_response(const Response& response, Method method, bool http_1_0);

enum class KeepAlive : std::uint8_t {
  yes,
  yes_said,  ///< A client of HTTP/1.0 is told that its wish was heard.
  no,
};

/// Writes status line and all header lines, with the empty one, into `text`, whose
/// memory is used again.
void render_head(const ResponseHeader& header, const ResponsePlan& plan, KeepAlive keep_alive, std::string& text);

/// The present time as an HTTP date; made once a second on each thread.
const std::string& date_now();

}  // namespace sluice::http
