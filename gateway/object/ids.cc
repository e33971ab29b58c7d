#include "gateway/object/ids.h"

#include <algorithm>
#include <utility>

#include "gateway/core/encoding.h"

namespace sluice::object {
namespace {

constexpr std::size_t kTimeSize = 6;
constexpr std::size_t kRandomSize = 10;
constexpr std::uint64_t kTicksInMillisecond = 10'000;

std::uint64_t milliseconds(UtcTime now) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(now.time_since_epoch().count(), 0));
}

/// Random bytes, drawn from the system's generator many at a time.
std::string_view draw(std::size_t count) {
  constexpr std::size_t kDrawn = 512;
  thread_local std::string drawn;
  thread_local std::size_t used = 0;
  if (drawn.size() - used < count) {
    drawn = random_bytes(kDrawn);
    used = 0;
  }
  return std::string_view(drawn).substr(std::exchange(used, used + count), count);
}

}  // namespace

std::string new_id(UtcTime now) {
  std::string id;
  for (std::size_t i = kTimeSize; i-- > 0;) id.push_back(static_cast<char>(milliseconds(now) >> (8 * i) & 0xFF));
  return id.append(draw(kRandomSize));
}

std::string new_upload_id(UtcTime now) { return to_hex(new_id(now)); }

std::uint64_t new_revision(UtcTime now, std::uint64_t before) {
  std::uint64_t noise = 0;
  for (const char c : draw(4)) noise = noise << 8 | static_cast<unsigned char>(c);
  const auto ticks = RevisionTicks(std::chrono::milliseconds(milliseconds(now))) + kRevisionEpoch;
  return std::max(static_cast<std::uint64_t>(ticks.count()) + noise % kTicksInMillisecond, before + 1);
}

}  // namespace sluice::object
