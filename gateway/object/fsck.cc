#include "gateway/object/fsck.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "gateway/core/digest.h"
#include "gateway/object/catalog.h"
#include "gateway/object/content.h"
#include "gateway/object/cursor.h"
#include "gateway/object/live_extents.h"
#include "gateway/object/manifest.h"
#include "gateway/object/page_cipher.h"
#include "gateway/object/page_map.h"

namespace sluice::object {
namespace {

constexpr std::size_t kPageRows = 500;
constexpr std::size_t kEraseRows = 500;

struct IdHash {
  std::size_t operator()(ExtentId id) const { return std::hash<std::uint64_t>()(static_cast<std::uint64_t>(id)); }
};

// Sixteen bytes of which most are random, as a number; enough to tell ids apart.
std::uint64_t short_id(std::string_view id) {
  std::uint64_t number = 0;
  for (const char c : id.substr(0, kIdSize)) number = number * 257 + static_cast<unsigned char>(c);
  return number;
}

// Whether bytes decrypt is for who has the key; that a key and a seal are there is not.
bool is_sealed_as(const std::optional<Encryption>& encryption, const PartRecord& part) {
  return part.seal.has_value() == (encryption && part.info.size != 0);
}

// Reads every kind of row, in an order in which each finds what it refers to. In
// memory it keeps a number for each inline body, manifest and upload, and a short
// entry for each extent.
class Fsck {
 public:
  Fsck(Backend backend, const FsckOptions& options, const std::function<void(const std::string&)>& found,
       const std::function<void(const FsckReport&)>& progress)
      : backend_(backend), options_(options), found_(found), progress_(progress) {}

  Task<FsckReport> check() {
    CO_TRY(co_await check_buckets());
    CO_TRY(co_await check_garbage());
    CO_TRY(co_await check_objects());
    CO_TRY(co_await check_versions());
    CO_TRY(co_await check_uploads());
    CO_TRY(co_await check_parts());
    CO_TRY(co_await check_manifests());
    CO_TRY(co_await check_inline());
    CO_TRY(co_await check_extents());
    CO_TRY(co_await repair());
    CO_TRY(co_await reconcile());
    if (progress_) progress_(report_);
    co_return report_;
  }

 private:
  struct Seen {
    Extent extent;
    std::uint64_t references = 0;
    bool bad = false;
  };

  void fault(const std::string& what) {
    ++report_.faults;
    if (found_) found_(what);
  }

  // Rows that cannot be read may refer to anything: nothing is given back then.
  void unreadable(const std::string& what) {
    fault(what);
    unreadable_ = true;
  }

  void orphan(std::string key) {
    ++report_.orphan_rows;
    if (options_.repair) orphans_.push_back(std::move(key));
  }

  void tick() {
    const auto now = std::chrono::steady_clock::now();
    if (!progress_ || now - told_ < std::chrono::seconds(1)) return;
    told_ = now;
    progress_(report_);
  }

  // Every row of a kind, in pages that are transactions of their own.
  template <class Check>
  Task<> each(std::string_view letters, Check check) {
    auto range = keys_with(letters);
    for (;;) {
      CO_TRY(const auto rows, co_await backend_.index.begin()->scan(range, kPageRows));
      for (const auto& row : rows) {
        CO_TRY(co_await check(row));
        tick();
      }
      if (rows.size() < kPageRows) co_return done;
      range.begin = rows.back().key + '\0';
    }
  }

