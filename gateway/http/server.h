#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/chunk.h"
#include "gateway/core/log.h"
#include "gateway/core/result.h"
#include "gateway/http/message.h"
#include "gateway/http/metrics.h"
#include "gateway/http/session.h"
#include "gateway/http/tls.h"

namespace sluice::http {

using Endpoint = boost::asio::ip::tcp::endpoint;

/// Reads `HOST:PORT`: an IPv4 address, an IPv6 address in brackets, or nothing or
/// `*` for every IPv4 address. Fails with invalid_argument.
Result<Endpoint> parse_endpoint(std::string_view text);

/// Lets this process have `wanted` open files, as far as its hard limit goes; how
/// many it may have.
std::size_t raise_file_limit(std::size_t wanted);

/// One address that is listened on, and what is served there.
struct Listener {
  Endpoint endpoint;
  Handler* handler = nullptr;  ///< Must outlive the server.
  TlsContext* tls = nullptr;   ///< None: plain. Must outlive the server.
  std::string protocol{};      ///< For log and metrics, such as "s3".
  bool logs_access = true;
  bool serves_while_draining = false;  ///< For health and metrics; no bound on connections applies.
};

struct ServerOptions {
  std::size_t thread_count = 0;  ///< 0: one a core.
  std::size_t connection_count_max = 10'000;
  SessionOptions session{};
};

/// Accepts connections on a number of threads. Each has its own io_context and, by
/// SO_REUSEPORT, its own acceptor of every address, and a connection never leaves
/// the thread that accepted it. Build it, listen(), start(), and in the end drain().
/// All calls but those marked otherwise come from one thread that is not its own.
class Server {
 public:
  /// What is given must outlive the server.
  Server(const ServerOptions& options, BufferPool& pool, Log& log, Metrics& metrics);
  /// As stop().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds an address, before start(); the address with its port, also where 0 was
  /// asked for. Fails with unavailable if the system refuses it.
  Result<Endpoint> listen(const Listener& listener);

  /// Runs the threads and begins to accept.
  void start();

  /// Stops accepting, closes what is between two requests, lets requests in flight
  /// end, and stops. False if some had not ended in time and were cut off.
  bool drain(std::chrono::milliseconds timeout);

  /// Ends the threads at once. Coroutines that still wait are destroyed with the
  /// server, not before.
  void stop();

  /// For coroutines of others, such as background work. They exist from the
  /// beginning, and run from start() to stop().
  std::size_t thread_count() const { return workers_.size(); }
  Executor executor(std::size_t thread) const;

  bool draining() const { return draining_; }                         ///< From any thread.
  std::size_t connection_count() const { return connection_count_; }  ///< From any thread.

 private:
  struct Worker;
  struct LocalListener;
  class ConnectionSlot;

  Awaitable<> accept(Worker& worker, LocalListener& listener);
  void admit(Worker& worker, LocalListener& listener, TcpSocket socket);
  Awaitable<> serve_connection(Worker& worker, LocalListener& listener, TcpSocket socket,
                               std::unique_ptr<ConnectionSlot> slot);
  static Awaitable<> sweep(Worker& worker);
  void run(Worker& worker);

  const ServerOptions options_;
  BufferPool& pool_;
  Log& log_;
  std::atomic<bool> draining_ = false;
  std::atomic<std::size_t> connection_count_ = 0;
  std::atomic<std::size_t> draining_count_ = 0;  ///< Of those, the ones a drain waits for.
  std::mutex mutex_;
  std::condition_variable emptied_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool running_ = false;
};

}  // namespace sluice::http
