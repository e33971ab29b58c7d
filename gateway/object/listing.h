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
/// Fails with no_such_bucket.
Task<ListPage> list_objects(Backend backend, const RequestContext& context, const std::string& bucket,
                            const ListOptions& options);

}  // namespace sluice::object
