#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/core/body.h"
#include "gateway/http/message.h"

namespace sluice::http {

/// The bytes of a response, held to the length that was declared for them: fails
/// with internal when there are more or fewer. The piece that completes the length
/// is given out only after the body has said that it ended well, so an error found
/// at the very end, such as a wrong checksum, still keeps the client from taking
/// the response for whole. One caller at a time.
class ExactSource {
 public:
  /// Takes content and body out of `response`.
  explicit ExactSource(Response& response);

  /// The next piece; empty at the end.
  Task<Chunk> next();

  /// Without a body to read from, next() has nothing to wait for, and this is it.
  bool reads() const { return body_ != nullptr; }
  Result<Chunk> next_at_once() { return account(std::exchange(content_, Chunk{})); }

  /// Has everything been given out?
  bool finished() const { return finished_; }

 private:
  Result<Chunk> account(Chunk piece);

  Chunk content_;
  std::unique_ptr<BodySource> body_;
  std::optional<std::uint64_t> length_;
  std::uint64_t given_ = 0;
  bool finished_ = false;
};

}  // namespace sluice::http
