#include "gateway/blob/cors.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/write_body.h"

namespace sluice::blob {
namespace {

constexpr std::uint64_t kDocumentMax = 64 << 10;

/// A document that was stored is one that was read before.
Result<ServiceProperties> parse_stored(const std::string& document) {
  ServiceProperties properties;
  if (document.empty()) return properties;
  if (!read_service_properties(document, properties)) return fail(ErrorCode::corrupt, "the properties of an account");
  return properties;
}

}  // namespace

Step<std::shared_ptr<const ServiceProperties>> Handler::read_service(Call& call) {
  CO_TRY(const object::AccountSettings settings, co_await accounts_.settings(call.context, call.account->name));
  CO_TRY(ServiceProperties properties, parse_stored(settings.service));
  auto read = std::make_shared<const ServiceProperties>(std::move(properties));
  service_cache_.put(call.account->name, read);
  co_return read;
}

Step<std::shared_ptr<const ServiceProperties>> Handler::service_of(Call& call) {
  auto known = options_.has_peers ? nullptr : service_cache_.find(call.account->name);
  if (known) co_return known;
  co_return co_await read_service(call);
}

Awaitable<Answer> Handler::get_service_properties(Call& call) {
  CO_TRY(const auto properties, co_await read_service(call));
  co_return document(200, service_properties_document(*properties));
}

Awaitable<Answer> Handler::set_service_properties(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, kDocumentMax));
  ServiceProperties properties;
  Outcome<> read;
  const object::Accounts::Edit edit = [&](object::AccountSettings& settings) -> Result<> {
    TRY(properties, parse_stored(settings.service));
    read = read_service_properties(text, properties);
    if (!read) return fail(ErrorCode::invalid_request);
    settings.service = service_properties_document(properties);
    return done;
  };
  const auto changed = co_await accounts_.change(call.context, call.account->name, edit);
  if (!read) co_return std::unexpected(read.error());
  CO_TRY(changed);
  service_cache_.put(call.account->name, std::make_shared<const ServiceProperties>(std::move(properties)));
  co_return empty(202);
}

Awaitable<Answer> Handler::preflight(Call& call) {
  // Nobody proves who asks: an account that is not there has no rule.
  if (call.account == nullptr) co_return blob::refuse(Code::cors_preflight_failure);
  CO_TRY(const auto properties, co_await service_of(call));
  CO_TRY(http::ResponseHeader header, answer_preflight(call.fields(), *properties));
  co_return http::Response{.header = std::move(header), .content = {}, .body = nullptr, .content_length = 0};
}

}  // namespace sluice::blob
