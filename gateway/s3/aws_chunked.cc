#include "gateway/s3/aws_chunked.h"

#include <algorithm>
#include <charconv>

#include "gateway/core/encoding.h"

namespace sluice::s3 {
namespace {

constexpr std::size_t kLineMax = 4096;
constexpr std::size_t kTrailerMax = 16 * 1024;
constexpr std::uint64_t kSignedChunkSizeMin = 8 * 1024;
constexpr std::string_view kSignature = "chunk-signature=";
constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return size;
}

}  // namespace

AwsChunkedSource::AwsChunkedSource(BodySource& inner, ChunkedForm form, std::optional<auth::ChunkSignatureChain> chain)
    : inner_(inner), form_(std::move(form)), chain_(std::move(chain)) {}

std::optional<std::string_view> AwsChunkedSource::trailer(std::string_view name) const {
  for (const auto& [field, value] : trailer_) {
    if (field == name) return value;
  }
  return std::nullopt;
}

std::unexpected<Error> AwsChunkedSource::malformed(Code fault, std::string detail) {
  fault_ = fault;
  return fail(ErrorCode::invalid_chunk, std::move(detail));
}

Task<Chunk> AwsChunkedSource::read() {
  while (!ended_) {
    if (input_at_ == input_.size()) {
      CO_TRY(input_, co_await inner_.read());
      input_at_ = 0;
      if (input_.empty()) {
        CO_TRY(at_end_of_input());
        ended_ = true;
        break;
      }
    }
    CO_TRY(auto chunk, step());
    if (chunk) co_return *std::move(chunk);
  }
  co_return Chunk{};
}

Result<> AwsChunkedSource::at_end_of_input() {
  // Without a trailer to come, some clients leave out the empty line that ends it.
  if (state_ == State::trailer && line_.empty() && trailer_.empty()) {
    TRY(end_trailer());
  }
  if (state_ != State::end) return fail(ErrorCode::incomplete_body, "the aws-chunked body ends early");
  return done;
}

Result<std::optional<Chunk>> AwsChunkedSource::step() {
  if (state_ == State::bytes) return take_bytes();
  if (state_ == State::end) return malformed(Code::invalid_request, "bytes after the end of the aws-chunked body");
  TRY(const bool whole, take_line());
  if (!whole) return std::nullopt;
  const std::string line = std::exchange(line_, {});
  if (state_ == State::size_line) {
    TRY(begin_chunk(line));
  } else if (state_ == State::after_bytes) {
    if (!line.empty()) return malformed(Code::invalid_request, "a chunk is longer than it says");
    state_ = State::size_line;
  } else {
    TRY(take_trailer_line(line));
  }
  return std::nullopt;
}

Result<bool> AwsChunkedSource::take_line() {
  const std::string_view rest = input_.text().substr(input_at_);
  const auto newline = rest.find('\n');
  const auto taken = newline == rest.npos ? rest.size() : newline + 1;
  // A carriage return of the line may have come with the input before.
  if (line_.size() + taken > kLineMax)
    return malformed(Code::invalid_request, "a line of the aws-chunked body is too long");
  line_.append(rest.substr(0, taken));
  input_at_ += taken;
  if (newline == rest.npos) return false;
  line_.pop_back();
  if (line_.ends_with('\r')) line_.pop_back();
  return true;
}

Result<> AwsChunkedSource::begin_chunk(std::string_view line) {
  const auto semicolon = line.find(';');
  const auto size = parse_size(line.substr(0, semicolon));
  if (!size) return malformed(Code::invalid_request, "a chunk's size is not a number");
  if (*size > form_.decoded_length - handed_out_) {
    return fail(ErrorCode::incomplete_body, "the chunks are longer than x-amz-decoded-content-length");
  }
  if (chain_) {
    const std::string_view extension = semicolon == line.npos ? std::string_view{} : line.substr(semicolon + 1);
    if (!extension.starts_with(kSignature)) return malformed(Code::invalid_request, "a chunk has no signature");
    signature_ = trim(extension.substr(kSignature.size()));
    if (was_small_ && *size != 0) return malformed(Code::invalid_chunk_size, {});
    was_small_ = *size < kSignedChunkSizeMin;
    hasher_ = Hasher::create(DigestAlgorithm::sha256);
  }
  chunk_size_ = chunk_left_ = *size;
  state_ = State::bytes;
  if (*size == 0) return end_chunk();
  return done;
}

Result<std::optional<Chunk>> AwsChunkedSource::take_bytes() {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, input_.size() - input_at_));
  Chunk piece = input_.slice(input_at_, count);
  input_at_ += count;
  chunk_left_ -= count;
  handed_out_ += count;
  if (hasher_) hasher_->update(piece.text());
  if (chunk_left_ == 0) {
    TRY(end_chunk());
  }
  return piece;
}

Result<> AwsChunkedSource::end_chunk() {
  if (chain_) {
    TRY(chain_->check_chunk(hasher_->finish().bytes, signature_));
  }
  if (chunk_size_ != 0) {
    state_ = State::after_bytes;
    return done;
  }
  if (handed_out_ != form_.decoded_length) {
    return fail(ErrorCode::incomplete_body, "the chunks are shorter than x-amz-decoded-content-length");
  }
  state_ = State::trailer;
  return done;
}

Result<> AwsChunkedSource::take_trailer_line(std::string_view line) {
  if (line.empty()) return end_trailer();
  const auto colon = line.find(':');
  trailer_size_ += line.size();
  if (colon == line.npos || trailer_size_ > kTrailerMax) return malformed(Code::malformed_trailer, {});
  std::string name = to_lower(trim(line.substr(0, colon)));
  const std::string_view value = trim(line.substr(colon + 1));
  if (form_.signed_trailer && name == kTrailerSignature) {
    trailer_signature_ = value;
    return done;
  }
  const bool announced = std::ranges::find(form_.trailers, name) != form_.trailers.end();
  if (!announced || trailer(name)) return malformed(Code::malformed_trailer, "trailer " + name);
  trailer_.emplace_back(std::move(name), value);
  return done;
}

Result<> AwsChunkedSource::end_trailer() {
  for (const std::string& name : form_.trailers) {
    if (!trailer(name)) return malformed(Code::malformed_trailer, "no trailer " + name);
  }
  if (form_.signed_trailer && chain_) {
    std::string canonical;
    for (const auto& [name, value] : trailer_) canonical.append(name).append(":").append(value).append("\n");
    TRY(chain_->check_trailer(canonical, trailer_signature_));
  }
  state_ = State::end;
  return done;
}

}  // namespace sluice::s3
