#include <algorithm>
#include <span>

#include "gateway/core/encoding.h"
#include "gateway/object/cursor.h"
#include "gateway/object/ids.h"
#include "gateway/object/install.h"
#include "gateway/object/manifest.h"
#include "gateway/object/retry.h"
#include "gateway/object/staging.h"

namespace sluice::object {
namespace {

// Up to this many parts, and this many bytes of manifest, one commit does it all.
constexpr std::size_t kPartsAtOnce = 100;
constexpr std::size_t kSizeAtOnce = 400 * 1024;
constexpr std::size_t kStepSize = 400 * 1024;

Result<> check_claims(const std::vector<PartClaim>& claims) {
  if (claims.empty()) return fail(ErrorCode::invalid_request, "a commit names at least one part");
  const auto unordered = std::ranges::adjacent_find(claims, std::ranges::greater_equal{}, &PartClaim::number);
  if (unordered != claims.end()) return fail(ErrorCode::invalid_part_order, std::to_string(unordered->number));
  for (const auto number : {claims.front().number, claims.back().number}) {
    if (number < 1 || number > Uploads::kPartNumberMax) return fail(ErrorCode::invalid_part, std::to_string(number));
  }
  return done;
}

Result<> check_claim(const PartClaim& claim, const std::optional<PartRecord>& part) {
  const auto invalid = [&] { return fail(ErrorCode::invalid_part, std::to_string(claim.number)); };
  if (!part) return invalid();
  if (!claim.tag.empty() && claim.tag != part->info.content_tag()) return invalid();
  if (claim.checksum && claim.checksum != part->info.checksum && claim.checksum != part->crc64nvme) return invalid();
  return done;
}

Result<> check_sizes(const std::vector<PartRecord>& parts, std::uint64_t size_min) {
  // Only the last part may be short.
  for (const auto& part : std::span(parts).first(parts.size() - 1)) {
    if (part.info.size >= size_min) continue;
    return fail(ErrorCode::entity_too_small, std::to_string(part.info.number) + " " + std::to_string(part.info.size) +
                                                 " " + std::to_string(size_min));
  }
  return done;
}

// The digest of a part that the object's own is made of.
const std::optional<Digest>& digest_of_part(const PartRecord& part, DigestAlgorithm algorithm) {
  const bool aside = part.crc64nvme && part.crc64nvme->algorithm == algorithm;
  return aside ? part.crc64nvme : part.info.checksum;
}

std::optional<Checksum> checksum_of(const UploadRecord& upload, const std::vector<PartRecord>& parts) {
  const auto algorithm = upload.checksum.value_or(DigestAlgorithm::crc64nvme);
  const bool combines = !upload.checksum || upload.checksum_type == ChecksumType::full_object;
  if (combines && !is_crc(algorithm)) return std::nullopt;
  std::optional<Digest> whole;
  std::string all;
  for (const auto& part : parts) {
    const auto& digest = digest_of_part(part, algorithm);
    if (!digest || digest->algorithm != algorithm) return std::nullopt;
    if (combines) {
      whole = whole ? combine_crc(*whole, *digest, part.info.size) : *digest;
    } else {
      all += digest->bytes;
    }
  }
  if (combines) return Checksum{*whole, ChecksumType::full_object};
  return Checksum{digest_of(algorithm, all), ChecksumType::composite};
}

// Who began the upload without a checksum may leave the customer's key out: older
// clients do, and Amazon takes it ("CompleteMultipartUpload", Amazon S3 API Reference).
Result<> check_key(const UploadRecord& upload, const std::optional<SecretKey>& customer_key) {
  const bool waived = upload.encryption && !customer_key && !upload.checksum;
  return waived ? done : check_customer_key(upload.encryption, customer_key);
}

Result<ObjectInfo> describe(const UploadRecord& upload, const std::vector<PartRecord>& parts,
                            const CommitOptions& options) {
  TRY(check_sizes(parts, options.part_size_min));
  ObjectInfo info;
  info.owner = upload.owner;
  info.headers = upload.headers;
  info.metadata = upload.metadata;
  info.acl = upload.acl;
  info.encryption = upload.encryption;
  info.tags = upload.tags;
  info.protection = upload.protection;
  std::string md5s;
  for (const auto& part : parts) {
    info.size += part.info.size;
    md5s += part.info.md5;
  }
  info.md5 = digest_of(DigestAlgorithm::md5, md5s).bytes;
  info.part_count = static_cast<std::uint32_t>(parts.size());
  info.checksum = checksum_of(upload, parts);
  if (options.size && *options.size != info.size) {
    return fail(ErrorCode::invalid_request, "the parts come to " + std::to_string(info.size) + " bytes");
  }
  if (options.checksum && options.checksum != info.checksum) {
    return fail(ErrorCode::digest_mismatch, "the parts do not come to the checksum of the object");
  }
  return info;
}

class Commit {
 public:
  Commit(Backend backend, Reclaimer& reclaimer, const Clock& clock, const ObjectName& name,
         const std::string& upload_id, const CommitOptions& options)
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), name_(name), upload_id_(upload_id), options_(options) {
    for (const auto& claim : options_.parts) garbage_.claim(claim.number);
  }

