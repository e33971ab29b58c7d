#include "gateway/s3/cors.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/write_body.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kNotAllowed =
    "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, request method "
    "/ Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS "
    "spec.";

}  // namespace

Awaitable<Answer> Handler::get_bucket_cors(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (bucket.settings.cors.empty()) co_return s3::refuse(Code::no_such_cors_configuration);
  co_return document(call, bucket.settings.cors);
}

Awaitable<Answer> Handler::put_bucket_cors(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kCorsSizeMax}));
  CO_TRY(const CorsRules rules, parse_cors(text));
  const std::string kept = cors_document(rules);
  if (kept.size() > kCorsSizeMax) co_return s3::refuse(Code::entity_too_large);
  CO_TRY(co_await change_settings(call, [&](object::BucketSettings& settings) -> Result<> {
    settings.cors = kept;
    return done;
  }));
  co_return empty(call, 200);
}

Awaitable<Answer> Handler::delete_bucket_cors(Call& call) {
  CO_TRY(co_await change_settings(call, [](object::BucketSettings& settings) -> Result<> {
    settings.cors.clear();
    return done;
  }));
  co_return empty(call, 204);
}

/// A browser's question ahead of a request; nobody signs it.
Awaitable<Answer> Handler::preflight(Call& call) {
  const auto question = cors_question(*call.fields, {});
  if (!question) co_return s3::refuse(Code::bad_request, "Insufficient information. Origin request header needed.");
  if (question->method.empty()) {
    co_return s3::refuse(Code::bad_request, "Invalid Access-Control-Request-Method: null");
  }
  if (call.target.scope == Scope::service) co_return s3::refuse(Code::access_forbidden);
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (bucket.settings.cors.empty()) co_return s3::refuse(Code::access_forbidden);
  CO_TRY(const CorsRules rules, parse_cors(bucket.settings.cors));
  const CorsRule* rule = find_rule(rules, *question);
  if (rule == nullptr) co_return s3::refuse(Code::access_forbidden, std::string(kNotAllowed));
  http::Response response = empty(call, 200);
  add_cors(response.header, *rule, *question);
  co_return response;
}

/// What a page of another origin may see of the answer, an error included.
Awaitable<> Handler::share(Call& call, http::Response& response) {
  const auto question = cors_question(*call.fields, call.request.header.method_text);
  if (!question || call.target.scope == Scope::service || call.request.header.method == http::Method::options) {
    co_return;
  }
  const auto bucket = co_await bucket_of(call);
  if (!bucket || bucket->settings.cors.empty()) co_return;
  const auto rules = parse_cors(bucket->settings.cors);
  if (!rules) co_return;
  if (const CorsRule* rule = find_rule(*rules, *question)) add_cors(response.header, *rule, *question);
}

}  // namespace sluice::s3
