#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/clock.h"
#include "gateway/core/extent_store.h"
#include "gateway/core/fields.h"
#include "gateway/object/conditions.h"
#include "gateway/object/info.h"
#include "gateway/object/name.h"
#include "gateway/object/objects.h"
#include "gateway/s3/error.h"
#include "gateway/s3/operation.h"

namespace sluice::s3 {

/// All fields of that name joined by commas, as RFC 9110 5.3 has them mean one list.
std::string joined(const Fields& fields, std::string_view name);

/// Refuses what a write asks for in x-amz-* headers and would not get: a header
/// that is not in this gateway's table for the operation fails with NotImplemented,
/// so that nothing is silently ignored; the value of x-amz-storage-class is looked
/// at too.
Outcome<> check_write_headers(const Fields& fields, const OperationRow& row);

/// What a write says about the object beside its bytes.
struct Description {
  object::ContentHeaders headers;
  object::Metadata metadata;
  object::Tags tags;
};
/// Reads the system headers, x-amz-meta-* and x-amz-tagging. Fails with MetadataTooLarge, InvalidTag.
Outcome<Description> read_description(const Fields& fields);

/// `list` without the codings aws-chunked, which are about the transfer.
std::string without_aws_chunked(std::string_view list);

/// What a condition is about.
enum class Conditional : std::uint8_t { object, copy_source };

/// The four conditions of a read. Dates that are none, and an If-Modified-Since in
/// the future, are ignored.
object::Conditions read_conditions(const Fields& fields, UtcTime now, Conditional whose = Conditional::object);

/// The two conditions of a write.
object::Conditions write_conditions(const Fields& fields);

/// The state of an object that a request is about: what `versionId` says, or the current
/// one. Fails with NoSuchVersion where that cannot be a version's id.
Outcome<object::Which> which_of(const http::Query& query);

struct CopySource {
  object::ObjectName name;
  object::Which which;
};
/// x-amz-copy-source in all its forms: with or without a leading slash,
/// percent-encoded, with or without `?versionId=`.
Outcome<CopySource> parse_copy_source(std::string_view text);

/// Range; nothing without one, or where RFC 9110 14.2 has it ignored.
std::optional<object::RangeRequest> range_asked(const Fields& fields);

/// x-amz-copy-source-range: `bytes=first-last`, nothing else. Fails with InvalidArgument.
Outcome<ByteRange> parse_copy_range(std::string_view text);

/// Part numbers are 1 to 10,000. Fails with InvalidArgument.
Outcome<std::uint32_t> parse_part_number(std::string_view text);

/// A metadata value as a header field can carry it: RFC 2047 for UTF-8 beyond ASCII.
std::string metadata_text(const std::string& value);

/// What a response says of an object: dates, tag, system headers, metadata.
/// `query` may override system headers by response-*.
void add_object(http::ResponseHeader& header, const object::ObjectInfo& info, const http::Query& query);
/// STANDARD, or GLACIER for what is archived and so not read.
std::string_view storage_class_of(const object::Tiering& tiering, UtcTime now);
/// x-amz-storage-class and x-amz-restore, of what is archived.
void add_storage_class(http::ResponseHeader& header, const object::ObjectInfo& info, UtcTime now);

/// The tag with its quotes.
std::string quoted(std::string_view tag);

/// 2026-01-01T00:00:00.000Z, at whole seconds, as Last-Modified tells them too.
std::string iso_time(UtcTime time);
void append_iso_time(std::string& text, UtcTime time);

}  // namespace sluice::s3
