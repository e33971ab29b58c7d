#include "gateway/object/content.h"
#include "gateway/object/current.h"
#include "gateway/object/ids.h"
#include "gateway/object/install.h"
#include "gateway/object/map_copy.h"
#include "gateway/object/objects.h"
#include "gateway/object/retry.h"

namespace sluice::object {
namespace {

// Nothing where the snapshot is not there any more: it is looked for anew.
using Step = std::optional<FollowAnswer>;

/// Two maps are built beforehand, of the object and of its new snapshot; one commit then names both.
class Follow {
 public:
  Follow(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys, const ObjectName& from,
         const ObjectName& to, const CopyOptions& options)
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), keys_(keys), from_(from), to_(to), options_(options) {}

  Task<Step> make(const CurrentRow& source) {
    source_ = &source;
    const auto& info = source.record.info;
    if (options_.admit_source) {
      CO_TRY(options_.admit_source(info));
    }
    CO_TRY(check_source(options_.source_conditions, info));
    const auto* map = std::get_if<PageMap>(&source.record.content);
    if (map == nullptr) co_return fail(ErrorCode::kind_mismatch, "not a page object");
    CO_TRY(const auto bucket, co_await find_bucket(backend_.index, to_.bucket));
    CO_TRY(const auto early, co_await check_early());
    if (early != Followed::yes) co_return FollowAnswer{early};
    CO_TRY(encryption_, encryption_of(bucket->settings));
    const Building object(reclaimer_, new_id(clock_.now()));
    const Building snapshot(reclaimer_, new_id(clock_.now()));
    const StillCurrent is_current = [this](Transaction& transaction) { return source_is_there(transaction); };
    for (const Building* building : {&object, &snapshot}) {
      CO_TRY(const bool built, co_await copy_map(backend_, *building, *map, is_current));
      if (!built) co_return Step{};
    }
    auto attempt = [&] { return finish(object, snapshot); };
    co_return co_await retry_conflicts(attempt);
  }

 private:
  Task<bool> source_is_there(Transaction& transaction) {
    CO_TRY(const auto row, co_await transaction.get(source_->key));
    co_return row && *row == source_->row->bytes();
  }

  Task<Followed> check_early() {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    CO_TRY(const auto head, co_await rows.get<ObjectRecord>(object_key(to_)));
    co_return check(head);
  }

  // May the source be what that object is given next?
  Result<Followed> check(const std::optional<ObjectRecord>& head) const {
    const auto current = visible(head);
    TRY(check_write(options_.conditions, current));
    if (!current) return Followed::yes;
    const auto& has = current->following;
    const auto& source = source_->record.info;
    if (!has || has->bucket != from_.bucket || has->key != from_.key) return Followed::other;
    if (has->created != source.created) return Followed::put_anew;
    if (source.snapshot <= has->source) return Followed::not_later;
    TRY(check_unprotected(current->protection, clock_.now()));
    return Followed::yes;
  }

  // The pages stay as they are stored; their key is wrapped anew.
  Result<std::optional<Encryption>> encryption_of(const BucketSettings& bucket) const {
    const auto& has = source_->record.info.encryption;
    TRY(const auto key, open_object_key(keys_, has, options_.source_customer_key));
    EncryptionRequest request{.choice = {}, .customer_key = options_.source_customer_key};
    TRY(request.choice, parse_encryption_setting(bucket.encryption));
    if (!key) {
      if (!request.choice) return std::optional<Encryption>{};
      return fail(ErrorCode::not_implemented, "Pages in the clear are not followed where all is to be encrypted.");
    }
    if (!request.choice && !request.customer_key) {
      request.choice.emplace(has->mode, has->mode == EncryptionMode::named ? has->master : std::string());
    }
    TRY(auto wrapped, rewrap(keys_, *key, request));
    return std::optional(std::move(wrapped));
  }

