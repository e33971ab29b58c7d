#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

std::string to_hex(std::string_view bytes);                     ///< Lower case.
void append_hex(std::string& text, std::string_view bytes);     ///< The same, behind `text`.
std::optional<std::string> from_hex(std::string_view text);     ///< Either case; nothing if not hex.
std::string to_base64(std::string_view bytes);                  ///< RFC 4648 section 4, padded.
std::optional<std::string> from_base64(std::string_view text);  ///< Strict: padded, canonical, no spaces.

/// Percent-encodes all but the unreserved `A-Za-z0-9-._~` (RFC 3986 2.3), and
/// `/` too unless `keep_slash`.
std::string percent_encode(std::string_view bytes, bool keep_slash);
void append_percent_encoded(std::string& text, std::string_view bytes, bool keep_slash);  ///< The same, behind `text`.

/// Decodes `%XX`; a malformed escape is nothing. `+` stays a plus.
std::optional<std::string> percent_decode(std::string_view text);

/// Equal, in a time that depends on the lengths alone.
bool constant_time_equal(std::string_view left, std::string_view right);

/// ASCII only: case-insensitive equality, and a lower-case copy.
bool equals_ignoring_case(std::string_view left, std::string_view right);
std::string to_lower(std::string_view text);

/// The whole of `text` as a decimal number without sign; nothing if it is not one or does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

/// Is there a control character of ASCII: below the space, or DEL?
bool has_control(std::string_view text);

/// `text` without spaces and tabs at either end.
std::string_view trim(std::string_view text);

/// Well-formed UTF-8 (RFC 3629)?
bool is_utf8(std::string_view bytes);

/// `count` bytes from the system's secure generator.
std::string random_bytes(std::size_t count);

}  // namespace sluice
