#pragma once

#include "gateway/config.h"

namespace sluice {

/// Builds the gateway, serves until SIGTERM or SIGINT, drains. The exit code.
/// Throws std::runtime_error for what keeps it from starting: an address in use,
/// a data directory that cannot be opened, a certificate that cannot be read.
int serve(const Config& config);

}  // namespace sluice
