#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/result.h"

namespace sluice::rdma {

/// Where a cluster is agreed on: `cluster://HOST:PORT,HOST:PORT/NAME` names the members of an
/// etcd, and the cluster among those that are in it; `cluster+https://`: they speak TLS.
struct ClusterUrl {
  std::vector<std::string> endpoints;  ///< HOST:PORT; a port left out is 2379.
  std::string name;                    ///< Lower-case letters, digits and -.
  bool tls = false;
  friend bool operator==(const ClusterUrl&, const ClusterUrl&) = default;
};

/// Fails with invalid_argument; the detail is for the operator.
Result<ClusterUrl> parse_cluster_url(std::string_view text);

/// A secret shorter than this is refused.
inline constexpr std::size_t kClusterSecretMin = 16;

}  // namespace sluice::rdma