  Task<> check_buckets() {
    return each(rows::kBuckets, [this](const Entry& row) { return check_bucket(row); });
  }
  Task<> check_garbage() {
    return each(rows::kGarbage, [this](const Entry& row) { return check_garbage_row(row); });
  }
  Task<> check_objects() {
    return each(rows::kObjects, [this](const Entry& row) { return check_object(row); });
  }
  Task<> check_versions() {
    CO_TRY(co_await each(rows::kVersions, [this](const Entry& row) { return check_version(row); }));
    co_return co_await check_states();
  }
  Task<> check_uploads() {
    return each(rows::kUploads, [this](const Entry& row) { return check_upload(row); });
  }
  Task<> check_parts() {
    return each(rows::kParts, [this](const Entry& row) { return check_part(row); });
  }
  Task<> check_manifests() {
    return each(rows::kManifests,
                [this](const Entry& row) { return check_reached(row, rows::kManifests, manifests_); });
  }
  Task<> check_inline() {
    return each(rows::kInline, [this](const Entry& row) { return check_reached(row, rows::kInline, inline_bodies_); });
  }
  Task<> check_extents() {
    CO_TRY(co_await each(rows::kExtents, [this](const Entry& row) { return check_extent(row); }));
    for (const auto& [id, seen] : extents_) {
      if (!live_.contains(id)) fault("extent " + std::to_string(static_cast<std::uint64_t>(id)) + ": it has no row");
    }
    co_return done;
  }

  Task<> check_bucket(const Entry& row) {
    ++report_.buckets;
    const auto bucket = BucketRecord::decode(row.value);
    if (!bucket) unreadable("bucket " + bucket_of_key(row.key) + ": its row is unreadable");
    buckets_[bucket_of_key(row.key)] = bucket ? bucket->id : std::string{};
    if (bucket && bucket->settings.object_lock.enabled) {
      locked_buckets_.insert(bucket_of_key(row.key));
      if (bucket->settings.versioning != Versioning::enabled) {
        fault("bucket " + bucket_of_key(row.key) + ": has object lock, and does not keep versions");
      }
    }
    co_return done;
  }

  Task<> check_garbage_row(const Entry& row) {
    ++report_.garbage_rows;
    const auto rest = std::string_view(row.key).substr(rows::kExtentGarbage.size());
    if (row.key.starts_with(rows::kExtentGarbage)) {
      if (!ExtentRecord::decode(row.value)) unreadable("a garbage row of an extent is unreadable");
    } else if (row.key.starts_with(rows::kManifestGarbage)) {
      CO_TRY(co_await check_manifest_garbage(rest, row));
    } else if (row.key.starts_with(rows::kUploadGarbage)) {
      auto garbage = UploadGarbage::decode(row.value);
      if (!garbage) unreadable("a garbage row of an upload is unreadable");
      ended_[std::string(rest)] = std::move(garbage).value_or(UploadGarbage{});
    } else if (row.key.starts_with(rows::kBucketGarbage)) {
      if (!BucketGarbage::decode(row.value)) unreadable("a garbage row of a bucket is unreadable");
      gone_buckets_.insert(std::string(rest));
    } else if (row.key.starts_with(rows::kRetained)) {
      if (!retained_of_key(row.key)) unreadable("the key of a row of what is kept is unreadable");
    } else {
      unreadable("a garbage row of no known kind");
    }
    co_return done;
  }

  Task<> check_manifest_garbage(std::string_view id, const Entry& row) {
    manifests_.insert(short_id(id));
    const auto garbage = ManifestGarbage::decode(row.value);
    if (!garbage) unreadable("a garbage row of a manifest is unreadable");
    if (!garbage || !garbage->owned) co_return done;
    // Rows may be gone already, or not written yet; what is there is counted.
    const std::string where = "a manifest that is garbage";
    const auto prefix = manifest_prefix(id);
    co_return co_await each(prefix, [this, &where](const Entry& entry) -> Task<> {
      const auto record = ManifestRecord::decode(entry.value);
      if (!record) unreadable(where + ": a row is unreadable");
      if (!record) co_return done;
      for (const auto& part : record->parts) {
        CO_TRY(co_await refer(where, part.slices, false));
      }
      co_return done;
    });
  }

  Task<> check_object(const Entry& row) {
    ++report_.objects;
    const auto name = object_of_key(row.key);
    const auto where = name.bucket + "/" + name.key;
    if (!buckets_.contains(name.bucket)) fault(where + ": its bucket does not exist");
    const auto object = ObjectRecord::decode(row.value);
    if (!object) {
      unreadable(where + ": " + object.error().detail);
      co_return done;
    }
    if (object->null_revision != 0 || object->snapshot_count != 0 || object->deleted_count != 0) {
      CO_TRY(co_await check_promises(where, name, *object));
    }
    check_protection(where, name.bucket, object->info);
    co_return co_await check_content(where, *object);
  }

