#pragma once

#include <cstring>
#include <optional>
#include <span>

#include "gateway/core/body.h"
#include "gateway/http/connection.h"
#include "gateway/http/framing.h"
#include "gateway/http/request_parser.h"

namespace sluice::http {

/// The body of the present request, read from its connection as it is asked for.
/// It holds no chunk while it waits for the first bytes, so a slow client costs
/// no memory. One for all requests of a connection: begin() starts the next.
template <class Stream>
class RequestBody : public BodySource {
 public:
  RequestBody(Connection<Stream>& connection, const SessionScope& scope)
      : connection_(connection), options_(scope.options), pool_(scope.pool) {}

  void begin(const ParsedRequest& request) {
    const RequestHeader& header = request.header;
    framing_ = header.chunked ? BodyFraming::chunked() : BodyFraming::length(header.content_length.value_or(0));
    holds_back_ = request.expects_continue;
    failure_.reset();
    received_ = 0;
  }

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return framing_.remaining(); }

  /// Payload and framing bytes taken so far.
  std::uint64_t received() const { return received_; }
  bool complete() const { return framing_.done() && !holds_back_; }

  /// May the rest be dropped, so that the next request can follow? Not when the
  /// client still waits to be asked for it: whether it comes then, nobody knows.
  bool can_be_dropped() const {
    if (complete()) return true;
    return !failure_ && !framing_.bad() && !holds_back_ && framing_.remaining().value_or(0) <= options_.unread_size_max;
  }

  /// Drops the rest; false if that takes too long or too much.
  Awaitable<bool> drop();

 private:
  Task<> invite();
  Task<> reach_payload();
  Awaitable<std::size_t> collect(std::span<std::byte> memory);
  void skim() { consume(framing_.skim(connection_.input().text())); }
  void consume(std::size_t count) {
    connection_.input().consume(count);
    received_ += count;
  }
  std::size_t payload_at_hand() const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(framing_.payload(), connection_.input().size()));
  }
  std::unexpected<Error> failed(ErrorCode code, std::string detail) {
    failure_ = Error{code, std::move(detail)};
    return std::unexpected(*failure_);
  }

  Connection<Stream>& connection_;
  const SessionOptions& options_;
  BufferPool& pool_;
  BodyFraming framing_ = BodyFraming::none();
  bool holds_back_ = false;
  std::optional<Error> failure_;
  std::uint64_t received_ = 0;
};

template <class Stream>
Task<Chunk> RequestBody<Stream>::read() {
  if (failure_) co_return std::unexpected(*failure_);
  if (holds_back_) {
    CO_TRY(co_await invite());
  }
  if (framing_.done()) co_return Chunk{};
  CO_TRY(co_await reach_payload());
  if (framing_.done()) co_return Chunk{};

  CO_TRY(Chunk chunk, co_await pool_.acquire());
  const std::size_t filled = co_await collect(chunk.writable());
  co_return chunk.slice(0, filled);
}

template <class Stream>
Task<> RequestBody<Stream>::invite() {
  holds_back_ = false;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  std::array<boost::asio::const_buffer, 1> buffers{boost::asio::buffer(kContinue)};
  if (!co_await connection_.write(buffers)) co_return failed(ErrorCode::client_gone, "while it was told to continue");
  co_return done;
}

/// Waits until payload is in the input, or the body has ended.
template <class Stream>
Task<> RequestBody<Stream>::reach_payload() {
  for (;;) {
    skim();
    if (framing_.bad()) co_return failed(ErrorCode::invalid_chunk, "the chunked framing of the body is wrong");
    if (framing_.done() || payload_at_hand() != 0) co_return done;
    connection_.set(options_.progress_timeout);
    const auto error = co_await connection_.fill();
    if (error == boost::asio::error::operation_aborted) {
      co_return failed(ErrorCode::client_gone, "no byte of the body came in time");
    }
    if (error == boost::asio::error::eof) co_return failed(ErrorCode::incomplete_body, "the client closed too early");
    if (error) co_return failed(ErrorCode::client_gone, error.message());
  }
}

/// Fills `memory` with the payload that is there; how much.
template <class Stream>
Awaitable<std::size_t> RequestBody<Stream>::collect(std::span<std::byte> memory) {
  std::size_t filled = 0;
  for (;;) {
    const std::size_t count = std::min(payload_at_hand(), memory.size() - filled);
    std::memcpy(memory.data() + filled, connection_.input().text().data(), count);
    consume(count);
    framing_.take(count);
    filled += count;
    skim();
    if (filled == memory.size() || framing_.done() || framing_.bad()) co_return filled;
    if (!connection_.input().empty()) continue;

    if (framing_.payload() == 0) {
      if (co_await connection_.fill_at_hand() == 0) co_return filled;
      skim();
      continue;
    }
    const auto wanted = std::min<std::uint64_t>(framing_.payload(), memory.size() - filled);
    const std::size_t direct =
        co_await connection_.read_at_hand(memory.subspan(filled, static_cast<std::size_t>(wanted)));
    if (direct == 0) co_return filled;
    received_ += direct;
    framing_.take(direct);
    filled += direct;
  }
}

template <class Stream>
Awaitable<bool> RequestBody<Stream>::drop() {
  if (complete()) co_return true;
  if (!can_be_dropped()) co_return false;
  const std::uint64_t received_max = received_ + options_.unread_size_max;
  connection_.set(options_.linger_timeout);
  for (;;) {
    skim();
    const std::size_t count = payload_at_hand();
    consume(count);
    if (count != 0) framing_.take(count);
    if (framing_.done()) co_return true;
    if (framing_.bad() || received_ > received_max) co_return false;
    if (!connection_.input().empty()) continue;
    if (co_await connection_.fill()) co_return false;
  }
}

}  // namespace sluice::http
