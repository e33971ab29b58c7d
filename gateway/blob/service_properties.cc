#include "gateway/blob/service_properties.h"

#include <algorithm>
#include <utility>

#include "gateway/blob/version.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::uint64_t kDaysMax = 365;
constexpr std::size_t kRulesMax = 5;
constexpr std::size_t kRulesSizeMax = 2 << 10;
constexpr std::size_t kWordsMax = 64;
constexpr std::size_t kPrefixesMax = 2;
constexpr std::size_t kWordSizeMax = 256;
constexpr std::uint64_t kAgeMax = 0x7FFFFFFF;
constexpr std::string_view kMethods[] = {"DELETE", "GET", "HEAD", "MERGE", "PATCH", "POST", "OPTIONS", "PUT"};

std::unexpected<Failure> wrong_value(const xml::Element& element) {
  return std::unexpected(Failure(Code::invalid_xml_node_value)
                             .with("XmlNodeName", std::string(element.name()))
                             .with("XmlNodeValue", std::string(element.text())));
}

std::unexpected<Failure> missing(std::string_view name) {
  return std::unexpected(Failure(Code::missing_required_xml_node).with("XmlNodeName", std::string(name)));
}

/// Every child must be one of these, and none comes twice.
Outcome<> check_children(const xml::Element& element, std::initializer_list<std::string_view> known) {
  std::vector<std::string_view> seen;
  for (const xml::Element& child : element.children()) {
    const std::string_view name = child.name();
    if (std::ranges::find(known, name) == known.end()) {
      return std::unexpected(Failure(Code::unsupported_xml_node).with("XmlNodeName", std::string(name)));
    }
    if (std::ranges::find(seen, name) != seen.end()) return refuse(Code::invalid_xml_document);
    seen.push_back(name);
  }
  return {};
}

Outcome<bool> truth_in(const xml::Element& element, std::string_view name) {
  const xml::Element child = element.child(name);
  if (!child) return missing(name);
  if (child.text() == "true") return true;
  if (child.text() == "false") return false;
  return wrong_value(child);
}

struct Bounds {
  std::uint64_t first;
  std::uint64_t last;
};

Outcome<std::uint64_t> number_in(const xml::Element& element, std::string_view name, Bounds bounds) {
  const xml::Element child = element.child(name);
  if (!child) return missing(name);
  const auto number = parse_decimal(child.text());
  if (!number || *number < bounds.first || *number > bounds.last) return wrong_value(child);
  return *number;
}

/// Enabled, and Days where it is.
Outcome<RetentionDays> retention_of(const xml::Element& element, std::initializer_list<std::string_view> known) {
  TRY(check_children(element, known));
  TRY(const bool enabled, truth_in(element, "Enabled"));
  const xml::Element days = element.child("Days");
  if (!enabled && days) return wrong_value(days);
  if (!enabled) return RetentionDays{};
  TRY(const std::uint64_t count, number_in(element, "Days", {1, kDaysMax}));
  return RetentionDays(static_cast<std::uint32_t>(count));
}

Outcome<RetentionDays> retention_in(const xml::Element& element) {
  const xml::Element child = element.child("RetentionPolicy");
  if (!child) return missing("RetentionPolicy");
  return retention_of(child, {"Enabled", "Days"});
}

Outcome<std::string> version_in(const xml::Element& element) {
  const xml::Element child = element.child("Version");
  if (!child) return missing("Version");
  if (child.text() != "1.0" && child.text() != "2.0") return wrong_value(child);
  return std::string(child.text());
}

Outcome<> read_logging(const xml::Element& element, ServiceProperties& properties) {
  TRY(check_children(element, {"Version", "Delete", "Read", "Write", "RetentionPolicy"}));
  Logging logging;
  TRY(logging.version, version_in(element));
  TRY(logging.deletes, truth_in(element, "Delete"));
  TRY(logging.reads, truth_in(element, "Read"));
  TRY(logging.writes, truth_in(element, "Write"));
  TRY(logging.retention, retention_in(element));
  properties.logging = std::move(logging);
  return {};
}

