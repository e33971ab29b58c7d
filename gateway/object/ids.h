#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gateway/core/clock.h"

namespace sluice::object {

/// A name nobody else gives, in any process: 6 bytes of time, so that rows
/// written together lie together, and 10 random ones.
std::string new_id(UtcTime now);

/// As new_id, in 32 hex digits; sorts by time.
std::string new_upload_id(UtcTime now);

/// Revisions count the ticks of 100 ns since the first of January of year 1, so that each is
/// a time and a row's key can hold it: none is below 2^56.
using RevisionTicks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
inline constexpr RevisionTicks kRevisionEpoch = std::chrono::seconds(62'135'596'800);

/// Greater than `before`, and by time where the clock allows.
std::uint64_t new_revision(UtcTime now, std::uint64_t before = 0);

}  // namespace sluice::object
