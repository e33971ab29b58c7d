#pragma once

#include <string>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/context.h"
#include "gateway/object/buckets.h"
#include "gateway/object/name.h"
#include "gateway/object/tag_query.h"

namespace sluice::object {

struct TagSearch {
  const TagQuery& query;
  std::string owner;   ///< The search goes through all buckets of this account,
  std::string bucket;  ///< or, where it is named, through one alone.
  ObjectName after{};  ///< Resume behind this object.
  std::size_t limit = 1000;
  /// So many objects are looked at for one page, and a bucket counts as kBucketCost of them.
  std::size_t effort_max = 20000;

  static constexpr std::size_t kBucketCost = 20;
};

struct TagPage {
  struct Item {
    ObjectName name;
    ObjectInfo info;
  };
  std::vector<Item> items;  ///< By bucket, and by key within one; may be none though there are more.
  ObjectName next;          ///< Resume behind it; without a bucket: that was all.
};

/// One page of the current objects whose tags match. There is no index of tags: all objects
/// of the bucket, or of the account's buckets, are looked at, page by page.
/// Fails with no_such_bucket where a bucket is named.
Task<TagPage> find_by_tags(Backend backend, Buckets& buckets, const RequestContext& context, const TagSearch& search);

}  // namespace sluice::object
