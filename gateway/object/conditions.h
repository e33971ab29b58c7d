#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/core/result.h"
#include "gateway/object/info.h"
#include "gateway/object/tag_query.h"

namespace sluice::object {

/// `*`, or a list of entity tags without quotes and weakness marks.
struct TagCondition {
  bool any = false;
  std::vector<std::string> tags{};

  /// Does either face of the object's tag stand in the list?
  bool matches(const ObjectInfo& info) const;
};

/// What a request requires of the object it is about (RFC 9110 section 13.1, and of its tags).
struct Conditions {
  std::optional<TagCondition> if_match;
  std::optional<TagCondition> if_none_match;
  std::optional<std::chrono::sys_seconds> if_modified_since;
  std::optional<std::chrono::sys_seconds> if_unmodified_since;
  std::optional<std::string> lease = std::nullopt;  ///< Which lease the sender holds; checked apart, by check_lease().
  std::shared_ptr<const TagQuery> if_tags{};
  /// The writer knows of tiers: it does not write over what is archived (archived), and what it
  /// names no tier for comes into that of the object it replaces.
  bool keeps_tier = false;
  /// An object that is replaced, where no version of it is made, is soft deleted until then.
  std::optional<UtcTime> kept_until{};

  /// No condition but perhaps a lease.
  bool empty() const { return !if_match && !if_none_match && !if_modified_since && !if_unmodified_since && !if_tags; }
};

/// For reads, in the order of RFC 9110 13.2.2, times at whole seconds: fails with
/// precondition_failed or not_modified.
Result<> check_read(const Conditions& conditions, const ObjectInfo& info);

/// For the source of a copy: as check_read, but only ever precondition_failed.
Result<> check_source(const Conditions& conditions, const ObjectInfo& info);

/// For writes over `current` (nothing: there is no object). If-Match without an
/// object fails with no_such_object ("How to prevent object overwrites with
/// conditional writes", Amazon S3 User Guide), all else with precondition_failed.
Result<> check_write(const Conditions& conditions, const std::optional<ObjectInfo>& current);

}  // namespace sluice::object
