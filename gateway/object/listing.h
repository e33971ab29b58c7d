#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/context.h"
#include "gateway/object/info.h"
#include "gateway/object/outline.h"

namespace sluice::object {

struct ListOptions {
  std::string prefix;
  std::string delimiter;  ///< Empty: none. May be several bytes.
  std::string after;      ///< Names up to and including this are left out; it need not exist.
  std::size_t limit = 1000;
  std::string from{};  ///< Names below this are left out.
};

struct ListEntry {
  std::string name;  ///< The key, or the prefix up to and including the delimiter.
  bool is_prefix = false;
  ObjectInfo info;         ///< Of a key. Metadata and headers are filled in too.
  bool is_staged = false;  ///< There are blocks of that name alone, which nobody has committed.
};

struct ListPage {
  std::vector<ListEntry> entries;  ///< Keys and prefixes in one byte order.
  bool truncated = false;          ///< Resume with `after` = the last entry's name.
};

/// One page of a bucket's objects, in byte order of their keys. `after` that is
/// itself a folded prefix (ends with the delimiter, has the prefix) skips everything
/// below it. Costs what the page holds, not what the bucket holds.
/// Delete markers are passed over. Fails with no_such_bucket.
Task<ListPage> list_objects(Backend backend, const RequestContext& context, const std::string& bucket,
                            const ListOptions& options);

/// The same, with the keys that have staged blocks and no object. Costs what the page holds, and the
/// uploads in progress between its ends.
Task<ListPage> list_with_staged(Backend backend, const RequestContext& context, const std::string& bucket,
                                const ListOptions& options);

/// Is shown what a page holds, entry by entry, in the order of names. It must refer to nothing
/// that does not outlive the backend (RowVisitor says why).
class ListVisitor {
 public:
  virtual ~ListVisitor() = default;

  /// An object. `outline` is a view into its row, which decode_row() reads in full; all are
  /// good until this returns. Fails only for what its row says; that ends the page.
  virtual Result<> object(std::string_view key, const ObjectOutline& outline, std::string_view row) = 0;
  virtual void prefix(std::string_view name) = 0;
};

/// How a page ends.
struct ListEnd {
  std::size_t count = 0;   ///< Of entries.
  bool truncated = false;  ///< Resume with `after` = the last name.
  std::string last;        ///< Name of the last entry.
};

/// The page that list_objects() would give, shown to `visitor` without a copy of its rows.
/// Fails as that does; what was shown until then is void.
Task<ListEnd> show_objects(Backend backend, const std::string& bucket, const ListOptions& options,
                           std::shared_ptr<ListVisitor> visitor);

struct VersionListOptions {
  std::string prefix;
  std::string delimiter;
  std::string key_after;             ///< As ListOptions::after, but for what `revision_after` says.
  std::uint64_t revision_after = 0;  ///< Goes on within key_after, behind the state of that revision.
  std::uint64_t head_after = 0;      ///< The revision of the head of key_after, where that has been listed.
  std::size_t limit = 1000;
  bool versions = true;    ///< Noncurrent versions and delete markers.
  bool snapshots = false;  ///< Those of the Blob protocol.
  /// What is soft deleted and kept beyond that time, and the markers that stand for a key of which
  /// there is nothing else: their `snapshot` names the state that was current before.
  std::optional<UtcTime> deleted_at{};
  bool deleted_only = false;  ///< Nothing else.
  std::string from{};         ///< As ListOptions::from.
};

struct VersionEntry {
  std::string name;  ///< The key, or the prefix up to and including the delimiter.
  bool is_prefix = false;
  bool is_latest = false;  ///< It is the key's head.
  ObjectInfo info;

  /// Where it stands among the noncurrent states of its key.
  std::uint64_t position() const { return info.snapshot != 0 ? info.snapshot : info.revision; }
};

struct VersionPage {
  std::vector<VersionEntry> entries;  ///< By key, the head first and then the newest within one.
  bool truncated = false;             ///< Go on with options that go_on() has been given.
  std::uint64_t head = 0;             ///< The revision of the head of the last entry's key.

  /// Sets `options` to begin behind the last entry.
  void go_on(VersionListOptions& options) const;
};

/// One page of the states of a bucket's keys: current objects, and what `options` asks for.
/// Costs what the page holds. Fails with no_such_bucket.
Task<VersionPage> list_versions(Backend backend, const RequestContext& context, const std::string& bucket,
                                const VersionListOptions& options);

/// The age of a key's current object; as age_after: the whole key is listed already.
inline constexpr std::uint64_t kAgeMax = ~std::uint64_t{0};

struct StateListOptions {
  std::string prefix;
  std::string delimiter;
  std::string key_after;              ///< As ListOptions::after,
  std::uint64_t age_after = kAgeMax;  ///< but for states of that key that are above this age.
  std::size_t limit = 1000;           ///< At least 1.
  bool versions = false;              ///< Noncurrent versions.
  bool snapshots = false;
  std::optional<UtcTime> deleted_at{};  ///< As VersionListOptions has them.
  bool deleted_only = false;
  std::string from{};
};

/// Where an entry stands among the states of its key: what age_after takes.
std::uint64_t age_of(const VersionEntry& entry);

struct StatePage {
  std::vector<VersionEntry> entries;  ///< By key, and the oldest first within one; what is current is the last.
  bool truncated = false;             ///< Resume behind the last entry: its name and its age_of(), of a prefix kAgeMax.
};

/// One page of objects with their versions or snapshots, in the order of the Blob protocol; what was
/// the current object of a key that is soft deleted comes as one that is latest. No
/// delete markers. Costs what the page holds, and all states of the keys at its ends; holds
/// `limit` states in memory. Fails with no_such_bucket.
Task<StatePage> list_states(Backend backend, const RequestContext& context, const std::string& bucket,
                            const StateListOptions& options);

}  // namespace sluice::object
