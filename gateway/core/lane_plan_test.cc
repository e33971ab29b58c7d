#include "gateway/core/lane_plan.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace sluice {
namespace {

void never_run(LaneBatch&, std::size_t) {}
constexpr LaneKernel kKernels[] = {{8, never_run}, {16, never_run}};

TEST_CASE("every kernel this machine can run hashes as OpenSSL does") {
  const auto algorithm = GENERATE(LaneAlgorithm::md5, LaneAlgorithm::sha256);
  const auto level = GENERATE(LaneLevel::avx2, LaneLevel::avx512);
  if (level > best_lane_level()) return;
  std::mt19937 random(3);

  for (const LaneKernel& kernel : lane_kernels(algorithm, level)) {
    for (std::size_t blocks = 1; blocks < 20; ++blocks) {
      std::vector<unsigned char> data(kLanesMax * (blocks * 64 + 1));
      std::ranges::generate(data, [&] { return static_cast<unsigned char>(random()); });
      LaneBatch batch{};
      std::uint32_t expected[kLanesMax][8];
      for (std::size_t lane = 0; lane < kernel.width; ++lane) {
        batch.data[lane] = &data[lane * (blocks * 64 + 1)];  // At every alignment.
        for (auto& words : batch.words) words[lane] = static_cast<std::uint32_t>(random());
        for (std::size_t word = 0; word < 8; ++word) expected[lane][word] = batch.words[word][lane];
        hash_blocks(algorithm, expected[lane], batch.data[lane], blocks);
      }

      kernel.run(batch, blocks);

      for (std::size_t lane = 0; lane < kernel.width; ++lane) {
        for (std::size_t word = 0; word < 8; ++word) {
          INFO("width " << kernel.width << " blocks " << blocks << " lane " << lane << " word " << word);
          REQUIRE(batch.words[word][lane] == expected[lane][word]);
        }
      }
    }
  }
}

TEST_CASE("a kernel leaves the lanes beyond its width alone") {
  const auto algorithm = GENERATE(LaneAlgorithm::md5, LaneAlgorithm::sha256);
  const auto level = GENERATE(LaneLevel::avx2, LaneLevel::avx512);
  if (level > best_lane_level()) return;
  const std::vector<unsigned char> data(64);

  for (const LaneKernel& kernel : lane_kernels(algorithm, level)) {
    LaneBatch batch{};
    std::ranges::fill(batch.data, data.data());
    for (auto& words : batch.words) std::ranges::fill(words, 7U);

    kernel.run(batch, 1);

    for (const auto& words : batch.words) {
      CHECK(std::ranges::all_of(words + kernel.width, words + kLanesMax, [](auto word) { return word == 7; }));
    }
  }
}

TEST_CASE("the plan takes the kernel that is cheapest for each stream") {
  const double costs[] = {1.5, 2.0};

  const LanePlan plan = plan_lanes(kKernels, costs, 1.0);

  CHECK(plan.steps[0].kernel == nullptr);
  CHECK(plan.steps[1].kernel == nullptr);
  CHECK(plan.steps[2].kernel == &kKernels[0]);
  CHECK(plan.steps[8].kernel == &kKernels[0]);
  CHECK(plan.steps[10].kernel == &kKernels[0]);
  CHECK(plan.steps[11].kernel == &kKernels[1]);
  CHECK(plan.steps[16].kernel == &kKernels[1]);
  CHECK(plan.steps[1].cost_ns == 1.0);
  CHECK(plan.steps[8].cost_ns == 1.5);
  CHECK(plan.steps[16].cost_ns == 2.0);
}

TEST_CASE("the plan uses no lanes where one stream after the other is faster") {
  const double costs[] = {7.0, 20.0};

  const LanePlan plan = plan_lanes(kKernels, costs, 1.0);

  CHECK(plan.steps[7].kernel == nullptr);
  CHECK(plan.steps[8].kernel == &kKernels[0]);
  CHECK(plan.steps[16].kernel == &kKernels[0]);
}

TEST_CASE("the plan of a machine without vectors uses no lanes") {
  const LanePlan plan = measured_lane_plan(LaneAlgorithm::md5, LaneLevel::scalar);

  CHECK(std::ranges::all_of(plan.steps, [](const auto& step) { return step.kernel == nullptr; }));
}

}  // namespace
}  // namespace sluice
