#include "gateway/config.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <variant>

#include "backends/rdma/cluster_url.h"
#include "backends/rdma/erasure.h"
#include "gateway/cluster_control.h"
#include "gateway/core/encoding.h"

namespace sluice {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw std::invalid_argument(sentence); }

using Member =
    std::variant<std::string Config::*, std::vector<std::string> Config::*, std::uint64_t Config::*, bool Config::*>;

/// One setting: its flag is --name, its variable SLUICE_NAME, its key in the file
/// name, with - or _ between words.
struct Option {
  std::string_view name;
  Member member;
  std::string_view placeholder;
  std::string_view help;
  bool is_size = false;
  bool is_secret = false;
  std::uint64_t least = 0;
  std::uint64_t most = UINT64_MAX;
};

constexpr Option kOptions[] = {
    {"data", &Config::data, "DIR", "where objects live; made if absent"},
    {"index", &Config::index, "URL",
     "the index in PostgreSQL: postgres://USER@HOST/DATABASE; empty: in the data directory"},
    {"index-connections", &Config::index_connections_max, "N", "connections to PostgreSQL at most", false, false, 2,
     1000},
    {"extents", &Config::extents, "URL",
     "bytes on an extent cluster: cluster[+https]://HOST:PORT,.../NAME, the members of etcd; empty: in the data "
     "directory"},
    {"cluster-secret", &Config::cluster_secret, "SECRET", "the cluster's; prefer the environment to the flag", false,
     true},
    {"etcd-ca", &Config::etcd_ca, "FILE",
     "who signs etcd's certificates (PEM), for cluster+https; else whom the system trusts"},
    {"etcd-cert", &Config::etcd_cert, "FILE", "certificate (PEM) shown to etcd"},
    {"etcd-key", &Config::etcd_key, "FILE", "private key (PEM) of that certificate"},
    {"etcd-user", &Config::etcd_user, "NAME", "one of etcd's users"},
    {"etcd-password", &Config::etcd_password, "SECRET", "its password; prefer the environment to the flag", false,
     true},
    {"cluster-provider", &Config::cluster_provider, "NAME", "libfabric's: tcp, or verbs where there is RDMA"},
    {"cluster-host", &Config::cluster_host, "ADDR", "the own address towards extent nodes"},
    {"cluster-copies", &Config::cluster_copies, "N", "extent nodes that keep each byte", false, false, 1, 7},
    {"cluster-extent-size", &Config::cluster_extent_size, "SIZE", "at most the slab size of every node", true, false,
     2 << 20, 4ULL << 30},
    {"cluster-release-delay", &Config::cluster_release_delay_s, "SECONDS",
     "what is removed stays so long for those who read it through other gateways", false, false, 0, 86400},
    {"cluster-lost-after", &Config::cluster_lost_after_s, "SECONDS",
     "a disk that is silent for so long is lost: what it had is copied", false, false, 0, 604800},
    {"cluster-move-rate", &Config::cluster_move_rate, "SIZE",
     "bytes a second at most while copies are moved to balance disks", true, false, 1 << 20},
    {"cluster-collect-period", &Config::cluster_collect_period_s, "SECONDS",
     "between two searches for bytes that no object names", false, false, 1, 604800},
    {"cluster-code", &Config::cluster_code, "SCHEME",
     "4+2 or 6+3: how extents are kept once they are cold, instead of as copies; empty: as copies"},
    {"cluster-code-after", &Config::cluster_code_after_s, "SECONDS", "an extent is cold so long after it was sealed",
     false, false, 0, 31536000},
    {"cluster-code-rate", &Config::cluster_code_rate, "SIZE",
     "bytes a second at most that coding reads of copies, and again of what it wrote", true, false, 1 << 20},
    {"s3", &Config::s3, "ADDR", "S3 listens here (HOST:PORT; port 0 picks one)"},
    {"s3-rdma", &Config::s3_rdma, "DEVICE",
     "moves objects over RDMA for clients that offer their memory: DEVICE or DEVICE:GID; empty: declined"},
    {"s3-rdma-memory", &Config::s3_rdma_memory_size, "SIZE", "registered for that; a MiB a transfer", true, false,
     1 << 20, 4ULL << 30},
    {"blob", &Config::blob, "ADDR", "Azure Blob listens here"},
    {"admin", &Config::admin, "ADDR", "health, readiness and /metrics; plain HTTP, keep it private"},
    {"tls-cert", &Config::tls_cert, "FILE", "certificate chain (PEM): S3 and Blob speak TLS; SIGHUP reloads"},
    {"tls-key", &Config::tls_key, "FILE", "private key (PEM) of the certificate"},
    {"region", &Config::region, "NAME", "the region that signatures must name"},
    {"domains", &Config::domains, "LIST",
     "comma-separated domains for bucket.domain and account.blob.domain addressing"},
    {"threads", &Config::threads, "N", "I/O threads; 0 is one a core", false, false, 0, 1024},
    {"body-memory", &Config::body_memory_size, "SIZE", "bound of all memory for bodies", true, false, 4 << 20},
    {"index-cache", &Config::index_cache_size, "SIZE", "index blocks kept in memory", true, false, 1 << 20},
    {"read-cache", &Config::read_cache_size, "SIZE",
     "pieces of objects kept in memory, read and checked; 0 is an eighth of the memory, 4 GiB at most", true},
    {"inline-size", &Config::inline_size_max, "SIZE", "bodies up to this live in the index", true, false, 0, 64 << 10},
    {"segment-size", &Config::segment_size, "SIZE", "a segment file takes no new extent beyond this", true, false,
     1 << 20, 1ULL << 40},
    {"connections-max", &Config::connections_max, "N", "more are refused", false, false, 1, 1000000},
    {"header-timeout", &Config::header_timeout_s, "SECONDS", "for a request's header to arrive", false, false, 1, 3600},
    {"idle-timeout", &Config::idle_timeout_s, "SECONDS", "between two requests of a connection", false, false, 1, 3600},
    {"body-timeout", &Config::body_timeout_s, "SECONDS", "for a body to make progress", false, false, 1, 3600},
    {"drain-timeout", &Config::drain_timeout_s, "SECONDS", "for requests in flight at SIGTERM", false, false, 0, 3600},
    {"log", &Config::log, "DEST", "log to '-' (standard error), a file, or '' (nowhere)"},
    {"log-level", &Config::log_level, "LEVEL", "debug, info, warning or error"},
    {"access-log", &Config::access_log, "DEST", "one line a request, as for --log"},
    {"encryption-keys", &Config::encryption_keys, "FILE", "master keys for x-amz-server-side-encryption, mode 600"},
    {"encryption-keys-create", &Config::encryption_keys_create, "BOOL",
     "make that file with one key if it is absent; by default DATA/encryption-keys"},
    {"customer-keys-over-http", &Config::customer_keys_over_http, "BOOL",
     "take customers' keys (SSE-C) from other machines without TLS"},
    {"sigv2", &Config::sigv2, "BOOL", "accept Signature Version 2 too, with which boto3 presigns"},
    {"root-access-key", &Config::root_access_key, "KEY", "the key that may do everything"},
    {"root-secret-key", &Config::root_secret_key, "SECRET", "its secret; prefer the environment to the flag", false,
     true},
    {"quiet", &Config::quiet, "", "print endpoints and nothing else at the start"},
};

