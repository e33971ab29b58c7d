#pragma once

#include <string_view>

#include "gateway/blob/error.h"
#include "gateway/core/fields.h"

namespace sluice::blob {

/// The newest version of the service's interface that was read for this gateway. A
/// request may name an older or a newer one; all are answered alike.
inline constexpr std::string_view kVersionNewest = "2026-06-06";

/// Four digits, two and two: 2026-04-06.
bool is_version(std::string_view text);

/// Refuses an x-ms-version that is malformed or before 2009-09-19, with
/// InvalidHeaderValue, and a Shared Key request without one, with MissingRequiredHeader.
Outcome<> check_version(const Fields& fields);

}  // namespace sluice::blob