Outcome<> read_metrics(const xml::Element& element, Metrics& metrics_out) {
  TRY(check_children(element, {"Version", "Enabled", "IncludeAPIs", "RetentionPolicy"}));
  Metrics metrics;
  TRY(metrics.version, version_in(element));
  TRY(metrics.enabled, truth_in(element, "Enabled"));
  const xml::Element apis = element.child("IncludeAPIs");
  if (!metrics.enabled && apis) return wrong_value(apis);
  if (metrics.enabled) {
    TRY(metrics.include_apis, truth_in(element, "IncludeAPIs"));
  }
  TRY(metrics.retention, retention_in(element));
  metrics_out = std::move(metrics);
  return {};
}

/// The words between the commas; none may be empty.
Outcome<std::vector<std::string>> words_in(const xml::Element& rule, std::string_view name) {
  const xml::Element child = rule.child(name);
  if (!child) return missing(name);
  std::vector<std::string> words;
  std::string_view rest = child.text();
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const std::string_view word = trim(rest.substr(0, comma));
    if (word.empty() || word.size() > kWordSizeMax || has_control(word)) return wrong_value(child);
    words.emplace_back(word);
    if (comma + 1 == rest.size()) return wrong_value(child);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (words.size() > kWordsMax + kPrefixesMax) return wrong_value(child);
  return words;
}

Outcome<std::vector<std::string>> headers_in(const xml::Element& rule, std::string_view name) {
  TRY(auto words, words_in(rule, name));
  const auto prefix_count = std::ranges::count_if(words, [](const std::string& word) { return word.ends_with('*'); });
  const bool several = std::cmp_greater(prefix_count, kPrefixesMax);
  if (several || words.size() - static_cast<std::size_t>(prefix_count) > kWordsMax)
    return wrong_value(rule.child(name));
  return words;
}

bool is_method(std::string_view word) { return std::ranges::find(kMethods, word) != std::end(kMethods); }

Outcome<CorsRule> read_rule(const xml::Element& element) {
  if (element.name() != "CorsRule") return refuse(Code::invalid_xml_document);
  TRY(check_children(element,
                     {"AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposedHeaders", "MaxAgeInSeconds"}));
  CorsRule rule;
  TRY(rule.origins, words_in(element, "AllowedOrigins"));
  if (rule.origins.empty() || rule.origins.size() > kWordsMax) return wrong_value(element.child("AllowedOrigins"));
  TRY(rule.methods, words_in(element, "AllowedMethods"));
  const bool known = std::ranges::all_of(rule.methods, is_method);
  if (rule.methods.empty() || !known) return wrong_value(element.child("AllowedMethods"));
  TRY(rule.allowed_headers, headers_in(element, "AllowedHeaders"));
  TRY(rule.exposed_headers, headers_in(element, "ExposedHeaders"));
  TRY(const std::uint64_t age, number_in(element, "MaxAgeInSeconds", {0, kAgeMax}));
  rule.max_age_s = static_cast<std::uint32_t>(age);
  return rule;
}

std::size_t size_of(const CorsRule& rule) {
  std::size_t size = 0;
  for (const auto* words : {&rule.origins, &rule.methods, &rule.allowed_headers, &rule.exposed_headers}) {
    for (const std::string& word : *words) size += word.size();
  }
  return size;
}

Outcome<> read_cors(const xml::Element& element, ServiceProperties& properties) {
  std::vector<CorsRule> rules;
  std::size_t size = 0;
  for (const xml::Element& child : element.children()) {
    if (rules.size() == kRulesMax) return refuse(Code::invalid_xml_document, "There may be five CORS rules.");
    TRY(CorsRule rule, read_rule(child));
    size += size_of(rule);
    rules.push_back(std::move(rule));
  }
  if (size > kRulesSizeMax) return refuse(Code::invalid_xml_document, "The CORS rules are longer than 2 KiB.");
  properties.cors = std::move(rules);
  return {};
}

Outcome<> read_delete_retention(const xml::Element& element, ServiceProperties& properties) {
  TRY(const RetentionDays days, retention_of(element, {"Enabled", "Days", "AllowPermanentDelete"}));
  bool permanent = false;
  if (element.child("AllowPermanentDelete")) {
    TRY(permanent, truth_in(element, "AllowPermanentDelete"));
  }
  properties.delete_retention = days;
  properties.permanent_delete = permanent;
  return {};
}

