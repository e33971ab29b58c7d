#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/blob/error.h"
#include "gateway/http/message.h"

namespace sluice::blob {

/// One request in a batch. It has no body.
struct Subrequest {
  std::string content_id;
  http::RequestHeader header;
};

/// Bounds of a batch ("Blob Batch", Azure Storage REST API).
inline constexpr std::size_t kBatchCountMax = 256;
inline constexpr std::uint64_t kBatchSizeMax = 4 << 20;

/// The requests in a body of multipart/mixed (RFC 2046 5.1.1), whose parts are of
/// application/http (RFC 9112 10.2). Every one gets `host` as its Host; one of its own must be
/// the same. Strict: fails with InvalidHeaderValue for another `content_type`, with
/// ExceedsMaxBatchRequestCount, and with InvalidInput for anything that is not as it should be.
Outcome<std::vector<Subrequest>> parse_batch(std::string_view content_type, std::string_view body,
                                             std::string_view host);

/// The answers to a batch, put together.
class BatchAnswers {
 public:
  /// `id` is a GUID.
  explicit BatchAnswers(std::string_view id) : boundary_(std::string("batchresponse_").append(id)) {}

  /// The answer to the request `content_id`; its content must be in memory. `error_code` stands
  /// for a reason; empty: it is well.
  void add(std::string_view content_id, const http::Response& response, std::string_view error_code);

  std::string content_type() const { return "multipart/mixed; boundary=" + boundary_; }
  std::string take();

 private:
  const std::string boundary_;
  std::string text_;
};

}  // namespace sluice::blob
