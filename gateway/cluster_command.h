#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// `sluice cluster`: `status`; `scrub`, which asks all disks to check what they have; `rebalance`, which asks the
/// manager to bring all disks to the same fill, and `rebalance stop`; or `add`, `drain`, `undrain`, `remove` and
/// `forget` with a disk's id or enough of its beginning; then the flags of serve. The exit code. Throws
/// std::invalid_argument and std::runtime_error with a sentence for the operator.
int command_cluster(std::span<const std::string_view> arguments, const std::map<std::string, std::string>& environment);

}  // namespace sluice
