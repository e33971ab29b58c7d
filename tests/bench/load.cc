// Drives one HTTP endpoint from one thread and prints one line of JSON: requests
// per second, bytes per second, latency percentiles, failures. `--op` is get, put,
// head, delete, mixed (7 of 10 get, the others put) or list over keys load/0 .. load/N-1 of one bucket; `--plain`
// sends no signature, for a static file server beside it. Each request is signed
// once and sent many times, so that signing bounds nothing; and the thread never
// sleeps, so that waking it costs the server nothing.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "tests/bench/signer.h"

namespace {

using Clock = std::chrono::steady_clock;
using sluice::bench::Signer;

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9000;
  std::string bucket = "bench";
  std::string op = "get";
  std::string payload = "unsigned";  // Or signed.
  std::size_t size = 4096;
  std::size_t objects = 1000;
  std::size_t connections = 64;
  double seconds = 5;
  std::size_t count = 0;  // Requests in all; 0: as many as fit in `seconds`.
  std::size_t range = 0;  // Bytes of a random range of each object.
  bool plain = false;
  bool sequential = false;  // Keys in turn, not at random.
  bool delimiter = false;   // Of a list: `/`.
  bool last_page = false;   // Of a list: the keys behind load/9998 alone.
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--plain") {
      options.plain = true;
    } else if (flag == "--sequential") {
      options.sequential = true;
    } else if (flag == "--delimiter") {
      options.delimiter = true;
    } else if (flag == "--last-page") {
      options.last_page = true;
    } else {
      if (i + 1 == argc) throw std::invalid_argument(flag + " needs a value");
      const std::string value = argv[++i];
      if (flag == "--host")
        options.host = value;
      else if (flag == "--port")
        options.port = static_cast<std::uint16_t>(std::stoul(value));
      else if (flag == "--bucket")
        options.bucket = value;
      else if (flag == "--op")
        options.op = value;
      else if (flag == "--payload")
        options.payload = value;
      else if (flag == "--size")
        options.size = std::stoul(value);
      else if (flag == "--objects")
        options.objects = std::stoul(value);
      else if (flag == "--connections")
        options.connections = std::stoul(value);
      else if (flag == "--seconds")
        options.seconds = std::stod(value);
      else if (flag == "--count")
        options.count = std::stoul(value);
      else if (flag == "--range")
        options.range = std::stoul(value);
      else
        throw std::invalid_argument("unknown flag " + flag);
    }
  }
  return options;
}

/// Makes the requests, one after another.
class Requests {
 public:
  explicit Requests(const Options& options)
      : options_(options), body_(options.op == "put" || options.op == "mixed" ? options.size : 0, 'x') {
    signer_ = {.access_key = environment("AWS_ACCESS_KEY_ID", "sluicedev"),
               .secret_key = environment("AWS_SECRET_ACCESS_KEY", "sluicedevsecret"),
               .host = options.host + ":" + std::to_string(options.port)};
    std::mt19937_64 random(7);
    for (char& c : body_) c = static_cast<char>(random());
    payload_ = options.payload == "signed"
                   ? sluice::to_hex(sluice::digest_of(sluice::DigestAlgorithm::sha256, body_).bytes)
                   : "UNSIGNED-PAYLOAD";
  }

  std::string header() {
    const std::size_t number = options_.sequential ? next_++ % options_.objects : random_() % options_.objects;
    puts_ = options_.op == "put" || (options_.op == "mixed" && random_() % 10 < 3);
    std::string lines = signed_lines(number);
    if (options_.range != 0) {
      const std::size_t first = random_() % (options_.size - options_.range + 1);
      lines += "Range: bytes=" + std::to_string(first) + "-" + std::to_string(first + options_.range - 1) + "\r\n";
    }
    return lines + "\r\n";
  }

  /// Of the request whose header was made last.
  const std::string& body() const { return puts_ ? body_ : nothing_; }
  bool is_head() const { return options_.op == "head"; }

