#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/azure_account.h"
#include "auth/identity.h"

namespace sluice {

/// The development keys: published, so only good on loopback.
inline constexpr std::string_view kDevelopmentAccessKey = "sluicedev";
inline constexpr std::string_view kDevelopmentSecretKey = "sluicedevsecret";

/// The account that the root user makes its buckets under.
inline constexpr std::string_view kRootAccount = "root";

/// Everything the program is told, validated. Sizes in bytes, times in seconds.
struct Config {
  std::string data = "./data";
  std::string index;  ///< A PostgreSQL connection string; empty: the index is in the data directory.
  std::uint64_t index_connections_max = 32;
  std::string extents;  ///< A cluster's URL; empty: objects' bytes are in the data directory.
  std::string cluster_secret;
  std::string etcd_ca, etcd_cert, etcd_key;  ///< PEM files; empty: the system's authorities, no certificate.
  std::string etcd_user, etcd_password;
  std::string cluster_provider = "tcp";
  std::string cluster_host = "0.0.0.0";
  std::uint64_t cluster_copies = 3;
  std::uint64_t cluster_extent_size = 256ULL << 20;
  std::uint64_t cluster_release_delay_s = 600;
  std::uint64_t cluster_lost_after_s = 600;
  std::uint64_t cluster_move_rate = 64ULL << 20;
  std::uint64_t cluster_collect_period_s = 3600;
  std::string cluster_code;  ///< Scheme of cold extents; empty: they stay replicated.
  std::uint64_t cluster_code_after_s = 24 * 60 * 60;
  std::uint64_t cluster_code_rate = 64ULL << 20;
  std::string s3 = "127.0.0.1:9000";
  std::string s3_rdma;  ///< DEVICE or DEVICE:GID; empty: objects' bytes go by HTTP alone.
  std::uint64_t s3_rdma_memory_size = 64ULL << 20;
  std::string blob = "127.0.0.1:10000";
  std::string admin = "127.0.0.1:9001";
  std::string tls_cert;
  std::string tls_key;
  std::string region = "us-east-1";
  std::vector<std::string> domains;
  std::uint64_t threads = 0;  ///< 0: one a core.
  std::uint64_t body_memory_size = 64ULL << 20;
  std::uint64_t index_cache_size = 64ULL << 20;
  std::uint64_t read_cache_size = 0;  ///< 0: by the memory there is.
  std::uint64_t inline_size_max = 16ULL << 10;
  std::uint64_t segment_size = 1ULL << 30;
  std::uint64_t connections_max = 10000;
  std::uint64_t header_timeout_s = 30;
  std::uint64_t idle_timeout_s = 75;
  std::uint64_t body_timeout_s = 60;
  std::uint64_t drain_timeout_s = 30;
  std::string log = "-";
  std::string log_level = "info";
  std::string access_log = "-";
  std::string encryption_keys;  ///< A file of master keys; empty: objects are encrypted under customers' keys alone.
  bool encryption_keys_create = false;
  bool customer_keys_over_http = false;
  bool sigv2 = true;  ///< Signature Version 2 is accepted beside Version 4.
  std::string root_access_key{kDevelopmentAccessKey};
  std::string root_secret_key{kDevelopmentSecretKey};
  bool quiet = false;

  std::vector<auth::User> users;  ///< The file's [[users]], without root.

  /// The file's [[azure_accounts]] and those of SLUICE_AZURE_ACCOUNTS. Without any,
  /// the development account where the development keys are in use.
  std::vector<auth::AzureAccount> azure_accounts;

  bool has_development_keys() const;
};

/// Puts a Config together: what a flag says, else the environment, else the file,
/// else the default. `arguments` come after the verb; `environment` is
/// name to value. Throws std::invalid_argument with a sentence for the operator: an
/// unknown flag or key, a value out of range, development keys on an address
/// that is not loopback, a certificate without its key.
Config read_config(std::span<const std::string_view> arguments, const std::map<std::string, std::string>& environment);

/// The effective configuration as TOML, secrets left out.
std::string to_toml(const Config& config);

/// A connection string without the passwords in it.
std::string without_password(std::string_view conninfo);

/// The flags with their environment names and defaults, for --help.
std::string describe_options();

/// Is the host of "HOST:PORT" a loopback address? Names are not looked up:
/// only `localhost` counts.
bool is_loopback(std::string_view address);

}  // namespace sluice
