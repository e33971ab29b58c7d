#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"

// GetObject and HeadObject where memory has all that is asked for. Whatever else comes
// up, an error too, is left to the operations themselves, which tell it as it is.

namespace sluice::s3 {
namespace {

bool may_be_read(const http::RequestHeader& header) {
  return (header.method == http::Method::get || header.method == http::Method::head) && !header.fields.has("origin") &&
         !header.fields.has(kRdmaToken);
}

}  // namespace

std::optional<http::Response> Handler::answer_at_once(RequestContext& context, const http::Request& request) {
  if (!may_be_read(request.header)) return std::nullopt;
  Call call{.context = context, .request = request, .fields = &request.header.fields};
  if (!read_target(call) || call.target.scope != Scope::object) return std::nullopt;
  const auto found = find_operation(request.header.method, call.target, false);
  if (!found) return std::nullopt;
  call.row = *found;
  const Operation operation = call.row->operation;
  if (operation != Operation::get_object && operation != Operation::head_object) return std::nullopt;
  if (call.target.query.has("versionId") || call.target.query.has("partNumber")) return std::nullopt;
  context.operation = call.row->name;
  return read_at_hand(call);
}

// Looks first and asks who it is afterwards: what is not at hand is not verified twice.
std::optional<http::Response> Handler::read_at_hand(Call& call) {
  const bool with_content = call.row->operation == Operation::get_object;
  auto held = services_.objects.at_hand(call.name(), with_content, range_asked(*call.fields));
  if (!held || !authenticate(call)) return std::nullopt;

  const auto needs_bucket = authorize_alone(call);
  if (!needs_bucket) return std::nullopt;
  if (*needs_bucket) {
    const auto bucket = services_.buckets.at_hand(call.target.bucket);
    if (!bucket) return std::nullopt;
    call.bucket = *bucket;
    if (!take_rules(call)) return std::nullopt;
  }
  const auto options = read_options(call);
  if (!options) return std::nullopt;
  const auto range = object::Objects::range_of(*held, *options);
  if (!range || (with_content && *range != held->range)) return std::nullopt;
  const bool ranged = options->range.has_value();
  const Shown shown{.info = held->record->info,
                    .range = *range,
                    .partial = ranged,
                    .part = nullptr,
                    .ranged = ranged,
                    .description = &held->descriptions->s3_face};
  http::Response response = describe(call, shown);
  if (with_content) response.content = *std::move(held->content);
  return response;
}

}  // namespace sluice::s3
