#pragma once

#include <string>
#include <string_view>

#include "gateway/object/info.h"
#include "gateway/s3/error.h"

namespace sluice::s3 {

inline constexpr std::size_t kObjectTagsMax = 10;
inline constexpr std::size_t kBucketTagsMax = 50;

/// The tags of a Tagging document, by key. Fails with MalformedXML, and with InvalidTag
/// where there are more than `count_max`, two have one key, or one is too long or has
/// characters that tags have not ("Tag naming limits and requirements", AWS Tag Editor).
Outcome<object::Tags> read_tagging(std::string_view text, std::size_t count_max);

/// The same of x-amz-tagging, a query string. Fails with InvalidArgument where it is none.
Outcome<object::Tags> parse_tagging(std::string_view header);

/// The document that tells `tags`.
std::string tagging_document(const object::Tags& tags);

}  // namespace sluice::s3
