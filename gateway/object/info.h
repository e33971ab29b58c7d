#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/core/clock.h"
#include "gateway/core/digest.h"

namespace sluice::object {

/// How the content presents itself, as its writer said. Empty is unsaid.
struct ContentHeaders {
  std::string type;
  std::string cache_control;
  std::string disposition;
  std::string encoding;
  std::string language;
  std::string expires;  ///< The literal text.
  std::string redirect_location;
  friend bool operator==(const ContentHeaders&, const ContentHeaders&) = default;
};

/// User metadata in the order given; the case of names is kept.
using Metadata = std::vector<std::pair<std::string, std::string>>;

enum class ChecksumType : std::uint8_t {
  full_object = 1,  ///< Of all bytes.
  composite = 2,    ///< Of the concatenated raw checksums of the parts.
};

/// A checksum that is stored with an object or part and given back.
struct Checksum {
  Digest digest;
  ChecksumType type = ChecksumType::full_object;
  friend bool operator==(const Checksum&, const Checksum&) = default;
};

struct ObjectInfo {
  std::uint64_t size = 0;
  std::string md5;               ///< Raw 16 bytes: of the content, or of its parts' digests.
  std::uint32_t part_count = 0;  ///< 0 for an object put whole.
  std::uint64_t revision = 0;    ///< Differs after every change, metadata included.
  UtcTime modified;
  std::string owner;  ///< An account.
  ContentHeaders headers;
  Metadata metadata;
  std::optional<Checksum> checksum;

  /// Names the content: hex md5, and `-N` for N parts. The S3 face; unquoted.
  std::string content_tag() const;
  /// Names the revision: `0x` and 16 hex digits. The Blob face; unquoted.
  std::string revision_tag() const;
};

/// One part of an upload, or of an object made from one.
struct PartInfo {
  std::uint32_t number = 0;
  std::uint64_t size = 0;
  std::string md5;  ///< Raw 16 bytes.
  UtcTime modified;
  std::optional<Digest> checksum;

  std::string content_tag() const;  ///< Hex md5, unquoted.
};

}  // namespace sluice::object
