#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// `sluice fsck`: verifies a data directory, printing progress to standard error
/// and faults and a summary to standard output. The exit code: 0 without a fault, 1
/// with one. Takes --quick and --repair, and the flags of serve.
int check(std::span<const std::string_view> arguments, const std::map<std::string, std::string>& environment);

}  // namespace sluice
