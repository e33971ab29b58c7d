#include "gateway/http/exact_source.h"

namespace sluice::http {

ExactSource::ExactSource(Response& response)
    : content_(std::exchange(response.content, Chunk{})),
      body_(std::move(response.body)),
      length_(response.content_length) {}

Task<Chunk> ExactSource::next() {
  if (finished_) co_return Chunk{};
  Chunk piece = std::exchange(content_, Chunk{});
  if (piece.empty() && body_) {
    CO_TRY(piece, co_await body_->read());
  }
  CO_TRY(piece, account(std::move(piece)));
  if (!length_ || given_ != *length_ || !body_) co_return piece;

  if (!piece.empty()) {
    CO_TRY(const Chunk more, co_await body_->read());
    if (!more.empty()) co_return fail(ErrorCode::internal, "the body is longer than declared");
  }
  finished_ = true;
  co_return piece;
}

Result<Chunk> ExactSource::account(Chunk piece) {
  given_ += piece.size();
  if (length_ && given_ > *length_) return fail(ErrorCode::internal, "the body is longer than declared");
  if (length_ && piece.empty() && given_ != *length_) {
    return fail(ErrorCode::internal, "the body is shorter than declared");
  }
  finished_ = piece.empty() || (length_ && given_ == *length_ && !body_);
  return piece;
}

}  // namespace sluice::http