 private:
  struct Signed {
    std::string lines;
    Clock::time_point made;
  };
  static constexpr std::chrono::minutes kSignedFor{5};  // Servers allow 15.

  const std::string& signed_lines(std::size_t number) {
    Signed& known = signed_[number * 2 + (puts_ ? 1 : 0)];
    const auto now = Clock::now();
    if (known.lines.empty() || now - known.made > kSignedFor) known = {sign(number), now};
    return known.lines;
  }

  std::string sign(std::size_t number) const {
    std::string path = "/" + options_.bucket;
    std::string query;
    std::string method = puts_ ? "PUT" : options_.op == "head" ? "HEAD" : options_.op == "delete" ? "DELETE" : "GET";
    if (options_.op == "list") {
      query = options_.delimiter ? "delimiter=%2F&" : "";
      query += "list-type=2&max-keys=1000&prefix=&start-after=";
      query += options_.last_page ? "load%2F9998" : "load%2F" + std::to_string(number);
    } else {
      path += "/load/" + std::to_string(number);
    }
    std::string lines = method + " " + path + (query.empty() ? "" : "?" + query) + " HTTP/1.1\r\n";
    lines += options_.plain ? "Host: " + signer_.host + "\r\n" : signer_.sign(method, path, query, payload_);
    if (method == "PUT") lines += "Content-Length: " + std::to_string(body_.size()) + "\r\n";
    return lines;
  }

  static std::string environment(const char* name, const char* fallback) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : fallback;
  }

  const Options& options_;
  std::string body_;
  const std::string nothing_;
  bool puts_ = false;
  std::string payload_;
  Signer signer_;
  std::unordered_map<std::size_t, Signed> signed_;
  std::mt19937_64 random_{11};
  std::size_t next_ = 0;
};

struct Totals {
  std::vector<float> latencies_us;
  std::map<int, std::size_t> failures;  // By status.
  std::uint64_t bytes = 0;
};

class Connection {
 public:
  Connection(const Options& options, int epoll) : epoll_(epoll) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    ::inet_pton(AF_INET, options.host.c_str(), &address.sin_addr);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    }
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start(Requests& requests) {
    header_ = requests.header();
    body_ = &requests.body();
    sent_ = 0;
    received_.clear();
    to_skip_ = 0;
    in_body_ = false;
    begun_ = Clock::now();
    send_more();
  }

  void send_more() {
    while (sent_ < header_.size() + body_->size()) {
      iovec parts[2];
      int count = 0;
      if (sent_ < header_.size()) parts[count++] = {header_.data() + sent_, header_.size() - sent_};
      const std::size_t body_at = sent_ > header_.size() ? sent_ - header_.size() : 0;
      if (body_at < body_->size()) {
        parts[count++] = {const_cast<char*>(body_->data()) + body_at, body_->size() - body_at};
      }
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = static_cast<std::size_t>(count);
      const ssize_t written = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (written < 0 && errno == EAGAIN) return watch(EPOLLIN | EPOLLOUT);
      if (written < 0) throw std::runtime_error(std::string("send: ") + std::strerror(errno));
      sent_ += static_cast<std::size_t>(written);
    }
    watch(EPOLLIN);
  }

  /// Reads what is there; true once the response is complete.
  bool receive(Totals& totals, bool is_head) {
    for (;;) {
      if (in_body_) {
        if (to_skip_ == 0) {
          finish(totals);
          return true;
        }
        // The kernel throws the bytes away without copying them.
        const ssize_t count = ::recv(fd_, nullptr, to_skip_, MSG_TRUNC);
        if (count < 0 && errno == EAGAIN) return false;
        if (count <= 0) throw std::runtime_error("the server closed within a body");
        to_skip_ -= static_cast<std::size_t>(count);
        totals.bytes += static_cast<std::uint64_t>(count);
        continue;
      }
      char buffer[16384];
      const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
      if (count < 0 && errno == EAGAIN) return false;
      if (count <= 0) throw std::runtime_error("the server closed before a response");
      received_.append(buffer, static_cast<std::size_t>(count));
      const auto end = received_.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      status_ = std::atoi(received_.c_str() + 9);
      const std::size_t length = is_head ? 0 : content_length(end);
      const std::size_t have = received_.size() - end - 4;
      totals.bytes += have;
      to_skip_ = length - have;
      in_body_ = true;
    }
  }

 private:
  std::size_t content_length(std::size_t header_end) const {
    const std::string header = sluice::to_lower(received_.substr(0, header_end));
    const auto found = header.find("content-length:");
    return found == std::string::npos ? 0 : std::strtoul(header.c_str() + found + 15, nullptr, 10);
  }

  void finish(Totals& totals) {
    const std::chrono::duration<float, std::micro> latency = Clock::now() - begun_;
    totals.latencies_us.push_back(latency.count());
    if (status_ >= 300) ++totals.failures[status_];
  }

  void watch(std::uint32_t events) {
    if (watched_ == events) return;
    watched_ = events;
    epoll_event event{};
    event.events = events;
    event.data.ptr = this;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event);
  }

  int epoll_;
  int fd_ = -1;
  std::uint32_t watched_ = EPOLLIN;
  std::string header_;
  const std::string* body_ = nullptr;
  std::size_t sent_ = 0;
  std::string received_;
  std::size_t to_skip_ = 0;
  bool in_body_ = false;
  int status_ = 0;
  Clock::time_point begun_;
};

