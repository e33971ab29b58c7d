#pragma once

#include <string>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/context.h"
#include "gateway/object/info.h"

namespace sluice::object {

struct ListOptions {
  std::string prefix;
  std::string delimiter;  ///< Empty: none. May be several bytes.
  std::string after;      ///< Names up to and including this are left out; it need not exist.
  std::size_t limit = 1000;
};

struct ListEntry {
  std::string name;  ///< The key, or the prefix up to and including the delimiter.
  bool is_prefix = false;
  ObjectInfo info;  ///< Of a key. Metadata and headers are filled in too.
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

struct VersionListOptions {
  std::string prefix;
  std::string delimiter;
  std::string key_after;             ///< As ListOptions::after, but for what `revision_after` says.
  std::uint64_t revision_after = 0;  ///< Goes on within key_after, behind the state of that revision.
  std::size_t limit = 1000;
  bool versions = true;    ///< Noncurrent versions and delete markers.
  bool snapshots = false;  ///< Those of the Blob protocol.
};

struct VersionEntry {
  std::string name;  ///< The key, or the prefix up to and including the delimiter.
  bool is_prefix = false;
  bool is_latest = false;  ///< It is the key's head.
  ObjectInfo info;

  /// Where it stands among the states of its key: what revision_after takes.
  std::uint64_t position() const { return info.snapshot != 0 ? info.snapshot : info.revision; }
};

struct VersionPage {
  std::vector<VersionEntry> entries;  ///< By key, and the newest first within one.
  bool truncated = false;  ///< Resume behind the last entry: its name and, unless it is a prefix, its position().
};

/// One page of the states of a bucket's keys: current objects, and what `options` asks for.
/// Costs what the page holds. Fails with no_such_bucket.
Task<VersionPage> list_versions(Backend backend, const RequestContext& context, const std::string& bucket,
                                const VersionListOptions& options);

}  // namespace sluice::object
