#include "gateway/node_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <variant>

#include "backends/rdma/cluster_url.h"
#include "gateway/cluster_control.h"
#include "gateway/core/encoding.h"

namespace sluice {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw std::invalid_argument(sentence); }

using Member = std::variant<std::string NodeConfig::*, std::uint64_t NodeConfig::*, bool NodeConfig::*>;

/// One setting: its flag is --name, its variable what is said, or SLUICE_NODE_NAME.
struct Option {
  std::string_view name;
  Member member;
  std::string_view placeholder;
  std::string_view help;
  std::string_view variable{};
  std::uint64_t least = 0;
  std::uint64_t most = UINT64_MAX;
};

constexpr Option kOptions[] = {
    {"disk", &NodeConfig::disk, "PATH", "the file or raw partition to serve, formatted before"},
    {"cluster", &NodeConfig::cluster, "URL",
     "cluster[+https]://HOST:PORT,HOST:PORT/NAME: the members of etcd, and a name", "SLUICE_CLUSTER"},
    {"cluster-secret", &NodeConfig::cluster_secret, "SECRET", "the cluster's; prefer the environment to the flag",
     "SLUICE_CLUSTER_SECRET"},
    {"etcd-ca", &NodeConfig::etcd_ca, "FILE",
     "who signs etcd's certificates (PEM), for cluster+https; else whom the system trusts", "SLUICE_ETCD_CA"},
    {"etcd-cert", &NodeConfig::etcd_cert, "FILE", "certificate (PEM) shown to etcd", "SLUICE_ETCD_CERT"},
    {"etcd-key", &NodeConfig::etcd_key, "FILE", "private key (PEM) of that certificate", "SLUICE_ETCD_KEY"},
    {"etcd-user", &NodeConfig::etcd_user, "NAME", "one of etcd's users", "SLUICE_ETCD_USER"},
    {"etcd-password", &NodeConfig::etcd_password, "SECRET", "its password; prefer the environment to the flag",
     "SLUICE_ETCD_PASSWORD"},
    {"listen", &NodeConfig::listen, "ADDR", "gateways connect here (IPv4 HOST:PORT; port 0 picks one)"},
    {"advertise", &NodeConfig::advertise, "ADDR", "where gateways find it, if that is not what is listened on"},
    {"provider", &NodeConfig::provider, "NAME", "libfabric's: tcp, or verbs where there is RDMA"},
    {"zone", &NodeConfig::zone, "NAME", "what fails together, such as a rack: replicas are spread over zones"},
    {"machine", &NodeConfig::machine, "NAME", "no two replicas are on one; the host's name if left out"},
    {"admin", &NodeConfig::admin, "ADDR", "health, readiness and /metrics; plain HTTP, keep it private"},
    {"connections-max", &NodeConfig::connections_max, "N", "gateways at one time", {}, 1, 100000},
    {"staging-size", &NodeConfig::staging_size, "SIZE", "memory that is registered for transfers", {}, 4 << 20},
    {"orphan-after",
     &NodeConfig::orphan_after_s,
     "SECONDS",
     "what the cluster does not know for so long is dropped",
     {},
     0,
     604800},
    {"compact-rate",
     &NodeConfig::compact_rate,
     "SIZE",
     "move at most so much in a second to free slabs, while fewer than a quarter are free",
     {},
     64 << 10},
    {"scrub-rate", &NodeConfig::scrub_rate, "SIZE", "read at most so much in a second to check it", {}, 64 << 10},
    {"scrub-period",
     &NodeConfig::scrub_period_s,
     "SECONDS",
     "check everything so often; 0: only when told to",
     {},
     0,
     31536000},
    {"log", &NodeConfig::log, "DEST", "log to '-' (standard error), a file, or '' (nowhere)"},
    {"log-level", &NodeConfig::log_level, "LEVEL", "debug, info, warning or error"},
    {"size", &NodeConfig::size, "SIZE", "format: the bytes of the disk to use"},
    {"slab-size", &NodeConfig::slab_size, "SIZE", "format: the longest extent", {}, 2 << 20, 4ULL << 30},
    {"log-size", &NodeConfig::log_size, "SIZE", "format: each of two areas of the log", {}, 64 << 10, 1ULL << 30},
    {"overwrite", &NodeConfig::overwrite, "", "format: also where a Sluice disk is, all of which is lost"},
};