  void check_protection(const std::string& where, const std::string& bucket, const ObjectInfo& info) {
    if (info.protection.empty()) return;
    if (!locked_buckets_.contains(bucket)) fault(where + ": is protected in a bucket without object lock");
    if (info.delete_marker) fault(where + ": is a delete marker, and protected");
    if (info.soft_deleted && !check_unprotected(info.protection, info.deleted)) {
      fault(where + ": was removed while it was protected");
    }
  }

  Task<> check_content(const std::string& where, const ObjectRecord& object) {
    if (const auto* data = std::get_if<InlineContent>(&object.content)) {
      co_return co_await check_inline_content(where, *data, object.info.size);
    }
    if (const auto* slices = std::get_if<std::vector<Slice>>(&object.content)) {
      co_return co_await refer(where, *slices, true);
    }
    if (const auto* manifest = std::get_if<Manifest>(&object.content)) {
      co_return co_await check_manifest(where, *manifest, object.info);
    }
    if (const auto* appended = std::get_if<Appended>(&object.content)) {
      co_return co_await check_appended(where, *appended, object.info);
    }
    if (const auto* map = std::get_if<PageMap>(&object.content)) {
      co_return co_await check_pages(where, *map, object.info);
    }
    co_return done;
  }

  // What a head says of rows of its key; that there are such is looked at here, all else
  // from those rows.
  Task<> check_promises(const std::string& where, const ObjectName& name, const ObjectRecord& head) {
    if (head.null_revision != 0) {
      CO_TRY(const auto row, co_await backend_.index.get(version_key(name, head.null_revision)));
      if (!row) fault(where + ": its null version is missing");
    }
    if (head.deleted_current != 0) {
      CO_TRY(const auto row, co_await backend_.index.get(version_key(name, head.deleted_current)));
      if (!row) fault(where + ": what was current of it is missing");
    }
    if (head.snapshot_count != 0 || head.deleted_count != 0) {
      CO_TRY(const auto rows, co_await backend_.index.begin()->scan(versions_of(name), 1));
      if (rows.empty()) fault(where + ": its snapshots, or what is soft deleted of it, are missing");
    }
    co_return done;
  }

  Task<> check_version(const Entry& row) {
    ++report_.versions;
    const auto name = version_of_key(row.key);
    if (!name) {
      unreadable("the key of a version row is unreadable");
      co_return done;
    }
    const auto where = name->object.bucket + "/" + name->object.key + " version " + to_text(VersionId{name->revision});
    const auto object = ObjectRecord::decode(row.value);
    if (!object) {
      unreadable(where + ": " + object.error().detail);
      co_return done;
    }
    const auto& info = object->info;
    if (name->revision != (info.snapshot != 0 ? info.snapshot : info.revision)) {
      fault(where + ": its row says another revision");
    }
    if (name->object != states_.name) {
      CO_TRY(co_await check_states());
      states_ = {.name = name->object, .newest = name->revision};
    }
    if (info.soft_deleted) {
      ++states_.deleted_count;
      CO_TRY(const auto mark, co_await backend_.index.get(retained_key(info.kept_until, name->object, name->revision)));
      if (!mark) fault(where + ": nothing says when it is to go");
    } else if (info.snapshot != 0) {
      ++states_.snapshot_count;
    } else if (!info.versioned) {
      if (states_.null_revision != 0) fault(where + ": there is another null version");
      states_.null_revision = name->revision;
    }
    check_protection(where, name->object.bucket, info);
    co_return co_await check_content(where, *object);
  }

