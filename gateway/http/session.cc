#include "gateway/http/session.h"

#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "gateway/http/access_log.h"
#include "gateway/http/connection.h"
#include "gateway/http/exact_source.h"
#include "gateway/http/request_body.h"
#include "gateway/http/request_parser.h"
#include "gateway/http/response_head.h"

namespace sluice::http {
namespace {

namespace asio = boost::asio;

constexpr Refusal kMalformed{400, Fault::malformed_request, "The request is malformed."};
constexpr Refusal kHeaderTooLarge{400, Fault::header_too_large, "The request header is too large."};
constexpr Refusal kTargetTooLong{414, Fault::target_too_long, "The request target is too long."};
constexpr Refusal kInternal{500, Fault::internal, "An internal error occurred."};
constexpr Refusal kOverloaded{503, Fault::overloaded, "Please reduce your request rate."};
constexpr Refusal kUnavailable{503, Fault::unavailable, "The server cannot answer now; try again."};

/// A longer answer keeps its receiver busy: holding it in the outbox would let both wait in turn.
constexpr std::size_t kHeldMax = 16 * 1024;

/// What to do with the connection after one request.
enum class Then : std::uint8_t {
  next,    ///< Another request may follow.
  linger,  ///< Everything is sent; let the peer read it, and close.
  close,
  cut,
};

/// What is known of the next header.
enum class Header : std::uint8_t {
  awaited,  ///< It is not whole.
  complete,
  refused,
  gone,  ///< None will come.
};

/// Counts a request as begun, and as ended however it ends.
class InFlight {
 public:
  explicit InFlight(MetricsShard& metrics) : metrics_(metrics) { metrics_.requests_begun.add(); }
  ~InFlight() { metrics_.requests_ended.add(); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  MetricsShard& metrics_;
};

/// One connection. All memory it needs again and again lives as long as it does.
///
/// What a request costs beside its handling is one wait, for its bytes, in run()'s own
/// frame, and one turn, in which an answer that was made at once goes out of the outbox.
template <class Stream>
class Session : private Outbox::Sender {
 public:
  Session(Stream stream, std::string remote_address, const SessionScope& scope)
      : scope_(scope), connection_(std::move(stream), scope), body_(connection_, scope) {
    context_.remote_address = std::move(remote_address);
    context_.secure = Connection<Stream>::kSecure;
  }

  Awaitable<> run();

 private:
  using Clock = std::chrono::steady_clock;

  Awaitable<bool> shake_hands();
  Awaitable<Then> serve_all();
  Awaitable<Then> serve_one(Header header);

  Header find_header();
  Header go_on();
  Header scan_header();
  void begin_request(bool understood);

  bool answer_at_once();
  std::optional<Response> response_at_once();
  void send_now() override;
  Awaitable<bool> finish_sending();
  void sent_all(Outcome outcome);
  bool is_sending() const { return !unsent_.empty(); }

  Awaitable<Response> respond();
  Response refused(const Refusal& refusal);

  Awaitable<Outcome> send(Response response);
  Awaitable<Result<Chunk>> pull(ExactSource& source);
  Awaitable<bool> send_piece(const Chunk& piece, bool with_head);
  Awaitable<Outcome> send_rest(ExactSource& source);
  void plan(Response& response);
  void render(const Response& response);
  void record(Outcome outcome);

  bool is_overloaded() const {
    return scope_.pool.waiting() > scope_.options.memory_waiters_max && !scope_.serves_while_draining;
  }
  bool leaves() const { return scope_.draining.load(std::memory_order_relaxed) && !scope_.serves_while_draining; }

  const SessionScope& scope_;
  Connection<Stream> connection_;
  RequestBody<Stream> body_;
  RequestContext context_;
  HeaderScanner scanner_;
  ParsedRequest request_;
  std::optional<Refusal> refusal_;
  std::size_t header_size_ = 0;
  bool is_first_ = true;
  bool header_begun_ = false;
  bool keeps_ = true;

  Clock::time_point begin_;
  std::uint64_t sent_before_ = 0;
  ResponsePlan plan_;
  unsigned status_ = 0;
  std::string head_;
  std::string size_line_;
  std::string_view tls_;

