#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gateway/core/clock.h"
#include "gateway/object/info.h"

namespace sluice::object {

/// A name nobody else gives, in any process: 6 bytes of time, so that rows
/// written together lie together, and 10 random ones.
std::string new_id(UtcTime now);

/// As new_id, in 32 hex digits; sorts by time.
std::string new_upload_id(UtcTime now);

/// Greater than that of `current`, and by time where the clock allows.
std::uint64_t new_revision(UtcTime now, const std::optional<ObjectInfo>& current);

}  // namespace sluice::object
