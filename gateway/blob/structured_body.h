#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/body.h"
#include "gateway/core/digest.h"

namespace sluice::blob {

/// The one value of x-ms-structured-body that is understood: frames of version 1, each
/// segment and the whole message followed by its CRC64. All numbers are little-endian:
///
///   message: version (1 byte), its own length (8), flags (2: bit 0, CRC64s), segments (2);
///            the segments; CRC64 of all content (8)
///   segment: number, from 1 on (2), length (8); content; its CRC64 (8)
inline constexpr std::string_view kStructuredBody = "XSM/1.0; properties=crc64";

/// Does a header ask for that, however it is spaced?
bool is_structured_body(std::string_view header);

/// The content inside a structured message. Hands out slices of what it reads; a segment's
/// content may be handed out before its CRC64 is read, but a body with a wrong one never
/// ends well. Fails with invalid_chunk, payload_hash_mismatch, incomplete_body.
class StructuredSource : public BodySource {
 public:
  /// `message_size` is the length of all frames, `content_size` of what is in them.
  StructuredSource(BodySource& inner, std::uint64_t message_size, std::uint64_t content_size)
      : inner_(inner), message_size_(message_size), content_left_(content_size) {}

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return content_left_; }

 private:
  enum class State : std::uint8_t { message_header, segment_header, content, segment_end, message_end, done };

  Result<std::optional<Chunk>> step();
  std::size_t frame_size() const;
  Result<> take_frame();
  Result<> begin_message();
  Result<> begin_segment();
  Chunk take_content();

  BodySource& inner_;
  const std::uint64_t message_size_;
  std::uint64_t content_left_;
  State state_ = State::message_header;
  Chunk input_;
  std::size_t input_at_ = 0;
  std::string frame_;  ///< Of the frame at hand, what has come of it.
  std::uint64_t segments_ = 0;
  std::uint64_t segment_ = 0;  ///< The number of the last one begun.
  std::uint64_t segment_left_ = 0;
  std::uint64_t segment_crc64_ = 0;
  std::uint64_t message_crc64_ = 0;
  std::optional<Error> failed_;
};

/// A structured message of a content.
class StructuredMessage : public BodySource {
 public:
  /// The content is `first`, then what `rest` yields (null: nothing), `size` bytes in all.
  StructuredMessage(Chunk first, std::unique_ptr<BodySource> rest, std::uint64_t size)
      : input_(std::move(first)), rest_(std::move(rest)), content_left_(size), left_(size_of(size)), size_(size) {}

  /// The length of the message of a content of `size` bytes.
  static std::uint64_t size_of(std::uint64_t size);

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return left_; }

 private:
  // 4 MiB, or more where there would be more of them than can be counted in 2 bytes.
  static std::uint64_t segment_size_of(std::uint64_t size);
  static std::uint64_t segments_of(std::uint64_t size);

  void begin_segment(std::string& frame);
  Chunk told(Chunk chunk);

  Chunk input_;
  std::unique_ptr<BodySource> rest_;
  std::uint64_t content_left_;
  std::uint64_t left_;
  const std::uint64_t size_;
  bool begun_ = false;
  bool ended_ = false;
  std::uint64_t segment_ = 0;
  std::uint64_t segment_left_ = 0;
  std::uint64_t segment_crc64_ = 0;
  std::uint64_t message_crc64_ = 0;
};

}  // namespace sluice::blob
