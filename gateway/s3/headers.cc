#include "gateway/s3/headers.h"

#include <algorithm>
#include <array>

#include "gateway/core/encoding.h"
#include "gateway/http/field.h"
#include "gateway/object/uploads.h"
#include "gateway/s3/tags.h"

namespace sluice::s3 {
namespace {

constexpr std::size_t kMetadataSizeMax = 2048;
constexpr std::string_view kAmazon = "x-amz-";
constexpr std::string_view kMeta = "x-amz-meta-";
constexpr std::string_view kDefaultType = "binary/octet-stream";

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

constexpr std::uint64_t bit(Operation operation) { return 1ULL << static_cast<unsigned>(operation); }
template <class... Operations>
constexpr std::uint64_t in(Operations... operations) {
  return (bit(operations) | ...);
}

using enum Operation;
constexpr std::uint64_t kAll = ~0ULL;
constexpr std::uint64_t kCreates = in(put_object, copy_object, create_multipart_upload);
constexpr std::uint64_t kCopies = in(copy_object, upload_part_copy);
constexpr std::uint64_t kUploads = in(upload_part, upload_part_copy, complete_multipart_upload);
constexpr std::uint64_t kDeletes = in(delete_object, delete_objects);

/// A header that the operations named take; one whose name ends in `*` is a prefix.
struct HeaderRule {
  std::string_view name;
  std::uint64_t operations;
};
constexpr HeaderRule kWriteHeaders[] = {
    {"x-amz-date", kAll},
    {"x-amz-content-sha256", kAll},
    {"x-amz-security-token", kAll},
    {"x-amz-user-agent", kAll},
    {"x-amz-sdk-*", kAll},
    {"x-amz-expected-bucket-owner", kAll},
    {"x-amz-request-payer", kAll},
    {"x-amz-trailer", kAll},
    {"x-amz-decoded-content-length", kAll},
    {"x-amz-rdma-token", kAll},
    {"x-amz-rdma-psn", in(connect_rdma)},
    {"x-amz-rdma-mtu", in(connect_rdma)},
    {"x-amz-checksum-crc*", kAll},
    {"x-amz-checksum-sha*", kAll},
    {"x-amz-checksum-md5", kAll},  // Refused with the other checksums not known.
    {"x-amz-checksum-xx*", kAll},
    {"x-amz-checksum-algorithm", in(copy_object, create_multipart_upload)},
    {"x-amz-checksum-type", in(create_multipart_upload, complete_multipart_upload)},
    {"x-amz-meta-*", kCreates},
    {"x-amz-storage-class", kCreates},
    {"x-amz-website-redirect-location", kCreates},
    {"x-amz-acl", kCreates | in(create_bucket, put_bucket_acl, put_object_acl)},
    {"x-amz-grant-read", kCreates | in(create_bucket, put_bucket_acl, put_object_acl)},
    {"x-amz-grant-read-acp", kCreates | in(create_bucket, put_bucket_acl, put_object_acl)},
    {"x-amz-grant-write", kCreates | in(create_bucket, put_bucket_acl, put_object_acl)},
    {"x-amz-grant-write-acp", kCreates | in(create_bucket, put_bucket_acl, put_object_acl)},
    {"x-amz-grant-full-control", kCreates | in(create_bucket, put_bucket_acl, put_object_acl)},
    {"x-amz-object-ownership", in(create_bucket)},
    {"x-amz-server-side-encryption", kCreates},
    {"x-amz-server-side-encryption-aws-kms-key-id", kCreates},
    {"x-amz-server-side-encryption-customer-*", kCreates | kUploads},
    {"x-amz-copy-source-server-side-encryption-customer-*", kCopies},
    {"x-amz-copy-source", kCopies},
    {"x-amz-copy-source-if-*", kCopies},
    {"x-amz-copy-source-range", in(upload_part_copy)},
    {"x-amz-source-expected-bucket-owner", kCopies},
    {"x-amz-metadata-directive", in(copy_object)},
    {"x-amz-tagging", kCreates},
    {"x-amz-tagging-directive", in(copy_object)},
    {"x-amz-mp-object-size", in(complete_multipart_upload)},
    {"x-amz-bucket-object-lock-enabled", in(create_bucket)},
    {"x-amz-object-lock-mode", kCreates},
    {"x-amz-object-lock-retain-until-date", kCreates},
    {"x-amz-object-lock-legal-hold", kCreates},
    {"x-amz-bypass-governance-retention", kDeletes | in(put_object_retention)},
    // Without MFA delete there is nothing to prove.
    {"x-amz-mfa", kDeletes},
};

bool covers(std::string_view rule, std::string_view name) {
  if (!rule.ends_with('*')) return equals_ignoring_case(rule, name);
  return starts_with_ignoring_case(name, rule.substr(0, rule.size() - 1));
}

bool takes(Operation operation, std::string_view name) {
  return std::ranges::any_of(kWriteHeaders, [&](const HeaderRule& rule) {
    return (rule.operations & bit(operation)) != 0 && covers(rule.name, name);
  });
}

std::optional<object::TagCondition> tag_condition(const Fields& fields, std::string_view name) {
  if (fields.get(name).empty()) return std::nullopt;
  auto parsed = http::parse_entity_tags(joined(fields, name));
  return object::TagCondition{.any = parsed.any, .tags = std::move(parsed.tags)};
}

std::optional<std::chrono::sys_seconds> date(const Fields& fields, std::string_view name) {
  const auto text = fields.find(name);
  return text ? http::parse_http_date(*text) : std::nullopt;
}

struct ConditionNames {
  std::string_view match, none_match, modified_since, unmodified_since;
};
constexpr ConditionNames kConditions{"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"};
constexpr ConditionNames kSourceConditions{"x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match",
                                           "x-amz-copy-source-if-modified-since",
                                           "x-amz-copy-source-if-unmodified-since"};

Outcome<object::Metadata> read_metadata(const Fields& fields) {
  object::Metadata metadata;
  std::size_t size = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [field, value] = fields.at(i);
    if (!starts_with_ignoring_case(field, kMeta)) continue;
    std::string name = to_lower(field.substr(kMeta.size()));
    if (name.empty()) return refuse(Code::invalid_argument, "A metadata header has no name.");
    const auto same = std::ranges::find(metadata, name, &std::pair<std::string, std::string>::first);
    size += value.size() + (same == metadata.end() ? name.size() : 1);
    if (same == metadata.end()) {
      metadata.emplace_back(std::move(name), value);
    } else {
      same->second.append(",").append(value);
    }
  }
  if (size > kMetadataSizeMax) {
    return std::unexpected(Failure(Code::metadata_too_large)
                               .with("Size", std::to_string(size))
                               .with("MaxSizeAllowed", std::to_string(kMetadataSizeMax)));
  }
  return metadata;
}

struct SystemHeader {
  std::string_view name;
  std::string_view override_by;
  std::string object::ContentHeaders::* value;
};
constexpr SystemHeader kSystemHeaders[] = {
    {"Content-Type", "response-content-type", &object::ContentHeaders::type},
    {"Cache-Control", "response-cache-control", &object::ContentHeaders::cache_control},
    {"Content-Disposition", "response-content-disposition", &object::ContentHeaders::disposition},
    {"Content-Encoding", "response-content-encoding", &object::ContentHeaders::encoding},
    {"Content-Language", "response-content-language", &object::ContentHeaders::language},
    {"Expires", "response-expires", &object::ContentHeaders::expires},
    {"x-amz-website-redirect-location", {}, &object::ContentHeaders::redirect_location},
};

}  // namespace

