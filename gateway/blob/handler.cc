#include "gateway/blob/handler.h"

#include <algorithm>

#include "gateway/blob/cors.h"
#include "gateway/blob/version.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {

struct Handler::Entry {
  Operation operation;
  Method method;
};

const Handler::Entry Handler::kEntries[] = {
    {Operation::get_blob, &Handler::get_blob},
    {Operation::put_blob, &Handler::put_blob},
    {Operation::get_blob_properties, &Handler::get_blob_properties},
    {Operation::delete_blob, &Handler::delete_blob},
    {Operation::create_append_blob, &Handler::create_append_blob},
    {Operation::append_block, &Handler::append_block},
    {Operation::append_block_from_url, &Handler::append_block_from_url},
    {Operation::seal_blob, &Handler::seal_blob},
    {Operation::create_page_blob, &Handler::create_page_blob},
    {Operation::put_page, &Handler::put_page},
    {Operation::put_page_from_url, &Handler::put_page_from_url},
    {Operation::clear_page, &Handler::clear_page},
    {Operation::get_page_ranges, &Handler::get_page_ranges},
    {Operation::resize_page_blob, &Handler::resize_page_blob},
    {Operation::update_sequence_number, &Handler::update_sequence_number},
    {Operation::lease_blob, &Handler::lease_blob},
    {Operation::lease_container, &Handler::lease_container},
    {Operation::get_container_acl, &Handler::get_container_acl},
    {Operation::set_container_acl, &Handler::set_container_acl},
    {Operation::put_block, &Handler::put_block},
    {Operation::put_block_from_url, &Handler::put_block_from_url},
    {Operation::put_block_list, &Handler::put_block_list},
    {Operation::get_block_list, &Handler::get_block_list},
    {Operation::copy_blob, &Handler::copy_blob},
    {Operation::copy_blob_incrementally, &Handler::copy_blob_incrementally},
    {Operation::put_blob_from_url, &Handler::put_blob_from_url},
    {Operation::abort_copy, &Handler::abort_copy},
    {Operation::set_blob_properties, &Handler::set_blob_properties},
    {Operation::set_blob_metadata, &Handler::set_blob_metadata},
    {Operation::get_blob_metadata, &Handler::get_blob_metadata},
    {Operation::get_user_delegation_key, &Handler::get_user_delegation_key},
    {Operation::snapshot_blob, &Handler::snapshot_blob},
    {Operation::get_blob_tags, &Handler::get_blob_tags},
    {Operation::set_blob_tags, &Handler::set_blob_tags},
    {Operation::find_blobs_by_tags, &Handler::find_blobs_by_tags},
    {Operation::set_blob_tier, &Handler::set_blob_tier},
    {Operation::set_immutability_policy, &Handler::set_immutability_policy},
    {Operation::delete_immutability_policy, &Handler::delete_immutability_policy},
    {Operation::set_legal_hold, &Handler::set_legal_hold},
    {Operation::undelete_blob, &Handler::undelete_blob},
    {Operation::submit_batch, &Handler::submit_batch},
    {Operation::list_blobs, &Handler::list_blobs},
    {Operation::create_container, &Handler::create_container},
    {Operation::get_container, &Handler::get_container},
    {Operation::set_container_metadata, &Handler::set_container_metadata},
    {Operation::delete_container, &Handler::delete_container},
    {Operation::list_containers, &Handler::list_containers},
    {Operation::get_service_properties, &Handler::get_service_properties},
    {Operation::set_service_properties, &Handler::set_service_properties},
    {Operation::get_service_stats, &Handler::get_service_stats},
    {Operation::get_account_information, &Handler::get_account_information},
    {Operation::preflight, &Handler::preflight},
    {Operation::not_implemented, &Handler::not_implemented},
};

Awaitable<http::Response> Handler::handle(RequestContext& context, const http::Request& request) {
  Call call{.context = context, .request = request};
  co_return co_await respond(call);
}

Awaitable<http::Response> Handler::respond(Call& call) {
  Answer answered = co_await answer(call);
  http::Response response;
  if (answered) {
    response = *std::move(answered);
  } else {
    response = render(answered.error(), call.context, call.request.header.method);
  }
  add_common(call, response.header);
  if (call.service) add_cors(call, *call.service, response.header);
  co_return response;
}

http::Response Handler::refuse(RequestContext& context, const http::Refusal& refusal) {
  return render_refusal(refusal, context);
}

void Handler::add_common(const Call& call, http::ResponseHeader& header) const {
  constexpr std::size_t kClientIdMax = 1024;
  header.add("x-ms-request-id", guid_of(call.context));
  std::string_view version = call.fields().get("x-ms-version");
  if (version.empty() && call.grant) version = call.grant->version;
  if (version.empty() && call.batch != nullptr) version = call.batch->fields().get("x-ms-version");
  if (version.empty() && call.service) version = call.service->default_version;
  header.add("x-ms-version", is_version(version) ? version : kVersionNewest);
  const std::string_view client_id = call.fields().get("x-ms-client-request-id");
  if (!client_id.empty() && client_id.size() <= kClientIdMax) header.add("x-ms-client-request-id", client_id);
}

Awaitable<Answer> Handler::answer(Call& call) {
  const http::RequestHeader& header = call.request.header;
  CO_TRY(call.target, parse_target(header.target, header.fields.get("host"), options_.domains));
  call.context.bucket = call.target.container;
  call.context.key = call.target.blob;
  const auto found = find_operation(header.method, call.target, header.fields);
  if (found) {
    call.row = *found;
    call.context.operation = call.row->name;
  }
  call.account = services_.accounts.find(call.target.account);
  if (found && call.row->operation == Operation::preflight) co_return co_await preflight(call);
  if (call.batch == nullptr || header.fields.has("x-ms-version")) {
    CO_TRY(check_version(header.fields));
  }
  if (call.account == nullptr) {
    co_return std::unexpected(Failure(Code::authentication_failed)
                                  .with("AuthenticationErrorDetail", "There is no such account on this server."));
  }

  CO_TRY(call.service, co_await service_of(call));
  if (const auto& days = call.service->delete_retention) {
    call.kept_until = services_.clock.now() + std::chrono::days(*days);
  }
  if (!found) {
    // Who cannot prove anything learns nothing of what there is.
    CO_TRY(co_await authenticate(call));
    co_return std::unexpected(found.error());
  }
  CO_TRY(co_await authenticate(call));
  if (call.row->operation != Operation::not_implemented) {
    CO_TRY(check_headers(header.fields, *call.row));
  }
  CO_TRY(co_await check_container(call));
  const auto entry = std::ranges::find(kEntries, call.row->operation, &Entry::operation);
  Answer answered = co_await (this->*entry->method)(call);
  if (!answered) co_return std::unexpected(co_await explain_kind(call, std::move(answered.error())));
  co_return answered;
}

http::Response Handler::document(unsigned status, std::string text) const {
  http::Response response{
      .header = http::ResponseHeader(status), .content = {}, .body = nullptr, .content_length = text.size()};
  response.header.add("Content-Type", "application/xml");
  response.content = Chunk::of(std::move(text));
  return response;
}

http::Response Handler::empty(unsigned status) const {
  return {.header = http::ResponseHeader(status), .content = {}, .body = nullptr, .content_length = 0};
}

std::string Handler::endpoint(const Call& call) const {
  std::string text = call.context.secure ? "https://" : "http://";
  text += call.fields().get("host");
  text += '/';
  if (call.target.in_path) text += call.target.account + (call.target.secondary ? "-secondary/" : "/");
  return text;
}

}  // namespace sluice::blob
