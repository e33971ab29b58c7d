#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/canonical_request.h"
#include "auth/target.h"
#include "gateway/core/fields.h"

namespace sluice::auth {

/// What a signature of version 2 covers; views into the request.
struct Version2Parts {
  std::string_view method;
  const Target& target;
  const Fields& fields;
  std::string_view virtual_host_bucket;
  std::string_view date;  ///< Date or Expires as sent; empty if x-amz-date says it.
};

/// Where signers of one request differ, and servers accept them all.
struct Version2Spelling {
  Plus plus = Plus::literal;
  bool slash_after_bucket = false;  ///< `/bucket` is signed as `/bucket/`, as botocore does.
  bool keep_equals = false;         ///< `acl=` is signed as it is, not as `acl`.
  bool amz_date_as_date = false;    ///< x-amz-date stands for Date, as in AWS's example of a DELETE.
};

/// The string to sign ("Signing and authenticating REST requests", Amazon S3 User
/// Guide); nothing if an escape in the query is malformed, or hides what would
/// end a line of the text.
std::optional<std::string> version2_text(const Version2Parts& parts, const Version2Spelling& spelling);

}  // namespace sluice::auth
