#include "gateway/http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <catch2/catch.hpp>

#include "gateway/core/chunk.h"

namespace sluice::http {
namespace {

bool shows(const Metrics& metrics, const std::string& line) {
  return ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("what the threads counted is shown as one") {
  BufferPool pool(1 << 20);
  Metrics metrics(pool);
  MetricsShard& first = metrics.add_shard();
  MetricsShard& second = metrics.add_shard();
  first.count({"s3", "GetObject", 200, 100, 1000, 400});
  first.count({"s3", "GetObject", 404, 100, 200, 70'000'000});
  second.count({"s3", "GetObject", 206, 100, 1000, 250});
  second.count({"blob", "GetBlob", 200, 1, 2, 3});

  CHECK(shows(metrics, R"(sluice_http_requests_total{protocol="s3",operation="GetObject",class="2xx"} 2)"));
  CHECK(shows(metrics, R"(sluice_http_requests_total{protocol="s3",operation="GetObject",class="4xx"} 1)"));
  CHECK(shows(metrics, R"(sluice_http_requests_total{protocol="blob",operation="GetBlob",class="2xx"} 1)"));
  CHECK(shows(metrics, R"(sluice_http_sent_bytes_total{protocol="s3",operation="GetObject"} 2200)"));
  CHECK(shows(metrics, R"(sluice_http_request_seconds_bucket{protocol="s3",operation="GetObject",le="0.00025"} 1)"));
  CHECK(shows(metrics, R"(sluice_http_request_seconds_bucket{protocol="s3",operation="GetObject",le="0.0005"} 2)"));
  CHECK(shows(metrics, R"(sluice_http_request_seconds_bucket{protocol="s3",operation="GetObject",le="60"} 2)"));
  CHECK(shows(metrics, R"(sluice_http_request_seconds_bucket{protocol="s3",operation="GetObject",le="+Inf"} 3)"));
  CHECK(shows(metrics, R"(sluice_http_request_seconds_count{protocol="s3",operation="GetObject"} 3)"));
}

TEST_CASE("what is open is what came and did not go") {
  BufferPool pool(2 * BufferPool::kChunkSize);
  Metrics metrics(pool);
  MetricsShard& shard = metrics.add_shard();
  shard.connections_accepted.add(3);
  shard.connections_closed.add();
  shard.requests_begun.add(2);
  shard.requests_ended.add(2);

  CHECK(shows(metrics, "sluice_http_connections_open 2"));
  CHECK(shows(metrics, "sluice_http_requests_in_flight 0"));
  CHECK(shows(metrics, "sluice_buffer_chunks_capacity 2"));
  CHECK(shows(metrics, "sluice_buffer_chunks_used 0"));
}

TEST_CASE("the counters of other rooms are shown too") {
  BufferPool pool(1 << 20);
  Metrics metrics(pool);
  auto& family = prometheus::BuildCounter().Name("sluice_extents_total").Help("x").Register(metrics.registry());
  family.Add({{"state", "sealed"}}).Increment(5);

  CHECK(shows(metrics, R"(sluice_extents_total{state="sealed"} 5)"));
}

}  // namespace
}  // namespace sluice::http
