#include "gateway/object/content.h"
#include "gateway/object/current.h"
#include "gateway/object/references.h"
#include "gateway/object/retry.h"
#include "gateway/object/staging.h"

namespace sluice::object {
namespace {

Result<> check_number(std::uint32_t number) {
  if (number >= 1 && number <= Uploads::kPartNumberMax) return done;
  return fail(ErrorCode::invalid_argument, "part numbers are 1 to 10000");
}

// The digests a part needs: the one its upload wants, else the one asked for and
// crc64nvme, of which the whole object's is made.
struct Algorithms {
  DigestAlgorithm shown;
  bool crc64nvme_too;
};

Algorithms algorithms_of(const UploadRecord& upload, std::optional<DigestAlgorithm> checksum) {
  if (upload.checksum) return {*upload.checksum, false};
  const auto shown = checksum.value_or(DigestAlgorithm::crc64nvme);
  return {shown, shown != DigestAlgorithm::crc64nvme};
}

void take(DigestSource& body, const Algorithms& algorithms) {
  body.take(DigestAlgorithm::md5);
  body.take(algorithms.shown);
  if (algorithms.crc64nvme_too) body.take(DigestAlgorithm::crc64nvme);
}

void describe(PartRecord& part, const DigestSource& body, const Algorithms& algorithms) {
  part.info.size = body.size();
  part.info.md5 = body.digest(DigestAlgorithm::md5)->bytes;
  part.info.checksum = body.digest(algorithms.shown);
  part.crc64nvme = algorithms.crc64nvme_too ? body.digest(DigestAlgorithm::crc64nvme) : std::nullopt;
}

// What is known of the bytes without reading them: the digests of an object put
// whole, if it is copied whole and has the kind that the upload wants.
bool describe_whole(PartRecord& part, const ObjectInfo& source, ByteRange range, const Algorithms& algorithms) {
  if (source.part_count != 0 || range.length != source.size || !source.checksum) return false;
  if (source.checksum->type != ChecksumType::full_object) return false;
  if (source.checksum->digest.algorithm != algorithms.shown) return false;
  part.info.size = source.size;
  part.info.md5 = source.md5;
  part.info.checksum = source.checksum->digest;
  part.crc64nvme.reset();
  return true;
}

// The key of an upload and what is stored of it, for who has that customer key (or none).
Result<std::optional<ObjectKey>> key_of(const KeyRing& keys, const UploadRecord& upload,
                                        const std::optional<SecretKey>& customer_key) {
  TRY(const auto key, open_object_key(keys, upload.encryption, customer_key));
  if (!key) return std::optional<ObjectKey>{};
  return ObjectKey{*key, *upload.encryption};
}

Result<ByteRange> range_within(std::optional<ByteRange> range, std::uint64_t size) {
  if (!range) return ByteRange{0, size};
  if (range->length == 0 || range->offset >= size || range->length > size - range->offset) {
    return fail(ErrorCode::range_not_satisfiable, std::to_string(size));
  }
  return *range;
}

}  // namespace

/// A part on its way: its bytes are in extents of its own, or shared with an object.
struct Uploads::NewPart {
  const ObjectName& name;
  const std::string& upload_id;
  Algorithms algorithms;
  std::optional<ObjectKey> key;  ///< What the bytes are to be encrypted with.
  PartRecord record;
  StoredBody body;

