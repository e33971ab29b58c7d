#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

/// The halves of a raw request target; views into it.
struct Target {
  std::string_view path;
  std::string_view query;  ///< What follows the first `?`.
};

/// Splits a request target in origin or absolute form (RFC 9112 section 3.2), not
/// decoding anything. The absolute form's scheme and authority are left out.
Target split_target(std::string_view raw);

enum class Plus : std::uint8_t { literal, space };

/// One `name=value` of a query, decoded.
struct QueryItem {
  std::string name;
  std::string value;
  bool has_value = false;  ///< A `=` stood there.
};

/// The items of a query in their order. Names compare exactly.
class Query {
 public:
  using Items = std::vector<QueryItem>;

  Query() = default;
  explicit Query(Items items) : items_(std::move(items)) {}

  const Items& items() const { return items_; }
  bool empty() const { return items_.empty(); }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  /// The value of the first item of that name; absent is nothing or empty.
  std::optional<std::string_view> value(std::string_view name) const;
  std::string_view get(std::string_view name) const { return value(name).value_or(std::string_view{}); }

 private:
  const QueryItem* find(std::string_view name) const;

  Items items_;
};

/// Splits at `&` and decodes; empty pieces are left out. A malformed escape in any
/// name or value is nothing.
std::optional<Query> parse_query(std::string_view raw, Plus plus);

/// A Host field taken apart.
struct HostName {
  std::string_view name;              ///< Without port, and without the brackets of an IPv6 address.
  std::optional<std::uint16_t> port;  ///< Where one is given.
  bool is_address = false;            ///< An IPv4 or IPv6 address rather than a name.
};

/// Reads a Host field (RFC 9110 section 7.2); nothing if it is not one.
std::optional<HostName> parse_host(std::string_view host);

}  // namespace sluice::http
