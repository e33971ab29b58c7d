#include "gateway/object/content_fields.h"
#include "gateway/object/record.h"
#include "gateway/object/row_fields.h"

namespace sluice::object {

std::string UploadRecord::encode() const {
  Encoder out(kRowVersion);
  out.bytes(1, bucket_id).bytes(2, owner).bytes(3, encode_headers(headers));
  encode_metadata(out, 4, metadata);
  out.number(5, time_number(begun)).number(6, checksum ? static_cast<unsigned>(*checksum) : 0);
  out.number(7, static_cast<unsigned>(checksum_type)).bytes(8, commit);
  encode_metadata(out, 9, tags);
  out.bytes(10, acl).bytes(11, encode_retention(protection.retention));
  out.number(12, static_cast<unsigned>(protection.legal_hold)).bytes(13, blocks);
  if (encryption) out.bytes(14, encode_encryption(*encryption));
  return out.number(15, block_id_size).bytes(20, initiator).take();
}

Result<UploadRecord> UploadRecord::decode(std::string_view row) {
  UploadRecord record;
  std::uint64_t algorithm = 0;
  std::uint64_t type = 0;
  Decoder in(row, kRowVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        record.bucket_id = in.bytes();
        break;
      case 2:
        record.owner = in.bytes();
        break;
      case 3:
        if (!decode_headers(in.bytes(), record.headers)) in.refuse();
        break;
      case 4:
        if (!decode_metadata(in.bytes(), record.metadata)) in.refuse();
        break;
      case 5:
        record.begun = time_of(in.number());
        break;
      case 6:
        algorithm = in.number();
        break;
      case 7:
        type = in.number();
        break;
      case 8:
        record.commit = in.bytes();
        break;
      case 9:
        if (!decode_metadata(in.bytes(), record.tags)) in.refuse();
        break;
      case 10:
        record.acl = in.bytes();
        break;
      case 11:
        if (!decode_retention(in.bytes(), record.protection.retention)) in.refuse();
        break;
      case 12:
        record.protection.legal_hold = word_of(in, LegalHold::off);
        break;
      case 13:
        record.blocks = in.bytes();
        break;
      case 14:
        if (!decode_encryption(in.bytes(), record.encryption)) in.refuse();
        break;
      case 15:
        record.block_id_size = in.number32();
        break;
      case 20:
        record.initiator = in.bytes();
        break;
      default:
        break;
    }
  }
  const bool known = (algorithm == 0 || is_algorithm(algorithm)) && is_checksum_type(type);
  if (!in.ok() || !known || record.bucket_id.size() != kIdSize) return corrupt_row("an upload row");
  if (algorithm != 0) record.checksum = static_cast<DigestAlgorithm>(algorithm);
  record.checksum_type = static_cast<ChecksumType>(type);
  return record;
}

std::string PartRecord::encode() const {
  Encoder out(kRowVersion);
  out.number(1, info.number).number(2, info.size).bytes(3, info.md5).number(4, time_number(info.modified));
  if (info.checksum) out.bytes(5, encode_digest(*info.checksum));
  if (crc64nvme) out.bytes(6, encode_digest(*crc64nvme));
  out.bytes(7, encode_slices(slices)).bytes(8, info.block_id);
  if (seal) out.bytes(9, encode_seal(*seal));
  return out.take();
}

Result<PartRecord> PartRecord::decode(std::string_view row) {
  PartRecord record;
  auto& info = record.info;
  Decoder in(row, kRowVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        info.number = in.number32();
        break;
      case 2:
        info.size = in.number();
        break;
      case 3:
        info.md5 = in.bytes();
        break;
      case 4:
        info.modified = time_of(in.number());
        break;
      case 5:
        if (!decode_digest(in.bytes(), info.checksum)) in.refuse();
        break;
      case 6:
        if (!decode_digest(in.bytes(), record.crc64nvme)) in.refuse();
        break;
      case 7:
        if (!decode_slices(in.bytes(), record.slices)) in.refuse();
        break;
      case 8:
        info.block_id = in.bytes();
        break;
      case 9:
        if (!decode_seal(in.bytes(), record.seal)) in.refuse();
        break;
      default:
        break;
    }
  }
  // What was appended in many pieces has no digest.
  const bool digested = info.md5.empty() || info.md5.size() == digest_size(DigestAlgorithm::md5);
  const bool sound = info.number != 0 && digested;
  if (!in.ok() || !sound || size_of(record.slices) != info.size) return corrupt_row("a part row");
  return record;
}

std::string ManifestRecord::encode() const {
  Encoder out(kRowVersion);
  for (const auto& part : parts) out.element(1, part.encode());
  for (const auto& extent : sealed) out.element(2, encode_sealed(extent));
  return out.take();
}

Result<ManifestRecord> ManifestRecord::decode(std::string_view row) {
  ManifestRecord record;
  Decoder in(row, kRowVersion);
  while (in.next()) {
    if (in.tag() == 2 && !decode_sealed(in.bytes(), record.sealed.emplace_back())) in.refuse();
    if (in.tag() != 1) continue;
    TRY(auto part, PartRecord::decode(in.bytes()));
    if (!record.parts.empty() && part.info.number <= record.parts.back().info.number) in.refuse();
    record.parts.push_back(std::move(part));
  }
  if (!in.ok() || record.parts.empty()) return corrupt_row("a manifest row");
  return record;
}

}  // namespace sluice::object