std::string joined(const Fields& fields, std::string_view name) {
  std::string list;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [field, value] = fields.at(i);
    if (!equals_ignoring_case(field, name)) continue;
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

Outcome<> check_write_headers(const Fields& fields, const OperationRow& row) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    if (!starts_with_ignoring_case(name, kAmazon) || takes(row.operation, name)) continue;
    return std::unexpected(Failure(Code::not_implemented, "The header " + to_lower(name) + " is not supported for " +
                                                              std::string(row.name) + ".")
                               .with("Header", to_lower(name)));
  }
  const auto storage_class = fields.find("x-amz-storage-class");
  // Less redundancy than STANDARD is a wish that more of it fulfils.
  if (storage_class && *storage_class != "STANDARD" && *storage_class != "REDUCED_REDUNDANCY") {
    return refuse(Code::invalid_storage_class);
  }
  return {};
}

std::string without_aws_chunked(std::string_view list) {
  std::string kept;
  std::string_view rest = list;
  bool dropped = false;
  while (!rest.empty()) {
    const std::string_view coding = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), coding.size() + 1));
    if (equals_ignoring_case(trim(coding), "aws-chunked")) {
      dropped = true;
      continue;
    }
    if (!kept.empty()) kept += ", ";
    kept += trim(coding);
  }
  return dropped ? kept : std::string(list);
}

