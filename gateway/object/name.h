#pragma once

#include <string>
#include <string_view>

#include "gateway/core/result.h"

namespace sluice::object {

inline constexpr std::size_t kKeySizeMax = 1024;

/// Names an object. Keys are bytes: no part of one is special.
struct ObjectName {
  std::string bucket;
  std::string key;
  friend bool operator==(const ObjectName&, const ObjectName&) = default;
};

/// Is `name` one a new bucket may have? "Bucket naming rules", Amazon S3 User
/// Guide: 3 to 63 of a-z 0-9 . -, no IP address, and the reserved prefixes and
/// suffixes. Fails with invalid_bucket_name.
Result<> check_bucket_name(std::string_view name);

/// The names with a dollar sign that only one protocol can say: $root, $web, $logs.
bool is_special_bucket(std::string_view name);

/// 1 to 1024 bytes of UTF-8. Fails with key_too_long or invalid_argument.
Result<> check_key(std::string_view key);

/// Can a bucket of that name exist at all? What is false here must never be made
/// part of a row's key: a NUL in it would reach into another bucket.
bool may_be_bucket(std::string_view name);

/// The gate of every operation on an object: fails with no_such_bucket where there
/// cannot be one, else as check_key.
Result<> check_name(const ObjectName& name);

}  // namespace sluice::object
