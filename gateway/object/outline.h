#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/clock.h"
#include "gateway/core/result.h"
#include "gateway/object/info.h"

namespace sluice::object {

/// What listings tell of an object, read from its row where that lies: a view into it.
/// The words are ObjectInfo's.
struct ObjectOutline {
  struct ChecksumKind {
    DigestAlgorithm algorithm{};
    ChecksumType type{};
  };

  std::uint64_t size = 0;
  std::string_view md5;
  std::uint32_t part_count = 0;
  std::uint32_t block_count = 0;
  UtcTime modified;
  std::string_view owner;
  std::optional<ChecksumKind> checksum;
  bool delete_marker = false;
  bool soft_deleted = false;
  Tiering tiering{};

  /// Appends ObjectInfo::content_tag().
  void append_content_tag(std::string& text) const;

  /// Of the value of an object row. Fails with corrupt; what it does not tell of is not looked at.
  static Result<ObjectOutline> read(std::string_view row);
};

}  // namespace sluice::object