  // The states of one key against its head.
  Task<> check_states() {
    const auto states = std::exchange(states_, {});
    const auto& [bucket, key] = states.name;
    if (bucket.empty()) co_return done;
    const auto where = bucket + "/" + key;
    CO_TRY(const auto row, co_await backend_.index.get(object_key(states.name)));
    const auto head = row ? ObjectRecord::decode(*row) : Result<ObjectRecord>();
    if (!row) fault(where + ": has versions, but no head");
    if (!row || !head) co_return done;
    if (states.newest >= std::max(head->info.revision, head->newest_snapshot + 1)) {
      fault(where + ": has a version that is newer than its head");
    }
    if (head->null_revision != states.null_revision) fault(where + ": its null version is another one");
    if (states.null_revision != 0 && !head->info.versioned) fault(where + ": has two null versions");
    if (head->snapshot_count != states.snapshot_count) {
      fault(where + ": has " + std::to_string(states.snapshot_count) + " snapshots, not " +
            std::to_string(head->snapshot_count));
    }
    if (head->deleted_count != states.deleted_count) {
      fault(where + ": has " + std::to_string(states.deleted_count) + " states that are soft deleted, not " +
            std::to_string(head->deleted_count));
    }
    co_return done;
  }

  Task<> check_inline_content(const std::string& where, const InlineContent& content, std::uint64_t size) {
    if (!inline_bodies_.insert(short_id(content.id)).second) fault(where + ": shares its bytes with another object");
    CO_TRY(const auto bytes, co_await backend_.index.get(inline_key(content.id)));
    if (!bytes) {
      fault(where + ": its bytes are missing");
    } else if (bytes->size() != size || crc32c(*bytes) != content.crc32c) {
      fault(where + ": its bytes do not match their checksum");
    } else {
      report_.bytes_checked += size;
    }
    co_return done;
  }

  Task<> check_appended(const std::string& where, const Appended& content, const ObjectInfo& info) {
    if (!content.packed.rows.empty()) {
      ObjectInfo runs;  // Parts are numbered from 1 on.
      runs.encryption = info.encryption;
      runs.part_count = content.packed.rows.back().last_number;
      CO_TRY(co_await check_manifest(where, content.packed, runs));
    }
    CO_TRY(co_await refer(where, content.slices, true));
    for (const auto& [body, size, seal] : content.tail) {
      CO_TRY(co_await check_inline_content(where, body, size));
    }
    co_return done;
  }

  Task<> check_pages(const std::string& where, const PageMap& map, const ObjectInfo& info) {
    if (!manifests_.insert(short_id(map.id)).second) fault(where + ": shares its pages with another object");
    CO_TRY(const auto first, co_await backend_.index.get(manifest_key(map.id, 0)));
    if (!first) fault(where + ": the first row of its pages is missing");
    const auto prefix = manifest_prefix(map.id);
    co_return co_await each(prefix, [this, &where, &info](const Entry& row) { return check_region(where, row, info); });
  }

  Task<> check_region(const std::string& where, const Entry& row, const ObjectInfo& info) {
    const auto region = region_of_key(row.key);
    if (!region) co_return done;
    const auto record = ManifestRecord::decode(row.value);
    const auto runs = record ? runs_of(*record) : Result<PageRuns>(std::unexpected(record.error()));
    if (!runs || runs->empty()) {
      unreadable(where + ": a row of its pages is unreadable");
      co_return done;
    }
    if (*region * kRegionSize + runs->back().end() > info.size) fault(where + ": has pages beyond its end");
    const bool sealed = info.encryption ? are_sealed(*runs, record->sealed) : record->sealed.empty();
    if (!sealed) fault(where + ": pages are encrypted and the object is not, or inversely");
    for (const auto& run : record->parts) {
      CO_TRY(co_await refer(where, run.slices, true));
    }
    co_return done;
  }

