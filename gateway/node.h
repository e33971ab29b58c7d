#pragma once

#include "gateway/node_config.h"

namespace sluice {

/// Serves a disk of the cluster until SIGTERM or SIGINT. The exit code. Throws
/// std::runtime_error for what keeps it from starting: no such disk, a disk of another
/// cluster, an address in use, no etcd.
int serve_node(const NodeConfig& config);

/// Makes the disk one of the cluster, whose id is asked of etcd. Throws std::runtime_error.
void format_node(const NodeConfig& config);

}  // namespace sluice
