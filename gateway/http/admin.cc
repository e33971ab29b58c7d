#include "gateway/http/admin.h"

#include "gateway/http/uri.h"

namespace sluice::http {
namespace {

Response text(unsigned status, std::string_view type, std::string content) {
  Response response{.header = ResponseHeader(status)};
  response.header.add("Content-Type", type);
  response.header.add("Cache-Control", "no-store");
  response.content = Chunk::of(std::move(content));
  return response;
}

constexpr std::string_view kPlain = "text/plain; charset=utf-8";

}  // namespace

Awaitable<Response> AdminHandler::handle(RequestContext& context, const Request& request) {
  const std::string_view path = split_target(request.header.target).path;
  if (request.header.method != Method::get && request.header.method != Method::head) {
    Response refused = text(405, kPlain, "GET and HEAD only\n");
    refused.header.add("Allow", "GET, HEAD");
    co_return refused;
  }
  if (path == "/health") {
    context.operation = "Health";
    co_return text(200, kPlain, "ok\n");
  }
  if (path == "/ready") {
    context.operation = "Ready";
    const bool ready = is_ready_();
    co_return text(ready ? 200 : 503, kPlain, ready ? "ready\n" : "not ready\n");
  }
  if (path == "/metrics") {
    context.operation = "Metrics";
    co_return text(200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text());
  }
  co_return text(404, kPlain, "/health, /ready, /metrics\n");
}

}  // namespace sluice::http
