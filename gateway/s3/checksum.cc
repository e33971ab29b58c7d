#include "gateway/s3/checksum.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::s3 {
namespace {

constexpr ChecksumName kNames[] = {
    {DigestAlgorithm::crc32, "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32"},
    {DigestAlgorithm::crc32c, "CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C"},
    {DigestAlgorithm::crc64nvme, "CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"},
    {DigestAlgorithm::sha1, "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1"},
    {DigestAlgorithm::sha256, "SHA256", "x-amz-checksum-sha256", "ChecksumSHA256"},
};

constexpr std::string_view kPrefix = "x-amz-checksum-";

bool is_value_header(std::string_view name) {
  return name.size() > kPrefix.size() && equals_ignoring_case(name.substr(0, kPrefix.size()), kPrefix) &&
         !equals_ignoring_case(name, "x-amz-checksum-algorithm") &&
         !equals_ignoring_case(name, "x-amz-checksum-type") && !equals_ignoring_case(name, "x-amz-checksum-mode");
}

std::unexpected<Failure> unknown_algorithm(std::string_view name) {
  return refuse(Code::not_implemented, "The checksum algorithm of " + std::string(name) + " is not supported.");
}

Outcome<DigestAlgorithm> parse_algorithm(std::string_view token, std::string_view header) {
  for (const ChecksumName& row : kNames) {
    if (equals_ignoring_case(row.token, token)) return row.algorithm;
  }
  for (const std::string_view known : {"SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"}) {
    if (equals_ignoring_case(known, token)) return unknown_algorithm(known);
  }
  return refuse(Code::invalid_request,
                "Checksum algorithm provided is unsupported. Please try again with any of the "
                "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256] in " +
                    std::string(header));
}

Outcome<std::optional<DigestAlgorithm>> algorithm_in(const Fields& fields, std::string_view header) {
  const auto token = fields.find(header);
  if (!token) return std::nullopt;
  TRY(const DigestAlgorithm algorithm, parse_algorithm(*token, header));
  return algorithm;
}

Outcome<std::optional<Digest>> header_digest(const Fields& fields) {
  std::optional<Digest> found;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    if (!is_value_header(name)) continue;
    if (found) {
      return refuse(Code::invalid_request,
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    }
    const ChecksumName* row = checksum_of_header(name);
    if (row == nullptr) return unknown_algorithm(name);
    TRY(found, parse_digest(row->algorithm, value));
  }
  return found;
}

Outcome<std::optional<DigestAlgorithm>> trailer_algorithm(const Fields& fields) {
  const auto value = fields.find("x-amz-trailer");
  if (!value) return std::nullopt;
  const ChecksumName* row = checksum_of_header(trim(*value));
  if (row != nullptr) return row->algorithm;
  if (is_value_header(trim(*value)) && value->find(',') == value->npos) return unknown_algorithm(*value);
  return refuse(Code::invalid_request, "The value specified in the x-amz-trailer header is not supported");
}

}  // namespace

const ChecksumName& checksum_name(DigestAlgorithm algorithm) {
  return *std::ranges::find(kNames, algorithm, &ChecksumName::algorithm);
}

const ChecksumName* checksum_of_header(std::string_view name) {
  for (const ChecksumName& row : kNames) {
    if (equals_ignoring_case(row.header, name)) return &row;
  }
  return nullptr;
}

const ChecksumName* checksum_of_element(std::string_view name) {
  const auto row = std::ranges::find(kNames, name, &ChecksumName::element);
  return row == std::end(kNames) ? nullptr : row;
}

std::string_view to_text(object::ChecksumType type) {
  return type == object::ChecksumType::composite ? "COMPOSITE" : "FULL_OBJECT";
}

std::string checksum_text(const object::Checksum& checksum, std::uint32_t part_count) {
  std::string text = to_base64(checksum.digest.bytes);
  if (checksum.type == object::ChecksumType::composite && part_count != 0) text += "-" + std::to_string(part_count);
  return text;
}

Outcome<Digest> parse_digest(DigestAlgorithm algorithm, std::string_view base64) {
  auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != digest_size(algorithm)) {
    return refuse(Code::bad_digest, "Value for " + std::string(checksum_name(algorithm).header) + " is invalid.");
  }
  return Digest{algorithm, *std::move(bytes)};
}

Outcome<CompleteDigest> parse_complete_digest(DigestAlgorithm algorithm, std::string_view text) {
  CompleteDigest parsed;
  const auto dash = text.find('-');  // No letter of base64.
  if (dash != text.npos) {
    parsed.part_count = parse_decimal(text.substr(dash + 1));
    if (!parsed.part_count) return refuse(Code::bad_digest);
  }
  TRY(parsed.digest, parse_digest(algorithm, text.substr(0, dash)));
  return parsed;
}

Outcome<DeclaredChecksum> declared_checksum(const Fields& fields) {
  DeclaredChecksum declared;
  TRY(declared.digest, header_digest(fields));
  TRY(declared.trailer, trailer_algorithm(fields));
  if (declared.digest && declared.trailer) {
    return refuse(Code::invalid_request, "Expecting a single x-amz-checksum- header");
  }
  TRY(const auto announced, algorithm_in(fields, "x-amz-sdk-checksum-algorithm"));
  if (announced && declared.algorithm() && *announced != *declared.algorithm()) {
    return refuse(Code::invalid_request, "Value for x-amz-sdk-checksum-algorithm header is invalid.");
  }
  return declared;
}

Outcome<std::optional<DigestAlgorithm>> checksum_algorithm(const Fields& fields) {
  return algorithm_in(fields, "x-amz-checksum-algorithm");
}

Outcome<std::optional<object::ChecksumType>> checksum_type(const Fields& fields) {
  const auto text = fields.find("x-amz-checksum-type");
  if (!text) return std::nullopt;
  for (const auto type : {object::ChecksumType::composite, object::ChecksumType::full_object}) {
    if (equals_ignoring_case(*text, to_text(type))) return type;
  }
  return refuse(Code::invalid_request, "Value for x-amz-checksum-type header is invalid.");
}

Outcome<object::ChecksumType> upload_checksum_type(DigestAlgorithm algorithm,
                                                   std::optional<object::ChecksumType> asked) {
  const bool may_compose = algorithm != DigestAlgorithm::crc64nvme;
  const auto type = asked.value_or(may_compose ? object::ChecksumType::composite : object::ChecksumType::full_object);
  const bool possible = type == object::ChecksumType::composite ? may_compose : is_crc(algorithm);
  if (!possible) {
    return refuse(Code::invalid_request, "The " + std::string(to_text(type)) +
                                             " checksum type cannot be used with the " +
                                             std::string(checksum_name(algorithm).token) + " checksum algorithm.");
  }
  return type;
}

void add_checksum(http::ResponseHeader& header, const object::Checksum& checksum, std::uint32_t part_count) {
  header.add(checksum_name(checksum.digest.algorithm).header, checksum_text(checksum, part_count));
  header.add("x-amz-checksum-type", to_text(checksum.type));
}

void add_checksum(XmlWriter& xml, const object::Checksum& checksum, std::uint32_t part_count) {
  xml.element(checksum_name(checksum.digest.algorithm).element, checksum_text(checksum, part_count));
  xml.element("ChecksumType", to_text(checksum.type));
}

}  // namespace sluice::s3
