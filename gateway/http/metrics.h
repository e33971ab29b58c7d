#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace prometheus {
class Registry;
struct MetricFamily;
}  // namespace prometheus

namespace sluice {
class BufferPool;
}

namespace sluice::http {

/// A number that one thread raises and others read.
class Count {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// One answered request. `operation` is a literal.
struct RequestSample {
  std::string_view protocol;
  std::string_view operation;
  unsigned status = 0;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t duration_us = 0;
};

/// The counts of one thread. Raised by that thread alone, so without a lock or a
/// contended cache line; read by whoever collects.
class MetricsShard {
 public:
  /// The upper bounds of the latency histogram; one bucket more takes the rest.
  static constexpr std::array<std::uint64_t, 16> kBoundsUs = {
      250,     500,     1'000,   2'500,     5'000,     10'000,    25'000,     50'000,
      100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 60'000'000};

  void count(const RequestSample& sample);

  Count connections_accepted;
  Count connections_closed;
  Count connections_refused;  ///< Beyond the bound, closed at once.
  Count accept_failures;      ///< No file handle, no memory.
  Count tls_failures;
  Count requests_begun;
  Count requests_ended;

 private:
  friend class Metrics;
  struct Operation {
    std::string protocol, name;
    std::array<Count, 6> by_class;  ///< 1xx to 5xx at 1 to 5.
    std::array<Count, kBoundsUs.size() + 1> buckets;
    Count duration_us, received, sent;
  };
  struct Key {
    std::string_view protocol, operation;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return std::hash<std::string_view>()(key.operation); }
  };

  Operation& operation(const RequestSample& sample);

  // Only the owner adds, under the mutex, so it alone may look without it.
  std::mutex mutex_;
  std::unordered_map<Key, std::unique_ptr<Operation>, KeyHash> operations_;
};

/// Everything that is counted, as Prometheus reads it. Safe for concurrent use.
class Metrics {
 public:
  explicit Metrics(const BufferPool& pool);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// A shard for one more thread; lives as long as this.
  MetricsShard& add_shard();

  /// For the counters of other rooms; shown by text() too.
  prometheus::Registry& registry() { return *registry_; }

  /// The exposition format of Prometheus, version 0.0.4.
  std::string text() const;

 private:
  std::vector<prometheus::MetricFamily> collect() const;

  const BufferPool& pool_;
  std::unique_ptr<prometheus::Registry> registry_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<MetricsShard>> shards_;
};

}  // namespace sluice::http
