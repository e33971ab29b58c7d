#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::rdma {

/// Sixteen bytes that name one thing for ever: a cluster, a writer's run, or one
/// formatting of one disk (its incarnation).
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;

  static Uuid random();
};

/// 32 lower-case hex digits.
std::string to_text(const Uuid& uuid);
/// The inverse of to_text(); all zero where `text` is not one.
Uuid uuid_of(std::string_view text);

/// Names one replicated extent of the cluster for ever.
enum class ExtentNumber : std::uint64_t {};

/// Who may still append to an extent: a higher epoch shuts out all lower ones.
enum class Epoch : std::uint64_t {};

/// Extents are addressed, and grow, in pages.
inline constexpr std::uint32_t kPageSize = 4096;

/// A count of pages, or the page at which something begins.
using Pages = std::uint32_t;

constexpr Pages pages_for(std::uint64_t size) { return static_cast<Pages>((size + kPageSize - 1) / kPageSize); }
constexpr std::uint64_t bytes_of(Pages pages) { return std::uint64_t{pages} * kPageSize; }

}  // namespace sluice::rdma
