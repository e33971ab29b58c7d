#pragma once

#include <string>
#include <string_view>

#include "gateway/core/result.h"

namespace sluice::object {

/// Names an object. Keys are bytes: no part of one is special.
struct ObjectName {
  std::string bucket;
  std::string key;
};

/// Is `name` one a new bucket may have? "Bucket naming rules", Amazon S3 User
/// Guide: 3 to 63 of a-z 0-9 . -, no IP address, and the reserved prefixes and
/// suffixes. Fails with invalid_bucket_name.
Result<> check_bucket_name(std::string_view name);

/// 1 to 1024 bytes of UTF-8. Fails with key_too_long or invalid_argument.
Result<> check_key(std::string_view key);

}  // namespace sluice::object