  Task<> check_manifest(const std::string& where, const Manifest& manifest, const ObjectInfo& info) {
    if (!manifests_.insert(short_id(manifest.id)).second) fault(where + ": shares its parts with another object");
    std::uint32_t count = 0;
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
      auto parts = co_await read_row(backend_.index, manifest, i);
      if (!parts && parts.error().code != ErrorCode::corrupt) co_return std::unexpected(parts.error());
      if (!parts || !*parts) {
        unreadable(where + ": row " + std::to_string(i) + " of its parts is " + (parts ? "missing" : "unreadable"));
        continue;
      }
      if ((*parts)->front().info.number <= before) fault(where + ": its parts are out of order");
      before = (*parts)->back().info.number;
      count += static_cast<std::uint32_t>((*parts)->size());
      for (const auto& part : **parts) {
        if (!is_sealed_as(info.encryption, part))
          fault(where + ": a part is encrypted and the object is not, or inversely");
        CO_TRY(co_await refer(where, part.slices, true));
      }
    }
    if (count != info.part_count)
      fault(where + ": has " + std::to_string(count) + " parts, not " + std::to_string(info.part_count));
    co_return done;
  }

  Task<> check_upload(const Entry& row) {
    const auto name = upload_of_key(row.key);
    const auto upload = UploadRecord::decode(row.value);
    if (!name || !upload) {
      unreadable("an upload row is unreadable");
      co_return done;
    }
    ++report_.uploads;
    uploads_.insert(upload->blocks.empty() ? name->upload_id : upload->blocks);
    const auto bucket = buckets_.find(name->object.bucket);
    const bool current = bucket != buckets_.end() && bucket->second == upload->bucket_id;
    if (!current && !gone_buckets_.contains(upload->bucket_id)) {
      fault(name->object.bucket + "/" + name->object.key + ": an upload to a bucket that does not exist");
    }
    co_return done;
  }

  Task<> check_part(const Entry& row) {
    const auto upload_id = row.key.substr(rows::kParts.size(), kUploadIdSize);
    const auto part = PartRecord::decode(row.value);
    const auto ended = ended_.find(upload_id);
    if (!part) {
      unreadable("upload " + upload_id + ": the row of a part is unreadable");
    } else if (uploads_.contains(upload_id)) {
      ++report_.parts;
      CO_TRY(co_await refer("upload " + upload_id + " part " + std::to_string(part->info.number), part->slices, true));
    } else if (ended == ended_.end()) {
      orphan(row.key);
    } else if (!ended->second.is_claimed(part->info.number)) {
      CO_TRY(co_await refer("a part that is garbage", part->slices, false));
    }
    co_return done;
  }

  Task<> check_reached(const Entry& row, std::string_view letters, const std::unordered_set<std::uint64_t>& reached) {
    if (!reached.contains(short_id(std::string_view(row.key).substr(letters.size())))) orphan(row.key);
    co_return done;
  }

  // Counts what refers to extents, and reads each extent where it is first met.
  Task<> refer(const std::string& where, const std::vector<Slice>& slices, bool reads) {
    for (const auto& slice : slices) {
      auto& seen = extents_[slice.extent.id];
      if (seen.references == 0) seen.extent = slice.extent;
      if (seen.extent != slice.extent) fault(where + ": names an extent in another way than others do");
      if (seen.references++ == 0 && reads && options_.read_bytes) {
        CO_TRY(seen.bad, co_await is_bad(slice.extent));
      }
      if (seen.bad && reads) {
        fault(where + ": extent " + std::to_string(static_cast<std::uint64_t>(slice.extent.id)) +
              " is missing or corrupt");
      }
    }
    co_return done;
  }

  Task<bool> is_bad(const Extent& extent) {
    if (extent.length == 0) co_return false;
    auto source = co_await backend_.extents.open(extent, {0, extent.length});
    if (!source) co_return co_await judge(source.error());
    std::uint32_t crc = 0;
    std::uint64_t length = 0;
    for (;;) {
      const auto chunk = co_await (*source)->read();
      if (!chunk) co_return co_await judge(chunk.error());
      if (chunk->empty()) break;
      crc = crc32c(chunk->text(), crc);
      length += chunk->size();
      report_.bytes_checked += chunk->size();
      tick();
    }
    co_return length != extent.length || crc != extent.crc32c;
  }

  // A device that does not answer ends the check; bytes that are wrong are its result.
  static Task<bool> judge(const Error& error) {
    if (error.code == ErrorCode::corrupt) co_return true;
    co_return std::unexpected(error);
  }

