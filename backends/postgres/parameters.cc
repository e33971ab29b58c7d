#include "backends/postgres/parameters.h"

namespace sluice::postgres {

namespace {

// Object ids of pg_type.dat; they never change.
constexpr std::uint32_t kBoolType = 16;
constexpr std::uint32_t kByteaType = 17;
constexpr std::uint32_t kInt8Type = 20;

template <class Word>
void append(std::string& out, Word value) {
  for (std::size_t shift = sizeof(Word) * 8; shift != 0;) {
    shift -= 8;
    out.push_back(static_cast<char>(value >> shift & 0xFF));
  }
}

/// One dimension whose first index is 1; none if it is empty.
std::string array_header(std::uint32_t type, std::size_t count, bool has_null) {
  std::string out;
  append<std::uint32_t>(out, count == 0 ? 0 : 1);
  append<std::uint32_t>(out, has_null ? 1 : 0);
  append(out, type);
  if (count == 0) return out;
  append(out, static_cast<std::uint32_t>(count));
  append<std::uint32_t>(out, 1);
  return out;
}

}  // namespace

Field number(std::int64_t value) {
  std::string out;
  append(out, static_cast<std::uint64_t>(value));
  return out;
}

std::optional<std::int64_t> number(const Field& field) {
  if (!field || field->size() != sizeof(std::int64_t)) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : *field) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

std::optional<bool> truth(const Field& field) {
  if (!field || field->size() != 1) return std::nullopt;
  return field->front() != 0;
}

Field byte_strings(const std::vector<std::string_view>& values) {
  std::size_t size = 20;
  for (const auto value : values) size += 4 + value.size();
  std::string out = array_header(kByteaType, values.size(), false);
  out.reserve(size);
  for (const auto value : values) {
    append(out, static_cast<std::uint32_t>(value.size()));
    out.append(value);
  }
  return out;
}

Field numbers(const std::vector<std::optional<std::int64_t>>& values) {
  std::string out = array_header(kInt8Type, values.size(), true);
  for (const auto& value : values) {
    append<std::uint32_t>(out, value ? 8 : UINT32_MAX);
    if (value) append(out, static_cast<std::uint64_t>(*value));
  }
  return out;
}

Field truths(const std::vector<bool>& values) {
  std::string out = array_header(kBoolType, values.size(), false);
  for (const bool value : values) {
    append<std::uint32_t>(out, 1);
    out.push_back(value ? 1 : 0);
  }
  return out;
}

}  // namespace sluice::postgres
