#pragma once

#include <optional>

#include "gateway/blob/call.h"
#include "gateway/blob/structured_body.h"
#include "gateway/core/digest.h"

namespace sluice::blob {

/// The body of one write, held to its length, to Content-MD5 and to
/// x-ms-content-crc64, and taken out of the frames of x-ms-structured-body. Lives in the frame
/// that reads it.
class WriteBody {
 public:
  WriteBody(const Call& call, std::uint64_t size_max) : call_(call), size_max_(size_max) {}
  WriteBody(const WriteBody&) = delete;
  WriteBody& operator=(const WriteBody&) = delete;

  /// Reads what the header says of the body, and refuses what cannot be right,
  /// before a byte of it is read. Called once, first.
  Outcome<> prepare();

  DigestSource& source() { return *digests_; }
  std::uint64_t size() const { return size_; }

  /// Did it come in frames?
  bool is_structured() const { return structured_.has_value(); }

  /// Was a CRC64, rather than nothing or an MD5, sent with the body?
  bool has_crc64() const { return has_crc64_; }

 private:
  const Call& call_;
  const std::uint64_t size_max_;
  std::uint64_t size_ = 0;
  Outcome<> take_frames();

  std::optional<StructuredSource> structured_;
  std::optional<DigestSource> digests_;
  bool has_crc64_ = false;
};

/// The whole of a small body, such as a document.
Step<std::string> read_document(const Call& call, std::uint64_t size_max);

}  // namespace sluice::blob
