#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The header fields of one request, in the order they came, as they came: names
/// in their own case, values without the spaces around them. Names compare
/// ignoring case (RFC 9110 5.1). Views into it last until the next add().
class Fields {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  void clear();
  void add(std::string_view name, std::string_view value);

  std::size_t size() const { return entries_.size(); }
  Field at(std::size_t i) const;

  /// The first field of that name; an absent one is empty.
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view{}); }
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;

 private:
  struct Position {
    std::uint32_t name, name_size, value_size;  ///< The value follows the name.
  };
  std::string text_;
  std::vector<Position> entries_;
};

}  // namespace sluice
