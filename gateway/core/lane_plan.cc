// The low-level functions are deprecated for hiding no state, which is what lets
// a stream move between OpenSSL and the lanes.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "gateway/core/lane_plan.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

namespace sluice {
namespace {

constexpr std::size_t kBlockSize = 64;
// Lanes must promise a tenth to be worth the way into them.
constexpr double kGainMin = 1.1;

#if defined(__x86_64__)
constexpr LaneKernel kMd5Avx2[] = {{8, md5_avx2_8}, {16, md5_avx2_16}};
constexpr LaneKernel kSha256Avx2[] = {{8, sha256_avx2_8}};
constexpr LaneKernel kMd5Avx512[] = {{8, md5_avx512_8}, {16, md5_avx512_8x2}, {16, md5_avx512_16}};
constexpr LaneKernel kSha256Avx512[] = {{8, sha256_avx512_8}, {16, sha256_avx512_16}};
#endif

/// The least of several runs: what disturbs a run only ever makes it longer.
template <class Function>
double nanoseconds_of(Function run) {
  constexpr int kRuns = 6;
  double least = std::numeric_limits<double>::max();
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    least = std::min(least, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

}  // namespace

LaneLevel best_lane_level() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") == 0) return LaneLevel::scalar;
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                      __builtin_cpu_supports("avx512vl") != 0;
  return avx512 ? LaneLevel::avx512 : LaneLevel::avx2;
#else
  return LaneLevel::scalar;
#endif
}

std::span<const LaneKernel> lane_kernels([[maybe_unused]] LaneAlgorithm algorithm, LaneLevel level) {
#if defined(__x86_64__)
  using Kernels = std::span<const LaneKernel>;
  const bool md5 = algorithm == LaneAlgorithm::md5;
  if (level == LaneLevel::avx2) return md5 ? Kernels(kMd5Avx2) : Kernels(kSha256Avx2);
  if (level == LaneLevel::avx512) return md5 ? Kernels(kMd5Avx512) : Kernels(kSha256Avx512);
#else
  static_cast<void>(level);
#endif
  return {};
}

void hash_blocks(LaneAlgorithm algorithm, std::uint32_t* words, const unsigned char* data, std::size_t blocks) {
  if (algorithm == LaneAlgorithm::md5) {
    MD5_CTX context{};
    context.A = words[0];
    context.B = words[1];
    context.C = words[2];
    context.D = words[3];
    MD5_Update(&context, data, blocks * kBlockSize);
    words[0] = context.A;
    words[1] = context.B;
    words[2] = context.C;
    words[3] = context.D;
    return;
  }
  SHA256_CTX context{};
  std::copy_n(words, 8, context.h);
  SHA256_Update(&context, data, blocks * kBlockSize);
  std::copy_n(context.h, 8, words);
}

LanePlan plan_lanes(std::span<const LaneKernel> kernels, std::span<const double> kernel_costs_ns,
                    double single_cost_ns) {
  LanePlan plan;
  for (std::size_t streams = 0; streams <= kLanesMax; ++streams) {
    plan.steps[streams].cost_ns = single_cost_ns;
    double least = single_cost_ns / kGainMin;  // For each stream.
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      const double cost = kernel_costs_ns[i] / static_cast<double>(std::min(streams, kernels[i].width));
      if (streams < 2 || cost >= least) continue;
      least = cost;
      plan.steps[streams] = {&kernels[i], kernel_costs_ns[i]};
    }
  }
  return plan;
}

LanePlan measured_lane_plan(LaneAlgorithm algorithm, LaneLevel level) {
  constexpr std::size_t kBlocks = 32;
  const std::vector<unsigned char> data(kLanesMax * kBlocks * kBlockSize);
  LaneBatch batch{};
  for (std::size_t lane = 0; lane < kLanesMax; ++lane) batch.data[lane] = &data[lane * kBlocks * kBlockSize];

  const auto step_ns = [&](auto run) { return nanoseconds_of(run) / static_cast<double>(kBlocks); };
  const double single = step_ns([&] { hash_blocks(algorithm, batch.words[0], data.data(), kBlocks); });
  const auto kernels = lane_kernels(algorithm, level);
  std::vector<double> costs;
  for (const LaneKernel& kernel : kernels) costs.push_back(step_ns([&] { kernel.run(batch, kBlocks); }));
  return plan_lanes(kernels, costs, single);
}

const LanePlan& best_lane_plan(LaneAlgorithm algorithm) {
  static const LanePlan md5 = measured_lane_plan(LaneAlgorithm::md5, best_lane_level());
  static const LanePlan sha256 = measured_lane_plan(LaneAlgorithm::sha256, best_lane_level());
  return algorithm == LaneAlgorithm::md5 ? md5 : sha256;
}

}  // namespace sluice
