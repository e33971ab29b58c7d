#include "gateway/s3/cors.h"

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::size_t kRulesMax = 100;
constexpr std::size_t kIdSizeMax = 255;
constexpr std::string_view kMethods[] = {"GET", "PUT", "HEAD", "POST", "DELETE"};
constexpr std::string_view kVary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

bool matches(std::string_view text, std::string_view subject, bool ignore_case) {
  // Beside the star nothing is special here: a question mark is one.
  const auto star = text.find('*');
  const auto equal = [&](std::string_view left, std::string_view right) {
    return ignore_case ? equals_ignoring_case(left, right) : left == right;
  };
  if (star == text.npos) return equal(text, subject);
  const std::string_view before = text.substr(0, star);
  const std::string_view after = text.substr(star + 1);
  return subject.size() >= before.size() + after.size() && equal(before, subject.substr(0, before.size())) &&
         equal(after, subject.substr(subject.size() - after.size()));
}

Outcome<std::string> read_pattern(const XmlElement& element) {
  std::string text(element.text());
  if (std::ranges::count(text, '*') > 1) {
    return refuse(Code::invalid_request,
                  std::string(element.name()) + " \"" + text + "\" can not have more than one wildcard.");
  }
  return text;
}

Outcome<CorsRule> read_rule(const XmlElement& element) {
  CorsRule rule;
  for (const XmlElement& child : element.children()) {
    if (child.name() == "ID" && child.text().size() <= kIdSizeMax) {
      rule.id = child.text();
    } else if (child.name() == "AllowedOrigin") {
      TRY(rule.origins.emplace_back(), read_pattern(child));
    } else if (child.name() == "AllowedHeader") {
      TRY(rule.headers.emplace_back(), read_pattern(child));
    } else if (child.name() == "ExposeHeader") {
      rule.exposed.emplace_back(child.text());
    } else if (child.name() == "AllowedMethod") {
      if (std::ranges::find(kMethods, child.text()) == std::end(kMethods)) {
        return refuse(Code::invalid_request, "Found unsupported HTTP method in CORS config. Unsupported method is " +
                                                 std::string(child.text()));
      }
      rule.methods.emplace_back(child.text());
    } else if (child.name() == "MaxAgeSeconds") {
      rule.max_age_s = parse_decimal(child.text());
      if (!rule.max_age_s) return refuse(Code::malformed_xml);
    } else {
      return refuse(Code::malformed_xml);
    }
  }
  if (rule.origins.empty() || rule.methods.empty()) return refuse(Code::malformed_xml);
  return rule;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list.append(list.empty() ? "" : ", ").append(text);
  return list;
}

}  // namespace

Outcome<CorsRules> parse_cors(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "CORSConfiguration"));
  CorsRules rules;
  for (const XmlElement& element : document.root().children()) {
    if (element.name() != "CORSRule" || rules.size() == kRulesMax) return refuse(Code::malformed_xml);
    TRY(CorsRule rule, read_rule(element));
    rules.push_back(std::move(rule));
  }
  if (rules.empty()) return refuse(Code::malformed_xml);
  return rules;
}

std::string cors_document(const CorsRules& rules) {
  XmlWriter xml;
  xml.open_root("CORSConfiguration");
  for (const CorsRule& rule : rules) {
    xml.open("CORSRule");
    if (!rule.id.empty()) xml.element("ID", rule.id);
    for (const std::string& origin : rule.origins) xml.element("AllowedOrigin", origin);
    for (const std::string& method : rule.methods) xml.element("AllowedMethod", method);
    for (const std::string& header : rule.headers) xml.element("AllowedHeader", header);
    for (const std::string& header : rule.exposed) xml.element("ExposeHeader", header);
    if (rule.max_age_s) xml.element("MaxAgeSeconds", *rule.max_age_s);
    xml.close();
  }
  xml.close();
  return xml.take();
}

std::optional<CorsQuestion> cors_question(const Fields& fields, std::string_view method) {
  const auto origin = fields.find("origin");
  if (!origin || origin->empty()) return std::nullopt;
  const auto asked = fields.find("access-control-request-method");
  CorsQuestion question{.origin = *origin, .method = asked.value_or(method)};
  const std::string list = joined(fields, "access-control-request-headers");
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (!trim(one).empty()) question.headers.emplace_back(trim(one));
  }
  return question;
}

const CorsRule* find_rule(const CorsRules& rules, const CorsQuestion& question) {
  const auto allows = [&](const CorsRule& rule) {
    const auto is_origin = [&](const std::string& text) { return matches(text, question.origin, false); };
    const auto is_allowed = [&](const std::string& header) {
      return std::ranges::any_of(rule.headers, [&](const std::string& text) { return matches(text, header, true); });
    };
    return std::ranges::any_of(rule.origins, is_origin) &&
           std::ranges::find(rule.methods, question.method) != rule.methods.end() &&
           std::ranges::all_of(question.headers, is_allowed);
  };
  const auto found = std::ranges::find_if(rules, allows);
  return found == rules.end() ? nullptr : &*found;
}

void add_cors(http::ResponseHeader& header, const CorsRule& rule, const CorsQuestion& question) {
  const bool for_all = std::ranges::find(rule.origins, "*") != rule.origins.end();
  header.add("Access-Control-Allow-Origin", for_all ? std::string_view("*") : question.origin);
  if (!for_all) header.add("Access-Control-Allow-Credentials", "true");
  header.add("Access-Control-Allow-Methods", joined(rule.methods));
  if (!question.headers.empty()) header.add("Access-Control-Allow-Headers", joined(question.headers));
  if (!rule.exposed.empty()) header.add("Access-Control-Expose-Headers", joined(rule.exposed));
  if (rule.max_age_s) header.add("Access-Control-Max-Age", *rule.max_age_s);
  header.add("Vary", kVary);
}

}  // namespace sluice::s3
