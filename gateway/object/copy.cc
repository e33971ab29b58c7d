#include "gateway/object/content.h"
#include "gateway/object/current.h"
#include "gateway/object/ids.h"
#include "gateway/object/install.h"
#include "gateway/object/manifest.h"
#include "gateway/object/map_copy.h"
#include "gateway/object/objects.h"
#include "gateway/object/retry.h"
#include "gateway/object/rewrite.h"

namespace sluice::object {
namespace {

// Each step gives nothing where the source has been replaced: all begins anew then.
using Step = std::optional<ObjectInfo>;

// The most of an object written in place that is stored anew, zeros between its pages too.
constexpr std::uint64_t kAnewMax = 5000ULL << 20;

class Copy {
 public:
  Copy(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys, const ObjectName& from,
       const ObjectName& to, const CopyOptions& options, Reclaimer::Reading reading, bool is_snapshot = false)
      : backend_(backend),
        reclaimer_(reclaimer),
        clock_(clock),
        keys_(keys),
        from_(from),
        to_(to),
        options_(options),
        reading_(std::move(reading)),
        is_snapshot_(is_snapshot) {}

  Task<Step> make(const CurrentRow& source) {
    if (options_.admit_source) {
      CO_TRY(options_.admit_source(source.record.info));
    }
    CO_TRY(check_not_following(source.record.info));
    if (!options_.from_archive && source.record.info.is_archived(clock_.now())) co_return fail(ErrorCode::archived);
    // A snapshot is encrypted as its object is, whoever has the key.
    if (!is_snapshot_) {
      CO_TRY(decryption_,
             decryption_of(keys_, source.record.info.encryption, source.record.seal, options_.source_customer_key));
    }
    CO_TRY(check_source(options_.source_conditions, source.record.info));
    CO_TRY(check_lease(options_.source_conditions.lease, source.record.info.lease, clock_.now()));
    CO_TRY(const auto bucket, co_await check_early(backend_.index, clock_.now(), to_, options_.conditions));
    CO_TRY(check_protectable(options_.protection, bucket->settings.object_lock));
    source_ = &source;
    CO_TRY(describe());
    CO_TRY(const auto encryption, encryption_of_copy(bucket->settings));
    CO_TRY(const bool there, co_await take_checksum());
    if (!there) co_return Step{};
    const bool turns_block = options_.as_block && source.record.info.kind != ObjectKind::block;
    const auto* map = std::get_if<PageMap>(&source.record.content);
    if (!is_snapshot_ && (turns_block || !shares(encryption))) {
      const bool too_large = (turns_block || map != nullptr) && source.record.info.size > kAnewMax;
      if (too_large) co_return fail(ErrorCode::entity_too_large, std::to_string(source.record.info.size));
      co_return co_await make_anew(encryption, bucket->settings);
    }
    if (decryption_.key) {
      CO_TRY(record_.info.encryption, rewrap(keys_, *decryption_.key, encryption));
    }
    if (map != nullptr && !is_onto_itself(bucket->settings.versioning)) co_return co_await make_of_pages(*map);
    const auto* manifest = manifest_in(source.record.content);
    const bool duplicates = manifest != nullptr && !is_onto_itself(bucket->settings.versioning);
    if (duplicates && manifest->rows.size() > 1) co_return co_await make_in_steps(*manifest);
    auto attempt = [this] { return make_at_once(); };
    co_return co_await retry_conflicts(attempt);
  }

 private:
  // Onto itself: the content stays where it is.
  bool is_onto_itself(Versioning versioning) const {
    return !is_snapshot_ && source_->key == object_key(to_) && !is_kept(versioning, source_->record.info);
  }

  Result<> describe() {
    record_ = source_->record;
    record_.leave_head();
    record_.info.protection = options_.protection;
    if (is_snapshot_) {
      if (options_.replacement) record_.info.metadata = options_.replacement->metadata;
      return done;
    }
    record_.upload_id.clear();
    record_.info.snapshot = 0;
    record_.info.sealed = false;
    record_.info.tiering = {};
    record_.info.following.reset();
    if (options_.tags) record_.info.tags = *options_.tags;
    record_.info.owner = options_.owner;
    record_.info.acl = options_.acl;
    record_.info.copy.reset();
    if (options_.replacement) {
      record_.info.headers = options_.replacement->headers;
      record_.info.metadata = options_.replacement->metadata;
    }
    return options_.edit ? options_.edit(record_.info) : done;
  }

