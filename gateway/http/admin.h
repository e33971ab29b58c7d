#pragma once

#include <functional>

#include "gateway/http/message.h"
#include "gateway/http/metrics.h"

namespace sluice::http {

/// What operators and their machines ask, on a listener of its own:
///   /health   200 while the process lives
///   /ready    200 while it should be given requests, else 503
///   /metrics  every count, as Prometheus reads it
class AdminHandler : public Handler {
 public:
  /// `is_ready` is called from any thread, at any time.
  AdminHandler(const Metrics& metrics, std::function<bool()> is_ready)
      : metrics_(metrics), is_ready_(std::move(is_ready)) {}

  Awaitable<Response> handle(RequestContext& context, const Request& request) override;

 private:
  const Metrics& metrics_;
  const std::function<bool()> is_ready_;
};

}  // namespace sluice::http