  // Of an answer that was made at once: what is still to go of it.
  Chunk content_;
  std::array<asio::const_buffer, 2> parts_;
  std::span<asio::const_buffer> unsent_;
};

template <class Stream>
Awaitable<> Session<Stream>::run() {
  Then then = Then::cut;
  try {
    const bool ready = co_await shake_hands();
    then = ready ? co_await serve_all() : Then::close;
  } catch (const std::exception& error) {
    scope_.log.error("session failed", {{"id", context_.request_id}, {"what", std::string_view(error.what())}});
    then = Then::cut;
  }
  if (then == Then::linger) co_await connection_.linger();
  if (then == Then::close) connection_.close();
  if (then == Then::cut) connection_.cut();
}

template <class Stream>
Awaitable<Then> Session<Stream>::serve_all() {
  Then then = Then::next;
  while (then == Then::next) {
    Header header = find_header();
    while (header == Header::awaited) {
      const auto error =
          connection_.read_error() ? connection_.read_error() : connection_.take(co_await connection_.receive());
      header = error ? Header::gone : go_on();
    }
    if (header == Header::gone) co_return Then::close;
    begin_request(header == Header::complete);
    if (header != Header::complete || !answer_at_once()) {
      then = co_await serve_one(header);
      continue;
    }
    if (Connection<Stream>::kSecure || !keeps_ || content_.size() > kHeldMax) {
      then = co_await finish_sending() ? Then::next : Then::close;
      if (!keeps_ && then == Then::next) then = Then::linger;
    } else {
      scope_.outbox.add(*this, connection_.executor());
      // Goes on when the outbox has sent: the next request is often there by then, and is not before.
      co_await asio::post(connection_.executor(), use_task);
      if (is_sending() && !co_await finish_sending()) co_return Then::close;
    }
  }
  co_return then;
}

template <class Stream>
Awaitable<bool> Session<Stream>::shake_hands() {
  if constexpr (Connection<Stream>::kSecure) {
    connection_.set(scope_.options.handshake_timeout);
    const auto [error] =
        co_await connection_.stream().async_handshake(asio::ssl::stream_base::server, asio::as_tuple(use_task));
    if (error) {
      scope_.metrics.tls_failures.add();
      co_return false;
    }
    tls_ = SSL_get_version(connection_.stream().native_handle());
  }
  co_return true;
}

template <class Stream>
Awaitable<Then> Session<Stream>::serve_one(Header header) {
  const InFlight in_flight(scope_.metrics);
  Outcome outcome;
  if (header == Header::complete && is_overloaded()) refusal_ = kOverloaded;
  if (refusal_) {
    outcome = co_await send(refused(*refusal_));
  } else {
    outcome = co_await send(co_await respond());
  }
  record(outcome);

  if (outcome == Outcome::cut) co_return Then::cut;
  if (outcome == Outcome::gone) co_return Then::close;
  if (!keeps_) co_return Then::linger;
  if (!body_.complete() && !co_await body_.drop()) co_return Then::linger;
  co_return Then::next;
}

/// Looks for the next header in what is there; awaited: more has to be received.
template <class Stream>
Header Session<Stream>::find_header() {
  InputBuffer& input = connection_.input();
  scanner_.reset();
  refusal_.reset();
  header_begun_ = false;
  if (!input.empty()) return go_on();
  if (leaves()) return Header::gone;
  input.shrink();
  const auto timeout = is_first_ ? scope_.options.header_timeout : scope_.options.idle_timeout;
  scope_.serves_while_draining ? connection_.set(timeout) : connection_.set_idle(timeout);
  return Header::awaited;
}

/// Looks on, with more bytes. The time for a header is bounded as a whole, so that
/// sending it byte by byte buys nothing.
template <class Stream>
Header Session<Stream>::go_on() {
  is_first_ = false;
  if (!std::exchange(header_begun_, true)) connection_.set(scope_.options.header_timeout);
  const Header header = scan_header();
  if (header != Header::awaited) connection_.clear();
  return header;
}

/// Looks for a header in the input.
template <class Stream>
Header Session<Stream>::scan_header() {
  InputBuffer& input = connection_.input();
  if (!scanner_.has_request_line()) {
    // RFC 9112 2.2: empty lines before a request line are ignored.
    while (input.text().starts_with("\r\n")) input.consume(2);
    if (input.text() == "\r") return Header::awaited;
  }
  const auto found = scanner_.scan(input.text());
  const std::size_t size_max = scope_.options.header_size_max;
  const std::size_t size = found == HeaderScanner::Found::end ? scanner_.size() : input.size();
  header_size_ = size;
  if (found == HeaderScanner::Found::malformed) {
    refusal_ = kMalformed;
  } else if (size > size_max || (size == size_max && found == HeaderScanner::Found::more)) {
    refusal_ = scanner_.has_request_line() ? kHeaderTooLarge : kTargetTooLong;
  } else if (found == HeaderScanner::Found::more) {
    return Header::awaited;
  } else {
    refusal_ = parse_request(input.text().substr(0, size), scope_.options.target_size_max, request_);
    if (!refusal_) {
      input.consume(size);
      return Header::complete;
    }
  }
  return Header::refused;
}

template <class Stream>
void Session<Stream>::begin_request(bool understood) {
  begin_ = Clock::now();
  sent_before_ = connection_.sent();
  scope_.ids.next(context_.request_id);
  context_.principal.clear();
  context_.operation = {};
  context_.error_code = {};
  context_.bucket.clear();
  context_.key.clear();
  context_.detail.clear();
  if (!understood) {
    request_.header = {};
    request_.http_1_0 = false;
    request_.keep_alive = false;
    request_.expects_continue = false;
  }
  keeps_ = request_.keep_alive;
  body_.begin(request_);
}

/// Makes the answer, if memory has it; it is then unsent.
template <class Stream>
bool Session<Stream>::answer_at_once() {
  if (!body_.complete()) return false;
  std::optional<Response> response = response_at_once();
  if (!response || response->body) return false;
  const std::uint64_t size = response->content.size();
  if (request_.header.method != Method::head && response->content_length.value_or(size) != size) return false;
  scope_.metrics.requests_begun.add();
  plan(*response);
  render(*response);
  content_ = std::move(response->content);
  parts_ = {asio::buffer(head_), asio::buffer(content_.bytes().data(), content_.size())};
  unsent_ = std::span(parts_).first(content_.empty() ? 1 : 2);
  return true;
}

template <class Stream>
std::optional<Response> Session<Stream>::response_at_once() {
  try {
    return scope_.handler.answer_at_once(context_, Request{request_.header, body_});
  } catch (const std::exception&) {
    return std::nullopt;  // handle() meets it again, and tells it.
  }
}

/// Sends what goes without waiting; run() goes on with the rest.
template <class Stream>
void Session<Stream>::send_now() {
  connection_.write_now(unsent_);
  if (unsent_.empty()) sent_all(Outcome::complete);
}

template <class Stream>
Awaitable<bool> Session<Stream>::finish_sending() {
  this->unlink();
  connection_.write_now(unsent_);
  const bool sent = unsent_.empty() || co_await connection_.write(unsent_);
  sent_all(sent ? Outcome::complete : Outcome::gone);
  co_return sent;
}

template <class Stream>
void Session<Stream>::sent_all(Outcome outcome) {
  unsent_ = {};
  content_ = {};
  record(outcome);
  scope_.metrics.requests_ended.add();
}

template <class Stream>
Awaitable<Response> Session<Stream>::respond() {
  try {
    const Request request{request_.header, body_};
    co_return co_await scope_.handler.handle(context_, request);
  } catch (const std::exception& error) {
    context_.detail = error.what();
  }
  keeps_ = false;
  co_return refused(kInternal);
}

template <class Stream>
Response Session<Stream>::refused(const Refusal& refusal) {
  try {
    return scope_.handler.refuse(context_, refusal);
  } catch (const std::exception& error) {
    context_.detail = error.what();
    return Response{.header = ResponseHeader(refusal.status)};
  }
}

template <class Stream>
void Session<Stream>::plan(Response& response) {
  plan_ = plan_response(response, request_.header.method, request_.http_1_0);
  status_ = response.header.status();
  response.content_length = plan_.length;
  if (!plan_.has_body) {
    response.content = {};
    response.body.reset();
    response.content_length = 0;
  }
  keeps_ = keeps_ && plan_.delimiter != Delimiter::close && !leaves() && body_.can_be_dropped();
}

template <class Stream>
void Session<Stream>::render(const Response& response) {
  KeepAlive keep_alive = KeepAlive::no;
  if (keeps_) keep_alive = request_.http_1_0 ? KeepAlive::yes_said : KeepAlive::yes;
  render_head(response.header, plan_, keep_alive, head_);
}

template <class Stream>
Awaitable<Outcome> Session<Stream>::send(Response response) {
  plan(response);
  ExactSource source(response);
  Result<Chunk> first;
  if (source.reads()) {
    first = co_await pull(source);
  } else {
    first = source.next_at_once();
  }
  if (!first) {
    // Nothing is sent yet, so the client can still be told.
    const bool later = first.error().code == ErrorCode::unavailable || first.error().code == ErrorCode::busy;
    response = refused(later ? kUnavailable : kInternal);
    context_.detail = std::move(first.error().detail);
    plan(response);
    source = ExactSource(response);
    first = source.reads() ? fail(ErrorCode::internal) : source.next_at_once();
    if (!first) co_return Outcome::cut;
  }
  render(response);
  if (!co_await send_piece(*first, true)) co_return Outcome::gone;
  if (source.finished()) co_return Outcome::complete;
  first = Chunk{};  // Given back before the wait for the next.
  co_return co_await send_rest(source);
}

template <class Stream>
Awaitable<Outcome> Session<Stream>::send_rest(ExactSource& source) {
  while (!source.finished()) {
    const auto piece = co_await pull(source);
    if (!piece) {
      context_.detail = piece.error().detail;
      co_return Outcome::cut;
    }
    if (!co_await send_piece(*piece, false)) co_return Outcome::gone;
  }
  co_return Outcome::complete;
}

/// The next piece; what the source throws becomes an error.
template <class Stream>
Awaitable<Result<Chunk>> Session<Stream>::pull(ExactSource& source) {
  try {
    co_return co_await source.next();
  } catch (const std::exception& error) {
    co_return fail(ErrorCode::internal, error.what());
  }
}

/// Sends one piece of the body as the plan frames it, after the head if that is
/// still to go, all in one write.
template <class Stream>
Awaitable<bool> Session<Stream>::send_piece(const Chunk& piece, bool with_head) {
  std::array<asio::const_buffer, 4> parts;
  std::size_t count = 0;
  if (with_head) parts[count++] = asio::buffer(head_);
  const bool chunked = plan_.has_body && plan_.delimiter == Delimiter::chunks;
  if (chunked) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    size_line_.clear();
    for (std::size_t size = piece.size(); size != 0; size >>= 4) size_line_.insert(0, 1, kDigits[size & 15]);
    size_line_.append(piece.empty() ? "0\r\n" : "\r\n");
    parts[count++] = asio::buffer(size_line_);
  }
  if (!piece.empty()) parts[count++] = asio::buffer(piece.bytes().data(), piece.size());
  if (chunked) parts[count++] = asio::buffer("\r\n", 2);