const Option* find_option(std::string_view name) {
  const auto found = std::ranges::find(kOptions, name, &Option::name);
  return found == std::end(kOptions) ? nullptr : found;
}

std::string with(std::string_view name, char separator) {
  std::string text(name);
  std::ranges::replace(text, '-', separator);
  return text;
}

std::string variable_name(const Option& option) {
  std::string text = "SLUICE_" + with(option.name, '_');
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

std::uint64_t parse_number(const Option& option, std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = parse_decimal(text.substr(0, digits));
  const auto unit = to_lower(trim(text.substr(digits)));
  static const std::map<std::string, int, std::less<>> kShifts = {
      {"", 0},     {"b", 0},  {"k", 10},  {"kb", 10},  {"kib", 10}, {"m", 20},  {"mb", 20},
      {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}, {"t", 40},   {"tib", 40}};
  const auto shift = kShifts.find(unit);
  if (!value || shift == kShifts.end() || (!option.is_size && !unit.empty()) || *value > UINT64_MAX >> shift->second) {
    refuse(fmt::format("{}: '{}' is not a {}", option.name, text, option.is_size ? "size" : "number"));
  }
  const std::uint64_t number = *value << shift->second;
  if (number < option.least || number > option.most) {
    refuse(fmt::format("{}: {} is not between {} and {}", option.name, number, option.least, option.most));
  }
  return number;
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto item = trim(text.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

bool parse_bool(const Option& option, std::string_view text) {
  if (text == "true" || text == "1" || text == "yes") return true;
  if (text == "false" || text == "0" || text == "no") return false;
  refuse(fmt::format("{}: '{}' is neither true nor false", option.name, text));
}

void assign(Config& config, const Option& option, std::string_view text) {
  struct Visitor {
    Config& config;
    const Option& option;
    std::string_view text;
    void operator()(std::string Config::* member) const { config.*member = text; }
    void operator()(std::vector<std::string> Config::* member) const { config.*member = parse_list(text); }
    void operator()(std::uint64_t Config::* member) const { config.*member = parse_number(option, text); }
    void operator()(bool Config::* member) const { config.*member = parse_bool(option, text); }
  };
  std::visit(Visitor{config, option, text}, option.member);
}

// ---- the file

std::string text_of(const toml::node& node, std::string_view name) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  if (const auto* items = node.as_array()) {
    std::string joined;
    for (const auto& item : *items) joined += text_of(item, name) + ",";
    return joined;
  }
  refuse(fmt::format("{}: the file gives it a value of the wrong kind", name));
}

std::string required(const toml::table& table, std::string_view name, std::string_view list = "users") {
  const auto value = table[name].value<std::string>();
  if (!value || value->empty()) refuse(fmt::format("{}: an entry lacks '{}'", list, name));
  return *value;
}

void check_keys(const toml::table& table, std::string_view list, const std::set<std::string_view>& known) {
  for (const auto& [key, value] : table) {
    if (!known.contains(key.str())) refuse(fmt::format("{}: unknown key '{}'", list, key.str()));
  }
}

auth::User read_user(const toml::table& table) {
  static const std::set<std::string_view> kKnown = {"name",       "account", "display_name", "access_key",
                                                    "secret_key", "access",  "root",         "buckets"};
  check_keys(table, "users", kKnown);
  auth::User user;
  user.name = required(table, "name");
  user.account = table["account"].value_or(user.name);
  user.display_name = table["display_name"].value_or(user.name);
  user.access_key = required(table, "access_key");
  user.secret_key = required(table, "secret_key");
  user.root = table["root"].value_or(false);
  const std::string access = table["access"].value_or(std::string("read-write"));
  if (access != "read-write" && access != "read-only") {
    refuse(fmt::format("users: access of '{}' must be read-write or read-only", user.name));
  }
  user.access = access == "read-only" ? auth::Access::read_only : auth::Access::read_write;
  if (const auto* buckets = table["buckets"].as_array()) {
    for (const auto& prefix : *buckets) user.bucket_prefixes.push_back(text_of(prefix, "users.buckets"));
  }
  return user;
}

auth::AzureAccount read_azure_account(const toml::table& table) {
  constexpr std::string_view kList = "azure_accounts";
  check_keys(table, kList, {"name", "key", "keys", "owner"});
  std::vector<std::string> keys;
  if (const auto key = table["key"].value<std::string>()) keys.push_back(*key);
  if (const auto* more = table["keys"].as_array()) {
    for (const auto& key : *more) keys.push_back(text_of(key, "azure_accounts.keys"));
  }
  return auth::azure_account(required(table, "name", kList), keys, table["owner"].value_or(std::string(kRootAccount)));
}

/// `name:key[:key]`, several joined by semicolons; the development account may
/// stand without its key, which everybody knows.
std::vector<auth::AzureAccount> parse_azure_accounts(std::string_view text) {
  std::vector<auth::AzureAccount> accounts;
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    std::vector<std::string> words;
    for (std::string_view one = trim(text.substr(0, end)); !one.empty();) {
      const auto colon = std::min(one.find(':'), one.size());
      words.emplace_back(one.substr(0, colon));
      one.remove_prefix(std::min(colon + 1, one.size()));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty()) continue;
    if (words.size() == 1 && words[0] == auth::kDevelopmentAccountName) {
      words.emplace_back(auth::kDevelopmentAccountKey);
    }
    accounts.push_back(auth::azure_account(words[0], {words.begin() + 1, words.end()}, std::string(kRootAccount)));
  }
  return accounts;
}

template <class Read>
void read_tables(const toml::node& node, std::string_view name, const Read& read) {
  const auto* entries = node.as_array();
  if (entries == nullptr) refuse(fmt::format("{0}: write each as [[{0}]]", name));
  for (const auto& entry : *entries) {
    if (!entry.is_table()) refuse(fmt::format("{0}: write each as [[{0}]]", name));
    read(*entry.as_table());
  }
}

void read_file(Config& config, const std::string& path) {
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    refuse(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  for (const auto& [key, node] : file) {
    if (key.str() == "users") {
      read_tables(node, "users", [&](const toml::table& table) { config.users.push_back(read_user(table)); });
      continue;
    }
    if (key.str() == "azure_accounts") {
      read_tables(node, "azure_accounts",
                  [&](const toml::table& table) { config.azure_accounts.push_back(read_azure_account(table)); });
      continue;
    }
    std::string name(key.str());
    std::ranges::replace(name, '_', '-');
    const Option* option = find_option(name);
    if (option == nullptr) refuse(fmt::format("{}: unknown key '{}'", path, key.str()));
    assign(config, *option, text_of(node, key.str()));
  }
}

// ---- the flags

struct Flags {
  std::string file;
  std::vector<std::pair<const Option*, std::string>> values;
};

Flags read_flags(std::span<const std::string_view> arguments) {
  Flags flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--")) refuse(fmt::format("'{}' is not a flag; see sluice --help", word));
    word.remove_prefix(2);
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const Option* option = find_option(name);
    if (option == nullptr && name != "config") refuse(fmt::format("unknown flag --{}; see sluice --help", name));

    std::string value = "true";
    const bool takes_value = option == nullptr || !option->placeholder.empty();
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (takes_value) {
      if (i + 1 == arguments.size()) refuse(fmt::format("--{} needs a value", name));
      value = arguments[++i];
    }
    if (option == nullptr) {
      flags.file = value;
    } else {
      flags.values.emplace_back(option, value);
    }
  }
  return flags;
}

bool is_development(const auth::AzureAccount& account) {
  const auto known = from_base64(auth::kDevelopmentAccountKey);
  return std::ranges::find(account.keys, *known, &auth::AccountKey::raw) != account.keys.end();
}

void validate_azure(const Config& config) {
  // Throws for what the accounts are not together: unique.
  const auth::AzureAccounts check(config.azure_accounts);
  if (is_loopback(config.blob)) return;
  for (const auth::AzureAccount& account : config.azure_accounts) {
    if (!is_development(account)) continue;
    refuse(fmt::format("the key of {} is public, so it may not guard {}: give the account a key of its own",
                       account.name, config.blob));
  }
}

void validate_extents(const Config& config) {
  if (config.extents.empty()) return;
  control_options(config.extents, config);
  if (config.index.empty()) refuse("extents on a cluster need an index in PostgreSQL: set index");
  if (config.cluster_secret.size() < rdma::kClusterSecretMin) {
    refuse(fmt::format("cluster-secret must have at least {} characters", rdma::kClusterSecretMin));
  }
  if (!config.cluster_code.empty() && !rdma::scheme_of(config.cluster_code)) {
    refuse("cluster-code must be 4+2 or 6+3, or empty");
  }
}

void validate(const Config& config) {
  if (config.tls_cert.empty() != config.tls_key.empty()) refuse("tls-cert and tls-key go together");
  if (!config.index.empty() && !config.index.starts_with("postgres://") && !config.index.starts_with("postgresql://")) {
    refuse("index must be empty or begin with postgres://");
  }
  validate_extents(config);
  if (config.root_access_key.empty() || config.root_secret_key.empty()) {
    refuse("root-access-key and root-secret-key must not be empty");
  }
  if (config.root_secret_key.size() < 8) refuse("root-secret-key must have at least 8 characters");
  validate_azure(config);
  static const std::set<std::string> kLevels = {"debug", "info", "warning", "error"};
  if (!kLevels.contains(config.log_level)) refuse("log-level must be debug, info, warning or error");
  if (!config.has_development_keys()) return;
  for (const auto& address : {config.s3, config.blob}) {
    if (is_loopback(address)) continue;
    refuse(
        fmt::format("the development keys are public, so they may not guard {}: set SLUICE_ROOT_ACCESS_KEY and "
                    "SLUICE_ROOT_SECRET_KEY",
                    address));
  }
}

/// `text` as a TOML basic string.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result + "\"";
}

