#include "gateway/blob/cors.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

/// One `*` stands for anything: the subdomains of `https://*.example.com`.
bool fits_origin(std::string_view pattern, std::string_view origin) {
  const auto star = pattern.find('*');
  if (star == pattern.npos) return pattern == origin;
  const auto head = pattern.substr(0, star);
  const auto tail = pattern.substr(star + 1);
  return origin.size() >= head.size() + tail.size() && origin.starts_with(head) && origin.ends_with(tail);
}

bool fits_header(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return equals_ignoring_case(pattern, name);
  pattern.remove_suffix(1);
  return equals_ignoring_case(pattern, name.substr(0, pattern.size()));
}

bool fits_any_header(const std::vector<std::string>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return fits_header(pattern, name); });
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool admits_all(const CorsRule& rule) { return holds(rule.origins, "*"); }

bool admits(const CorsRule& rule, std::string_view origin, std::string_view method) {
  return holds(rule.methods, method) &&
         std::ranges::any_of(rule.origins, [&](const std::string& pattern) { return fits_origin(pattern, origin); });
}

bool allows_headers(const CorsRule& rule, std::string_view list) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const auto name = trim(list.substr(0, comma));
    if (!name.empty() && !fits_any_header(rule.allowed_headers, name)) return false;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return true;
}

void add_origin(http::ResponseHeader& header, const CorsRule& rule, std::string_view origin) {
  header.add("Access-Control-Allow-Origin", admits_all(rule) ? "*" : origin);
  if (!admits_all(rule)) header.add("Access-Control-Allow-Credentials", "true");
}

/// The fields of the answer that the rule exposes.
std::string exposed_in(const http::ResponseHeader& header, const CorsRule& rule) {
  std::string names;
  std::string_view rest = header.lines();
  while (!rest.empty()) {
    const auto end = std::min(rest.find("\r\n"), rest.size());
    const auto name = rest.substr(0, rest.substr(0, end).find(':'));
    if (fits_any_header(rule.exposed_headers, name)) names.append(names.empty() ? "" : ",").append(name);
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  // The session's own fields are not among the lines.
  for (const std::string_view name : {"Content-Length", "Date", "Server"}) {
    if (fits_any_header(rule.exposed_headers, name)) names.append(names.empty() ? "" : ",").append(name);
  }
  return names;
}

}  // namespace

Outcome<http::ResponseHeader> answer_preflight(const Fields& fields, const ServiceProperties& properties) {
  const auto origin = fields.find("Origin");
  const auto method = fields.find("Access-Control-Request-Method");
  if (!origin) return missing_header("Origin");
  if (!method) return missing_header("Access-Control-Request-Method");
  const auto headers = fields.find("Access-Control-Request-Headers");
  const auto rule = std::ranges::find_if(properties.cors, [&](const CorsRule& one) {
    return admits(one, *origin, *method) && allows_headers(one, headers.value_or(std::string_view{}));
  });
  if (rule == properties.cors.end()) return refuse(Code::cors_preflight_failure);
  http::ResponseHeader answer(200);
  add_origin(answer, *rule, *origin);
  if (!admits_all(*rule)) answer.add("Vary", "Origin");
  answer.add("Access-Control-Allow-Methods", *method);
  if (headers) answer.add("Access-Control-Allow-Headers", *headers);
  answer.add("Access-Control-Max-Age", std::uint64_t{rule->max_age_s});
  return answer;
}

void add_cors(const Call& call, const ServiceProperties& properties, http::ResponseHeader& header) {
  if (properties.cors.empty()) return;
  const auto origin = call.fields().find("Origin");
  const auto& method = call.request.header.method_text;
  const auto rule = std::ranges::find_if(properties.cors,
                                         [&](const CorsRule& one) { return origin && admits(one, *origin, method); });
  const bool fits = rule != properties.cors.end();
  if (fits) {
    const std::string exposed = exposed_in(header, *rule);
    add_origin(header, *rule, *origin);
    if (!exposed.empty()) header.add("Access-Control-Expose-Headers", exposed);
  }
  // What a cache keeps for one origin is not for others, where rules tell them apart.
  const bool is_read = method == "GET" || method == "HEAD";
  const bool varies = fits ? !admits_all(*rule) : is_read && !std::ranges::all_of(properties.cors, admits_all);
  if (varies) header.add("Vary", "Origin");
}

}  // namespace sluice::blob