  // What the copy is to be, everything considered.
  Result<EncryptionRequest> encryption_of_copy(const BucketSettings& bucket) const {
    EncryptionRequest request = options_.encryption;
    if (!request.empty()) return request;
    TRY(request.choice, parse_encryption_setting(bucket.encryption));
    const auto& has = source_->record.info.encryption;
    if (request.choice || !has || has->mode == EncryptionMode::customer) return request;
    request.choice.emplace(has->mode, has->mode == EncryptionMode::named ? has->master : std::string());
    return request;
  }

  // The bytes serve the copy as well where the same ones have the keys to them.
  bool shares(const EncryptionRequest& request) const {
    if (!decryption_.key) return request.empty();
    if (!options_.source_customer_key) return request.choice.has_value();
    return request.customer_key && request.customer_key->equals(*options_.source_customer_key);
  }

  Task<Step> make_anew(const EncryptionRequest& request, const BucketSettings& bucket) {
    CO_TRY(const auto key, new_object_key(keys_, request, bucket));
    CO_TRY(auto rewritten,
           co_await rewrite({backend_, reclaimer_, clock_, reading_, source_->record, decryption_, key}));
    if (!rewritten) co_return Step{};
    record_.content = rewritten->record.content;
    record_.seal = rewritten->record.seal;
    record_.info.md5 = rewritten->record.info.md5;
    record_.info.encryption = rewritten->record.info.encryption;
    if (record_.info.kind == ObjectKind::append && !options_.as_block) {
      append_whole(*rewritten, key);
    } else {
      record_.info.kind = ObjectKind::block;
      record_.info.block_count = 0;
    }
    auto attempt = [&] { return finish_anew(*rewritten); };
    CO_TRY(auto made, co_await retry_conflicts(attempt));
    if (made) rewritten->body.keep();
    co_return made;
  }

  // What was stored anew, as one append.
  void append_whole(const Rewritten& rewritten, const std::optional<ObjectKey>& key) {
    auto seal = std::exchange(record_.seal, {});
    const auto size = rewritten.body.size;
    if (seal) bind(*seal, key->key, {0, size});
    Appended content;
    if (const auto* data = std::get_if<InlineContent>(&rewritten.record.content)) {
      content.tail.push_back({*data, size, std::move(seal)});
    } else if (size != 0) {
      content.slices = rewritten.body.slices();
      if (seal) content.pieces.push_back({size, *std::move(seal)});
    }
    record_.content = std::move(content);
  }

  Task<Step> finish_anew(const Rewritten& rewritten) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    CO_TRY(const auto bucket, co_await claim_bucket(rows, to_.bucket));
    // Onto itself: a later object must not be undone. Pages: all are to be of one moment.
    if (from_ == to_ || std::holds_alternative<PageMap>(source_->record.content)) {
      CO_TRY(const bool current, co_await source_is_current(*transaction));
      if (!current) co_return Step{};
    }
    CO_TRY(co_await name_rewritten(rows, references, rewritten));
    CO_TRY(const bool garbage, co_await place(rows, references, *bucket, Before::let_go));
    CO_TRY(co_await references.apply(rows));
    CO_TRY(co_await transaction->commit());
    if (garbage) reclaimer_.wake();
    co_return record_.info;
  }

  // A checksum of another kind than the source has is computed. False: it is gone.
  Task<bool> take_checksum() {
    const auto& has = source_->record.info.checksum;
    if (!options_.checksum || (has && has->digest.algorithm == *options_.checksum)) co_return true;
    const ByteRange all{0, source_->record.info.size};
    CO_TRY(auto opened, co_await open_content(backend_, reading_, source_->record.content, decryption_, all));
    if (!opened) co_return false;
    ChunkSource chunk(opened->content);
    DigestSource body(opened->body ? *opened->body : chunk);
    body.take(*options_.checksum);
    for (;;) {
      CO_TRY(const Chunk read, co_await body.read());
      if (read.empty()) break;
    }
    record_.info.checksum = Checksum{*body.digest(*options_.checksum), ChecksumType::full_object};
    co_return true;
  }

  Task<bool> source_is_current(Transaction& transaction) {
    CO_TRY(const auto row, co_await transaction.get(source_->key));
    co_return row && *row == source_->row->bytes();
  }

  // Appends never change the rows there are, and so do not disturb the copying of them.
  Task<bool> source_has_rows(Transaction& transaction) {
    CO_TRY(const auto row, co_await transaction.get(source_->key));
    if (!row || *row == source_->row->bytes()) co_return row.has_value();
    const auto* before = std::get_if<Appended>(&source_->record.content);
    if (before == nullptr) co_return false;
    CO_TRY(const auto record, decode_row<ObjectRecord>(source_->key, *row));
    const auto* now = manifest_in(record.content);
    co_return now != nullptr && now->id == before->packed.id;
  }

