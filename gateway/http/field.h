#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
std::string format_http_date(std::chrono::sys_seconds time);

/// Any of the three forms of RFC 9110 section 5.6.7; nothing if it is none. The
/// two-digit years of the RFC 850 form are those nearest to `now` that are no more
/// than 50 years ahead.
std::optional<std::chrono::sys_seconds> parse_http_date(
    std::string_view text,
    std::chrono::sys_seconds now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));

/// One range of bytes as asked for, not yet held against a size: `first-last`,
/// `first-`, or, without a first, the `last` so many bytes.
struct RangeSpec {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  friend bool operator==(const RangeSpec&, const RangeSpec&) = default;
};

/// Reads a Range field. Nothing, for the field to be ignored (RFC 9110 14.2):
/// another unit, several ranges, bad syntax. Numbers too large for us are the
/// largest there is.
std::optional<RangeSpec> parse_range(std::string_view text);

/// Entity tags of If-Match and If-None-Match: `*`, or a list, each without quotes
/// and weakness mark.
struct EntityTags {
  bool any = false;
  std::vector<std::string> tags;
};

/// Clients leave quotes out, so a bare word is a tag too.
EntityTags parse_entity_tags(std::string_view text);

}  // namespace sluice::http
