#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "gateway/core/lendable_memory.h"
#include "gateway/core/result.h"
#include "gateway/http/deadlines.h"
#include "gateway/http/input_buffer.h"
#include "gateway/http/session.h"

namespace sluice::http {

/// The bytes of one connection, plain or TLS, under one deadline. A deadline that
/// expires cancels the operation that waits.
template <class Stream>
class Connection : private Deadline {
 public:
  static constexpr bool kSecure = std::is_same_v<Stream, TlsStream>;
  using ErrorCode = boost::system::error_code;
  using Buffers = std::span<boost::asio::const_buffer>;

  Connection(Stream stream, const SessionScope& scope)
      : Deadline(scope.deadlines), options_(scope.options), pipe_(scope.pipe), stream_(std::move(stream)) {
    // Lets read_at_hand() and write_now() return instead of waiting.
    ErrorCode ignored;
    socket().non_blocking(true, ignored);
  }

  using Deadline::clear;
  using Deadline::set;
  using Deadline::set_idle;

  InputBuffer& input() { return input_; }
  Stream& stream() { return stream_; }
  Executor executor() { return stream_.get_executor(); }
  std::uint64_t sent() const { return sent_; }

  /// Receives at least one byte more into input(), which must not be full. The
  /// deadline is the caller's.
  Awaitable<ErrorCode> fill();

  /// fill() without a coroutine of its own: what receive() gives goes to take().
  auto receive() {
    const std::span<char> room = input_.room(options_.header_size_max);
    return stream_.async_read_some(boost::asio::buffer(room.data(), room.size()), boost::asio::as_tuple(use_task));
  }
  ErrorCode take(const std::tuple<ErrorCode, std::size_t>& received) {
    const auto [error, count] = received;
    input_.commit(count);
    return count != 0 ? ErrorCode() : error;
  }
  /// What an earlier read met; it is over then.
  const ErrorCode& read_error() const { return read_error_; }

  /// Receives into `memory` what is there already, without waiting for the peer;
  /// how much. An error is kept for the next fill().
  Awaitable<std::size_t> read_at_hand(std::span<std::byte> memory);
  /// The same into input().
  Awaitable<std::size_t> fill_at_hand();

  /// Sends as much of `buffers` as goes without waiting, and takes it off them.
  void write_now(Buffers& buffers);

  /// Sends all of `buffers`; false if the peer is gone or takes nothing.
  Awaitable<bool> write(Buffers buffers);

  /// Says goodbye, and lets the peer read what was sent: closing over bytes that
  /// it still sends would take the last answer away from it.
  Awaitable<> linger();

  void close() {
    ErrorCode ignored;
    socket().shutdown(boost::asio::socket_base::shutdown_both, ignored);
    socket().close(ignored);
  }

  /// Ends the connection so that nobody can take what was sent for whole.
  void cut() {
    ErrorCode ignored;
    socket().set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket().close(ignored);
  }

