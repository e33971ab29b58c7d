#include <algorithm>

#include "gateway/object/catalog.h"
#include "gateway/object/cursor.h"
#include "gateway/object/known_bucket.h"
#include "gateway/object/listing.h"
#include "gateway/object/versions.h"

namespace sluice::object {
namespace {

// Merges the rows of heads and of versions, which have the same order of keys; a head is
// the newest of its key.
class VersionLister {
 public:
  VersionLister(Transaction& transaction, const std::string& bucket, const VersionListOptions& options)
      : bucket_(bucket),
        options_(options),
        heads_prefix_(objects_prefix(bucket)),
        heads_(transaction, heads_range(), expected()),
        versions_(transaction, versions_range(), expected()) {}

  Task<VersionPage> list() {
    VersionPage page;
    for (;;) {
      CO_TRY(auto entry, co_await next());
      if (!entry) co_return page;
      page.truncated = page.entries.size() == options_.limit;
      if (page.truncated) co_return page;
      page.head = entry->name == head_name_ ? head_revision_ : 0;
      if (entry->is_prefix) skip(entry->name);
      page.entries.push_back(std::move(*entry));
    }
  }

 private:
  std::size_t expected() const { return std::min(options_.limit, Cursor::kScanMax - 1) + 1; }

  // No key is longer than the limit, so one byte more tells as much as all of it does.
  std::string after() const { return options_.key_after.substr(0, kKeySizeMax + 1); }
  std::string from() const { return options_.from.substr(0, kKeySizeMax + 1); }
  bool is_behind_prefix() const { return folded(after(), options_.prefix, options_.delimiter) == after(); }

  KeyRange heads_range() const {
    auto range = keys_with(heads_prefix_ + options_.prefix);
    range.begin = std::max(range.begin, heads_prefix_ + from());
    if (options_.key_after.empty()) return range;
    auto begin = heads_prefix_ + after();
    if (is_behind_prefix()) {
      begin = successor(begin);
    } else if (options_.revision_after == 0) {
      begin.push_back('\0');
    }
    range.begin = std::max(range.begin, begin);
    return range;
  }

  KeyRange versions_range() const {
    if (!options_.versions && !options_.snapshots && !options_.deleted_at) return {"v", "v"};
    auto range = keys_with(versions_prefix(bucket_, options_.prefix));
    range.begin = std::max(range.begin, versions_prefix(bucket_, from()));
    if (options_.key_after.empty()) return range;
    const ObjectName name{bucket_, after()};
    auto begin = versions_of(name).end;
    if (is_behind_prefix()) {
      begin = successor(versions_prefix(bucket_, name.key));
    } else if (options_.revision_after != 0) {
      begin = version_key(name, options_.revision_after) + '\0';
    }
    range.begin = std::max(range.begin, begin);
    return range;
  }

  void skip(const std::string& prefix) {
    heads_.skip_to(successor(heads_prefix_ + prefix));
    versions_.skip_to(successor(versions_prefix(bucket_, prefix)));
  }

  // The next that is wanted; its row is passed, unless it is folded.
  Task<std::optional<VersionEntry>> next() {
    for (;;) {
      CO_TRY(const Entry* head, co_await heads_.peek());
      CO_TRY(const Entry* version, co_await versions_.peek());
      if (head == nullptr && version == nullptr) co_return std::optional<VersionEntry>{};
      std::optional<VersionName> name;
      if (version != nullptr) {
        name = version_of_key(version->key);
        if (!name) co_return fail(ErrorCode::corrupt, "the key of a version row");
      }
      const auto head_key =
          head == nullptr ? std::string_view{} : std::string_view(head->key).substr(heads_prefix_.size());
      const bool takes_head = head != nullptr && (version == nullptr || head_key <= name->object.key);
      const Entry& row = takes_head ? *head : *version;
      VersionEntry entry{.name = std::string(takes_head ? head_key : std::string_view(name->object.key)),
                         .is_prefix = false,
                         .is_latest = takes_head,
                         .info = {}};
      CO_TRY(auto record, decode_row<ObjectRecord>(row.key, row.value));
      entry.info = std::move(record.info);
      if (takes_head) {
        head_name_ = entry.name;
        head_revision_ = entry.info.revision;
        if (is_tombstone(entry.info)) entry.info.snapshot = record.deleted_current;
      }
      if (is_wanted(entry)) {
        if (const auto prefix = folded(entry.name, options_.prefix, options_.delimiter)) {
          co_return VersionEntry{.name = std::string(*prefix), .is_prefix = true, .is_latest = false, .info = {}};
        }
        (takes_head ? heads_ : versions_).pop();
        co_return entry;
      }
      (takes_head ? heads_ : versions_).pop();
    }
  }

  bool is_wanted(const VersionEntry& entry) const {
    const auto& info = entry.info;
    // Of the key where the page begins, the head may have been listed, or have become it since.
    const bool resumes = entry.is_latest && options_.revision_after != 0 && entry.name == options_.key_after;
    const bool is_listed = info.revision == options_.head_after || info.revision >= options_.revision_after;
    if (resumes && is_listed) return false;
    if (is_tombstone(info)) return options_.deleted_at.has_value();
    if (info.soft_deleted) return options_.deleted_at && info.kept_until > *options_.deleted_at;
    if (options_.deleted_only) return false;
    if (info.snapshot != 0) return options_.snapshots;
    return options_.versions || (entry.is_latest && !info.delete_marker);
  }

  const std::string& bucket_;
  const VersionListOptions& options_;
  const std::string heads_prefix_;
  Cursor heads_;
  Cursor versions_;
  // The last head that was passed.
  std::string head_name_;
  std::uint64_t head_revision_ = 0;
};

}  // namespace

void VersionPage::go_on(VersionListOptions& options) const {
  const VersionEntry& last = entries.back();
  options.key_after = last.name;
  options.head_after = head;
  options.revision_after = 0;
  if (last.is_prefix) return;
  // All noncurrent states stand behind the head: snapshots of it are newer than it is.
  options.revision_after = last.is_latest ? ~std::uint64_t{0} : last.position();
}

Task<VersionPage> list_versions(Backend backend, const RequestContext&, const std::string& bucket,
                                const VersionListOptions& options) {
  CO_TRY(co_await find_bucket(backend.index, bucket));
  if (options.limit == 0 || options.prefix.size() > kKeySizeMax) co_return VersionPage{};
  const auto transaction = backend.index.begin();
  VersionLister lister(*transaction, bucket, options);
  co_return co_await lister.list();
}

}  // namespace sluice::object