Totals run(const Options& options) {
  Requests requests(options);
  Totals totals;
  const int epoll = ::epoll_create1(0);
  std::vector<std::unique_ptr<Connection>> connections;
  std::size_t started = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  const auto more = [&] { return options.count != 0 ? started < options.count : Clock::now() < end; };
  for (std::size_t i = 0; i < options.connections && (options.count == 0 || i < options.count); ++i) {
    connections.push_back(std::make_unique<Connection>(options, epoll));
    connections.back()->start(requests);
    ++started;
  }
  constexpr std::chrono::seconds kSilenceMax{30};
  auto moved = Clock::now();
  for (std::size_t open = connections.size(); open != 0;) {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll, events, 256, 0);
    if (count > 0) {
      moved = Clock::now();
    } else if (Clock::now() - moved > kSilenceMax) {
      throw std::runtime_error("nothing happened for a long time");
    }
    for (int i = 0; i < count; ++i) {
      auto* const connection = static_cast<Connection*>(events[i].data.ptr);
      if ((events[i].events & EPOLLOUT) != 0) connection->send_more();
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) continue;
      if (!connection->receive(totals, requests.is_head())) continue;
      if (more()) {
        connection->start(requests);
        ++started;
      } else {
        --open;
      }
    }
  }
  ::close(epoll);
  return totals;
}

void print(const Options& options, Totals& totals, double seconds) {
  std::ranges::sort(totals.latencies_us);
  const auto percentile = [&](double part) {
    const auto& all = totals.latencies_us;
    return all.empty() ? 0.0
                       : static_cast<double>(all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))]);
  };
  std::size_t failed = 0;
  for (const auto& [status, count] : totals.failures) failed += count;
  const auto count = static_cast<double>(totals.latencies_us.size());
  std::printf(
      "{\"op\":\"%s\",\"size\":%zu,\"connections\":%zu,\"rps\":%.0f,\"mbps\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
      "\"p999_us\":%.0f,\"requests\":%.0f,\"failed\":%zu}\n",
      options.op.c_str(), options.size, options.connections, count / seconds,
      static_cast<double>(totals.bytes) / seconds / 1e6, percentile(0.5), percentile(0.99), percentile(0.999), count,
      failed);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    const auto begun = Clock::now();
    Totals totals = run(options);
    print(options, totals, std::chrono::duration<double>(Clock::now() - begun).count());
    return totals.failures.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 2;
  }
}