 private:
  TcpSocket& socket() {
    if constexpr (kSecure) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  void expire() override {
    expired_ = true;
    ErrorCode ignored;
    socket().cancel(ignored);
  }
  bool has_more_at_hand();
  bool lends(const boost::asio::const_buffer& buffer) const;
  std::size_t send_some(Buffers buffers, ErrorCode& error);
  void take_off(Buffers& buffers, std::size_t count);

  const SessionOptions& options_;
  PagePipe& pipe_;
  Stream stream_;
  InputBuffer input_;
  ErrorCode read_error_;
  std::uint64_t sent_ = 0;
  bool expired_ = false;
};

template <class Stream>
Awaitable<typename Connection<Stream>::ErrorCode> Connection<Stream>::fill() {
  if (read_error_) co_return read_error_;
  co_return take(co_await receive());
}

template <class Stream>
bool Connection<Stream>::has_more_at_hand() {
  ErrorCode ignored;
  if (socket().available(ignored) > 0) return true;
  if constexpr (kSecure) {
    SSL* const ssl = stream_.native_handle();
    return SSL_has_pending(ssl) == 1 || BIO_pending(SSL_get_rbio(ssl)) > 0;
  }
  return false;
}

template <class Stream>
Awaitable<std::size_t> Connection<Stream>::read_at_hand(std::span<std::byte> memory) {
  namespace asio = boost::asio;
  std::size_t filled = 0;
  while (filled < memory.size() && !read_error_) {
    const auto rest = asio::buffer(memory.data() + filled, memory.size() - filled);
    if constexpr (kSecure) {
      // The start of a record may be all that is here; then this waits for the rest of it.
      if (!has_more_at_hand()) break;
      set(options_.progress_timeout);
      const auto [error, count] = co_await stream_.async_read_some(rest, asio::as_tuple(use_task));
      filled += count;
      if (count == 0) read_error_ = error;
    } else {
      const std::size_t count = stream_.read_some(rest, read_error_);
      filled += count;
      if (read_error_ == asio::error::would_block) {
        read_error_.clear();
        break;
      }
      if (count < rest.size()) break;  // The socket is empty: asking again would only say so.
    }
  }
  co_return filled;
}

template <class Stream>
Awaitable<std::size_t> Connection<Stream>::fill_at_hand() {
  const std::span<char> room = input_.room(options_.header_size_max);
  const std::size_t count = co_await read_at_hand(std::as_writable_bytes(room));
  input_.commit(count);
  co_return count;
}

template <class Stream>
void Connection<Stream>::take_off(Buffers& buffers, std::size_t count) {
  sent_ += count;
  while (!buffers.empty() && count >= buffers.front().size()) {
    count -= buffers.front().size();
    buffers = buffers.subspan(1);
  }
  if (!buffers.empty()) buffers.front() += count;
}

/// Are the buffer's pages to be sent, and not copies of its bytes?
template <class Stream>
bool Connection<Stream>::lends(const boost::asio::const_buffer& buffer) const {
  // A shorter one costs less to copy than the calls that lending takes.
  constexpr std::size_t kLentMin = 16 * 1024;
  const LendableMemory* const memory = options_.lendable;
  return !kSecure && memory != nullptr && buffer.size() >= kLentMin && memory->holds(buffer.data());
}

/// Sends without waiting: less than all of `buffers` where some are lent and others are not.
template <class Stream>
std::size_t Connection<Stream>::send_some(Buffers buffers, ErrorCode& error) {
  namespace asio = boost::asio;
  std::array<asio::const_buffer, 4> copied;
  std::size_t count = 0;
  bool more = false;
  for (const auto& buffer : buffers) {
    if (count == copied.size()) break;
    more = lends(buffer);
    // What stands before whole pages goes along with the head: a page more would often be a segment more.
    const std::size_t before = more ? LendableMemory::to_next_page(buffer.data()) : buffer.size();
    if (before != 0) copied[count++] = asio::buffer(buffer, before);
    if (more) break;
  }
  if (count != 0) return socket().send(std::span(copied).first(count), more ? MSG_MORE : 0, error);

  const auto& lent = buffers.front();
  const std::span bytes(static_cast<const std::byte*>(lent.data()), lent.size());
  const std::size_t sent = pipe_.send(socket().native_handle(), bytes, error);
  if (error != asio::error::operation_not_supported) return sent;
  return socket().send(buffers.first(1), 0, error);
}

template <class Stream>
void Connection<Stream>::write_now(Buffers& buffers) {
  if constexpr (!kSecure) {
    ErrorCode error;  // Whatever it is, write() meets it again.
    while (!buffers.empty() && !error) {
      const std::size_t before = buffers.size();
      take_off(buffers, send_some(buffers, error));
      if (buffers.size() == before) break;  // The socket is full: asking again would only say so.
    }
  }
}

template <class Stream>
Awaitable<bool> Connection<Stream>::write(Buffers buffers) {
  namespace asio = boost::asio;
  take_off(buffers, 0);
  while (!buffers.empty()) {
    set(options_.progress_timeout);
    if (lends(buffers.front())) {
      auto [error] = co_await socket().async_wait(asio::socket_base::wait_write, asio::as_tuple(use_task));
      if (!error) take_off(buffers, send_some(buffers, error));
      if (error && error != asio::error::would_block) co_return false;
    } else {
      const auto [error, count] = co_await stream_.async_write_some(buffers, asio::as_tuple(use_task));
      if (error) co_return false;
      take_off(buffers, count);
    }
  }
  co_return true;
}

template <class Stream>
Awaitable<> Connection<Stream>::linger() {
  namespace asio = boost::asio;
  expired_ = false;
  set(options_.linger_timeout);
  if constexpr (kSecure) co_await stream_.async_shutdown(asio::as_tuple(use_task));
  ErrorCode ignored;
  socket().shutdown(asio::socket_base::shutdown_send, ignored);

  input_.clear();
  const std::span<char> scratch = input_.room(options_.header_size_max);
  for (std::uint64_t dropped = 0; !expired_ && dropped < options_.linger_size_max;) {
    const auto [error, count] =
        co_await socket().async_read_some(asio::buffer(scratch.data(), scratch.size()), asio::as_tuple(use_task));
    if (error) break;
    dropped += count;
  }
  socket().close(ignored);
}

}  // namespace sluice::http