  Task<> check_extent(const Entry& row) {
    ++report_.extents;
    const auto id = extent_of_key(row.key);
    const auto record = ExtentRecord::decode(row.value);
    if (!id || !record) {
      unreadable("an extent row is unreadable");
      co_return done;
    }
    live_.insert(*id);
    const auto seen = extents_.find(*id);
    if (seen == extents_.end()) {
      ++report_.orphan_rows;
      wrong_.push_back({{*id, record->length, record->crc32c}, 0});
      co_return done;
    }
    const auto& [extent, references, bad] = seen->second;
    const auto where = "extent " + std::to_string(static_cast<std::uint64_t>(*id));
    if (extent.length != record->length || extent.crc32c != record->crc32c) {
      fault(where + ": its row differs from what objects say of it");
    } else if (references != record->references) {
      fault(where + ": " + std::to_string(record->references) + " references are recorded, there are " +
            std::to_string(references));
      wrong_.push_back({extent, references});
    }
    co_return done;
  }

  // Rows first, then counts: what is interrupted is an orphan still, never a loss.
  Task<> repair() {
    if (!options_.repair || unreadable_) co_return done;
    for (std::size_t begin = 0; begin < orphans_.size(); begin += kEraseRows) {
      const auto transaction = backend_.index.begin();
      const auto end = std::min(begin + kEraseRows, orphans_.size());
      for (auto i = begin; i < end; ++i) transaction->erase(orphans_[i]);
      CO_TRY(co_await transaction->commit());
    }
    for (const auto& [extent, references] : wrong_) {
      const auto transaction = backend_.index.begin();
      Catalog rows(*transaction);
      const ExtentRecord record{extent.length, extent.crc32c, references};
      if (references != 0) {
        rows.put(extent_key(extent.id), record);
      } else {
        rows.erase(extent_key(extent.id));
        rows.put(extent_garbage_key(extent.id), record);
      }
      CO_TRY(co_await transaction->commit());
    }
    co_return done;
  }

  Task<> reconcile() {
    const auto live = live_extents(backend_.index);
    const auto reconciled = co_await backend_.extents.reconcile(*live, options_.repair && !unreadable_);
    if (!reconciled) {
      // An unreadable extent row has been told of already.
      if (reconciled.error().code == ErrorCode::corrupt && unreadable_) co_return done;
      co_return std::unexpected(reconciled.error());
    }
    report_.orphan_bytes = reconciled->orphan_bytes;
    co_return done;
  }

  Backend backend_;
  const FsckOptions& options_;
  const std::function<void(const std::string&)>& found_;
  const std::function<void(const FsckReport&)>& progress_;
  FsckReport report_;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
  bool unreadable_ = false;

  std::map<std::string, std::string> buckets_;  ///< Id by name.
  std::unordered_set<std::string> locked_buckets_;
  std::unordered_set<std::string> gone_buckets_;
  std::unordered_set<std::string> uploads_;
  std::unordered_map<std::string, UploadGarbage> ended_;
  std::unordered_set<std::uint64_t> inline_bodies_;
  std::unordered_set<std::uint64_t> manifests_;
  std::unordered_map<ExtentId, Seen, IdHash> extents_;
  std::unordered_set<ExtentId, IdHash> live_;
  /// What rows of one key have said so far.
  struct States {
    ObjectName name;
    std::uint64_t newest = 0;
    std::uint64_t snapshot_count = 0;
    std::uint64_t deleted_count = 0;
    std::uint64_t null_revision = 0;
  };
  States states_;
  struct Wrong {
    Extent extent;
    std::uint64_t references;
  };
  std::vector<Wrong> wrong_;
  std::vector<std::string> orphans_;
};

}  // namespace

Task<FsckReport> fsck(Backend backend, const FsckOptions& options, const std::function<void(const std::string&)>& found,
                      const std::function<void(const FsckReport&)>& progress) {
  Fsck check(backend, options, found, progress);
  co_return co_await check.check();
}

}  // namespace sluice::object
