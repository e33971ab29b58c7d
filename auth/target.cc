#include "auth/target.h"

#include <algorithm>

namespace sluice::auth {

Target::Target(std::string_view raw) : path(raw.substr(0, raw.find('?'))) {
  if (path.size() == raw.size()) return;
  std::string_view rest = raw.substr(path.size() + 1);
  query_has_plus = rest.contains('+');
  query.reserve(static_cast<std::size_t>(std::ranges::count(rest, '&')) + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    query.push_back({.name = pair.substr(0, equals), .value = value});
  }
}

std::optional<std::string_view> Target::find(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &QueryPair::name);
  return found == query.end() ? std::nullopt : std::optional(found->value);
}

}  // namespace sluice::auth