Outcome<Description> read_description(const Fields& fields) {
  Description description;
  for (const SystemHeader& header : kSystemHeaders) description.headers.*header.value = joined(fields, header.name);
  description.headers.encoding = without_aws_chunked(description.headers.encoding);
  TRY(description.metadata, read_metadata(fields));
  if (const auto tagging = fields.find("x-amz-tagging")) {
    TRY(description.tags, parse_tagging(*tagging));
  }
  return description;
}

object::Conditions read_conditions(const Fields& fields, UtcTime now, Conditional whose) {
  const ConditionNames& names = whose == Conditional::object ? kConditions : kSourceConditions;
  object::Conditions conditions{.if_match = tag_condition(fields, names.match),
                                .if_none_match = tag_condition(fields, names.none_match),
                                .if_modified_since = date(fields, names.modified_since),
                                .if_unmodified_since = date(fields, names.unmodified_since)};
  if (conditions.if_modified_since > std::chrono::floor<std::chrono::seconds>(now))
    conditions.if_modified_since.reset();
  return conditions;
}

object::Conditions write_conditions(const Fields& fields) {
  return {.if_match = tag_condition(fields, "if-match"),
          .if_none_match = tag_condition(fields, "if-none-match"),
          .if_modified_since = {},
          .if_unmodified_since = {}};
}

Outcome<object::Which> which_of(const http::Query& query) {
  const auto text = query.value("versionId");
  if (!text) return object::Which{};
  if (text->empty()) return refuse(Code::invalid_argument, "Version id cannot be the empty string");
  const auto version = object::parse_version(*text);
  if (version) return object::Which{.version = version};
  return std::unexpected(Failure(Code::no_such_version).with("VersionId", std::string(*text)));
}

Outcome<CopySource> parse_copy_source(std::string_view text) {
  constexpr std::string_view kVersion = "?versionId=";
  if (text.starts_with("arn:")) return refuse(Code::not_implemented, "A copy source that is an ARN is not supported.");
  object::Which which;
  const auto question = text.find('?');
  if (question != text.npos) {
    const std::string_view version = text.substr(question);
    if (!version.starts_with(kVersion)) {
      return refuse(Code::invalid_argument, "The copy source has a query that is not a versionId.");
    }
    which.version = object::parse_version(version.substr(kVersion.size()));
    if (!which.version) return refuse(Code::no_such_version);
    text = text.substr(0, question);
  }
  auto decoded = percent_decode(text);
  if (!decoded) return refuse(Code::invalid_argument, "The copy source is not percent-encoded correctly.");
  std::string_view path = *decoded;
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto slash = path.find('/');
  if (slash == path.npos || slash == 0 || slash + 1 == path.size()) {
    return refuse(Code::invalid_argument, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  }
  object::ObjectName name{.bucket = std::string(path.substr(0, slash)), .key = std::string(path.substr(slash + 1))};
  if (!object::check_bucket_name(name.bucket)) return refuse(Code::invalid_bucket_name);
  TRY(object::check_key(name.key));
  return CopySource{std::move(name), which};
}

std::optional<object::RangeRequest> range_asked(const Fields& fields) {
  const auto range = fields.find("range");
  const auto spec = range ? http::parse_range(*range) : std::nullopt;
  if (!spec) return std::nullopt;
  return object::RangeRequest{.first = spec->first, .last = spec->last};
}

Outcome<ByteRange> parse_copy_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes=";
  const auto dash = text.find('-');
  if (text.starts_with(kUnit) && dash != text.npos) {
    const auto first = parse_decimal(text.substr(kUnit.size(), dash - kUnit.size()));
    const auto last = parse_decimal(text.substr(dash + 1));
    constexpr auto kLastMax = ~std::uint64_t{0} - 1;
    if (first && last && *first <= *last && *last < kLastMax) return ByteRange{*first, *last - *first + 1};
  }
  return std::unexpected(Failure(Code::invalid_argument,
                                 "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
                                 "and last are the zero-based offsets of the first and last bytes to copy")
                             .with("ArgumentName", "x-amz-copy-source-range")
                             .with("ArgumentValue", std::string(text)));
}