std::string variable_name(const Option& option) {
  if (!option.variable.empty()) return std::string(option.variable);
  std::string text = "SLUICE_NODE_" + std::string(option.name);
  std::ranges::transform(text, text.begin(), [](char c) {
    if (c == '-') return '_';
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return text;
}

std::uint64_t parse_number(const Option& option, std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = parse_decimal(text.substr(0, digits));
  const auto unit = to_lower(trim(text.substr(digits)));
  static const std::map<std::string, int, std::less<>> kShifts = {
      {"", 0}, {"kib", 10}, {"k", 10}, {"mib", 20}, {"m", 20}, {"gib", 30}, {"g", 30}, {"tib", 40}, {"t", 40}};
  const auto shift = kShifts.find(unit);
  if (!value || shift == kShifts.end() || *value > UINT64_MAX >> shift->second) {
    refuse(fmt::format("{}: '{}' is not a number or size", option.name, text));
  }
  const std::uint64_t number = *value << shift->second;
  if (number < option.least || number > option.most) {
    refuse(fmt::format("{}: {} is not between {} and {}", option.name, number, option.least, option.most));
  }
  return number;
}

void assign(NodeConfig& config, const Option& option, std::string_view text) {
  if (const auto* member = std::get_if<std::string NodeConfig::*>(&option.member)) config.*(*member) = text;
  if (const auto* member = std::get_if<std::uint64_t NodeConfig::*>(&option.member)) {
    config.*(*member) = parse_number(option, text);
  }
  if (const auto* member = std::get_if<bool NodeConfig::*>(&option.member)) {
    if (text != "true" && text != "false") refuse(fmt::format("{}: '{}' is neither true nor false", option.name, text));
    config.*(*member) = text == "true";
  }
}

void read_flags(NodeConfig& config, std::span<const std::string_view> arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--")) refuse(fmt::format("'{}' is not a flag; see sluice-extent-node --help", word));
    word.remove_prefix(2);
    const auto equals = word.find('=');
    const auto option = std::ranges::find(kOptions, word.substr(0, equals), &Option::name);
    if (option == std::end(kOptions)) refuse(fmt::format("unknown flag --{}; see sluice-extent-node --help", word));
    if (equals != std::string_view::npos) {
      assign(config, *option, word.substr(equals + 1));
    } else if (option->placeholder.empty()) {
      assign(config, *option, "true");
    } else if (++i < arguments.size()) {
      assign(config, *option, arguments[i]);
    } else {
      refuse(fmt::format("--{} needs a value", word));
    }
  }
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

void validate(const NodeConfig& config) {
  if (config.disk.empty()) refuse("disk must be given");
  control_options(config.cluster, config);
  if (config.cluster_secret.size() < rdma::kClusterSecretMin) {
    refuse(fmt::format("cluster-secret must have at least {} characters", rdma::kClusterSecretMin));
  }
  for (const auto& address : {config.listen, config.advertise}) {
    if (address.rfind(':') == std::string::npos || address.starts_with(':')) {
      refuse(fmt::format("'{}' is not HOST:PORT", address));
    }
  }
  constexpr std::array kLevels = {"debug", "info", "warning", "error"};
  if (std::ranges::find(kLevels, config.log_level) == kLevels.end()) {
    refuse("log-level must be debug, info, warning or error");
  }
}

}  // namespace

NodeConfig read_node_config(std::span<const std::string_view> arguments,
                            const std::map<std::string, std::string>& environment) {
  NodeConfig config;
  for (const Option& option : kOptions) {
    const auto variable = environment.find(variable_name(option));
    if (variable != environment.end()) assign(config, option, variable->second);
  }
  read_flags(config, arguments);
  if (config.advertise.empty()) config.advertise = config.listen;
  if (config.machine.empty()) config.machine = host_name();
  validate(config);
  return config;
}

std::string describe_node_options() {
  std::string text;
  for (const Option& option : kOptions) {
    const auto flag = fmt::format("--{} {}", option.name, option.placeholder);
    text += fmt::format("  {:<24} {}  [{}]\n", flag, option.help, variable_name(option));
  }
  return text;
}

}  // namespace sluice
