#include "tests/bench/load_connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <stdexcept>

#include "gateway/core/encoding.h"

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBufferSize = 64 * 1024;
constexpr std::size_t kRecordSize = 16 * 1024;  ///< Of TLS.
constexpr std::size_t kVectorMax = 16;

thread_local char buffer[kBufferSize];

int connected(const LoadOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found) != 0) {
    throw std::runtime_error("no address of " + options.host);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  const int descriptor = ::socket(found->ai_family, SOCK_STREAM, 0);
  if (::connect(descriptor, found->ai_addr, found->ai_addrlen) != 0) {
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  }
  const int one = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return descriptor;
}

}  // namespace

LoadSocket::LoadSocket(const LoadOptions& options, SSL_CTX* tls) : descriptor_(connected(options)) {
  if (tls != nullptr) {
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, descriptor_);
    if (SSL_connect(ssl_) != 1) throw std::runtime_error("the TLS handshake failed");
  }
  ::fcntl(descriptor_, F_SETFL, O_NONBLOCK);
}

LoadSocket::~LoadSocket() {
  SSL_free(ssl_);
  ::close(descriptor_);
}

std::size_t LoadSocket::moved(long long count, const char* what) const {
  if (count > 0) return static_cast<std::size_t>(count);
  if (count < 0 && errno == EAGAIN) return 0;
  throw std::runtime_error(std::string(what) + ": " + (count == 0 ? "the server closed" : std::strerror(errno)));
}

std::size_t LoadSocket::moved_tls(int count, const char* what) {
  if (count > 0) return static_cast<std::size_t>(count);
  const int error = SSL_get_error(ssl_, count);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
  throw std::runtime_error(std::string(what) + ": TLS error " + std::to_string(error));
}

std::size_t LoadSocket::send(std::string_view head, std::string_view block, std::uint64_t body_size) {
  if (ssl_ != nullptr) return send_tls(head, block, body_size);
  iovec parts[kVectorMax];
  std::size_t count = 0;
  if (!head.empty()) parts[count++] = {const_cast<char*>(head.data()), head.size()};
  while (body_size != 0 && count < kVectorMax) {
    const auto piece = block.substr(0, body_size);
    parts[count++] = {const_cast<char*>(piece.data()), piece.size()};
    body_size -= piece.size();
  }
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  return moved(::sendmsg(descriptor_, &message, MSG_NOSIGNAL), "send");
}

std::size_t LoadSocket::send_tls(std::string_view head, std::string_view block, std::uint64_t body_size) {
  std::string_view piece = block.substr(0, std::min<std::uint64_t>(body_size, kRecordSize));
  if (!head.empty()) {  // Head and body in one record, where they fit.
    const std::size_t taken = std::min(head.size(), kRecordSize);
    piece = piece.substr(0, kRecordSize - taken);
    std::ranges::copy(head.substr(0, taken), buffer);
    std::ranges::copy(piece, buffer + taken);
    piece = {buffer, taken + piece.size()};
  }
  return moved_tls(SSL_write(ssl_, piece.data(), static_cast<int>(piece.size())), "send");
}

std::size_t LoadSocket::receive(char* into, std::size_t size) {
  if (ssl_ != nullptr) return moved_tls(SSL_read(ssl_, into, static_cast<int>(size)), "receive");
  return moved(::recv(descriptor_, into, size, 0), "receive");
}

std::size_t LoadSocket::discard(char* into, std::size_t buffer_size, std::uint64_t size) {
  if (ssl_ != nullptr) return receive(into, std::min<std::uint64_t>(buffer_size, size));
  // The kernel throws the bytes away without copying them.
  return moved(::recv(descriptor_, nullptr, size, MSG_TRUNC), "receive");
}

LoadConnection::LoadConnection(const LoadOptions& options, SSL_CTX* tls, int epoll)
    : socket_(options, tls), epoll_(epoll), watched_(EPOLLIN) {
  epoll_event event{};
  event.events = watched_;
  event.data.ptr = this;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_.descriptor(), &event);
}

