#include "gateway/blob/version.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::blob {

bool is_version(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  return std::ranges::equal(text, kForm,
                            [](char c, char form) { return form == 'd' ? c >= '0' && c <= '9' : c == form; });
}

Outcome<> check_version(const Fields& fields) {
  constexpr std::string_view kOldest = "2009-09-19";
  const auto version = fields.find("x-ms-version");
  if (version) {
    if (!is_version(*version) || *version < kOldest) return invalid_header("x-ms-version", *version);
    return {};
  }
  const std::string_view authorization = fields.get("authorization");
  if (equals_ignoring_case(authorization.substr(0, 9), "SharedKey")) return missing_header("x-ms-version");
  return {};
}

}  // namespace sluice::blob