  Task<Step> make_at_once() {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    CO_TRY(const auto bucket, co_await claim_bucket(rows, to_.bucket));
    CO_TRY(const bool current, co_await source_is_current(*transaction));
    if (!current) co_return Step{};
    const auto before = is_onto_itself(bucket->settings.versioning) ? Before::kept : Before::let_go;
    record_.content = source_->record.content;
    if (before == Before::let_go) {
      CO_TRY(co_await duplicate(rows, references));
    }
    CO_TRY(const bool garbage, co_await place(rows, references, *bucket, before));
    CO_TRY(co_await references.apply(rows));
    CO_TRY(co_await transaction->commit());
    if (garbage) reclaimer_.wake();
    co_return record_.info;
  }

  Task<> duplicate(Catalog& rows, References& references) {
    const auto& content = source_->record.content;
    if (const auto* slices = std::get_if<std::vector<Slice>>(&content)) {
      for (const auto& slice : *slices) references.add(slice);
    } else if (const auto* data = std::get_if<InlineContent>(&content)) {
      CO_TRY(record_.content, co_await duplicate(rows, *data));
    } else if (const auto* manifest = std::get_if<Manifest>(&content)) {
      // More rows than this: versioning has just been turned on.
      if (manifest->rows.size() > 1) co_return fail(ErrorCode::conflict, "a copy of many parts onto itself");
      record_.content = Manifest{new_id(clock_.now()), manifest->rows};
      CO_TRY(co_await duplicate_row(rows, references, 0));
    } else if (const auto* appended = std::get_if<Appended>(&content)) {
      if (appended->packed.rows.size() > 1) co_return fail(ErrorCode::conflict, "a copy of many rows onto itself");
      Appended copy{.packed = appended->packed, .slices = {}, .tail = {}};
      if (!copy.packed.rows.empty()) copy.packed.id = new_id(clock_.now());
      record_.content = std::move(copy);
      if (!appended->packed.rows.empty()) {
        CO_TRY(co_await duplicate_row(rows, references, 0));
      }
      CO_TRY(co_await duplicate_end(rows, references, *appended));
    } else if (std::holds_alternative<PageMap>(content)) {
      co_return fail(ErrorCode::conflict, "a copy of pages onto themselves");
    }
    co_return done;
  }

  // What an append object holds behind its rows.
  Task<> duplicate_end(Catalog& rows, References& references, const Appended& from) {
    auto& to = std::get<Appended>(record_.content);
    to.slices = from.slices;
    to.pieces = from.pieces;
    to.tail.clear();
    for (const auto& slice : from.slices) references.add(slice);
    for (const auto& [body, size, seal] : from.tail) {
      CO_TRY(const auto copy, co_await duplicate(rows, body));
      to.tail.push_back({copy, size, seal});
    }
    co_return done;
  }

  // Puts the record where it belongs. True: the reclaimer has work.
  Task<bool> place(Catalog& rows, References& references, const BucketRecord& bucket, Before before) {
    if (is_snapshot_) co_return place_snapshot(rows);
    if (options_.owner.empty()) record_.info.owner = bucket.owner;
    co_return co_await install(rows, references, clock_.now(), to_, bucket.settings, options_.conditions, record_,
                               before);
  }

  // The head stays, and knows of one snapshot more.
  Result<bool> place_snapshot(Catalog& rows) {
    auto head = source_->record;
    head.newest_snapshot = next_revision(clock_.now(), head);
    ++head.snapshot_count;
    record_.info.snapshot = head.newest_snapshot;
    TRY(auto value, encode_object(record_));
    TRY(auto head_value, encode_object(head));
    rows.transaction().put(version_key(to_, head.newest_snapshot), std::move(value));
    rows.transaction().put(object_key(to_), std::move(head_value));
    return false;
  }

  Task<InlineContent> duplicate(Catalog& rows, const InlineContent& data) {
    CO_TRY(auto bytes, co_await rows.transaction().get(inline_key(data.id)));
    if (!bytes || crc32c(*bytes) != data.crc32c) co_return fail(ErrorCode::corrupt, "an inline body: " + from_.key);
    const InlineContent copy{new_id(clock_.now()), data.crc32c};
    rows.transaction().put(inline_key(copy.id), std::move(*bytes));
    co_return copy;
  }

  // Row `i` of the source's manifest into the new one's.
  Task<> duplicate_row(Catalog& rows, References& references, std::size_t i) {
    const auto& from = *manifest_in(source_->record.content);
    const auto& to = *manifest_in(record_.content);
    CO_TRY(const auto row, co_await rows.get<ManifestRecord>(manifest_key(from.id, i)));
    if (!row) co_return fail(ErrorCode::corrupt, "a manifest row is gone: " + from_.key);
    for (const auto& part : row->parts) {
      for (const auto& slice : part.slices) references.add(slice);
    }
    rows.put(manifest_key(to.id, i), *row);
    co_return done;
  }