  // What the object is given of the snapshot that it follows.
  Result<> take(ObjectInfo& info) const {
    const auto& source = source_->record.info;
    info.kind = ObjectKind::page;
    info.size = source.size;
    info.md5 = source.md5;
    info.block_count = source.block_count;
    info.sequence_number = source.sequence_number;
    info.headers = source.headers;
    info.metadata = source.metadata;
    info.encryption = encryption_;
    info.following = Following{.bucket = from_.bucket, .key = from_.key, .created = source.created};
    info.following->source = source.snapshot;
    return options_.edit ? options_.edit(info) : done;
  }

  Task<Step> finish(const Building& object, const Building& snapshot) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    for (const Building* building : {&object, &snapshot}) {
      const auto mark_key = manifest_garbage_key(building->id());
      CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(mark_key));
      if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the copy away");
      rows.erase(mark_key);
    }
    CO_TRY(const auto bucket, co_await claim_bucket(rows, to_.bucket));
    CO_TRY(auto head, co_await rows.get<ObjectRecord>(object_key(to_)));
    CO_TRY(const auto followed, check(head));
    if (followed != Followed::yes) co_return FollowAnswer{followed};
    CO_TRY(auto record, co_await place(rows, references, *bucket, std::move(head), PageMap{object.id()}));
    CO_TRY(put_with_snapshot(rows, record, PageMap{snapshot.id()}));
    CO_TRY(co_await references.apply(rows));
    CO_TRY(co_await transaction->commit());
    reclaimer_.wake();
    co_return FollowAnswer{Followed::yes, std::move(record.info)};
  }

  // The object as it is from now on: a new one, or the one there is, changed in place.
  Task<ObjectRecord> place(Catalog& rows, References& references, const BucketRecord& bucket,
                           std::optional<ObjectRecord> head, PageMap map) {
    const auto now = clock_.now();
    if (!visible(head)) {
      ObjectRecord record;
      CO_TRY(take(record.info));
      record.info.following->snapshot = record.info.following->source;
      record.info.owner = options_.owner.empty() ? bucket.owner : options_.owner;
      record.content = std::move(map);
      CO_TRY(co_await install(rows, references, now, to_, bucket.settings, options_.conditions, record));
      co_return std::move(record);
    }
    ObjectRecord record = *std::move(head);
    let_go(rows, references, record.content);
    CO_TRY(take(record.info));
    record.content = std::move(map);
    record.info.changed = next_revision(now, record);
    record.info.modified = now;
    co_return std::move(record);
  }

  Result<> put_with_snapshot(Catalog& rows, ObjectRecord& head, PageMap map) const {
    head.newest_snapshot = next_revision(clock_.now(), head);
    ++head.snapshot_count;
    head.info.following->snapshot = head.newest_snapshot;
    auto snapshot = head;
    snapshot.leave_head();
    snapshot.info.snapshot = head.newest_snapshot;
    snapshot.info.protection = {};
    snapshot.content = std::move(map);
    TRY(auto value, encode_object(snapshot));
    TRY(auto head_value, encode_object(head));
    rows.transaction().put(version_key(to_, head.newest_snapshot), std::move(value));
    rows.transaction().put(object_key(to_), std::move(head_value));
    return done;
  }

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
  const ObjectName& from_;
  const ObjectName& to_;
  const CopyOptions& options_;
  const CurrentRow* source_ = nullptr;
  std::optional<Encryption> encryption_;
};

}  // namespace

Task<FollowAnswer> Objects::follow(const RequestContext&, const ObjectName& from, const ObjectName& to,
                                   const CopyOptions& options) {
  CO_TRY(check_name(from));
  CO_TRY(check_name(to));
  if (options.source.snapshot == 0) co_return FollowAnswer{Followed::no_snapshot};
  const auto reading = reclaimer_.enter();
  Follow follow(backend_, reclaimer_, clock_, keys_, from, to, options);
  auto use = [&](const CurrentRow& source) { return follow.make(source); };
  co_return co_await with_current(backend_.index, from, options.source, use);
}

}  // namespace sluice::object
