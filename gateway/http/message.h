#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/body.h"
#include "gateway/core/context.h"
#include "gateway/core/fields.h"

namespace sluice::http {

enum class Method : std::uint8_t { get, head, put, post, del, options, other };

/// The header of one request, as it came.
struct RequestHeader {
  Method method = Method::other;
  std::string method_text;
  std::string target;  ///< The raw request target, never decoded: signatures cover it.
  Fields fields;
  std::optional<std::uint64_t> content_length;  ///< Absent with chunked framing and without a body.
  bool chunked = false;                         ///< Transfer-Encoding: chunked.
};

/// One request: its header, and its body not yet read. The first read() of the
/// body answers an `Expect: 100-continue`, so refusing a request before that
/// costs its client no transfer.
struct Request {
  const RequestHeader& header;
  BodySource& body;
};

/// The header of one response, put together as it will be sent. Names and values
/// must hold no CR, LF or NUL: add() replaces those by spaces, so nothing stored
/// by a client can split a response.
class ResponseHeader {
 public:
  explicit ResponseHeader(unsigned status = 200) : status_(status) {}

  unsigned status() const { return status_; }
  void set_status(unsigned status) { status_ = status; }
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, std::uint64_t value);
  /// Adds what the lines() of another were.
  void add_lines(std::string_view lines);

  /// The lines as they go out, each with its CRLF. Content-Length, Date, Server
  /// and Connection are the session's and are never in it.
  const std::string& lines() const { return lines_; }

 private:
  unsigned status_;
  std::string lines_;
};

/// One response: its header, and its body: `content`, then what `body` yields.
struct Response {
  ResponseHeader header;
  Chunk content{};
  std::unique_ptr<BodySource> body{};

  /// The length of content and body together. Without it and with a body, the
  /// session frames the body in chunks. For HEAD: what a GET would have.
  std::optional<std::uint64_t> content_length{};
};

/// Why the session answers a request itself, before the handler or in its stead.
enum class Fault : std::uint8_t {
  malformed_request,
  header_too_large,
  target_too_long,
  unsupported_version,
  unsupported_coding,  ///< A transfer coding other than chunked.
  overloaded,          ///< Too many requests wait for memory already.
  unavailable,         ///< The body of the answer cannot be had for now.
  internal,
};

/// One answer of the session's own; `message` is a literal.
struct Refusal {
  unsigned status = 500;
  Fault fault = Fault::internal;
  std::string_view message;
};

/// What a protocol is to the session. A handler never fails: how an error looks
/// on the wire is the protocol's own business, so it answers with a Response.
/// Safe for concurrent use.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Awaitable<Response> handle(RequestContext& context, const Request& request) = 0;

  /// The answer to a request without a body, where memory has all of it, made without a
  /// wait; then the response has no `body` of its own. Nothing: handle() has to be asked,
  /// and whatever was written into `context` is written anew.
  virtual std::optional<Response> answer_at_once(RequestContext&, const Request&) { return std::nullopt; }

  /// How a fault of the session's looks in this protocol, its error code noted in
  /// `context`. The request may never have been understood. Plain text by default.
  virtual Response refuse(RequestContext& context, const Refusal& refusal);
};

}  // namespace sluice::http
