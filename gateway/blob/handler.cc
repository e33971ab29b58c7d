#include "gateway/blob/handler.h"

namespace sluice::blob {

Awaitable<http::Response> Handler::handle(RequestContext& context, const http::Request& request) {
  context.operation = "Unsupported";
  context.error_code = "NotImplemented";

  http::Response response;
  response.header.set_status(501);
  response.header.add("x-ms-error-code", "NotImplemented");
  response.header.add("x-ms-request-id", context.request_id);
  response.header.add("x-ms-version", request.header.fields.get("x-ms-version"));
  response.header.add("Content-Type", "application/xml");
  response.content = Chunk::of(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>NotImplemented</Code><Message>This server does not serve "
      "the Azure Blob protocol.\nRequestId:" +
      context.request_id + "</Message></Error>");
  response.content_length = response.content.size();
  co_return response;
}

}  // namespace sluice::blob
