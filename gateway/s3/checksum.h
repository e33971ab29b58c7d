#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/digest.h"
#include "gateway/core/fields.h"
#include "gateway/object/info.h"
#include "gateway/s3/error.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {

/// How one checksum algorithm is spelt.
struct ChecksumName {
  DigestAlgorithm algorithm;
  std::string_view token;    ///< In x-amz-checksum-algorithm: CRC32C.
  std::string_view header;   ///< x-amz-checksum-crc32c
  std::string_view element;  ///< ChecksumCRC32C
};
/// The row of an algorithm that S3 knows as a checksum; never asked of md5.
const ChecksumName& checksum_name(DigestAlgorithm algorithm);
/// The row whose header is `name`, ignoring case, or null.
const ChecksumName* checksum_of_header(std::string_view name);
/// The row whose XML element is `name`, or null.
const ChecksumName* checksum_of_element(std::string_view name);

std::string_view to_text(object::ChecksumType type);

/// base64, and `-N` behind a composite one of N parts.
std::string checksum_text(const object::Checksum& checksum, std::uint32_t part_count);

/// The raw digest of a header or element value. Fails with BadDigest if it is not one.
Outcome<Digest> parse_digest(DigestAlgorithm algorithm, std::string_view base64);

/// A digest as Complete has it: with `-N` it is composite. Fails with BadDigest.
struct CompleteDigest {
  Digest digest;
  std::optional<std::uint64_t> part_count;
};
Outcome<CompleteDigest> parse_complete_digest(DigestAlgorithm algorithm, std::string_view text);

/// What a write says of its body's checksum.
struct DeclaredChecksum {
  std::optional<Digest> digest;            ///< By header.
  std::optional<DigestAlgorithm> trailer;  ///< Comes behind the body.
  std::optional<DigestAlgorithm> algorithm() const { return digest ? std::optional(digest->algorithm) : trailer; }
};

/// Reads x-amz-checksum-*, x-amz-trailer and x-amz-sdk-checksum-algorithm. Fails
/// with InvalidRequest for several of them or for ones that contradict each other,
/// with NotImplemented for an algorithm that is not known here.
Outcome<DeclaredChecksum> declared_checksum(const Fields& fields);

/// x-amz-checksum-algorithm, where present.
Outcome<std::optional<DigestAlgorithm>> checksum_algorithm(const Fields& fields);

/// x-amz-checksum-type, where present.
Outcome<std::optional<object::ChecksumType>> checksum_type(const Fields& fields);

/// The type of an upload of that algorithm: `asked`, or what the algorithm means
/// by default. Fails with InvalidRequest for a pair that cannot be.
Outcome<object::ChecksumType> upload_checksum_type(DigestAlgorithm algorithm,
                                                   std::optional<object::ChecksumType> asked);

/// Adds x-amz-checksum-<algorithm> and x-amz-checksum-type.
void add_checksum(http::ResponseHeader& header, const object::Checksum& checksum, std::uint32_t part_count);
/// Adds <ChecksumX> and <ChecksumType>.
void add_checksum(XmlWriter& xml, const object::Checksum& checksum, std::uint32_t part_count);

}  // namespace sluice::s3
