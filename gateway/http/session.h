#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "gateway/core/chunk.h"
#include "gateway/core/lendable_memory.h"
#include "gateway/core/log.h"
#include "gateway/http/deadlines.h"
#include "gateway/http/message.h"
#include "gateway/http/metrics.h"
#include "gateway/http/outbox.h"
#include "gateway/http/page_pipe.h"
#include "gateway/http/request_id.h"

namespace sluice::http {

using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using TlsStream = boost::asio::ssl::stream<TcpSocket>;

struct SessionOptions {
  std::chrono::seconds header_timeout{30};     ///< For a whole header, and for the first byte of a connection.
  std::chrono::seconds idle_timeout{75};       ///< Between two requests.
  std::chrono::seconds progress_timeout{60};   ///< For any bytes of a body, in or out, to move.
  std::chrono::seconds linger_timeout{5};      ///< For an unwanted body to be dropped, and for the peer to close.
  std::chrono::seconds handshake_timeout{10};  ///< For TLS.

  /// While more requests than these wait for the memory of their bodies, new ones that need
  /// more than what is at hand are refused at once.
  std::size_t memory_waiters_max = 1024;

  /// What is in it is lent to the sockets and not copied; none need be there. Must outlive the
  /// connections.
  const LendableMemory* lendable = nullptr;

  std::size_t header_size_max = 32 * 1024;
  std::size_t target_size_max = 16 * 1024;
  std::uint64_t unread_size_max = 256 * 1024;        ///< An unread body up to this size is dropped, not the connection.
  std::uint64_t linger_size_max = 64 * 1024 * 1024;  ///< Dropped at most before closing.
};

/// What the connections of one listener share on one thread.
struct SessionScope {
  Handler& handler;
  std::string protocol;  ///< For log and metrics.
  bool logs_access = true;
  bool serves_while_draining = false;
  const SessionOptions& options;
  BufferPool& pool;
  Log& log;
  MetricsShard& metrics;
  Deadlines& deadlines;
  RequestIds& ids;
  Outbox& outbox;
  PagePipe& pipe;
  const std::atomic<bool>& draining;
};

/// Serves one connection until either side closes it: reads a header, lets the
/// handler answer, sends, and again. `remote_address` is the peer's, without its
/// port; `scope` must outlive the coroutine. A broken client harms only itself.
Awaitable<> serve(TcpSocket socket, std::string remote_address, const SessionScope& scope);

/// The same over TLS, handshake first.
Awaitable<> serve(TlsStream stream, std::string remote_address, const SessionScope& scope);

}  // namespace sluice::http
