#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// Everything an extent node is told, validated. Sizes in bytes.
struct NodeConfig {
  std::string disk;
  std::string cluster;
  std::string cluster_secret;
  std::string etcd_ca, etcd_cert, etcd_key;  ///< PEM files; empty: the system's authorities, no certificate.
  std::string etcd_user, etcd_password;
  std::string listen = "127.0.0.1:7480";
  std::string advertise;  ///< Never empty once read.
  std::string provider = "tcp";
  std::string zone;
  std::string machine;  ///< Never empty once read.
  std::string admin = "127.0.0.1:7481";
  std::uint64_t connections_max = 256;
  std::uint64_t staging_size = 64ULL << 20;
  std::uint64_t orphan_after_s = 600;
  std::uint64_t scrub_rate = 16ULL << 20;
  std::uint64_t scrub_period_s = 604800;
  std::uint64_t compact_rate = 16ULL << 20;
  std::string log = "-";
  std::string log_level = "info";

  // What only `format` takes.
  std::uint64_t size = 0;
  std::uint64_t slab_size = 256ULL << 20;
  std::uint64_t log_size = 8ULL << 20;
  bool overwrite = false;
};

/// Puts a NodeConfig together: what a flag says, else the environment, else the default.
/// Throws std::invalid_argument with a sentence for the operator.
NodeConfig read_node_config(std::span<const std::string_view> arguments,
                            const std::map<std::string, std::string>& environment);

/// The flags with their environment names and defaults, for --help.
std::string describe_node_options();

}  // namespace sluice