void LoadConnection::start(LoadRequests& requests, Clock::time_point time) {
  requests.begin(script_, request_);
  begun_ = time;
  send_first();
}

void LoadConnection::send_first() {
  sent_ = 0;
  received_.clear();
  part_ = Part::head;
  send_more();
}

void LoadConnection::send_more() {
  const std::uint64_t size = request_.head.size() + request_.body_size;
  while (sent_ < size) {
    const std::string_view head =
        std::string_view(request_.head).substr(std::min<std::uint64_t>(sent_, request_.head.size()));
    const std::uint64_t body_at = sent_ > request_.head.size() ? sent_ - request_.head.size() : 0;
    const std::string_view block =
        request_.block.empty() ? request_.block : request_.block.substr(body_at % request_.block.size());
    // A block that has begun is sent to its end first.
    const std::uint64_t rest = request_.body_size - body_at;
    const bool begun = block.size() < request_.block.size();
    const std::size_t count = socket_.send(head, block, begun ? std::min<std::uint64_t>(block.size(), rest) : rest);
    if (count == 0) return watch(EPOLLIN | EPOLLOUT);
    sent_ += count;
  }
  watch(EPOLLIN);
}

bool LoadConnection::receive(LoadRequests& requests, LoadTotals& totals) {
  for (;;) {
    if (part_ == Part::body && to_come_ == 0) return finish(requests, totals);
    if (part_ == Part::body && !request_.keeps_body) {
      const std::size_t count = socket_.discard(buffer, kBufferSize, to_come_);
      if (count == 0) return false;
      to_come_ -= count;
      continue;
    }
    const std::size_t count = socket_.receive(buffer, kBufferSize);
    if (count == 0) return false;
    received_.append(buffer, count);
    if (part_ == Part::body) {
      to_come_ -= std::min<std::uint64_t>(count, to_come_);
    } else {
      read_head();
    }
  }
}

bool LoadConnection::read_head() {
  const auto end = received_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  head_size_ = end + 4;
  length_ = content_length(std::string_view(received_).substr(0, head_size_));
  const std::uint64_t have = received_.size() - head_size_;
  const std::uint64_t body = request_.is_head ? 0 : length_;
  if (have > body) throw std::runtime_error("more came than the body is long");
  to_come_ = body - have;
  part_ = Part::body;
  return true;
}

bool LoadConnection::finish(LoadRequests& requests, LoadTotals& totals) {
  const std::string_view all = received_;
  const LoadResponse response{.status = std::atoi(received_.c_str() + 9),
                              .head = all.substr(0, head_size_),
                              .length = length_,
                              .body = all.substr(head_size_)};
  totals.bytes += request_.body_size + (request_.is_head ? 0 : length_);
  if (requests.go_on(script_, response, request_)) {
    send_first();
    return false;
  }
  const std::chrono::duration<float, std::micro> latency = Clock::now() - begun_;
  totals.latencies_us.push_back(latency.count());
  return true;
}

std::uint64_t LoadConnection::content_length(std::string_view head) const {
  constexpr std::string_view kName = "\r\ncontent-length:";
  const auto same = [](char left, char right) {
    return left == right || (left >= 'A' && left <= 'Z' && left + 32 == right);
  };
  const auto found = std::ranges::search(head, kName, same);
  if (found.empty()) {
    if (request_.is_head || head.starts_with("HTTP/1.1 204") || head.starts_with("HTTP/1.1 304")) return 0;
    throw std::runtime_error("a response without Content-Length");
  }
  return std::strtoull(found.data() + kName.size(), nullptr, 10);
}

void LoadConnection::watch(std::uint32_t events) {
  if (watched_ == events) return;
  watched_ = events;
  epoll_event event{};
  event.events = events;
  event.data.ptr = this;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_.descriptor(), &event);
}

}  // namespace sluice::bench