  struct Source {
    const ObjectName& name;
    const Conditions& conditions;
    const Admission& admit;
    Reclaimer::Reading reading;
    const std::optional<SecretKey>& customer_key;
    const CurrentRow* current = nullptr;
  };
  std::optional<Source> source;  ///< Of a copy.
};

PartInfo Uploads::told(const NewPart& part) {
  auto info = part.record.info;
  if (part.key) info.encryption = EncryptionChoice{part.key->encryption.mode, part.key->encryption.master};
  return info;
}

Task<PartInfo> Uploads::stage(const RequestContext&, const ObjectName& name, const std::string& upload_id,
                              std::uint32_t number, std::optional<DigestAlgorithm> checksum, DigestSource& body,
                              const std::optional<SecretKey>& customer_key) {
  CO_TRY(check_number(number));
  CO_TRY(const auto upload, co_await find_upload(backend_.index, name, upload_id));
  CO_TRY(auto key, key_of(keys_, upload, customer_key));
  NewPart part{.name = name,
               .upload_id = upload_id,
               .algorithms = algorithms_of(upload, checksum),
               .key = std::move(key),
               .record = {},
               .body = {},
               .source = {}};
  take(body, part.algorithms);
  part.record.info.number = number;
  CO_TRY(co_await store(part, body));
  CO_TRY(co_await keep(part));
  co_return told(part);
}

Task<PartInfo> Uploads::stage_copy(const RequestContext&, const ObjectName& name, const std::string& upload_id,
                                   std::uint32_t number, const ObjectName& from, const Conditions& source_conditions,
                                   std::optional<ByteRange> range, const Admission& admit_source, const CopyKeys& keys,
                                   const Which& which) {
  CO_TRY(check_number(number));
  CO_TRY(check_name(from));
  CO_TRY(const auto upload, co_await find_upload(backend_.index, name, upload_id));
  CO_TRY(auto key, key_of(keys_, upload, keys.upload));
  NewPart part{.name = name,
               .upload_id = upload_id,
               .algorithms = algorithms_of(upload, {}),
               .key = std::move(key),
               .record = {},
               .body = {},
               .source = NewPart::Source{from, source_conditions, admit_source, reclaimer_.enter(), keys.source}};
  part.record.info.number = number;
  auto use = [&](const CurrentRow& current) {
    part.source->current = &current;
    return stage_current(part, range);
  };
  co_return co_await with_current(backend_.index, from, which, use);
}

// Reads `body` to its end, and says in the record what it is and where.
Task<> Uploads::store(NewPart& part, DigestSource& body) {
  ContentEncryption encryption(body, part.key);
  CO_TRY(part.body, co_await store_body(backend_, reclaimer_, encryption.source(), {.size_max = kPartSizeMax}));
  part.record.slices = part.body.slices();
  part.record.seal = encryption.seal(part.body.size);
  describe(part.record, body, part.algorithms);
  part.record.info.md5 = shown_md5(part.key, std::move(part.record.info.md5));
  co_return done;
}

// Nothing: the source was replaced meanwhile.
Task<std::optional<PartInfo>> Uploads::stage_current(NewPart& part, std::optional<ByteRange> range) {
  const auto& source = part.source->current->record;
  if (part.source->admit) {
    CO_TRY(part.source->admit(source.info));
  }
  CO_TRY(const auto decryption, decryption_of(keys_, source.info.encryption, source.seal, part.source->customer_key));
  CO_TRY(check_source(part.source->conditions, source.info));
  CO_TRY(check_not_following(source.info));
  if (source.info.is_archived(clock_.now())) co_return fail(ErrorCode::archived);
  CO_TRY(const auto resolved, range_within(range, source.info.size));
  if (resolved.length > kPartSizeMax) co_return fail(ErrorCode::entity_too_large, std::to_string(resolved.length));
  CO_TRY(const bool shared, co_await share(part, decryption, resolved));
  if (!shared) co_return std::optional<PartInfo>{};
  CO_TRY(const bool kept, co_await keep(part));
  if (!kept) co_return std::optional<PartInfo>{};
  co_return told(part);
}

// Fills in slices and digests. The bytes are read where their digests are not
// known, and written anew where there is nothing to share or too much of it, or
// where they are encrypted.
Task<bool> Uploads::share(NewPart& part, const Decryption& decryption, ByteRange range) {
  const auto& source = part.source->current->record;
  part.body = StoredBody{};
  CO_TRY(auto slices, co_await slices_in(backend_.index, source.content, range));
  if (!slices) co_return false;
  part.record.slices = std::move(*slices);
  const bool encrypted = decryption.key || part.key;
  const bool shares = !encrypted && is_of_slices(source.content) && part.record.slices.size() <= kSlicesMax;
  if (shares && describe_whole(part.record, source.info, range, part.algorithms)) co_return true;

  CO_TRY(auto opened, co_await open_content(backend_, part.source->reading, source.content, decryption, range));
  if (!opened) co_return false;
  ChunkSource chunk(opened->content);
  DigestSource body(opened->body ? *opened->body : chunk);
  take(body, part.algorithms);
  if (!shares) {
    CO_TRY(co_await store(part, body));
    co_return true;
  }
  for (;;) {
    CO_TRY(const Chunk read, co_await body.read());
    if (read.empty()) break;
  }
  describe(part.record, body, part.algorithms);
  co_return true;
}

Task<bool> Uploads::keep(NewPart& part) {
  auto attempt = [&] { return keep_once(part); };
  CO_TRY(const bool kept, co_await retry_conflicts(attempt));
  if (kept) part.body.keep();
  co_return kept;
}

// False: the source of a copy is not what it was. Parts of one upload do not get in
// each other's way: its row is only got, unless a commit has marked it.
Task<bool> Uploads::keep_once(NewPart& part) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  const auto key = upload_key(part.name, part.upload_id);
  CO_TRY(auto upload, co_await rows.get<UploadRecord>(key));
  if (!upload) co_return fail(ErrorCode::no_such_upload, part.upload_id);
  if (!upload->commit.empty()) {
    upload->commit.clear();
    rows.put(key, *upload);
  }
  if (part.source) {
    CO_TRY(const auto row, co_await transaction->get(part.source->current->key));
    if (!row || *row != part.source->current->row->bytes()) co_return false;
  }

  part.record.info.modified = clock_.now();
  const auto where = part_key(part.upload_id, part.record.info.number);
  CO_TRY(const auto replaced, co_await rows.get<PartRecord>(where));
  rows.put(where, part.record);
  if (replaced) references.drop(replaced->slices);
  for (const auto& staged : part.body.extents) references.adopt(staged.extent());
  if (part.body.extents.empty()) {
    for (const auto& slice : part.record.slices) references.add(slice);
  }
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (replaced) reclaimer_.wake();
  co_return true;
}

}  // namespace sluice::object
