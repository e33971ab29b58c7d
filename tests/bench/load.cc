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

TlsContext tls_context(const LoadOptions& options) {
  TlsContext context(options.tls ? SSL_CTX_new(TLS_client_method()) : nullptr, &SSL_CTX_free);
  if (context) SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

struct Run {
  LoadTotals totals;
  double seconds = 0;
};

Run run(const LoadOptions& options) {
  const TlsContext tls = tls_context(options);
  LoadRequests requests(options);
  Run run;
  const int epoll = ::epoll_create1(0);
  std::vector<std::unique_ptr<LoadConnection>> connections;
  const std::size_t wanted = options.count == 0 ? options.connections : std::min(options.connections, options.count);
  while (connections.size() < wanted)
    connections.push_back(std::make_unique<LoadConnection>(options, tls.get(), epoll));

  const auto begun = Clock::now();
  const auto end = begun + std::chrono::duration<double>(options.seconds);
  for (const auto& connection : connections) connection->start(requests);
  std::size_t started = connections.size();
  const auto more = [&] { return options.count != 0 ? started < options.count : Clock::now() < end; };
  auto moved = begun;
  for (std::size_t open = connections.size(); open != 0;) {
    epoll_event events[kEventsMax];
    const int count = ::epoll_wait(epoll, events, kEventsMax, 0);
    if (count > 0) {
      moved = Clock::now();
    } else if (Clock::now() - moved > kSilenceMax) {
      throw std::runtime_error("nothing happened for a long time");
    }
    for (int i = 0; i < count; ++i) {
      auto* const connection = static_cast<LoadConnection*>(events[i].data.ptr);
      if ((events[i].events & EPOLLOUT) != 0) connection->send_more();
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) continue;
      if (!connection->receive(requests, run.totals)) continue;
      if (more()) {
        connection->start(requests);
        ++started;
      } else {
        --open;
      }
    }
  }
  run.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  ::close(epoll);
  return run;
}

void print(Run& run) {
  auto& all = run.totals.latencies_us;
  std::ranges::sort(all);
  const auto percentile = [&](double part) {
    return all.empty() ? 0.0
                       : static_cast<double>(all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))]);
  };
  const auto count = static_cast<double>(all.size());
  std::printf("{\"rps\":%.1f,\"mbps\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"requests\":%.0f}\n",
              count / run.seconds, static_cast<double>(run.totals.bytes) / run.seconds / 1e6, percentile(0.5),
              percentile(0.99), percentile(0.999), count);
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  try {
    const auto options = sluice::bench::parse_options(argc, argv);
    auto run = sluice::bench::run(options);
    sluice::bench::print(run);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
