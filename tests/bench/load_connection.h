#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/load_requests.h"

namespace sluice::bench {

/// What a run has come to.
struct LoadTotals {
  std::vector<float> latencies_us;  ///< Of each operation.
  std::uint64_t bytes = 0;          ///< Of bodies, in both directions.
};

/// The bytes of one connection, plain or by TLS. Nothing here waits but the constructor.
class LoadSocket {
 public:
  /// Connects; throws std::runtime_error. `tls` may be null.
  LoadSocket(const LoadOptions& options, SSL_CTX* tls);
  ~LoadSocket();
  LoadSocket(const LoadSocket&) = delete;
  LoadSocket& operator=(const LoadSocket&) = delete;

  int descriptor() const { return descriptor_; }

  /// How many bytes of `head`, and then of `block` again and again, were taken; 0: none for now.
  std::size_t send(std::string_view head, std::string_view block, std::uint64_t body_size);
  /// How many bytes came into `buffer`; 0: none for now.
  std::size_t receive(char* buffer, std::size_t size);
  /// The same of bytes that nobody looks at; `buffer` may be written to.
  std::size_t discard(char* buffer, std::size_t buffer_size, std::uint64_t size);

 private:
  std::size_t send_tls(std::string_view head, std::string_view block, std::uint64_t body_size);
  std::size_t moved(long long count, const char* what) const;
  std::size_t moved_tls(int count, const char* what);

  int descriptor_ = -1;
  SSL* ssl_ = nullptr;
};

/// Does one operation after another, as an epoll set says that it can go on.
class LoadConnection {
 public:
  LoadConnection(const LoadOptions& options, SSL_CTX* tls, int epoll);

  /// Begins an operation, which was due at `time`.
  void start(LoadRequests& requests, std::chrono::steady_clock::time_point time);
  void send_more();
  /// Takes what has come; true once the operation is complete.
  bool receive(LoadRequests& requests, LoadTotals& totals);

 private:
  enum class Part : std::uint8_t { head, body };

  void send_first();
  bool finish(LoadRequests& requests, LoadTotals& totals);
  bool read_head();
  std::uint64_t content_length(std::string_view head) const;
  void watch(std::uint32_t events);

  LoadSocket socket_;
  int epoll_;
  std::uint32_t watched_;
  LoadScript script_;
  LoadRequest request_;
  std::uint64_t sent_ = 0;
  std::string received_;  ///< The head, and what of the body is kept.
  std::size_t head_size_ = 0;
  Part part_ = Part::head;
  std::uint64_t length_ = 0;
  std::uint64_t to_come_ = 0;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace sluice::bench
