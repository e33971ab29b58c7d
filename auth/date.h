#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::auth {

/// The moment of `20130524T000000Z`, the one form that can be signed.
std::optional<std::chrono::sys_seconds> parse_iso_basic(std::string_view text);

/// The moment of `Fri, 24 May 2013 00:00:00 GMT`; the zone may also be UTC or a zero offset.
std::optional<std::chrono::sys_seconds> parse_rfc1123(std::string_view text);

std::string to_iso_basic(std::chrono::sys_seconds time);     ///< 20130524T000000Z
std::string to_iso_extended(std::chrono::sys_seconds time);  ///< 2013-05-24T00:00:00Z

}  // namespace sluice::auth
