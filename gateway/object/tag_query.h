#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/object/info.h"

namespace sluice::object {

/// What is asked of the tags of an object, and of the bucket it is in: one comparison,
/// or several that must all, or any of which must, hold.
struct TagQuery {
  enum class Kind : std::uint8_t { comparison, all, any };
  enum class Operator : std::uint8_t { equal, not_equal, less, less_or_equal, greater, greater_or_equal };

  Kind kind = Kind::all;
  std::vector<TagQuery> parts{};  ///< Of `all` and `any`.

  // A comparison: texts compare byte by byte. One with a tag that is not there never holds.
  Operator compares = Operator::equal;
  bool of_bucket = false;  ///< Compares the name of the bucket, rather than a tag.
  std::string key{};
  std::string value{};

  bool matches(const Tags& tags, std::string_view bucket) const;

  /// Is a tag of that key compared anywhere?
  bool names(std::string_view tag) const;

  /// The one bucket that objects can be in, where all must be in one.
  std::optional<std::string_view> only_bucket() const;
};

}  // namespace sluice::object
