#include "auth/sigv2_text.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

using Pair = std::pair<std::string, std::string>;

constexpr std::string_view kAmz = "x-amz-";
constexpr std::string_view kAmzDate = "x-amz-date";

// Every parameter that chooses what a request does, or overrides what its answer
// says. One that is not signed could be added to a presigned URL by whoever holds
// it: so beside what AWS and botocore sign there are the subresources younger
// than both lists.
constexpr std::string_view kSigned[] = {
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "annotations",
    "append",
    "attributes",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "position",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "session",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
};

bool is_amz(std::string_view name) {
  return name.size() > kAmz.size() && equals_ignoring_case(name.substr(0, kAmz.size()), kAmz);
}

bool is_signed_parameter(std::string_view name) { return std::ranges::find(kSigned, name) != std::end(kSigned); }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::optional<std::string> decoded(std::string_view raw, Plus plus) {
  if (plus == Plus::literal) return percent_decode(raw);
  std::string text(raw);
  std::ranges::replace(text, '+', ' ');
  return percent_decode(text);
}

void add(std::vector<Pair>& headers, std::string name, std::string_view value) {
  const auto found = std::ranges::find(headers, name, &Pair::first);
  if (found == headers.end()) {
    headers.emplace_back(std::move(name), value);
  } else {
    found->second.append(1, ',').append(value);
  }
}

// A presigning botocore moves x-amz-* headers into the query, and who follows the
// URL may send them again as headers: one of both, if they are the same.
bool add_query(std::vector<Pair>& headers, const Target& target, Plus plus) {
  std::vector<Pair> moved;
  for (const auto& [raw_name, raw_value] : target.query) {
    const auto name = decoded(raw_name, plus);
    if (!name) return false;
    if (!is_amz(*name)) continue;
    const auto value = decoded(raw_value, plus);
    if (!value) return false;
    // Either would let one header pass for others.
    if (name->contains(':') || std::ranges::any_of(*name, is_control) || std::ranges::any_of(*value, is_control)) {
      return false;
    }
    add(moved, to_lower(*name), trim(*value));
  }
  for (auto& [name, value] : moved) {
    const auto sent = std::ranges::find(headers, name, &Pair::first);
    if (sent == headers.end() || sent->second != value) add(headers, std::move(name), value);
  }
  return true;
}

bool append_headers(std::string& text, const Version2Parts& parts, const Version2Spelling& spelling) {
  std::vector<Pair> headers;
  for (std::size_t i = 0; i < parts.fields.size(); ++i) {
    const Fields::Field field = parts.fields.at(i);
    if (is_amz(field.name)) add(headers, to_lower(field.name), trim(field.value));
  }
  if (!add_query(headers, parts.target, spelling.plus)) return false;
  std::ranges::sort(headers, {}, &Pair::first);
  for (const auto& [name, value] : headers) {
    if (spelling.amz_date_as_date && name == kAmzDate) continue;
    text.append(name).append(1, ':').append(value).append(1, '\n');
  }
  return true;
}

bool append_resource(std::string& text, const Version2Parts& parts, const Version2Spelling& spelling) {
  if (!parts.virtual_host_bucket.empty()) text.append(1, '/').append(parts.virtual_host_bucket);
  text.append(parts.target.path);
  if (spelling.slash_after_bucket) text.push_back('/');

  struct Parameter {
    std::string name;
    std::string value;
    std::size_t position;
    bool has_equals;
  };
  std::vector<Parameter> parameters;
  for (const auto& [raw_name, raw_value] : parts.target.query) {
    auto name = decoded(raw_name, spelling.plus);
    if (!name) return false;
    if (!is_signed_parameter(*name)) continue;
    auto value = decoded(raw_value, spelling.plus);
    if (!value || std::ranges::any_of(*value, is_control)) return false;
    const bool has_equals = !value->empty() || (spelling.keep_equals && raw_value.data() != nullptr);
    parameters.push_back({.name = *std::move(name),
                          .value = *std::move(value),
                          .position = parameters.size(),
                          .has_equals = has_equals});
  }
  // Of one name, in the order they came.
  std::ranges::sort(parameters, {}, [](const Parameter& each) { return std::tie(each.name, each.position); });
  char separator = '?';
  for (const Parameter& each : parameters) {
    text.append(1, separator).append(each.name);
    if (each.has_equals) text.append(1, '=').append(each.value);
    separator = '&';
  }
  return true;
}

}  // namespace

std::optional<std::string> version2_text(const Version2Parts& parts, const Version2Spelling& spelling) {
  std::string text;
  text.reserve(256);
  text.append(parts.method).append(1, '\n');
  text.append(trim(parts.fields.get("content-md5"))).append(1, '\n');
  text.append(trim(parts.fields.get("content-type"))).append(1, '\n');
  text.append(spelling.amz_date_as_date ? parts.fields.get(kAmzDate) : parts.date).append(1, '\n');
  if (!append_headers(text, parts, spelling)) return std::nullopt;
  if (!append_resource(text, parts, spelling)) return std::nullopt;
  return text;
}

}  // namespace sluice::auth
