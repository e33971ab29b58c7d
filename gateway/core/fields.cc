#include "gateway/core/fields.h"

#include "gateway/core/encoding.h"

namespace sluice {

void Fields::clear() {
  text_.clear();
  entries_.clear();
  seen_ = 0;
}

void Fields::add(std::string_view name, std::string_view value) {
  const Mark mark = mark_of(name);
  entries_.push_back({.mark = mark,
                      .name = static_cast<std::uint32_t>(text_.size()),
                      .name_size = static_cast<std::uint32_t>(name.size()),
                      .value_size = static_cast<std::uint32_t>(value.size())});
  seen_ |= bit_of(mark);
  text_.append(name).append(value);
}

Fields::Field Fields::at(std::size_t i) const {
  const Position& entry = entries_[i];
  const char* const text = text_.data() + entry.name;
  return {{text, entry.name_size}, {text + entry.name_size, entry.value_size}};
}

bool Fields::is_named(const Position& entry, std::string_view name, Mark mark) const {
  return entry.mark == mark && equals_ignoring_case({text_.data() + entry.name, entry.name_size}, name);
}

std::optional<std::string_view> Fields::search(std::string_view name, Mark mark) const {
  for (const Position& entry : entries_) {
    if (!is_named(entry, name, mark)) continue;
    return std::string_view(text_.data() + entry.name + entry.name_size, entry.value_size);
  }
  return std::nullopt;
}

std::size_t Fields::position(std::string_view name, std::size_t begin) const {
  const Mark mark = mark_of(name);
  while (begin < size() && !is_named(entries_[begin], name, mark)) ++begin;
  return begin;
}

std::size_t Fields::count(std::string_view name) const {
  const Mark mark = mark_of(name);
  std::size_t total = 0;
  for (const Position& entry : entries_) total += is_named(entry, name, mark) ? 1 : 0;
  return total;
}

}  // namespace sluice
