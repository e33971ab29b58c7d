#include "gateway/blob/describe.h"

#include <memory>
#include <optional>
#include <utility>

#include "gateway/blob/customer_key.h"
#include "gateway/blob/headers.h"

namespace sluice::blob {
namespace {

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" + std::to_string(range.offset + range.length - 1) + "/" +
         std::to_string(size);
}

/// Will what is told of the blob be another without a write?
bool may_change(const object::ObjectInfo& info) {
  return info.lease.has_value() || info.tiering.awaited != object::Tier::none;
}

/// What is told of every reader's blob: made once, where that can be.
void add_lines(http::ResponseHeader& header, const Shown& shown, UtcTime now) {
  if (shown.description == nullptr || may_change(shown.info)) return add_blob(header, shown.info, now);
  const std::string* lines = shown.description->get();
  if (lines == nullptr) {
    http::ResponseHeader made;
    add_blob(made, shown.info, now);
    lines = shown.description->keep(std::make_unique<const std::string>(made.lines()));
  }
  header.add_lines(*lines);
}

/// The blob's own headers, but for those that a signature has others for ("Create a service SAS",
/// Azure Storage REST API). Nothing: it has none.
std::optional<object::ContentHeaders> overridden(const Call& call, const object::ContentHeaders& own) {
  if (!call.grant) return std::nullopt;
  const auth::ResponseOverrides& overrides = call.grant->overrides;
  if (overrides == auth::ResponseOverrides{}) return std::nullopt;
  object::ContentHeaders headers = own;
  const std::pair<std::string&, const std::string&> kPairs[] = {{headers.type, overrides.content_type},
                                                                {headers.cache_control, overrides.cache_control},
                                                                {headers.disposition, overrides.content_disposition},
                                                                {headers.encoding, overrides.content_encoding},
                                                                {headers.language, overrides.content_language}};
  for (const auto& [value, instead] : kPairs) {
    if (!instead.empty()) value = instead;
  }
  return headers;
}

http::Response describe_as_it_is(const Call& call, const Shown& shown, UtcTime now) {
  const auto& [info, range, partial, description] = shown;
  http::Response response{.header = http::ResponseHeader(partial ? 206 : 200),
                          .content = {},
                          .body = nullptr,
                          .content_length = range.length};
  add_lines(response.header, shown, now);
  add_encryption(response.header, "x-ms-server-encrypted", call.fields(), mode_of(info));
  const std::string md5 = md5_text(info);
  if (partial) response.header.add("Content-Range", content_range(range, info.size));
  if (!md5.empty()) response.header.add(partial ? "x-ms-blob-content-md5" : "Content-MD5", md5);
  return response;
}

}  // namespace

http::Response describe(const Call& call, const Shown& shown, UtcTime now) {
  auto headers = overridden(call, shown.info.headers);
  if (!headers) return describe_as_it_is(call, shown, now);
  object::ObjectInfo info = shown.info;
  info.headers = *std::move(headers);
  return describe_as_it_is(call, {.info = info, .range = shown.range, .partial = shown.partial}, now);
}

}  // namespace sluice::blob
