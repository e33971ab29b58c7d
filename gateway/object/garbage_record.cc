#include "gateway/object/record.h"
#include "gateway/object/row_fields.h"

namespace sluice::object {

std::string ExtentRecord::encode() const {
  return Encoder(kRowVersion).number(1, length).number(2, crc32c).number(3, references).take();
}

Result<ExtentRecord> ExtentRecord::decode(std::string_view row) {
  ExtentRecord record;
  Decoder in(row, kRowVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        record.length = in.number();
        break;
      case 2:
        record.crc32c = in.number32();
        break;
      case 3:
        record.references = in.number();
        break;
      default:
        break;
    }
  }
  if (!in.ok()) return corrupt_row("an extent row");
  return record;
}

std::string ManifestGarbage::encode() const {
  return Encoder(kRowVersion).number(1, owned ? 1 : 0).bytes(2, builder).number(3, time_number(due)).take();
}

Result<ManifestGarbage> ManifestGarbage::decode(std::string_view row) {
  ManifestGarbage record{.owned = false, .builder = {}, .due = {}};
  Decoder in(row, kRowVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        record.owned = in.number() != 0;
        break;
      case 2:
        record.builder = in.bytes();
        break;
      case 3:
        record.due = time_of(in.number());
        break;
      default:
        break;
    }
  }
  if (!in.ok()) return corrupt_row("a garbage row of a manifest");
  return record;
}

std::string UploadGarbage::encode() const { return Encoder(kRowVersion).bytes(1, claimed).take(); }

Result<UploadGarbage> UploadGarbage::decode(std::string_view row) {
  UploadGarbage record;
  Decoder in(row, kRowVersion);
  while (in.next()) {
    if (in.tag() == 1) record.claimed = in.bytes();
  }
  if (!in.ok()) return corrupt_row("a garbage row of an upload");
  return record;
}

std::string BucketGarbage::encode() const { return Encoder(kRowVersion).bytes(1, name).take(); }

Result<BucketGarbage> BucketGarbage::decode(std::string_view row) {
  BucketGarbage record;
  Decoder in(row, kRowVersion);
  while (in.next()) {
    if (in.tag() == 1) record.name = in.bytes();
  }
  if (!in.ok() || record.name.empty()) return corrupt_row("a garbage row of a bucket");
  return record;
}

}  // namespace sluice::object
