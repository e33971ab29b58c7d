#include "gateway/object/purge.h"

#include "gateway/object/listing.h"

namespace sluice::object {
namespace {

constexpr std::size_t kPageSize = 1000;
constexpr int kRoundsMax = 5;

/// Removes what is listed now.
Task<> empty_out(Backend backend, Objects& objects, const RequestContext& context, const std::string& bucket) {
  ListOptions options{.prefix = {}, .delimiter = {}, .after = {}, .limit = kPageSize};
  for (;;) {
    CO_TRY(const ListPage page, co_await list_objects(backend, context, bucket, options));
    std::vector<RemoveRequest> requests;
    for (const ListEntry& entry : page.entries) requests.push_back({.key = entry.name, .conditions = {}});
    CO_TRY(const auto removed, co_await objects.remove(context, bucket, requests));
    for (const Result<>& one : removed) {
      if (!one) co_return one;
    }
    if (!page.truncated) co_return done;
    options.after = page.entries.back().name;
  }
}

}  // namespace

Task<> purge(Backend backend, Objects& objects, Buckets& buckets, const RequestContext& context,
             const std::string& bucket) {
  for (int round = 1;; ++round) {
    CO_TRY(co_await empty_out(backend, objects, context, bucket));
    const auto removed = co_await buckets.remove(context, bucket);
    if (removed || removed.error().code != ErrorCode::bucket_not_empty || round == kRoundsMax) co_return removed;
  }
}

}  // namespace sluice::object
