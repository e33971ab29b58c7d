#pragma once

#include "gateway/http/message.h"

namespace sluice::blob {

/// The Azure Blob listener while the protocol is not served: every request is
/// answered 501 NotImplemented, as a Blob error ("Common REST API error codes",
/// Azure Storage), so that clients stop at once and say why.
class Handler : public http::Handler {
 public:
  Awaitable<http::Response> handle(RequestContext& context, const http::Request& request) override;
};

}  // namespace sluice::blob
