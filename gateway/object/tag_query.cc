#include "gateway/object/tag_query.h"

#include <algorithm>

namespace sluice::object {
namespace {

bool holds(TagQuery::Operator compares, std::string_view left, std::string_view right) {
  using enum TagQuery::Operator;
  switch (compares) {
    case equal:
      return left == right;
    case not_equal:
      return left != right;
    case less:
      return left < right;
    case less_or_equal:
      return left <= right;
    case greater:
      return left > right;
    case greater_or_equal:
      return left >= right;
  }
  return false;
}

}  // namespace

bool TagQuery::matches(const Tags& tags, std::string_view bucket) const {
  const auto part_matches = [&](const TagQuery& part) { return part.matches(tags, bucket); };
  switch (kind) {
    case Kind::all:
      return std::ranges::all_of(parts, part_matches);
    case Kind::any:
      return std::ranges::any_of(parts, part_matches);
    case Kind::comparison:
      break;
  }
  if (of_bucket) return holds(compares, bucket, value);
  const auto tag = std::ranges::find(tags, key, &Tags::value_type::first);
  return tag != tags.end() && holds(compares, tag->second, value);
}

bool TagQuery::names(std::string_view tag) const {
  if (kind == Kind::comparison) return !of_bucket && key == tag;
  return std::ranges::any_of(parts, [&](const TagQuery& part) { return part.names(tag); });
}

std::optional<std::string_view> TagQuery::only_bucket() const {
  if (kind == Kind::comparison) {
    if (of_bucket && compares == Operator::equal) return value;
    return std::nullopt;
  }
  if (kind == Kind::any) return std::nullopt;
  for (const TagQuery& part : parts) {
    if (const auto bucket = part.only_bucket()) return bucket;
  }
  return std::nullopt;
}

}  // namespace sluice::object