  Task<ObjectInfo> make() {
    if (options_.parts.size() <= kPartsAtOnce) {
      auto attempt = [this] { return make_at_once(); };
      CO_TRY(const auto made, co_await retry_conflicts(attempt));
      if (made) co_return *made;
    }
    for (int tries = 1; tries < kTriesMax; ++tries) {
      CO_TRY(const auto made, co_await make_in_steps());
      if (made) co_return *made;
      co_await back_off(tries);
    }
    co_return fail(ErrorCode::conflict, "parts kept being staged during the commit");
  }

 private:
  // The upload is over: this very commit may have ended it.
  Task<ObjectInfo> made_before() {
    CO_TRY(co_await find_bucket(backend_.index, name_.bucket));
    const auto key = object_key(name_);
    CO_TRY(const auto row, co_await backend_.index.get(key));
    if (!row) co_return fail(ErrorCode::no_such_upload, upload_id_);
    CO_TRY(auto record, decode_row<ObjectRecord>(key, *row));
    if (record.upload_id != upload_id_) co_return fail(ErrorCode::no_such_upload, upload_id_);
    if (options_.customer_key) {
      CO_TRY(check_customer_key(record.info.encryption, options_.customer_key));
    }
    co_return std::move(record.info);
  }

  std::string upload_row() const { return upload_key(name_, upload_id_); }

  // Nothing: it is too large for one commit.
  Task<std::optional<ObjectInfo>> make_at_once() {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    CO_TRY(const auto upload, co_await rows.get<UploadRecord>(upload_row()));
    if (!upload) co_return co_await made_before();
    CO_TRY(check_key(*upload, options_.customer_key));
    std::vector<PartRecord> parts;
    for (const auto& claim : options_.parts) {
      CO_TRY(auto part, co_await rows.get<PartRecord>(part_key(upload_id_, claim.number)));
      CO_TRY(check_claim(claim, part));
      parts.push_back(std::move(*part));
    }
    CO_TRY(auto info, describe(*upload, parts, options_));
    auto packed = pack(new_id(clock_.now()), parts);
    if (packed.size > kSizeAtOnce) co_return std::optional<ObjectInfo>{};
    for (auto& [key, value] : packed.rows) transaction->put(std::move(key), std::move(value));
    ObjectRecord record{.info = std::move(info), .content = std::move(packed.manifest), .upload_id = upload_id_};
    co_return co_await finish(rows, *upload, record);
  }

  // Puts the object, ends the upload, and leaves its rows to the reclaimer. The
  // references of claimed parts pass to the object; no count changes.
  Task<ObjectInfo> finish(Catalog& rows, const UploadRecord& upload, ObjectRecord& record) {
    References references;
    CO_TRY(const auto bucket, co_await claim_bucket(rows, name_.bucket));
    if (bucket->id != upload.bucket_id) co_return fail(ErrorCode::no_such_upload, upload_id_);
    CO_TRY(co_await install(rows, references, clock_.now(), name_, bucket->settings, options_.conditions, record));
    CO_TRY(co_await references.apply(rows));
    rows.erase(upload_row());
    rows.put(upload_garbage_key(upload_id_), garbage_);
    CO_TRY(co_await rows.transaction().commit());
    reclaimer_.wake();
    co_return record.info;
  }

