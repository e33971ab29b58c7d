#include <algorithm>

#include "gateway/object/catalog.h"
#include "gateway/object/cursor.h"
#include "gateway/object/known_bucket.h"
#include "gateway/object/listing.h"

namespace sluice::object {
namespace {

// Merges the rows of heads and of uploads, which have the same order of keys.
class StagedLister {
 public:
  StagedLister(Transaction& transaction, const std::string& bucket, std::string bucket_id, const ListOptions& options)
      : bucket_(bucket),
        bucket_id_(std::move(bucket_id)),
        options_(options),
        heads_prefix_(objects_prefix(bucket)),
        heads_(transaction, heads_range(), std::min(options.limit, Cursor::kScanMax - 1) + 1),
        uploads_(transaction, uploads_range()) {}

  Task<ListPage> list() {
    ListPage page;
    for (;;) {
      CO_TRY(auto entry, co_await next());
      if (!entry) co_return page;
      page.truncated = page.entries.size() == options_.limit;
      if (page.truncated) co_return page;
      if (entry->is_prefix) {
        heads_.skip_to(successor(heads_prefix_ + entry->name));
        uploads_.skip_to(successor(uploads_prefix(bucket_, entry->name)));
      }
      page.entries.push_back(std::move(*entry));
    }
  }

 private:
  // No key is longer than the limit, so one byte more tells as much as all of it does.
  static std::string clamped(const std::string& name) { return name.substr(0, kKeySizeMax + 1); }
  bool is_behind_prefix() const {
    const auto after = clamped(options_.after);
    return folded(after, options_.prefix, options_.delimiter) == after;
  }

  KeyRange heads_range() const {
    auto range = keys_with(heads_prefix_ + options_.prefix);
    range.begin = std::max(range.begin, heads_prefix_ + clamped(options_.from));
    if (options_.after.empty()) return range;
    const auto after = heads_prefix_ + clamped(options_.after);
    range.begin = std::max(range.begin, is_behind_prefix() ? successor(after) : after + '\0');
    return range;
  }

  KeyRange uploads_range() const {
    auto range = keys_with(uploads_prefix(bucket_, options_.prefix));
    range.begin = std::max(range.begin, uploads_prefix(bucket_, clamped(options_.from)));
    if (options_.after.empty()) return range;
    const ObjectName after{bucket_, clamped(options_.after)};
    range.begin =
        std::max(range.begin, is_behind_prefix() ? successor(uploads_prefix(bucket_, after.key)) : uploads_end(after));
    return range;
  }

  // The next that is wanted; its row is passed, unless it is folded.
  Task<std::optional<ListEntry>> next() {
    for (;;) {
      CO_TRY(const Entry* head, co_await heads_.peek());
      CO_TRY(const Entry* upload, co_await uploads_.peek());
      if (head == nullptr && upload == nullptr) co_return std::optional<ListEntry>{};
      std::optional<UploadName> name;
      if (upload != nullptr) {
        name = upload_of_key(upload->key);
        if (!name) co_return fail(ErrorCode::corrupt, "the key of an upload row");
      }
      const bool takes_head =
          head != nullptr &&
          (upload == nullptr || std::string_view(head->key).substr(heads_prefix_.size()) <= name->object.key);
      CO_TRY(auto entry, takes_head ? of_head(*head) : of_upload(*name, *upload));
      Cursor& taken = takes_head ? heads_ : uploads_;
      if (!entry) {
        taken.pop();
        continue;
      }
      if (const auto prefix = folded(entry->name, options_.prefix, options_.delimiter)) {
        co_return ListEntry{.name = std::string(*prefix), .is_prefix = true, .info = {}};
      }
      taken.pop();
      co_return entry;
    }
  }

  Result<std::optional<ListEntry>> of_head(const Entry& row) {
    TRY(auto record, decode_row<ObjectRecord>(row.key, row.value));
    if (record.info.delete_marker || record.info.soft_deleted) return std::optional<ListEntry>{};
    object_ = row.key.substr(heads_prefix_.size());
    return ListEntry{.name = object_, .is_prefix = false, .info = std::move(record.info)};
  }

  Result<std::optional<ListEntry>> of_upload(const UploadName& name, const Entry& row) const {
    if (name.upload_id != kBlocksUpload || name.object.key == object_) return std::optional<ListEntry>{};
    TRY(auto record, decode_row<UploadRecord>(row.key, row.value));
    // A bucket of the same name that is gone may have left some.
    if (record.bucket_id != bucket_id_) return std::optional<ListEntry>{};
    ListEntry entry{.name = name.object.key, .is_prefix = false, .info = {}, .is_staged = true};
    entry.info.owner = record.owner;
    entry.info.modified = entry.info.created = record.begun;
    entry.info.md5 = digest_of(DigestAlgorithm::md5, {}).bytes;
    return entry;
  }

  const std::string& bucket_;
  const std::string bucket_id_;
  const ListOptions& options_;
  const std::string heads_prefix_;
  Cursor heads_;
  Cursor uploads_;
  std::string object_;  ///< The last key that has an object.
};

}  // namespace

Task<ListPage> list_with_staged(Backend backend, const RequestContext&, const std::string& bucket,
                                const ListOptions& options) {
  CO_TRY(const auto record, co_await find_bucket(backend.index, bucket));
  if (options.limit == 0 || options.prefix.size() > kKeySizeMax) co_return ListPage{};
  const auto transaction = backend.index.begin();
  StagedLister lister(*transaction, bucket, record->id, options);
  co_return co_await lister.list();
}

}  // namespace sluice::object
