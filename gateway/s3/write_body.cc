#include "gateway/s3/write_body.h"

#include "gateway/core/encoding.h"
#include "gateway/s3/headers.h"

namespace sluice::s3 {
namespace {

Failure too_large(std::uint64_t proposed, std::uint64_t size_max) {
  return Failure(Code::entity_too_large)
      .with("ProposedSize", std::to_string(proposed))
      .with("MaxSizeAllowed", std::to_string(size_max));
}

}  // namespace

Task<Chunk> LimitedSource::read() {
  CO_TRY(Chunk chunk, co_await inner_.read());
  if (chunk.size() > left_) co_return fail(ErrorCode::entity_too_large, "body");
  left_ -= chunk.size();
  co_return chunk;
}

bool WriteBody::is_signed_in_chunks() const {
  const auth::Payload payload = call_.signature.payload;
  return payload == auth::Payload::streaming_signed || payload == auth::Payload::streaming_signed_trailer;
}

BodySource& WriteBody::origin() const {
  return call_.offered ? static_cast<BodySource&>(*call_.offered) : call_.request.body;
}

bool WriteBody::is_chunked() const {
  if (is_signed_in_chunks() || call_.signature.payload == auth::Payload::streaming_unsigned_trailer) return true;
  // Named as a coding alone it is a word that clients add; the decoded length is what tells.
  return call_.signature.payload == auth::Payload::unsigned_payload &&
         call_.fields->has("x-amz-decoded-content-length") &&
         without_aws_chunked(call_.fields->get("content-encoding")) != call_.fields->get("content-encoding");
}

Outcome<std::optional<std::uint64_t>> WriteBody::declared_length() const {
  if (call_.offered) return call_.offered->size();
  if (!is_chunked()) return call_.request.header.content_length;
  const auto text = call_.fields->find("x-amz-decoded-content-length");
  if (!text) return refuse(Code::missing_content_length, "You must provide the x-amz-decoded-content-length header.");
  const auto length = parse_decimal(*text);
  if (!length) return refuse(Code::invalid_argument, "The x-amz-decoded-content-length header is not a number.");
  return length;
}

Outcome<> WriteBody::prepare() {
  TRY(const auto length, declared_length());
  const bool unbounded = !length && call_.request.header.chunked;
  if (!length && !unbounded && rules_.needs_length) return refuse(Code::missing_content_length);
  if (length > rules_.size_max) return std::unexpected(too_large(*length, rules_.size_max));
  length_ = length.value_or(0);
  if (rules_.has_checksum) {
    TRY(checksum_, declared_checksum(*call_.fields));
  }
  if (checksum_.trailer && !is_chunked()) {
    return refuse(Code::invalid_request, "x-amz-trailer needs a body in aws-chunked framing.");
  }
  if (rules_.needs_checksum && !checksum_.algorithm() && !call_.fields->has("content-md5")) {
    return refuse(Code::invalid_request, "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  }

  bytes_ = &origin();
  if (is_chunked()) {
    TRY(unframe());
  } else if (unbounded) {
    bytes_ = &limited_.emplace(*bytes_, rules_.size_max);
  }
  digests_.emplace(*bytes_);
  if (call_.signature.payload == auth::Payload::sha256) {
    digests_->expect({DigestAlgorithm::sha256, call_.signature.payload_sha256}, ErrorCode::payload_hash_mismatch);
  }
  TRY(expect_md5());
  return expect_checksum();
}

Outcome<> WriteBody::unframe() {
  ChunkedForm form{.decoded_length = length_, .trailers = {}, .signed_trailer = false};
  form.signed_trailer = call_.signature.payload == auth::Payload::streaming_signed_trailer;
  if (checksum_.trailer) form.trailers.emplace_back(checksum_name(*checksum_.trailer).header);
  std::optional<auth::ChunkSignatureChain> chain;
  if (is_signed_in_chunks()) chain.emplace(call_.signature);
  bytes_ = &chunked_.emplace(*bytes_, std::move(form), std::move(chain));
  return {};
}

Outcome<> WriteBody::expect_md5() {
  const auto text = call_.fields->find("content-md5");
  if (!text) return {};
  auto bytes = from_base64(*text);
  if (!bytes || bytes->size() != digest_size(DigestAlgorithm::md5)) return refuse(Code::invalid_digest);
  digests_->expect({DigestAlgorithm::md5, *std::move(bytes)});
  return {};
}

Outcome<> WriteBody::expect_checksum() {
  if (checksum_.digest) digests_->expect(*checksum_.digest);
  if (!checksum_.trailer) return {};
  digests_->take(*checksum_.trailer);
  digests_->expect_at_end([this]() -> Result<std::optional<Digest>> {
    const auto text = chunked_->trailer(checksum_name(*checksum_.trailer).header);
    auto digest = parse_digest(*checksum_.trailer, text.value_or(std::string_view{}));
    if (!digest) return fail(ErrorCode::digest_mismatch, "the trailing checksum is not one");
    return *std::move(digest);
  });
  return {};
}

Failure WriteBody::explain(const Error& error) const {
  if (error.code == ErrorCode::invalid_chunk && chunked_ && chunked_->fault()) {
    return Failure(*chunked_->fault(), error.detail);
  }
  if (call_.offered && call_.offered->failed()) return not_moved(error);
  return error;
}

Failure not_moved(const Error& error) {
  Failure failure(Code::service_unavailable,
                  "The object's bytes could not be moved from or to the memory that x-amz-rdma-token offers.");
  failure.detail = error.detail;
  return failure;
}

Outcome<> check_plain_write(const Call& call) {
  for (const std::string_view name : {"partNumber", "versionId"}) {
    if (!call.target.query.has(name)) continue;
    return refuse(Code::invalid_argument,
                  "This operation does not accept a query-string parameter " + std::string(name) + ".");
  }
  return {};
}

Failure explain_write(Failure failure, const Error& error, const object::Conditions& conditions) {
  const bool lost_race = error.code == ErrorCode::conflict && !conditions.empty();
  return lost_race ? Failure(Code::conditional_request_conflict) : std::move(failure);
}

Step<std::string> read_document(const Call& call, const WriteBody::Rules& rules) {
  WriteBody body(call, rules);
  CO_TRY(body.prepare());
  auto text = co_await read_all(body.source(), rules.size_max);
  if (!text) co_return std::unexpected(body.explain(text.error()));
  co_return *std::move(text);
}

}  // namespace sluice::s3
