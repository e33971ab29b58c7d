#include "gateway/http/uri.h"

#include <algorithm>
#include <array>

#include "gateway/core/encoding.h"

namespace sluice::http {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_scheme(std::string_view text) {
  return equals_ignoring_case(text, "http") || equals_ignoring_case(text, "https");
}

std::optional<std::string> decode(std::string_view raw, Plus plus) {
  if (plus == Plus::literal || raw.find('+') == std::string_view::npos) return percent_decode(raw);
  std::string spaced(raw);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decode(spaced);
}

bool is_ipv4(std::string_view text) {
  int part_count = 0;
  for (;;) {
    const std::string_view part = text.substr(0, text.find('.'));
    const auto number = parse_decimal(part);
    if (part.size() > 3 || !number || *number > 255) return false;
    ++part_count;
    if (part.size() == text.size()) return part_count == 4;
    text.remove_prefix(part.size() + 1);
  }
}

// Anything an IPv6 address or a name may hold; what it means is its reader's.
bool is_host_char(char c) {
  constexpr std::string_view kMore = "-._~%!$&'()*+,;=";
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kMore.find(c) != std::string_view::npos;
}

bool is_ipv6_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/// The port after a host: nothing, or `:` and digits, of which there may be none.
bool read_port(std::string_view rest, HostName& host) {
  if (rest.empty()) return true;
  if (rest[0] != ':') return false;
  rest.remove_prefix(1);
  if (rest.empty()) return true;
  const auto port = parse_decimal(rest);
  if (!port || *port > 65535) return false;
  host.port = static_cast<std::uint16_t>(*port);
  return true;
}

}  // namespace

Target split_target(std::string_view raw) {
  const std::size_t scheme = raw.find("://");
  if (!raw.starts_with('/') && scheme != std::string_view::npos && is_scheme(raw.substr(0, scheme))) {
    raw.remove_prefix(scheme + 3);
    raw.remove_prefix(std::min(raw.find_first_of("/?"), raw.size()));
  }
  const std::size_t mark = raw.find('?');
  if (mark == std::string_view::npos) return {raw.empty() ? "/" : raw, {}};
  return {mark == 0 ? "/" : raw.substr(0, mark), raw.substr(mark + 1)};
}

std::optional<std::string_view> Query::value(std::string_view name) const {
  const QueryItem* const item = find(name);
  return item == nullptr ? std::nullopt : std::optional<std::string_view>(item->value);
}

const QueryItem* Query::find(std::string_view name) const {
  const auto item = std::ranges::find(items_, name, &QueryItem::name);
  return item == items_.end() ? nullptr : &*item;
}

std::optional<Query> parse_query(std::string_view raw, Plus plus) {
  Query::Items items;
  while (!raw.empty()) {
    const std::string_view piece = raw.substr(0, raw.find('&'));
    raw.remove_prefix(std::min(piece.size() + 1, raw.size()));
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    const bool has_value = equals != std::string_view::npos;
    auto name = decode(piece.substr(0, equals), plus);
    auto value = decode(has_value ? piece.substr(equals + 1) : std::string_view{}, plus);
    if (!name || !value) return std::nullopt;
    items.push_back({std::move(*name), std::move(*value), has_value});
  }
  return Query(std::move(items));
}

std::optional<HostName> parse_host(std::string_view host) {
  HostName result;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos || end < 3) return std::nullopt;
    result.name = host.substr(1, end - 1);
    result.is_address = true;
    if (!std::ranges::all_of(result.name, is_ipv6_char) || !read_port(host.substr(end + 1), result)) {
      return std::nullopt;
    }
    return result;
  }
  result.name = host.substr(0, host.find(':'));
  result.is_address = is_ipv4(result.name);
  const bool is_name = !result.name.empty() && std::ranges::all_of(result.name, is_host_char);
  if (!is_name || !read_port(host.substr(result.name.size()), result)) return std::nullopt;
  return result;
}

}  // namespace sluice::http
