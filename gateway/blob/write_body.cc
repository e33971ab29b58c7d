#include "gateway/blob/write_body.h"

#include "gateway/blob/headers.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {

Outcome<> WriteBody::prepare() {
  const auto& length = call_.request.header.content_length;
  // Every version of the service wants the length before the body.
  if (!length) return refuse(Code::missing_content_length);
  size_ = *length;
  if (call_.fields().has("x-ms-structured-body")) {
    TRY(take_frames());
  }
  if (size_ > size_max_) {
    return std::unexpected(Failure(Code::request_body_too_large).with("MaxLimit", std::to_string(size_max_)));
  }
  digests_.emplace(structured_ ? static_cast<BodySource&>(*structured_) : call_.request.body);
  TRY(auto md5, read_digest(call_.fields(), "content-md5", digest_size(DigestAlgorithm::md5), Code::invalid_md5));
  TRY(auto crc64, read_digest(call_.fields(), "x-ms-content-crc64", digest_size(DigestAlgorithm::crc64nvme),
                              Code::invalid_header_value));
  if (md5 && crc64) {
    return refuse(Code::invalid_input, "Content-MD5 and x-ms-content-crc64 may not both be given.");
  }
  if (structured_ && (md5 || crc64)) {
    return refuse(Code::invalid_input, "A structured body has its own CRC64s: no digest may be given beside them.");
  }
  if (md5) digests_->expect({DigestAlgorithm::md5, *std::move(md5)});
  has_crc64_ = crc64.has_value();
  if (crc64) digests_->expect(crc64_of_text(*crc64), ErrorCode::payload_hash_mismatch);
  return {};
}

Outcome<> WriteBody::take_frames() {
  constexpr std::string_view kLength = "x-ms-structured-content-length";
  const std::string_view form = call_.fields().get("x-ms-structured-body");
  if (!is_structured_body(form)) return invalid_header("x-ms-structured-body", form);
  const auto text = call_.fields().find(kLength);
  if (!text) return missing_header(kLength);
  const auto content_size = parse_decimal(*text);
  if (!content_size) return invalid_header(kLength, *text);
  structured_.emplace(call_.request.body, size_, *content_size);
  size_ = *content_size;
  return {};
}

Step<std::string> read_document(const Call& call, std::uint64_t size_max) {
  WriteBody body(call, size_max);
  CO_TRY(body.prepare());
  CO_TRY(auto text, co_await read_all(body.source(), size_max));
  co_return text;
}

}  // namespace sluice::blob
