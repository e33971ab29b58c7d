#include "backends/rdma/cluster_url.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::rdma {
namespace {

constexpr std::string_view kScheme = "cluster://", kSecureScheme = "cluster+https://", kPort = "2379";

bool is_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, allowed);
}

// HOST or HOST:PORT, made HOST:PORT; empty if it is neither.
std::string endpoint_of(std::string_view text) {
  const auto colon = text.find(':');
  const auto host = text.substr(0, colon);
  const auto port = colon == std::string_view::npos ? kPort : text.substr(colon + 1);
  const auto number = parse_decimal(port);
  if (host.empty() || host.find_first_of(" /@?#") != std::string_view::npos) return {};
  if (!number || *number == 0 || *number > 65535) return {};
  return std::string(host) + ":" + std::string(port);
}

}  // namespace

Result<ClusterUrl> parse_cluster_url(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(text) +
                    "' is not cluster[+https]://HOST:PORT,HOST:PORT/NAME, the members of etcd and a name");
  };
  const bool tls = text.starts_with(kSecureScheme);
  if (!tls && !text.starts_with(kScheme)) return wrong();
  const std::string_view rest = text.substr(tls ? kSecureScheme.size() : kScheme.size());
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos || !is_name(rest.substr(slash + 1))) return wrong();
  ClusterUrl url{.endpoints = {}, .name = std::string(rest.substr(slash + 1)), .tls = tls};
  std::string_view hosts = rest.substr(0, slash);
  while (true) {
    const auto comma = std::min(hosts.find(','), hosts.size());
    std::string endpoint = endpoint_of(hosts.substr(0, comma));
    if (endpoint.empty()) return wrong();
    url.endpoints.push_back(std::move(endpoint));
    if (comma == hosts.size()) return url;
    hosts.remove_prefix(comma + 1);
  }
}

}  // namespace sluice::rdma
