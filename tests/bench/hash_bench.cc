// What hashing costs: OpenSSL's code for one stream, the lane kernels by
// themselves, and streams in coroutines as the gateway has them. Pin it to a core.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <string>
#include <vector>

#include "gateway/core/chunk.h"
#include "gateway/core/hash_lanes.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kLarge = 256 * 1024;

const EVP_MD* evp(LaneAlgorithm algorithm) {
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm == LaneAlgorithm::md5 ? md5 : sha256;
}

const char* name_of(LaneAlgorithm algorithm) { return algorithm == LaneAlgorithm::md5 ? "md5" : "sha256"; }

/// Page-aligned bodies, as the buffer pool gives them.
class Bodies {
 public:
  Bodies(std::size_t count, std::size_t size) : size_(size) {
    const std::size_t stride = (size + BufferPool::kAlignment - 1) / BufferPool::kAlignment * BufferPool::kAlignment;
    for (std::size_t i = 0; i < count; ++i) {
      bodies_.emplace_back(static_cast<char*>(std::aligned_alloc(BufferPool::kAlignment, stride)), &std::free);
      std::fill_n(bodies_.back().get(), size, static_cast<char>(i));
    }
  }
  std::string_view operator[](std::size_t i) const { return {bodies_[i].get(), size_}; }

 private:
  std::size_t size_;
  std::vector<std::unique_ptr<char, decltype(&std::free)>> bodies_;
};

