#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace sluice::auth {

/// One `name=value` of a query, undecoded; without `=` the value is empty, its data() null.
struct QueryPair {
  std::string_view name;
  std::string_view value;
};

/// A raw request target in its parts, undecoded: views into it.
struct Target {
  /// Splits at the first `?` and each `&`; empty pairs are left out.
  explicit Target(std::string_view raw);

  /// The undecoded value of the first parameter named `name`.
  std::optional<std::string_view> find(std::string_view name) const;

  std::string_view path;
  std::vector<QueryPair> query;  ///< In the order they came.
  bool query_has_plus = false;
};

}  // namespace sluice::auth