Outcome<> read_default_version(const xml::Element& element, ServiceProperties& properties) {
  constexpr std::string_view kOldest = "2009-09-19";
  const std::string_view version = element.text();
  if (!version.empty() && (!is_version(version) || version < kOldest)) return wrong_value(element);
  properties.default_version = version;
  return {};
}

Outcome<> read_static_website(const xml::Element& element) {
  TRY(check_children(element, {"Enabled", "IndexDocument", "ErrorDocument404Path", "DefaultIndexDocumentPath"}));
  TRY(const bool enabled, truth_in(element, "Enabled"));
  if (enabled) return refuse(Code::feature_not_supported, "This server has no endpoint for static websites.");
  return {};
}

Outcome<> read_property(const xml::Element& element, ServiceProperties& properties) {
  const std::string_view name = element.name();
  if (name == "Logging") return read_logging(element, properties);
  if (name == "HourMetrics") return read_metrics(element, properties.hourly);
  if (name == "MinuteMetrics") return read_metrics(element, properties.by_minute);
  if (name == "Cors") return read_cors(element, properties);
  if (name == "DeleteRetentionPolicy") return read_delete_retention(element, properties);
  if (name == "DefaultServiceVersion") return read_default_version(element, properties);
  return read_static_website(element);
}

void write_retention(xml::Writer& xml, std::string_view name, const RetentionDays& days,
                     std::optional<bool> permanent = {}) {
  xml.open(name);
  xml.element("Enabled", days.has_value());
  if (days) xml.element("Days", std::uint64_t{*days});
  if (permanent) xml.element("AllowPermanentDelete", *permanent);
  xml.close();
}

void write_metrics(xml::Writer& xml, std::string_view name, const Metrics& metrics) {
  xml.open(name);
  xml.element("Version", metrics.version);
  xml.element("Enabled", metrics.enabled);
  if (metrics.enabled) xml.element("IncludeAPIs", metrics.include_apis);
  write_retention(xml, "RetentionPolicy", metrics.retention);
  xml.close();
}

void write_words(xml::Writer& xml, std::string_view name, const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ",").append(word);
  xml.element(name, text);
}

void write_cors(xml::Writer& xml, const std::vector<CorsRule>& rules) {
  xml.open("Cors");
  for (const CorsRule& rule : rules) {
    xml.open("CorsRule");
    write_words(xml, "AllowedOrigins", rule.origins);
    write_words(xml, "AllowedMethods", rule.methods);
    write_words(xml, "AllowedHeaders", rule.allowed_headers);
    write_words(xml, "ExposedHeaders", rule.exposed_headers);
    xml.element("MaxAgeInSeconds", std::uint64_t{rule.max_age_s});
    xml.close();
  }
  xml.close();
}

}  // namespace

Outcome<> read_service_properties(std::string_view document, ServiceProperties& properties) {
  TRY(const xml::Document parsed, xml::Document::parse(document, "StorageServiceProperties"));
  TRY(check_children(parsed.root(), {"Logging", "HourMetrics", "MinuteMetrics", "Cors", "DeleteRetentionPolicy",
                                     "DefaultServiceVersion", "StaticWebsite"}));
  ServiceProperties changed = properties;
  for (const xml::Element& element : parsed.root().children()) {
    TRY(read_property(element, changed));
  }
  properties = std::move(changed);
  return {};
}

std::string service_properties_document(const ServiceProperties& properties) {
  xml::Writer xml;
  xml.open("StorageServiceProperties");
  xml.open("Logging");
  xml.element("Version", properties.logging.version);
  xml.element("Delete", properties.logging.deletes);
  xml.element("Read", properties.logging.reads);
  xml.element("Write", properties.logging.writes);
  write_retention(xml, "RetentionPolicy", properties.logging.retention);
  xml.close();
  write_metrics(xml, "HourMetrics", properties.hourly);
  write_metrics(xml, "MinuteMetrics", properties.by_minute);
  write_cors(xml, properties.cors);
  if (!properties.default_version.empty()) xml.element("DefaultServiceVersion", properties.default_version);
  write_retention(xml, "DeleteRetentionPolicy", properties.delete_retention,
                  properties.delete_retention ? std::optional(properties.permanent_delete) : std::nullopt);
  xml.open("StaticWebsite");
  xml.element("Enabled", false);
  xml.close();
  xml.close();
  return xml.take();
}

}  // namespace sluice::blob
