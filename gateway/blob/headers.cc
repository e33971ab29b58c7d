#include "gateway/blob/headers.h"

#include <algorithm>
#include <chrono>

#include "gateway/blob/customer_key.h"
#include "gateway/blob/retention.h"
#include "gateway/blob/tag_filter.h"
#include "gateway/blob/tags.h"
#include "gateway/core/encoding.h"
#include "gateway/http/field.h"

namespace sluice::blob {
namespace {

constexpr std::string_view kMeta = "x-ms-meta-";
constexpr std::size_t kMetadataSizeMax = 8 << 10;
constexpr std::string_view kDefaultType = "application/octet-stream";

struct ContentHeader {
  std::string object::ContentHeaders::* value;
  std::string_view name;   ///< Of requests.
  std::string_view plain;  ///< Of answers, and of requests whose body is the blob.
};
constexpr ContentHeader kContentHeaders[] = {
    {&object::ContentHeaders::type, "x-ms-blob-content-type", "Content-Type"},
    {&object::ContentHeaders::encoding, "x-ms-blob-content-encoding", "Content-Encoding"},
    {&object::ContentHeaders::language, "x-ms-blob-content-language", "Content-Language"},
    {&object::ContentHeaders::cache_control, "x-ms-blob-cache-control", "Cache-Control"},
    {&object::ContentHeaders::disposition, "x-ms-blob-content-disposition", "Content-Disposition"},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_identifier(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  return std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool is_element_name(std::string_view name) {
  if (name.empty() || !(is_letter(name.front()) || name.front() == '_')) return false;
  return std::ranges::all_of(name,
                             [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; });
}

/// A metadata value as a header field can carry it: RFC 2047 for UTF-8 beyond ASCII.
std::string metadata_text(const std::string& value) {
  const bool ascii = std::ranges::all_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii || !is_utf8(value)) return value;
  return "=?UTF-8?B?" + to_base64(value) + "?=";
}

std::optional<object::TagCondition> tag_condition(const Fields& fields, std::string_view name) {
  const auto text = fields.find(name);
  if (!text || text->empty()) return std::nullopt;
  auto tags = http::parse_entity_tags(*text);
  return object::TagCondition{.any = tags.any, .tags = std::move(tags.tags)};
}

Outcome<std::optional<std::chrono::sys_seconds>> date_condition(const Fields& fields, std::string_view name) {
  const auto text = fields.find(name);
  if (!text || text->empty()) return std::nullopt;
  const auto date = http::parse_http_date(*text);
  if (!date) return invalid_header(name, *text);
  return date;
}

struct ConditionNames {
  std::string_view match, none_match, modified_since, unmodified_since, lease, tags;
};
constexpr ConditionNames kConditions{"if-match",      "if-none-match", "if-modified-since", "if-unmodified-since",
                                     "x-ms-lease-id", "x-ms-if-tags"};
constexpr ConditionNames kSourceConditions{"x-ms-source-if-match",          "x-ms-source-if-none-match",
                                           "x-ms-source-if-modified-since", "x-ms-source-if-unmodified-since",
                                           "x-ms-source-lease-id",          "x-ms-source-if-tags"};
constexpr ConditionNames kTaggedConditions{"x-ms-blob-if-match",
                                           "x-ms-blob-if-none-match",
                                           "x-ms-blob-if-modified-since",
                                           "x-ms-blob-if-unmodified-since",
                                           "x-ms-lease-id",
                                           "x-ms-if-tags"};

const ConditionNames& names_of(Conditional whose) {
  if (whose == Conditional::source) return kSourceConditions;
  return whose == Conditional::tagged ? kTaggedConditions : kConditions;
}

struct TierName {
  object::Tier tier;
  std::string_view name;
  std::string_view returning;  ///< What x-ms-archive-status calls the way back to it.
};
constexpr TierName kTiers[] = {
    {object::Tier::hot, "Hot", "rehydrate-pending-to-hot"},
    {object::Tier::cool, "Cool", "rehydrate-pending-to-cool"},
    {object::Tier::cold, "Cold", "rehydrate-pending-to-cold"},
    {object::Tier::archive, "Archive", {}},
};
const TierName& name_of(object::Tier tier) {
  const auto found = std::ranges::find(kTiers, tier, &TierName::tier);
  return found == std::end(kTiers) ? kTiers[0] : *found;
}

/// What is told of a block blob's tier; empty texts are not told.
struct TierText {
  std::string_view name;
  bool inferred = false;
  std::string changed;
  std::string_view status{};
  std::string_view priority{};
};

TierText tier_text(const object::ObjectInfo& info, UtcTime now) {
  const object::Tiering tiering = info.tiering.at(now);
  TierText text{.name = name_of(tiering.tier).name, .inferred = tiering.tier == object::Tier::none, .changed = {}};
  if (tiering.changed != UtcTime{}) text.changed = http_date(tiering.changed);
  if (tiering.awaited != object::Tier::none) {
    text.status = name_of(tiering.awaited).returning;
    text.priority = tiering.urgent ? "High" : "Standard";
  }
  return text;
}

void add_tier(http::ResponseHeader& header, const object::ObjectInfo& info, UtcTime now) {
  const TierText text = tier_text(info, now);
  header.add("x-ms-access-tier", text.name);
  if (text.inferred) header.add("x-ms-access-tier-inferred", "true");
  if (!text.changed.empty()) header.add("x-ms-access-tier-change-time", text.changed);
  if (!text.status.empty()) header.add("x-ms-archive-status", text.status);
  if (!text.priority.empty()) header.add("x-ms-rehydrate-priority", text.priority);
}

struct LeaseText {
  std::string_view status;
  std::string_view state;
  std::string_view duration;  ///< Empty where no lease is held.
};

LeaseText lease_text(const std::optional<object::Lease>& lease, UtcTime now) {
  using object::LeaseState;
  switch (object::state_of(lease, now)) {
    case LeaseState::leased:
      return {"locked", "leased", lease->duration ? "fixed" : "infinite"};
    case LeaseState::breaking:
      return {"locked", "breaking", {}};
    case LeaseState::broken:
      return {"unlocked", "broken", {}};
    case LeaseState::expired:
      return {"unlocked", "expired", {}};
    case LeaseState::available:
      break;
  }
  return {"unlocked", "available", {}};
}

}  // namespace

Outcome<Description> read_description(const Fields& fields, bool plain) {
  Description description;
  for (const ContentHeader& header : kContentHeaders) {
    auto value = fields.find(header.name);
    if (!value && plain) value = fields.find(header.plain);
    description.headers.*header.value = value.value_or(std::string_view{});
  }
  TRY(auto md5, read_digest(fields, "x-ms-blob-content-md5", digest_size(DigestAlgorithm::md5), Code::invalid_md5));
  description.headers.md5 = std::move(md5).value_or(std::string());
  TRY(description.metadata, read_metadata(fields));
  if (const auto tags = fields.find("x-ms-tags")) {
    TRY(description.tags, parse_tags(*tags));
  }
  return description;
}

Outcome<object::Metadata> read_metadata(const Fields& fields) {
  object::Metadata metadata;
  std::size_t size = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    if (name.size() < kMeta.size() || !equals_ignoring_case(name.substr(0, kMeta.size()), kMeta)) continue;
    const std::string_view key = name.substr(kMeta.size());
    const bool twice =
        std::ranges::any_of(metadata, [&](const auto& before) { return equals_ignoring_case(before.first, key); });
    if (!is_identifier(key) || twice) {
      return std::unexpected(Failure(Code::invalid_metadata).with("HeaderName", std::string(name)));
    }
    size += key.size() + value.size();
    if (size > kMetadataSizeMax) return refuse(Code::metadata_too_large);
    metadata.emplace_back(key, value);
  }
  return metadata;
}

Outcome<object::Conditions> read_conditions(const Fields& fields, Conditional whose) {
  const ConditionNames& names = names_of(whose);
  object::Conditions conditions;
  conditions.if_match = tag_condition(fields, names.match);
  conditions.if_none_match = tag_condition(fields, names.none_match);
  TRY(conditions.if_modified_since, date_condition(fields, names.modified_since));
  TRY(conditions.if_unmodified_since, date_condition(fields, names.unmodified_since));
  TRY(conditions.lease, read_lease_id(fields, names.lease));
  if (const auto text = fields.find(names.tags); text && !text->empty()) {
    auto query = parse_tag_condition(*text);
    if (!query) return invalid_header(names.tags, *text);
    conditions.if_tags = std::make_shared<const object::TagQuery>(*std::move(query));
  }
  return conditions;
}

Outcome<object::Conditions> write_conditions(const Fields& fields, Conditional whose) {
  TRY(object::Conditions conditions, read_conditions(fields, whose));
  // "Specifying conditional headers for Blob service operations", Azure Storage REST
  // API: for writes, one; or a tag and a date that narrow each other.
  const bool matches = conditions.if_match || conditions.if_unmodified_since;
  const bool differs = conditions.if_none_match || conditions.if_modified_since;
  const bool dates = conditions.if_modified_since && conditions.if_unmodified_since;
  if (matches && differs && !(dates && !conditions.if_match && !conditions.if_none_match)) {
    return refuse(Code::multiple_condition_headers_not_supported);
  }
  return conditions;
}

Outcome<object::Which> read_which(const http::Query& query) {
  object::Which which;
  const auto snapshot = query.value("snapshot");
  const auto version = query.value("versionid");
  if (snapshot) {
    const auto revision = object::parse_revision_time(*snapshot);
    if (!revision || version) return invalid_parameter("snapshot", *snapshot);
    which.snapshot = *revision;
  } else if (version) {
    const auto revision = object::parse_revision_time(*version);
    if (!revision) return invalid_parameter("versionid", *version);
    which.version = object::VersionId{*revision};
  }
  return which;
}

Outcome<std::optional<object::RangeRequest>> read_range(const Fields& fields) {
  const auto own = fields.find("x-ms-range");
  const auto text = own ? own : fields.find("range");
  if (!text || text->empty()) return std::nullopt;
  const auto spec = http::parse_range(*text);
  if (!spec && own) return invalid_header("x-ms-range", *own);
  if (!spec) return std::nullopt;
  return object::RangeRequest{.first = spec->first, .last = spec->last};
}

Outcome<std::optional<std::uint64_t>> read_count(const Fields& fields, std::string_view name) {
  const auto text = fields.find(name);
  if (!text) return std::nullopt;
  const auto number = parse_decimal(*text);
  if (!number) return invalid_header(name, *text);
  return number;
}

Outcome<std::optional<std::string>> read_lease_id(const Fields& fields, std::string_view name) {
  constexpr std::size_t kDigits = 32;
  const auto text = fields.find(name);
  if (!text || text->empty()) return std::nullopt;
  std::string id = to_lower(*text);
  const bool enclosed =
      id.size() > 2 && ((id.front() == '{' && id.back() == '}') || (id.front() == '(' && id.back() == ')'));
  if (enclosed) id = id.substr(1, id.size() - 2);
  std::erase(id, '-');
  if (id.size() != kDigits || id.find_first_not_of("0123456789abcdef") != id.npos) return invalid_header(name, *text);
  for (const std::size_t dash : {20UZ, 16UZ, 12UZ, 8UZ}) id.insert(dash, 1, '-');
  return id;
}

Outcome<std::optional<std::string>> read_digest(const Fields& fields, std::string_view name, std::size_t size,
                                                Code code) {
  const auto text = fields.find(name);
  if (!text || text->empty()) return std::nullopt;
  auto bytes = from_base64(*text);
  if (!bytes || bytes->size() != size) return refuse(code);
  return bytes;
}

void add_change(http::ResponseHeader& header, UtcTime modified, const std::string& tag) {
  header.add("Last-Modified", http_date(modified));
  header.add("ETag", quoted(tag));
}

void add_change(http::ResponseHeader& header, const object::ObjectInfo& info) {
  add_change(header, info.modified, info.revision_tag());
  if (info.versioned && info.snapshot == 0) header.add("x-ms-version-id", object::revision_time(info.revision));
}

void add_metadata(http::ResponseHeader& header, const object::Metadata& metadata) {
  for (const auto& [name, value] : metadata) header.add(std::string(kMeta) + name, metadata_text(value));
}

void add_lease(http::ResponseHeader& header, const std::optional<object::Lease>& lease, UtcTime now) {
  const LeaseText text = lease_text(lease, now);
  header.add("x-ms-lease-status", text.status);
  header.add("x-ms-lease-state", text.state);
  if (!text.duration.empty()) header.add("x-ms-lease-duration", text.duration);
}

void write_lease(xml::Writer& xml, const std::optional<object::Lease>& lease, UtcTime now) {
  const LeaseText text = lease_text(lease, now);
  xml.element("LeaseStatus", text.status);
  xml.element("LeaseState", text.state);
  if (!text.duration.empty()) xml.element("LeaseDuration", text.duration);
}

void add_blob(http::ResponseHeader& header, const object::ObjectInfo& info, UtcTime now) {
  add_change(header, info);
  header.add("x-ms-creation-time", http_date(info.created));
  header.add("x-ms-blob-type", type_text(info));
  if (info.snapshot == 0) add_lease(header, info.lease, now);
  if (info.kind == object::ObjectKind::block) {
    add_tier(header, info, now);
  }
  if (info.kind == object::ObjectKind::append) {
    header.add("x-ms-blob-committed-block-count", std::to_string(info.block_count));
    if (info.sealed) header.add("x-ms-blob-sealed", "true");
  }
  if (info.kind == object::ObjectKind::page) {
    header.add("x-ms-blob-sequence-number", std::to_string(info.sequence_number));
  }
  header.add("Accept-Ranges", "bytes");
  for (const ContentHeader& row : kContentHeaders) {
    std::string_view value = info.headers.*row.value;
    if (value.empty() && row.value == &object::ContentHeaders::type) value = kDefaultType;
    if (!value.empty()) header.add(row.plain, value);
  }
  if (info.copy) {
    header.add("x-ms-copy-id", info.copy->id);
    header.add("x-ms-copy-source", info.copy->source);
    header.add("x-ms-copy-status", "success");
    header.add("x-ms-copy-progress", std::to_string(info.size) + "/" + std::to_string(info.size));
    header.add("x-ms-copy-completion-time", http_date(info.following ? info.modified : info.created));
  }
  if (info.following) {
    header.add("x-ms-incremental-copy", "true");
    header.add("x-ms-copy-destination-snapshot", object::revision_time(info.following->snapshot));
  }
  if (!info.tags.empty()) header.add("x-ms-tag-count", std::uint64_t{info.tags.size()});
  add_protection(header, info.protection);
  add_metadata(header, info.metadata);
}

Outcome<object::Tier> read_tier(const Fields& fields) {
  const auto text = fields.find("x-ms-access-tier");
  if (!text) return object::Tier::none;
  const auto found =
      std::ranges::find_if(kTiers, [&](const TierName& row) { return equals_ignoring_case(row.name, *text); });
  if (found == std::end(kTiers)) return invalid_header("x-ms-access-tier", *text);
  return found->tier;
}

Outcome<bool> read_urgency(const Fields& fields) {
  const auto text = fields.find("x-ms-rehydrate-priority");
  if (!text || equals_ignoring_case(*text, "Standard")) return false;
  if (equals_ignoring_case(*text, "High")) return true;
  return invalid_header("x-ms-rehydrate-priority", *text);
}

void write_tier(xml::Writer& xml, const object::ObjectInfo& info, UtcTime now) {
  const TierText text = tier_text(info, now);
  xml.element("AccessTier", text.name);
  if (text.inferred) xml.element("AccessTierInferred", true);
  if (!text.changed.empty()) xml.element("AccessTierChangeTime", text.changed);
  if (!text.status.empty()) xml.element("ArchiveStatus", text.status);
  if (!text.priority.empty()) xml.element("RehydratePriority", text.priority);
}

std::string crc64_text(const Digest& crc64nvme) {
  return to_base64(std::string(crc64nvme.bytes.rbegin(), crc64nvme.bytes.rend()));
}

Digest crc64_of_text(std::string_view little_endian) {
  return {DigestAlgorithm::crc64nvme, std::string(little_endian.rbegin(), little_endian.rend())};
}

void write_metadata(xml::Writer& xml, const object::Metadata& metadata) {
  xml.open("Metadata");
  for (const auto& [name, value] : metadata) {
    if (is_element_name(name)) xml.element(name, metadata_text(value));
  }
  xml.close();
}

std::string md5_text(const object::ObjectInfo& info) {
  if (!info.headers.md5.empty()) return to_base64(info.headers.md5);
  // Under a customer's key what is kept is not the MD5; of pages none is.
  if (by_customer(info) || info.kind == object::ObjectKind::page) return {};
  return info.part_count + info.block_count == 0 ? to_base64(info.md5) : std::string();
}

std::string_view public_access_text(object::PublicAccess access) {
  if (access == object::PublicAccess::none) return {};
  return access == object::PublicAccess::bucket ? "container" : "blob";
}

Outcome<object::PublicAccess> read_public_access(const Fields& fields) {
  const auto text = fields.find("x-ms-blob-public-access");
  if (!text) return object::PublicAccess::none;
  if (equals_ignoring_case(*text, "container")) return object::PublicAccess::bucket;
  if (equals_ignoring_case(*text, "blob")) return object::PublicAccess::objects;
  return invalid_header("x-ms-blob-public-access", *text);
}

std::string_view type_text(const object::ObjectInfo& info) {
  if (info.kind == object::ObjectKind::append) return "AppendBlob";
  return info.kind == object::ObjectKind::page ? "PageBlob" : "BlockBlob";
}

std::string quoted(std::string_view tag) { return std::string("\"").append(tag).append("\""); }

std::string http_date(UtcTime time) { return http::format_http_date(std::chrono::floor<std::chrono::seconds>(time)); }

std::optional<bool> parse_truth(std::string_view text) {
  if (equals_ignoring_case(text, "true")) return true;
  if (equals_ignoring_case(text, "false")) return false;
  return std::nullopt;
}

}  // namespace sluice::blob