Outcome<std::uint32_t> parse_part_number(std::string_view text) {
  const auto number = parse_decimal(text);
  if (!number || *number < 1 || *number > object::Uploads::kPartNumberMax) {
    return std::unexpected(
        Failure(Code::invalid_argument, "Part number must be an integer between 1 and 10000, inclusive")
            .with("ArgumentName", "partNumber")
            .with("ArgumentValue", std::string(text)));
  }
  return static_cast<std::uint32_t>(*number);
}

std::string metadata_text(const std::string& value) {
  const bool ascii = std::ranges::all_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  // What is neither ASCII nor UTF-8 came as raw bytes and goes as raw bytes.
  if (ascii || !is_utf8(value)) return value;
  return "=?UTF-8?B?" + to_base64(value) + "?=";
}

void add_object(http::ResponseHeader& header, const object::ObjectInfo& info, const http::Query& query) {
  header.add("Last-Modified", http::format_http_date(std::chrono::floor<std::chrono::seconds>(info.modified)));
  header.add("ETag", quoted(info.content_tag()));
  header.add("Accept-Ranges", "bytes");
  for (const SystemHeader& row : kSystemHeaders) {
    std::string_view value = info.headers.*row.value;
    if (!query.empty() && !row.override_by.empty()) value = query.value(row.override_by).value_or(value);
    if (value.empty() && row.value == &object::ContentHeaders::type) value = kDefaultType;
    if (!value.empty()) header.add(row.name, value);
  }
  if (!info.tags.empty()) header.add("x-amz-tagging-count", std::uint64_t{info.tags.size()});
  for (const auto& [name, value] : info.metadata) header.add(std::string(kMeta) + to_lower(name), metadata_text(value));
}

std::string_view storage_class_of(const object::Tiering& tiering, UtcTime now) {
  return tiering.at(now).tier == object::Tier::archive ? "GLACIER" : "STANDARD";
}

void add_storage_class(http::ResponseHeader& header, const object::ObjectInfo& info, UtcTime now) {
  // "HeadObject", Amazon S3 API Reference: not sent for STANDARD.
  if (!info.is_archived(now)) return;
  header.add("x-amz-storage-class", storage_class_of(info.tiering, now));
  if (info.tiering.awaited != object::Tier::none) header.add("x-amz-restore", "ongoing-request=\"true\"");
}

std::string quoted(std::string_view tag) {
  std::string text;
  text.reserve(tag.size() + 2);
  return text.append("\"").append(tag).append("\"");
}

std::string iso_time(UtcTime time) {
  std::string text;
  append_iso_time(text, time);
  return text;
}

void append_iso_time(std::string& text, UtcTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto seconds = static_cast<unsigned>(std::chrono::floor<std::chrono::seconds>(time - day).count());
  char form[] = "0000-00-00T00:00:00.000Z";
  const auto put = [&form](std::size_t at, unsigned number) {
    form[at] = static_cast<char>('0' + number / 10 % 10);
    form[at + 1] = static_cast<char>('0' + number % 10);
  };
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  put(0, year / 100);
  put(2, year % 100);
  put(5, static_cast<unsigned>(date.month()));
  put(8, static_cast<unsigned>(date.day()));
  put(11, seconds / 3600);
  put(14, seconds / 60 % 60);
  put(17, seconds % 60);
  text.append(form, sizeof form - 1);
}

}  // namespace sluice::s3
