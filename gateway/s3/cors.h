#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/fields.h"
#include "gateway/http/message.h"
#include "gateway/s3/error.h"

namespace sluice::s3 {

/// One rule of a bucket's CORS configuration ("Elements of a CORS configuration",
/// Amazon S3 User Guide).
struct CorsRule {
  std::string id;
  std::vector<std::string> origins;  ///< `*` stands for any text, once in each.
  std::vector<std::string> methods;
  std::vector<std::string> headers;  ///< As origins.
  std::vector<std::string> exposed;
  std::optional<std::uint64_t> max_age_s;
};
using CorsRules = std::vector<CorsRule>;

/// The most bytes a configuration may have: it lies in the bucket's row.
inline constexpr std::size_t kCorsSizeMax = 24 * 1024;

/// Reads a CORSConfiguration. Fails with MalformedXML, and InvalidRequest for a method
/// or a pattern that cannot be.
Outcome<CorsRules> parse_cors(std::string_view document);
std::string cors_document(const CorsRules& rules);

/// What a browser asks: whether a page of `origin` may send such a request.
struct CorsQuestion {
  std::string_view origin;
  std::string_view method;
  std::vector<std::string> headers{};  ///< Those it wants to send, of a preflight.
};

/// The question of a request that is carried out; nothing if it has no Origin.
std::optional<CorsQuestion> cors_question(const Fields& fields, std::string_view method);

/// The first rule that allows it, or null.
const CorsRule* find_rule(const CorsRules& rules, const CorsQuestion& question);

/// Tells the browser what `rule` allows.
void add_cors(http::ResponseHeader& header, const CorsRule& rule, const CorsQuestion& question);

}  // namespace sluice::s3