  Task<Step> make_in_steps(const Manifest& manifest) {
    const Building building(reclaimer_, new_id(clock_.now()));
    if (std::holds_alternative<Appended>(record_.content)) {
      record_.content = Appended{.packed = {building.id(), manifest.rows}, .slices = {}, .tail = {}};
    } else {
      record_.content = Manifest{building.id(), manifest.rows};
    }
    auto begin = [&] { return begin_building(building); };
    CO_TRY(co_await retry_conflicts(begin));
    for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
      auto attempt = [&] { return build_row(building, i); };
      CO_TRY(const bool built, co_await retry_conflicts(attempt));
      if (!built) co_return Step{};
    }
    auto attempt = [&] { return finish_building(building); };
    co_return co_await retry_conflicts(attempt);
  }

  // A write of the source's pages changes its record, and all begins anew.
  Task<Step> make_of_pages(const PageMap& map) {
    const Building building(reclaimer_, new_id(clock_.now()));
    record_.content = PageMap{building.id()};
    const StillCurrent is_current = [this](Transaction& transaction) { return source_is_current(transaction); };
    CO_TRY(const bool built, co_await copy_map(backend_, building, map, is_current));
    if (!built) co_return Step{};
    auto attempt = [&] { return finish_building(building); };
    co_return co_await retry_conflicts(attempt);
  }

  Task<> begin_building(const Building& building) {
    const auto transaction = backend_.index.begin();
    Catalog(*transaction).put(manifest_garbage_key(building.id()), building.row(/*owned=*/true));
    co_return co_await transaction->commit();
  }

  Task<bool> build_row(const Building& building, std::size_t i) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(manifest_garbage_key(building.id())));
    CO_TRY(const bool current, co_await source_has_rows(*transaction));
    if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the copy away");
    if (!current) co_return false;
    CO_TRY(co_await duplicate_row(rows, references, i));
    CO_TRY(co_await references.apply(rows));
    CO_TRY(co_await transaction->commit());
    co_return true;
  }

  Task<Step> finish_building(const Building& building) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(manifest_garbage_key(building.id())));
    if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the copy away");
    rows.erase(manifest_garbage_key(building.id()));
    if (const auto* appended = std::get_if<Appended>(&source_->record.content)) {
      CO_TRY(const bool current, co_await source_is_current(*transaction));
      if (!current) co_return Step{};
      CO_TRY(co_await duplicate_end(rows, references, *appended));
    }
    CO_TRY(const auto bucket, co_await claim_bucket(rows, to_.bucket));
    if (is_snapshot_) {
      CO_TRY(const bool current, co_await source_is_current(*transaction));
      if (!current) co_return Step{};
    }
    CO_TRY(const bool garbage, co_await place(rows, references, *bucket, Before::let_go));
    CO_TRY(co_await references.apply(rows));
    CO_TRY(co_await transaction->commit());
    if (garbage) reclaimer_.wake();
    co_return record_.info;
  }

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
  const ObjectName& from_;
  const ObjectName& to_;
  const CopyOptions& options_;
  Reclaimer::Reading reading_;
  const bool is_snapshot_;
  const CurrentRow* source_ = nullptr;
  Decryption decryption_;  ///< Of the source.
  ObjectRecord record_;
};

}  // namespace

Task<ObjectInfo> Objects::copy(const RequestContext&, const ObjectName& from, const ObjectName& to,
                               const CopyOptions& options) {
  CO_TRY(check_name(from));
  CO_TRY(check_name(to));
  Copy copy(backend_, reclaimer_, clock_, keys_, from, to, options, reclaimer_.enter());
  auto use = [&](const CurrentRow& source) { return copy.make(source); };
  co_return co_await with_current(backend_.index, from, options.source, use);
}

Task<ObjectInfo> Objects::snapshot(const RequestContext&, const ObjectName& name, const Conditions& conditions,
                                   const std::optional<Metadata>& metadata) {
  CO_TRY(check_name(name));
  CopyOptions options{
      .source_conditions = conditions, .conditions = {}, .owner = {}, .replacement = {}, .checksum = {}};
  if (metadata) options.replacement.emplace(ContentHeaders{}, *metadata);
  Copy copy(backend_, reclaimer_, clock_, keys_, name, name, options, reclaimer_.enter(), /*is_snapshot=*/true);
  auto use = [&](const CurrentRow& source) { return copy.make(source); };
  co_return co_await with_current(backend_.index, name, {}, use);
}

}  // namespace sluice::object
