#include "gateway/core/fields.h"

#include "gateway/core/encoding.h"

namespace sluice {

void Fields::clear() {
  text_.clear();
  entries_.clear();
}

void Fields::add(std::string_view name, std::string_view value) {
  entries_.push_back({.name = static_cast<std::uint32_t>(text_.size()),
                      .name_size = static_cast<std::uint32_t>(name.size()),
                      .value_size = static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
}

Fields::Field Fields::at(std::size_t i) const {
  const Position& entry = entries_[i];
  const char* const text = text_.data() + entry.name;
  return {{text, entry.name_size}, {text + entry.name_size, entry.value_size}};
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Position& entry : entries_) {
    if (entry.name_size != name.size()) continue;
    const char* const text = text_.data() + entry.name;
    if (equals_ignoring_case({text, entry.name_size}, name))
      return std::string_view(text + name.size(), entry.value_size);
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  std::size_t total = 0;
  for (const Position& entry : entries_) {
    if (entry.name_size != name.size()) continue;
    total += equals_ignoring_case({text_.data() + entry.name, entry.name_size}, name) ? 1 : 0;
  }
  return total;
}

}  // namespace sluice