  std::span<asio::const_buffer> buffers(parts.data(), count);
  if (buffers.empty()) co_return true;
  // A small answer nearly always fits the socket; a long body waits its turn.
  if (with_head) connection_.write_now(buffers);
  co_return buffers.empty() || co_await connection_.write(buffers);
}

template <class Stream>
void Session<Stream>::record(Outcome outcome) {
  const auto duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin_);
  const auto duration_us = static_cast<std::uint64_t>(duration.count());
  const std::uint64_t received = header_size_ + body_.received();
  const std::uint64_t sent = connection_.sent() - sent_before_;
  scope_.metrics.count({.protocol = scope_.protocol,
                        .operation = context_.operation.empty() ? "none" : context_.operation,
                        .status = status_,
                        .received = received,
                        .sent = sent,
                        .duration_us = duration_us});
  if (!scope_.logs_access) return;
  log_access(scope_.log, {.context = context_,
                          .header = request_.header,
                          .protocol = scope_.protocol,
                          .tls = tls_,
                          .status = status_,
                          .outcome = outcome,
                          .received = received,
                          .sent = sent,
                          .duration_us = duration_us});
}

}  // namespace

Awaitable<> serve(TcpSocket socket, std::string remote_address, const SessionScope& scope) {
  Session<TcpSocket> session(std::move(socket), std::move(remote_address), scope);
  co_await session.run();
}

Awaitable<> serve(TlsStream stream, std::string remote_address, const SessionScope& scope) {
  Session<TlsStream> session(std::move(stream), std::move(remote_address), scope);
  co_await session.run();
}

}  // namespace sluice::http
