#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/blob/error.h"
#include "gateway/core/clock.h"
#include "gateway/core/fields.h"
#include "gateway/http/message.h"
#include "gateway/http/uri.h"
#include "gateway/object/buckets.h"
#include "gateway/object/conditions.h"
#include "gateway/object/info.h"
#include "gateway/object/objects.h"
#include "gateway/xml/xml.h"

namespace sluice::blob {

/// What a write says about the blob beside its bytes.
struct Description {
  object::ContentHeaders headers;
  object::Metadata metadata;
  object::Tags tags;
};

/// Reads x-ms-blob-content-* (or, where `plain`, the HTTP header of that meaning
/// too), x-ms-meta-* and x-ms-tags. Fails with InvalidMetadata, MetadataTooLarge, and as parse_tags().
Outcome<Description> read_description(const Fields& fields, bool plain);

/// x-ms-meta-*: names are C# identifiers, 8 KiB in all, and none comes twice.
Outcome<object::Metadata> read_metadata(const Fields& fields);

/// What conditions are about: the blob that is named, the source of a copy, or, said apart, the blob whose tags are.
enum class Conditional : std::uint8_t { blob, source, tagged };

/// The conditions of a read, or of the source of a copy, and the lease that is named. Fails with
/// InvalidHeaderValue for a date or an x-ms-if-tags that is none.
Outcome<object::Conditions> read_conditions(const Fields& fields, Conditional whose = Conditional::blob);

/// Those of a write; MultipleConditionHeadersNotSupported where they are several
/// that do not go together.
Outcome<object::Conditions> write_conditions(const Fields& fields, Conditional whose = Conditional::blob);

/// `snapshot` and `versionid`: which state of the blob is meant. Fails with
/// InvalidQueryParameterValue for what is no time, or for both.
Outcome<object::Which> read_which(const http::Query& query);

/// x-ms-range, or else Range. Nothing without either, or where RFC 9110 14.2 has a
/// Range ignored; a malformed x-ms-range fails with InvalidHeaderValue.
Outcome<std::optional<object::RangeRequest>> read_range(const Fields& fields);

/// A number in decimal. Fails with InvalidHeaderValue.
Outcome<std::optional<std::uint64_t>> read_count(const Fields& fields, std::string_view name);

/// A lease's id, which is a GUID in any of its spellings, as this server spells it.
/// Fails with InvalidHeaderValue.
Outcome<std::optional<std::string>> read_lease_id(const Fields& fields, std::string_view name);

/// The value of a field that holds base64 of `size` bytes. Fails with `code`.
Outcome<std::optional<std::string>> read_digest(const Fields& fields, std::string_view name, std::size_t size,
                                                Code code);

/// What an answer says of a blob at that time: dates, tag, headers, lease, protection, metadata.
void add_blob(http::ResponseHeader& header, const object::ObjectInfo& info, UtcTime now);
/// x-ms-access-tier. Fails with InvalidHeaderValue for one that block blobs cannot be in.
Outcome<object::Tier> read_tier(const Fields& fields);
/// x-ms-rehydrate-priority: is it High? Fails with InvalidHeaderValue.
Outcome<bool> read_urgency(const Fields& fields);
/// The tier of a block blob, as elements of a listing.
void write_tier(xml::Writer& xml, const object::ObjectInfo& info, UtcTime now);
/// x-ms-lease-status, -state, -duration.
void add_lease(http::ResponseHeader& header, const std::optional<object::Lease>& lease, UtcTime now);
/// The same as elements of a listing.
void write_lease(xml::Writer& xml, const std::optional<object::Lease>& lease, UtcTime now);
/// What an answer to a write says: dates and tag.
void add_change(http::ResponseHeader& header, UtcTime modified, const std::string& tag);
/// The same of a blob, and its version id, where it has one.
void add_change(http::ResponseHeader& header, const object::ObjectInfo& info);
void add_metadata(http::ResponseHeader& header, const object::Metadata& metadata);

/// A CRC64 as this protocol writes it: little-endian, in base64.
std::string crc64_text(const Digest& crc64nvme);
Digest crc64_of_text(std::string_view little_endian);

/// The MD5 of a blob in base64: what its writer said it is, or what was found when it
/// was put whole; empty where neither is known.
std::string md5_text(const object::ObjectInfo& info);

/// `<Metadata>`; names that cannot be those of elements are left out.
void write_metadata(xml::Writer& xml, const object::Metadata& metadata);

/// `container`, `blob`, or empty.
std::string_view public_access_text(object::PublicAccess access);
/// x-ms-blob-public-access. Fails with InvalidHeaderValue.
Outcome<object::PublicAccess> read_public_access(const Fields& fields);

/// BlockBlob, AppendBlob or PageBlob.
std::string_view type_text(const object::ObjectInfo& info);

std::string quoted(std::string_view tag);
std::string http_date(UtcTime time);
/// `true` or `false`, in either case; nothing otherwise.
std::optional<bool> parse_truth(std::string_view text);

}  // namespace sluice::blob
