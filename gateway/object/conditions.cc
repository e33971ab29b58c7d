#include "gateway/object/conditions.h"

#include <algorithm>

namespace sluice::object {
namespace {

auto modified_second(const ObjectInfo& info) { return std::chrono::floor<std::chrono::seconds>(info.modified); }

bool modified_after(const ObjectInfo& info, std::chrono::sys_seconds time) { return modified_second(info) > time; }

std::unexpected<Error> refused(const char* which) { return fail(ErrorCode::precondition_failed, which); }

}  // namespace

bool TagCondition::matches(const ObjectInfo& info) const {
  if (any) return true;
  return std::ranges::any_of(tags,
                             [&](const auto& tag) { return tag == info.content_tag() || tag == info.revision_tag(); });
}

// RFC 9110 13.2.2: a tag condition silences the date condition of its kind.
Result<> check_read(const Conditions& conditions, const ObjectInfo& info) {
  if (conditions.empty()) return done;
  if (conditions.if_tags && !conditions.if_tags->matches(info.tags, {})) return refused("the tags");
  if (conditions.if_match) {
    if (!conditions.if_match->matches(info)) return refused("If-Match");
  } else if (conditions.if_unmodified_since && modified_after(info, *conditions.if_unmodified_since)) {
    return refused("If-Unmodified-Since");
  }
  if (conditions.if_none_match) {
    if (conditions.if_none_match->matches(info)) return fail(ErrorCode::not_modified, "If-None-Match");
  } else if (conditions.if_modified_since && !modified_after(info, *conditions.if_modified_since)) {
    return fail(ErrorCode::not_modified, "If-Modified-Since");
  }
  return done;
}

Result<> check_source(const Conditions& conditions, const ObjectInfo& info) {
  auto checked = check_read(conditions, info);
  if (!checked && checked.error().code == ErrorCode::not_modified)
    checked.error().code = ErrorCode::precondition_failed;
  return checked;
}

Result<> check_write(const Conditions& conditions, const std::optional<ObjectInfo>& current) {
  if (!current) {
    if (conditions.if_match) return fail(ErrorCode::no_such_object, "If-Match");
    if (conditions.if_tags) return refused("the tags");
    return done;
  }
  return check_source(conditions, *current);
}

}  // namespace sluice::object