  // The upload's row is marked first; whoever stages a part takes the mark away. So
  // as long as the mark stands, what a scan behind it says of the parts is so.
  // Nothing: a part was staged meanwhile.
  Task<std::optional<ObjectInfo>> make_in_steps() {
    const auto now = clock_.now();
    const Building building(reclaimer_, new_id(now));
    const auto mark = new_id(now);
    auto begin = [&] { return begin_building(building, mark); };
    CO_TRY(const bool begun, co_await retry_conflicts(begin));
    if (!begun) co_return co_await made_before();

    CO_TRY(auto scanned, co_await scan_parts(mark));
    if (!scanned) co_return std::optional<ObjectInfo>{};
    CO_TRY(auto info, describe(scanned->upload, scanned->parts, options_));
    auto packed = pack(building.id(), scanned->parts);
    CO_TRY(co_await write(building, packed.rows));

    ObjectRecord record{.info = std::move(info), .content = std::move(packed.manifest), .upload_id = upload_id_};
    auto attempt = [&] { return finish_building(building, mark, record); };
    co_return co_await retry_conflicts(attempt);
  }

  // False: there is no such upload.
  Task<bool> begin_building(const Building& building, const std::string& mark) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    CO_TRY(auto upload, co_await rows.get<UploadRecord>(upload_row()));
    if (!upload) co_return false;
    CO_TRY(check_key(*upload, options_.customer_key));
    upload->commit = mark;
    rows.put(upload_row(), *upload);
    rows.put(manifest_garbage_key(building.id()), building.row(/*owned=*/false));
    CO_TRY(co_await transaction->commit());
    co_return true;
  }

  struct Scanned {
    UploadRecord upload;
    std::vector<PartRecord> parts;  ///< The claimed ones.
  };

  Task<std::optional<Scanned>> scan_parts(const std::string& mark) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    CO_TRY(auto upload, co_await rows.get<UploadRecord>(upload_row()));
    if (!upload || upload->commit != mark) co_return std::optional<Scanned>{};
    Scanned scanned{std::move(*upload), {}};
    Cursor cursor(*transaction, keys_with(parts_prefix(upload_id_)));
    for (const auto& claim : options_.parts) {
      const auto key = part_key(upload_id_, claim.number);
      cursor.skip_to(key);
      CO_TRY(const Entry* row, co_await cursor.peek());
      std::optional<PartRecord> part;
      if (row != nullptr && row->key == key) {
        CO_TRY(part, decode_row<PartRecord>(row->key, row->value));
      }
      CO_TRY(check_claim(claim, part));
      scanned.parts.push_back(std::move(*part));
    }
    co_return std::move(scanned);
  }

  // The manifest's rows, in commits of a bounded size.
  Task<> write(const Building& building, const std::vector<Entry>& rows) {
    for (std::size_t begin = 0; begin < rows.size();) {
      std::size_t end = begin;
      for (std::size_t size = 0; end < rows.size() && size < kStepSize; ++end) size += rows[end].value.size();
      auto attempt = [&] { return write_some(building, std::span(rows).subspan(begin, end - begin)); };
      CO_TRY(co_await retry_conflicts(attempt));
      begin = end;
    }
    co_return done;
  }

  Task<> check_marked(Catalog& rows, const Building& building) {
    CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(manifest_garbage_key(building.id())));
    if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the commit away");
    co_return done;
  }

  Task<> write_some(const Building& building, std::span<const Entry> entries) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    CO_TRY(co_await check_marked(rows, building));
    for (const auto& [key, value] : entries) transaction->put(key, value);
    co_return co_await transaction->commit();
  }

  Task<std::optional<ObjectInfo>> finish_building(const Building& building, const std::string& mark,
                                                  ObjectRecord& record) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    CO_TRY(const auto upload, co_await rows.get<UploadRecord>(upload_row()));
    if (!upload) co_return co_await made_before();
    if (upload->commit != mark) co_return std::optional<ObjectInfo>{};
    CO_TRY(co_await check_marked(rows, building));
    rows.erase(manifest_garbage_key(building.id()));
    co_return co_await finish(rows, *upload, record);
  }

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const ObjectName& name_;
  const std::string& upload_id_;
  const CommitOptions& options_;
  UploadGarbage garbage_;
};

}  // namespace

Task<ObjectInfo> Uploads::commit(const RequestContext&, const ObjectName& name, const std::string& upload_id,
                                 const CommitOptions& options) {
  CO_TRY(check_name(name));
  CO_TRY(check_claims(options.parts));
  if (!may_be_upload(upload_id)) {
    CO_TRY(co_await find_bucket(backend_.index, name.bucket));
    co_return fail(ErrorCode::no_such_upload, upload_id);
  }
  co_return co_await Commit(backend_, reclaimer_, clock_, name, upload_id, options).make();
}

}  // namespace sluice::object