std::string shown(const Config& config, const Option& option) {
  struct Visitor {
    const Config& config;
    std::string operator()(std::string Config::* member) const {
      return quoted(member == &Config::index ? without_password(config.index) : config.*member);
    }
    std::string operator()(std::uint64_t Config::* member) const { return std::to_string(config.*member); }
    std::string operator()(bool Config::* member) const { return config.*member ? "true" : "false"; }
    std::string operator()(std::vector<std::string> Config::* member) const {
      std::string joined;
      for (const auto& item : config.*member) joined += (joined.empty() ? "" : ", ") + quoted(item);
      return "[" + joined + "]";
    }
  };
  return std::visit(Visitor{config}, option.member);
}

}  // namespace

bool Config::has_development_keys() const {
  return root_access_key == kDevelopmentAccessKey || root_secret_key == kDevelopmentSecretKey;
}

std::string without_password(std::string_view conninfo) {
  constexpr std::string_view kHidden = "(not shown)";
  std::string text(conninfo);
  const auto user = text.find("://");
  const auto host = text.rfind('@');
  if (user != std::string::npos && host != std::string::npos) {
    const auto colon = text.find(':', user + 3);
    if (colon < host) text.replace(colon + 1, host - colon - 1, kHidden);
  }
  constexpr std::string_view kParameter = "password=";
  for (auto at = text.find(kParameter); at != std::string::npos; at = text.find(kParameter, at)) {
    at += kParameter.size();
    text.replace(at, std::min(text.find('&', at), text.size()) - at, kHidden);
  }
  return text;
}

