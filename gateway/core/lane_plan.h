#pragma once

#include <array>
#include <span>

#include "gateway/core/lane_batch.h"

namespace sluice {

/// Which vector instructions lanes may use.
enum class LaneLevel : std::uint8_t { scalar, avx2, avx512 };

/// The most this machine can run.
LaneLevel best_lane_level();

/// The kernels of one level for one algorithm, narrow ones first; none for scalar.
/// To be run only where best_lane_level() is at least `level`.
std::span<const LaneKernel> lane_kernels(LaneAlgorithm algorithm, LaneLevel level);

/// One stream's whole blocks, by OpenSSL: the fastest code for a stream alone.
/// `words` are the state: 4 for MD5, 8 for SHA-256.
void hash_blocks(LaneAlgorithm algorithm, std::uint32_t* words, const unsigned char* data, std::size_t blocks);

/// How many words of state an algorithm has.
constexpr std::size_t lane_words(LaneAlgorithm algorithm) { return algorithm == LaneAlgorithm::md5 ? 4 : 8; }

/// The fastest way to advance n streams that wait at the same time.
struct LanePlan {
  /// One block of as many of the streams as the kernel is wide; or of a single
  /// stream, without a kernel, where one after the other is faster.
  struct Step {
    const LaneKernel* kernel = nullptr;
    double cost_ns = 100;
  };
  std::array<Step, kLanesMax + 1> steps;  ///< By the count of streams.
};

/// The plan for kernels whose step costs `kernel_costs_ns`, in the order of
/// `kernels`, where a step of a single stream costs `single_cost_ns`.
LanePlan plan_lanes(std::span<const LaneKernel> kernels, std::span<const double> kernel_costs_ns,
                    double single_cost_ns);

/// The plan by what this machine's kernels cost when run, which takes well under
/// a millisecond. The answer for best_lane_level() is measured once a process.
LanePlan measured_lane_plan(LaneAlgorithm algorithm, LaneLevel level);
const LanePlan& best_lane_plan(LaneAlgorithm algorithm);

}  // namespace sluice
