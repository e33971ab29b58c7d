#include "gateway/object/tag_search.h"

#include <algorithm>

#include "gateway/object/listing.h"

namespace sluice::object {
namespace {

constexpr std::size_t kRowsAtOnce = 1000;
constexpr std::size_t kBucketsAtOnce = 100;

class TagSearching {
 public:
  TagSearching(Backend backend, const RequestContext& context, const TagSearch& search)
      : backend_(backend), context_(context), search_(search) {}

  // Goes on behind the key `after`. False: the page is at its end.
  Task<bool> look_through(const std::string& bucket, std::string after) {
    ListOptions options{.prefix = {}, .delimiter = {}, .after = std::move(after), .limit = kRowsAtOnce};
    for (;;) {
      options.limit = std::min(kRowsAtOnce, search_.effort_max - std::min(effort_, search_.effort_max));
      if (options.limit == 0) co_return stop(bucket, options.after);
      CO_TRY(auto page, co_await list_objects(backend_, context_, bucket, options));
      effort_ += page.entries.size();
      for (ListEntry& entry : page.entries) {
        if (!search_.query.matches(entry.info.tags, bucket)) continue;
        page_.items.push_back({.name = {bucket, entry.name}, .info = std::move(entry.info)});
        if (page_.items.size() == search_.limit) co_return stop(bucket, entry.name);
      }
      if (!page.truncated) co_return true;
      options.after = page.entries.back().name;
    }
  }

  // A bucket is opened. False: the page is at its end.
  bool open(const std::string& bucket) {
    if (effort_ != 0 && effort_ + TagSearch::kBucketCost > search_.effort_max) return stop(bucket, {});
    effort_ += TagSearch::kBucketCost;
    return true;
  }

  TagPage take() { return std::move(page_); }

 private:
  bool stop(const std::string& bucket, const std::string& key) {
    page_.next = {bucket, key};
    return false;
  }

  Backend backend_;
  const RequestContext& context_;
  const TagSearch& search_;
  std::size_t effort_ = 0;
  TagPage page_;
};

// The account's buckets, from the one where the page begins.
Task<> look_through_all(TagSearching& searching, Buckets& buckets, const RequestContext& context,
                        const TagSearch& search) {
  const auto& [first, key_after] = search.after;
  // A list begins behind a name, so the bucket where the page begins is looked up by itself.
  if (!first.empty()) {
    const auto bucket = co_await buckets.stat(context, first);
    if (bucket && bucket->owner == search.owner && searching.open(first)) {
      CO_TRY(const bool goes_on, co_await searching.look_through(first, key_after));
      if (!goes_on) co_return done;
    }
  }
  std::string after = first;
  for (;;) {
    CO_TRY(const auto page, co_await buckets.list(context, search.owner, {}, after, kBucketsAtOnce));
    for (const BucketInfo& bucket : page.buckets) {
      if (!searching.open(bucket.name)) co_return done;
      const auto looked = co_await searching.look_through(bucket.name, {});
      if (!looked && looked.error().code == ErrorCode::no_such_bucket) continue;  // Gone meanwhile.
      if (!looked) co_return std::unexpected(looked.error());
      if (!*looked) co_return done;
    }
    if (page.next.empty()) co_return done;
    after = page.next;
  }
}

}  // namespace

Task<TagPage> find_by_tags(Backend backend, Buckets& buckets, const RequestContext& context, const TagSearch& search) {
  TagSearching searching(backend, context, search);
  if (search.limit == 0) co_return TagPage{};
  if (search.bucket.empty()) {
    CO_TRY(co_await look_through_all(searching, buckets, context, search));
  } else {
    CO_TRY(co_await searching.look_through(search.bucket, search.after.key));
  }
  co_return searching.take();
}

}  // namespace sluice::object
