#pragma once

#include <stdexcept>
#include <string>

#include "backends/rdma/etcd_control.h"

namespace sluice {

/// How the cluster at `url` is agreed with, by what a Config or a NodeConfig says of etcd.
/// Throws std::invalid_argument with a sentence for the operator.
template <class AnyConfig>
rdma::EtcdControlOptions control_options(const std::string& url, const AnyConfig& config) {
  auto options = rdma::control_options(url, {.ca_file = config.etcd_ca,
                                             .certificate_file = config.etcd_cert,
                                             .key_file = config.etcd_key,
                                             .user = config.etcd_user,
                                             .password = config.etcd_password});
  if (!options) throw std::invalid_argument(options.error().detail);
  return *std::move(options);
}

}  // namespace sluice