void count_bytes(benchmark::State& state, std::size_t streams, std::size_t size) {
  const auto rounds = static_cast<std::int64_t>(state.iterations());
  state.SetBytesProcessed(rounds * static_cast<std::int64_t>(streams * size));
  state.counters["per_stream"] = benchmark::Counter(
      static_cast<double>(streams), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void openssl(benchmark::State& state, LaneAlgorithm algorithm, std::size_t size) {
  const Bodies bodies(1, size);
  unsigned char digest[EVP_MAX_MD_SIZE];
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  for (auto _ : state) {
    EVP_DigestInit_ex(context.get(), evp(algorithm), nullptr);
    EVP_DigestUpdate(context.get(), bodies[0].data(), size);
    EVP_DigestFinal_ex(context.get(), digest, nullptr);
    benchmark::DoNotOptimize(digest);
  }
  count_bytes(state, 1, size);
}

void lane_hash(benchmark::State& state, LaneAlgorithm algorithm, std::size_t size) {
  const Bodies bodies(1, size);
  for (auto _ : state) {
    LaneHash hash(algorithm);
    hash.update(bodies[0]);
    benchmark::DoNotOptimize(hash.finish());
  }
  count_bytes(state, 1, size);
}

void kernel(benchmark::State& state, const LaneKernel& lane_kernel, std::size_t size) {
  const Bodies bodies(lane_kernel.width, size);
  LaneBatch batch{};
  for (auto _ : state) {
    for (std::size_t lane = 0; lane < lane_kernel.width; ++lane) {
      batch.data[lane] = reinterpret_cast<const unsigned char*>(bodies[lane].data());
    }
    lane_kernel.run(batch, size / LaneHash::kBlockSize);
    benchmark::DoNotOptimize(batch.words);
  }
  count_bytes(state, lane_kernel.width, size);
}

enum class Way { in_turn, gathered };

// One piece of one body a turn of the loop, until told to stop.
Awaitable<> stream(const bool& stopped, std::span<const LaneAlgorithm> algorithms, std::string_view body, Way way,
                   std::int64_t& count) {
  const Executor executor = co_await asio::this_coro::executor;
  HashLanes& lanes = HashLanes::of(executor);
  while (!stopped) {
    std::vector<LaneHash> hashes(algorithms.begin(), algorithms.end());
    LaneHash* const pointers[] = {&hashes.front(), &hashes.back()};
    if (way == Way::gathered) {
      const auto gathered = std::span(pointers).first(hashes.size());
      if (!lanes.update_at_once(gathered, body)) co_await lanes.update(gathered, body);
    } else {
      for (LaneHash& hash : hashes) hash.update(body);
    }
    for (LaneHash& hash : hashes) benchmark::DoNotOptimize(hash.finish());
    ++count;
    co_await asio::post(executor, use_task);
  }
}

void streams(benchmark::State& state, std::vector<LaneAlgorithm> algorithms, std::size_t size, Way way) {
  const auto stream_count = static_cast<std::size_t>(state.range(0));
  const Bodies bodies(stream_count, size);
  asio::io_context io(1);
  bool stopped = false;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < stream_count; ++i) {
    asio::co_spawn(io, stream(stopped, algorithms, bodies[i], way, count), asio::detached);
  }
  const auto run_until = [&](std::int64_t target) {
    while (count < target) io.run_one();
  };
  run_until(100 * state.range(0));  // Past the first gatherings.
  for (auto _ : state) run_until(count + state.range(0));
  count_bytes(state, stream_count, size);
  stopped = true;
  io.run();
}

void register_single(LaneAlgorithm algorithm, std::size_t size) {
  const std::string suffix = std::string("/") + name_of(algorithm) + "/" + std::to_string(size);
  benchmark::RegisterBenchmark(("openssl" + suffix).c_str(), openssl, algorithm, size);
  benchmark::RegisterBenchmark(("lane_hash" + suffix).c_str(), lane_hash, algorithm, size);
  for (const auto level : {LaneLevel::avx2, LaneLevel::avx512}) {
    if (level > best_lane_level()) continue;
    int number = 0;
    for (const LaneKernel& lane_kernel : lane_kernels(algorithm, level)) {
      const std::string title = std::string("kernel_") + (level == LaneLevel::avx2 ? "avx2" : "avx512") + "_" +
                                std::to_string(++number) + "_x" + std::to_string(lane_kernel.width) + suffix;
      benchmark::RegisterBenchmark(title.c_str(), kernel, lane_kernel, size);
    }
  }
}

void register_streams(const std::string& title, const std::vector<LaneAlgorithm>& algorithms, std::size_t size) {
  for (const auto way : {Way::in_turn, Way::gathered}) {
    const std::string name =
        (way == Way::in_turn ? "in_turn/" : "gathered/") + title + "/" + std::to_string(size) + "/streams";
    auto* const registered = benchmark::RegisterBenchmark(name.c_str(), streams, algorithms, size, way);
    for (const int count : {1, 2, 4, 8, 12, 16, 17, 32, 64}) registered->Arg(count);
  }
}

void print_plan(LaneAlgorithm algorithm) {
  std::string text;
  const LanePlan& plan = best_lane_plan(algorithm);
  for (std::size_t count = 1; count <= kLanesMax; ++count) {
    text += (count == 1 ? "" : " ") +
            std::to_string(plan.steps[count].kernel == nullptr ? 1 : plan.steps[count].kernel->width);
  }
  benchmark::AddCustomContext("lanes for 1 to 16 streams, " + std::string(name_of(algorithm)), text);
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  using sluice::LaneAlgorithm;
  benchmark::Initialize(&argc, argv);
  for (const auto algorithm : {LaneAlgorithm::md5, LaneAlgorithm::sha256}) {
    sluice::print_plan(algorithm);
    for (const auto size : {sluice::kSmall, sluice::kLarge}) sluice::register_single(algorithm, size);
  }
  for (const auto size : {sluice::kSmall, sluice::kLarge}) {
    sluice::register_streams("md5", {LaneAlgorithm::md5}, size);
    sluice::register_streams("sha256", {LaneAlgorithm::sha256}, size);
    sluice::register_streams("both", {LaneAlgorithm::md5, LaneAlgorithm::sha256}, size);
  }
  benchmark::RunSpecifiedBenchmarks();
}
