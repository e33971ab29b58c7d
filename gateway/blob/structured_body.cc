#include "gateway/blob/structured_body.h"

#include <algorithm>

namespace sluice::blob {
namespace {

constexpr std::size_t kMessageHeader = 13;
constexpr std::size_t kSegmentHeader = 10;
constexpr std::size_t kCrc64 = 8;
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kHasCrc64 = 1;

std::uint64_t number_at(std::string_view frame, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = size; i > 0; --i) number = number << 8 | static_cast<unsigned char>(frame[at + i - 1]);
  return number;
}

void append(std::string& frame, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) frame.push_back(static_cast<char>(number >> (8 * i) & 0xFF));
}

std::unexpected<Error> malformed(std::string reason) {
  return fail(ErrorCode::invalid_chunk, "The structured body is malformed: " + std::move(reason) + ".");
}

Result<> check_crc64(std::string_view frame, std::uint64_t crc64) {
  if (number_at(frame, 0, kCrc64) != crc64) return fail(ErrorCode::payload_hash_mismatch, "of a structured body");
  return done;
}

}  // namespace

bool is_structured_body(std::string_view header) {
  const auto same = [](std::string_view text) {
    std::string compact;
    std::ranges::copy_if(text, std::back_inserter(compact), [](char c) { return c != ' '; });
    return compact;
  };
  return same(header) == same(kStructuredBody);
}

Task<Chunk> StructuredSource::read() {
  for (;;) {
    if (failed_) co_return std::unexpected(*failed_);
    if (input_at_ == input_.size()) {
      CO_TRY(Chunk next, co_await inner_.read());
      if (next.empty() && state_ == State::done) co_return Chunk{};
      if (next.empty()) failed_ = Error{ErrorCode::incomplete_body, "a structured body"};
      input_ = std::move(next);
      input_at_ = 0;
      if (failed_) continue;
    }
    auto stepped = step();
    if (!stepped) {
      failed_ = stepped.error();
      continue;
    }
    if (*stepped) co_return **std::move(stepped);
  }
}

// Uses up some of the input. Content, where that was it.
Result<std::optional<Chunk>> StructuredSource::step() {
  if (state_ == State::done) return malformed("something follows its end");
  if (state_ == State::content) return take_content();
  const auto wanted = std::min(frame_size() - frame_.size(), input_.size() - input_at_);
  frame_ += input_.text().substr(input_at_, wanted);
  input_at_ += wanted;
  if (frame_.size() == frame_size()) {
    TRY(take_frame());
    frame_.clear();
  }
  return std::nullopt;
}

std::size_t StructuredSource::frame_size() const {
  if (state_ == State::message_header) return kMessageHeader;
  return state_ == State::segment_header ? kSegmentHeader : kCrc64;
}

Result<> StructuredSource::take_frame() {
  switch (state_) {
    case State::message_header:
      return begin_message();
    case State::segment_header:
      return begin_segment();
    case State::segment_end:
      state_ = segment_ == segments_ ? State::message_end : State::segment_header;
      return check_crc64(frame_, segment_crc64_);
    case State::message_end:
      if (content_left_ != 0) return malformed("it holds less than it should");
      state_ = State::done;
      return check_crc64(frame_, message_crc64_);
    case State::content:
    case State::done:
      break;
  }
  return done;
}

Result<> StructuredSource::begin_message() {
  if (number_at(frame_, 0, 1) != kVersion) return malformed("its version is not known");
  if (number_at(frame_, 1, 8) != message_size_) return malformed("its length is another one");
  if (number_at(frame_, 9, 2) != kHasCrc64) return malformed("its flags are not those of its properties");
  segments_ = number_at(frame_, 11, 2);
  state_ = segments_ == 0 ? State::message_end : State::segment_header;
  return done;
}

Result<> StructuredSource::begin_segment() {
  if (number_at(frame_, 0, 2) != ++segment_) return malformed("a segment is out of order");
  segment_left_ = number_at(frame_, 2, 8);
  if (segment_left_ > content_left_) return malformed("it holds more than it should");
  segment_crc64_ = 0;
  state_ = segment_left_ == 0 ? State::segment_end : State::content;
  return done;
}

Chunk StructuredSource::take_content() {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(segment_left_, input_.size() - input_at_));
  Chunk content = input_.slice(input_at_, size);
  input_at_ += size;
  segment_left_ -= size;
  content_left_ -= size;
  segment_crc64_ = crc64nvme(content.text(), segment_crc64_);
  message_crc64_ = crc64nvme(content.text(), message_crc64_);
  if (segment_left_ == 0) state_ = State::segment_end;
  return content;
}

std::uint64_t StructuredMessage::segment_size_of(std::uint64_t size) {
  constexpr std::uint64_t kUnit = 4 << 20;
  constexpr std::uint64_t kSegmentsMax = 65535;
  const auto least = (size + kSegmentsMax - 1) / kSegmentsMax;
  return std::max<std::uint64_t>(1, (least + kUnit - 1) / kUnit) * kUnit;
}

std::uint64_t StructuredMessage::segments_of(std::uint64_t size) {
  const auto segment_size = segment_size_of(size);
  return (size + segment_size - 1) / segment_size;
}

std::uint64_t StructuredMessage::size_of(std::uint64_t size) {
  return kMessageHeader + size + segments_of(size) * (kSegmentHeader + kCrc64) + kCrc64;
}

void StructuredMessage::begin_segment(std::string& frame) {
  segment_left_ = std::min(segment_size_of(size_), content_left_);
  segment_crc64_ = 0;
  append(frame, ++segment_, 2);
  append(frame, segment_left_, 8);
}

Chunk StructuredMessage::told(Chunk chunk) {
  left_ -= chunk.size();
  return chunk;
}

Task<Chunk> StructuredMessage::read() {
  if (ended_) co_return Chunk{};
  std::string frame;
  if (!begun_) {
    begun_ = true;
    append(frame, kVersion, 1);
    append(frame, left_, 8);
    append(frame, kHasCrc64, 2);
    append(frame, segments_of(size_), 2);
    if (content_left_ != 0) begin_segment(frame);
  } else if (segment_left_ == 0 && segment_ != 0) {
    append(frame, segment_crc64_, kCrc64);
    if (content_left_ != 0) begin_segment(frame);
  }
  if (content_left_ == 0) {
    // With the last segment's CRC64, or, of an empty content, the header.
    if (segment_left_ == 0) {
      append(frame, message_crc64_, kCrc64);
      ended_ = true;
    }
  }
  if (!frame.empty()) co_return told(Chunk::of(std::move(frame)));
  if (input_.empty() && rest_) {
    CO_TRY(input_, co_await rest_->read());
  }
  if (input_.empty()) co_return fail(ErrorCode::corrupt, "a content is shorter than it was");
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(segment_left_, input_.size()));
  Chunk content = input_.slice(0, size);
  input_ = input_.slice(size, input_.size() - size);
  segment_left_ -= size;
  content_left_ -= size;
  segment_crc64_ = crc64nvme(content.text(), segment_crc64_);
  message_crc64_ = crc64nvme(content.text(), message_crc64_);
  co_return told(std::move(content));
}

}  // namespace sluice::blob
