#include "gateway/http/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "gateway/core/chunk.h"

namespace sluice::http {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// One operation over all shards.
struct Sum {
  std::array<std::uint64_t, 6> by_class{};
  std::array<std::uint64_t, MetricsShard::kBoundsUs.size() + 1> buckets{};
  std::uint64_t duration_us = 0, received = 0, sent = 0;
};
using Labels = std::vector<ClientMetric::Label>;
using Sums = std::map<std::pair<std::string, std::string>, Sum>;

MetricFamily family(std::string name, std::string help, MetricType type) {
  return {std::move(name), std::move(help), type, {}};
}

void add_counter(MetricFamily& to, Labels labels, std::uint64_t value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
  to.metric.push_back(std::move(metric));
}

MetricFamily counter(std::string name, std::string help, std::uint64_t value) {
  auto result = family(std::move(name), std::move(help), MetricType::Counter);
  add_counter(result, {}, value);
  return result;
}

MetricFamily gauge(std::string name, std::string help, double value) {
  auto result = family(std::move(name), std::move(help), MetricType::Gauge);
  result.metric.emplace_back().gauge.value = value;
  return result;
}

void add_histogram(MetricFamily& to, Labels labels, const Sum& sum) {
  ClientMetric metric;
  metric.label = std::move(labels);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < sum.buckets.size(); ++i) {
    below += sum.buckets[i];
    const bool last = i == MetricsShard::kBoundsUs.size();
    const double bound = last ? std::numeric_limits<double>::infinity() : double(MetricsShard::kBoundsUs[i]) / 1e6;
    metric.histogram.bucket.push_back({below, bound});
  }
  metric.histogram.sample_count = below;
  metric.histogram.sample_sum = static_cast<double>(sum.duration_us) / 1e6;
  to.metric.push_back(std::move(metric));
}

void append_operations(const Sums& sums, std::vector<MetricFamily>& families) {
  auto requests = family("sluice_http_requests_total", "Requests answered, by status class.", MetricType::Counter);
  auto seconds =
      family("sluice_http_request_seconds", "From the whole header to the last byte sent.", MetricType::Histogram);
  auto received = family("sluice_http_received_bytes_total", "Header and body bytes received.", MetricType::Counter);
  auto sent = family("sluice_http_sent_bytes_total", "Header and body bytes sent.", MetricType::Counter);
  for (const auto& [key, sum] : sums) {
    const Labels labels{{"protocol", key.first}, {"operation", key.second}};
    for (std::size_t i = 1; i < sum.by_class.size(); ++i) {
      if (sum.by_class[i] == 0) continue;
      Labels with_class = labels;
      with_class.push_back({"class", std::to_string(i) + "xx"});
      add_counter(requests, std::move(with_class), sum.by_class[i]);
    }
    add_histogram(seconds, labels, sum);
    add_counter(received, labels, sum.received);
    add_counter(sent, labels, sum.sent);
  }
  for (MetricFamily* each : {&requests, &seconds, &received, &sent}) families.push_back(std::move(*each));
}

}  // namespace

MetricsShard::Operation& MetricsShard::operation(const RequestSample& sample) {
  const auto found = operations_.find(Key{sample.protocol, sample.operation});
  if (found != operations_.end()) return *found->second;
  auto added = std::make_unique<Operation>();
  added->protocol = sample.protocol;
  added->name = sample.operation;
  const Key key{added->protocol, added->name};
  const std::scoped_lock lock(mutex_);
  return *operations_.emplace(key, std::move(added)).first->second;
}

void MetricsShard::count(const RequestSample& sample) {
  Operation& counts = operation(sample);
  counts.by_class[std::min(sample.status / 100, 5U)].add();
  const auto bucket = std::ranges::lower_bound(kBoundsUs, sample.duration_us) - kBoundsUs.begin();
  counts.buckets[static_cast<std::size_t>(bucket)].add();
  counts.duration_us.add(sample.duration_us);
  counts.received.add(sample.received);
  counts.sent.add(sample.sent);
}

Metrics::Metrics(const BufferPool& pool) : pool_(pool), registry_(std::make_unique<prometheus::Registry>()) {}
Metrics::~Metrics() = default;

MetricsShard& Metrics::add_shard() {
  const std::scoped_lock lock(mutex_);
  return *shards_.emplace_back(std::make_unique<MetricsShard>());
}

std::vector<MetricFamily> Metrics::collect() const {
  std::uint64_t accepted = 0, closed = 0, refused = 0, failed = 0, tls_failed = 0, begun = 0, ended = 0;
  Sums sums;
  const std::scoped_lock lock(mutex_);
  for (const auto& shard : shards_) {
    // What ends is read before what begins, so the difference is never negative.
    closed += shard->connections_closed.value();
    ended += shard->requests_ended.value();
    accepted += shard->connections_accepted.value();
    begun += shard->requests_begun.value();
    refused += shard->connections_refused.value();
    failed += shard->accept_failures.value();
    tls_failed += shard->tls_failures.value();
    const std::scoped_lock shard_lock(shard->mutex_);
    for (const auto& [key, counts] : shard->operations_) {
      Sum& sum = sums[{counts->protocol, counts->name}];
      for (std::size_t i = 0; i < sum.by_class.size(); ++i) sum.by_class[i] += counts->by_class[i].value();
      for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += counts->buckets[i].value();
      sum.duration_us += counts->duration_us.value();
      sum.received += counts->received.value();
      sum.sent += counts->sent.value();
    }
  }
  std::vector<MetricFamily> families;
  append_operations(sums, families);
  families.push_back(counter("sluice_http_connections_accepted_total", "Connections accepted.", accepted));
  families.push_back(
      counter("sluice_http_connections_refused_total", "Connections closed at once, beyond the bound.", refused));
  families.push_back(
      counter("sluice_http_accept_failures_total", "Accepts that failed for want of handles or memory.", failed));
  families.push_back(counter("sluice_http_tls_failures_total", "TLS handshakes that failed.", tls_failed));
  families.push_back(gauge("sluice_http_connections_open", "Connections open.", double(accepted) - double(closed)));
  families.push_back(
      gauge("sluice_http_requests_in_flight", "Requests begun and not answered.", double(begun) - double(ended)));
  families.push_back(gauge("sluice_buffer_chunks_used", "Pool chunks in use.", double(pool_.used_chunks())));
  families.push_back(
      gauge("sluice_buffer_chunks_capacity", "Pool chunks there can be.", double(pool_.capacity_chunks())));
  return families;
}

std::string Metrics::text() const {
  auto families = collect();
  for (auto& each : registry_->Collect()) families.push_back(std::move(each));
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace sluice::http
