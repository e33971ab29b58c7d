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
  std::optional<std::string_view> find(std::string_view name) const {
    const Mark mark = mark_of(name);
    return (seen_ & bit_of(mark)) != 0 ? search(name, mark) : std::nullopt;
  }
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;
  /// Where the next field of that name is, from the `begin`-th on; size(): there is none.
  std::size_t position(std::string_view name, std::size_t begin) const;

 private:
  /// What differs between most names: their size, first and last letter. Nearly all names
  /// that are looked for are absent, and one look at `seen_` tells.
  using Mark = std::uint32_t;
  static constexpr Mark mark_of(std::string_view name) {
    if (name.empty()) return 0;
    const auto folded = [](char c) { return static_cast<Mark>(static_cast<unsigned char>(c) | 0x20U); };
    return (static_cast<Mark>(name.size()) << 16) + (folded(name.front()) << 8) + folded(name.back());
  }
  static constexpr std::uint64_t bit_of(Mark mark) { return std::uint64_t{1} << ((mark * 0x9E3779B1U) >> 26); }

  struct Position {
    Mark mark;
    std::uint32_t name, name_size, value_size;  ///< The value follows the name.
  };

  bool is_named(const Position& entry, std::string_view name, Mark mark) const;
  std::optional<std::string_view> search(std::string_view name, Mark mark) const;

  std::string text_;
  std::vector<Position> entries_;
  std::uint64_t seen_ = 0;  ///< The bits of all entries.
};

}  // namespace sluice
