#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/chunk_signature.h"
#include "gateway/core/body.h"
#include "gateway/core/digest.h"
#include "gateway/s3/error.h"

namespace sluice::s3 {

/// What the header of a request says of its aws-chunked body.
struct ChunkedForm {
  std::uint64_t decoded_length = 0;
  std::vector<std::string> trailers;  ///< Announced by x-amz-trailer, in lower case.
  bool signed_trailer = false;        ///< An x-amz-trailer-signature ends the trailer.
};

/// The bytes inside an aws-chunked body ("Signature Calculations for the
/// Authorization Header: Transferring Payload in Multiple Chunks", Amazon S3 API
/// Reference): lines of `size[;chunk-signature=...]`, each with its bytes, the last
/// of size 0, then the trailer.
///
/// With a chain, each chunk's signature is verified before its last bytes are
/// handed out, so a body with a wrong one never ends well. Hands out slices of
/// what it reads: nothing is copied. Fails with invalid_chunk (see fault()),
/// signature_mismatch, incomplete_body.
class AwsChunkedSource : public BodySource {
 public:
  AwsChunkedSource(BodySource& inner, ChunkedForm form, std::optional<auth::ChunkSignatureChain> chain);

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return form_.decoded_length - handed_out_; }

  /// After the end: the value of that trailer.
  std::optional<std::string_view> trailer(std::string_view name) const;

  /// Which of S3's codes says best what was wrong with the framing.
  std::optional<Code> fault() const { return fault_; }

 private:
  enum class State : std::uint8_t { size_line, bytes, after_bytes, trailer, end };

  Result<std::optional<Chunk>> step();
  Result<> at_end_of_input();
  /// A whole line in line_, or false while it is still incomplete.
  Result<bool> take_line();
  Result<> begin_chunk(std::string_view line);
  Result<std::optional<Chunk>> take_bytes();
  Result<> end_chunk();
  Result<> take_trailer_line(std::string_view line);
  Result<> end_trailer();
  std::unexpected<Error> malformed(Code fault, std::string detail);

  BodySource& inner_;
  ChunkedForm form_;
  std::optional<auth::ChunkSignatureChain> chain_;

  State state_ = State::size_line;
  Chunk input_;  ///< Read, and not looked at from input_at_ on.
  std::size_t input_at_ = 0;
  std::string line_;
  std::size_t trailer_size_ = 0;

  std::uint64_t chunk_size_ = 0;
  std::uint64_t chunk_left_ = 0;
  bool was_small_ = false;  ///< The chunk before was one that only the last may be.
  std::string signature_;
  std::unique_ptr<Hasher> hasher_;

  std::uint64_t handed_out_ = 0;
  std::vector<std::pair<std::string, std::string>> trailer_;
  std::string trailer_signature_;
  bool ended_ = false;
  std::optional<Code> fault_;
};

}  // namespace sluice::s3
