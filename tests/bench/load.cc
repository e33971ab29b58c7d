// Drives one HTTP endpoint from one thread and prints one line of JSON: requests per
// second, bytes per second, latency percentiles. load_options.h says what it can do; keys
// are those of one bucket. An answer that is not what it has to be ends the run with an
// error. The thread never sleeps, so that waking it costs the server nothing.
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/bench/load_connection.h"
#include "tests/bench/load_options.h"
#include "tests/bench/load_requests.h"

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;
using TlsContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

constexpr std::chrono::seconds kSilenceMax{120};
constexpr int kEventsMax = 256;
constexpr std::chrono::milliseconds kPauseMin{1};
constexpr std::chrono::milliseconds kWarmUp{300};  ///< Of an open loop; what is behind at its start says nothing.

TlsContext tls_context(const LoadOptions& options) {
  TlsContext context(options.tls ? SSL_CTX_new(TLS_client_method()) : nullptr, &SSL_CTX_free);
  if (context) SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

/// Times in which this thread, which never sleeps, did not run: the machine's doing, not the server's.
class Pauses {
 public:
  void look(Clock::time_point now) {
    const auto away = now - seen_;
    seen_ = now;
    if (away < kPauseMin) return;
    ++count_;
    longest_ = std::max(longest_, away);
    total_ += away;
  }
  void begin(Clock::time_point now) { seen_ = now; }

  std::size_t count() const { return count_; }
  double longest_ms() const { return std::chrono::duration<double, std::milli>(longest_).count(); }
  double total_ms() const { return std::chrono::duration<double, std::milli>(total_).count(); }

 private:
  Clock::time_point seen_;
  Clock::duration longest_{};
  Clock::duration total_{};
  std::size_t count_ = 0;
};

/// One run: starts operations on connections that are free, until it is over.
class Run {
 public:
  explicit Run(const LoadOptions& options);
  ~Run() { ::close(epoll_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Throws std::runtime_error for an answer that is not what it has to be.
  void go();

  LoadTotals totals;
  Pauses pauses;
  double seconds = 0;

 private:
  bool more() const { return options_.count != 0 ? started_ < options_.count : Clock::now() < end_; }
  Clock::time_point due() const;
  void start_what_is_due();
  void attend();
  void end_warm_up(Clock::time_point now);

  const LoadOptions& options_;
  const TlsContext tls_;
  LoadRequests requests_;
  const int epoll_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::vector<LoadConnection*> free_;
  std::size_t started_ = 0;
  Clock::time_point begun_;
  Clock::time_point measured_from_;
  Clock::time_point end_;
  Clock::time_point moved_;
};

Run::Run(const LoadOptions& options)
    : options_(options), tls_(tls_context(options)), requests_(options), epoll_(::epoll_create1(0)) {
  const std::size_t wanted = options.count == 0 ? options.connections : std::min(options.connections, options.count);
  while (connections_.size() < wanted) {
    connections_.push_back(std::make_unique<LoadConnection>(options, tls_.get(), epoll_));
    free_.push_back(connections_.back().get());
  }
}

/// When the next operation is to begin.
Clock::time_point Run::due() const {
  if (options_.rate == 0) return Clock::now();
  const std::chrono::duration<double> after(static_cast<double>(started_) / static_cast<double>(options_.rate));
  return begun_ + std::chrono::duration_cast<Clock::duration>(after);
}

void Run::start_what_is_due() {
  while (!free_.empty() && more()) {
    const auto time = due();
    if (time > Clock::now()) return;
    LoadConnection* const connection = free_.back();
    free_.pop_back();
    ++started_;
    connection->start(requests_, time);
  }
}

/// Sees to the connections that can go on.
void Run::attend() {
  epoll_event events[kEventsMax];
  const int count = ::epoll_wait(epoll_, events, kEventsMax, 0);
  if (count > 0 || free_.size() == connections_.size()) {
    moved_ = Clock::now();
  } else if (Clock::now() - moved_ > kSilenceMax) {
    throw std::runtime_error("nothing happened for a long time");
  }
  for (int i = 0; i < count; ++i) {
    auto* const connection = static_cast<LoadConnection*>(events[i].data.ptr);
    if ((events[i].events & EPOLLOUT) != 0) connection->send_more();
    if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) continue;
    if (!connection->receive(requests_, totals)) continue;
    free_.push_back(connection);
    start_what_is_due();
  }
}

void Run::end_warm_up(Clock::time_point now) {
  totals = {};
  pauses = {};
  pauses.begin(now);
  measured_from_ = now;
}

void Run::go() {
  requests_.sign_ahead();
  const auto warm_up = options_.rate != 0 && options_.count == 0 ? kWarmUp : std::chrono::milliseconds(0);
  const std::chrono::duration<double> length(options_.seconds);
  moved_ = begun_ = Clock::now();
  end_warm_up(begun_);
  end_ = begun_ + warm_up + std::chrono::duration_cast<Clock::duration>(length);
  while (more() || free_.size() < connections_.size()) {
    start_what_is_due();
    attend();
    const auto now = Clock::now();
    if (measured_from_ == begun_ && now >= begun_ + warm_up) end_warm_up(now);
    pauses.look(now);
  }
  seconds = std::chrono::duration<double>(Clock::now() - measured_from_).count();
}

void print(Run& run) {
  auto& all = run.totals.latencies_us;
  std::ranges::sort(all);
  const auto percentile = [&](double part) {
    return all.empty() ? 0.0
                       : static_cast<double>(all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))]);
  };
  const auto count = static_cast<double>(all.size());
  std::printf("{\"rps\":%.1f,\"mbps\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"requests\":%.0f,"
              "\"pauses\":%zu,\"longest_pause_ms\":%.1f,\"all_pauses_ms\":%.1f}\n",
              count / run.seconds, static_cast<double>(run.totals.bytes) / run.seconds / 1e6, percentile(0.5),
              percentile(0.99), percentile(0.999), count,
              run.pauses.count(), run.pauses.longest_ms(), run.pauses.total_ms());
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  try {
    const auto options = sluice::bench::parse_options(argc, argv);
    sluice::bench::Run run(options);
    run.go();
    sluice::bench::print(run);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