bool is_loopback(std::string_view address) {
  auto host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Config read_config(std::span<const std::string_view> arguments, const std::map<std::string, std::string>& environment) {
  Flags flags = read_flags(arguments);
  const auto file = environment.find("SLUICE_CONFIG");
  if (flags.file.empty() && file != environment.end()) flags.file = file->second;

  Config config;
  if (!flags.file.empty()) read_file(config, flags.file);
  for (const Option& option : kOptions) {
    const auto variable = environment.find(variable_name(option));
    if (variable != environment.end()) assign(config, option, variable->second);
  }
  for (const auto& [option, value] : flags.values) assign(config, *option, value);
  if (const auto accounts = environment.find("SLUICE_AZURE_ACCOUNTS"); accounts != environment.end()) {
    config.azure_accounts = parse_azure_accounts(accounts->second);
  }
  if (config.azure_accounts.empty() && config.has_development_keys() && is_loopback(config.blob)) {
    config.azure_accounts = parse_azure_accounts(auth::kDevelopmentAccountName);
  }
  validate(config);
  return config;
}

std::string to_toml(const Config& config) {
  std::string text;
  for (const Option& option : kOptions) {
    text +=
        fmt::format("{} = {}\n", with(option.name, '_'), option.is_secret ? "\"(not shown)\"" : shown(config, option));
  }
  for (const auto& user : config.users) {
    text += fmt::format("\n[[users]]\nname = {}\naccount = {}\naccess_key = {}\nsecret_key = \"(not shown)\"\n",
                        quoted(user.name), quoted(user.account), quoted(user.access_key));
    text += fmt::format("access = \"{}\"\nroot = {}\n",
                        user.access == auth::Access::read_only ? "read-only" : "read-write", user.root);
  }
  for (const auto& account : config.azure_accounts) {
    text += fmt::format("\n[[azure_accounts]]\nname = {}\nkeys = [\"(not shown)\"]\nowner = {}\n", quoted(account.name),
                        quoted(account.owner));
  }
  return text;
}

std::string describe_options() {
  const Config defaults;
  std::string text = fmt::format("  {:<28} {}\n", "--config FILE",
                                 "TOML with any of these, [[users]] and [[azure_accounts]]  [SLUICE_CONFIG]");
  for (const Option& option : kOptions) {
    const auto flag = fmt::format("--{} {}", option.name, option.placeholder);
    const auto value = option.is_secret ? "none, or the development secret" : shown(defaults, option);
    text +=
        fmt::format("  {:<28} {}\n  {:<28}   [{}] default {}\n", flag, option.help, "", variable_name(option), value);
  }
  text += fmt::format("  {:<28} {}\n", "[SLUICE_AZURE_ACCOUNTS]", "name:key[:key];...: the accounts of Azure Blob");
  return text;
}

}  // namespace sluice
