#include "gateway/blob/cors.h"
#include "gateway/blob/describe.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/version.h"

// Get Blob and Get Blob Properties where memory has all that is asked for. Whatever else comes up, an error too, is
// left to the operations themselves, which tell it as it is.

namespace sluice::blob {
namespace {

/// Is what is asked for no more than the bytes of the blob as it is?
bool is_plain(const Fields& fields) {
  return !fields.has("x-ms-range-get-content-md5") && !fields.has("x-ms-range-get-content-crc64") &&
         !fields.has("x-ms-structured-body") && !fields.has("x-ms-encryption-key") &&
         !fields.has("x-ms-encryption-key-sha256") && !fields.has("x-ms-encryption-algorithm");
}

}  // namespace

std::optional<http::Response> Handler::answer_at_once(RequestContext& context, const http::Request& request) {
  const http::RequestHeader& header = request.header;
  const bool reads = header.method == http::Method::get || header.method == http::Method::head;
  if (!reads || !is_plain(header.fields)) return std::nullopt;
  Call call{.context = context, .request = request};
  auto target = parse_target(header.target, header.fields.get("host"), options_.domains);
  if (!target || target->scope != Scope::blob) return std::nullopt;
  call.target = *std::move(target);
  const auto found = find_operation(header.method, call.target, header.fields);
  if (!found) return std::nullopt;
  call.row = *found;
  const Operation operation = call.row->operation;
  if (operation != Operation::get_blob && operation != Operation::get_blob_properties) return std::nullopt;
  if (!check_version(header.fields) || !check_headers(header.fields, *call.row)) return std::nullopt;
  call.account = services_.accounts.find(call.target.account);
  if (call.account == nullptr) return std::nullopt;
  call.service = options_.has_peers ? nullptr : service_cache_.find(call.account->name);
  if (!call.service) return std::nullopt;

  context.bucket = call.target.container;
  context.key = call.target.blob;
  context.operation = call.row->name;
  auto response = read_at_hand(call);
  if (!response) return std::nullopt;
  add_common(call, response->header);
  add_cors(call, *call.service, response->header);
  return response;
}

// Looks first and asks who it is afterwards: what is not at hand is not verified twice.
std::optional<http::Response> Handler::read_at_hand(Call& call) {
  const bool with_content = call.row->operation == Operation::get_blob;
  object::OpenOptions options;
  auto which = read_which(call.query());
  if (!which || !which->current()) return std::nullopt;
  if (with_content) {
    auto range = read_range(call.fields());
    if (!range) return std::nullopt;
    options.range = *std::move(range);
  }
  auto held = services_.objects.at_hand(call.name(), with_content, options.range);
  if (!held || !admit_at_hand(call)) return std::nullopt;

  auto conditions = read_conditions(call.fields());
  if (!conditions || conditions->lease) return std::nullopt;
  options.conditions = *std::move(conditions);
  const auto range = object::Objects::range_of(*held, options);
  if (!range || (with_content && *range != held->range)) return std::nullopt;
  const object::ObjectInfo& info = held->record->info;
  const Shown shown{.info = info,
                    .range = *range,
                    .partial = options.range.has_value(),
                    .description = &held->descriptions->blob_face};
  http::Response response = describe(call, shown, services_.clock.now());
  if (info.versioned) response.header.add("x-ms-is-current-version", "true");
  if (with_content) response.content = *std::move(held->content);
  return response;
}

}  // namespace sluice::blob
