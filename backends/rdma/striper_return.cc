// How what is left of a stripe that is mostly dead comes back to copies.
#include <algorithm>
#include <cstring>

#include "backends/rdma/replica.h"
#include "backends/rdma/striper.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::uint32_t kPartLengthMax = 4 * kBlockSize;
constexpr Pages kRunPagesMax = 1 + kWindowPages;

}  // namespace

/// A copy of a coded extent, on its way to a disk.
struct Striper::Returning {
  ExtentNumber extent;
  ExtentRecord coded;
  Uuid disk{};
  Pages at = 0;                  ///< So far.
  std::vector<Pages> fillers{};  ///< Runs that stand for what is not needed.
};

// Of which less than half is needed by anybody, as far as an index was read since.
Task<> Striper::return_thin(const Census& census, Striped& found) {
  // Another's round ended in the middle, or stands still: its copies are nobody's.
  for (const NumberedRecord& one : census.half_returned) {
    const ExtentRecord coded = returning_record(one.versioned.record, {});
    CO_TRY(co_await cluster_.control_.set(one.extent, one.versioned.revision, coded));
  }
  const auto live = std::exchange(cluster_.live_in_stripes_, {});
  if (live.empty()) co_return done;
  for (const NumberedRecord& stripe : census.stripes) {
    const auto& places = stripe.versioned.record.stripe->places;
    std::uint64_t all = 0, needed = 0;
    std::vector<ExtentNumber> left;
    for (const Stripe::Place& place : places) {
      all += place.pages;
      const auto is_in = census.coded_in.find(place.extent);
      if (is_in == census.coded_in.end() || is_in->second != stripe.extent) continue;
      left.push_back(place.extent);
      const auto known = live.find(place.extent);
      needed += known == live.end() ? place.pages : known->second.pages;
    }
    const bool is_known = std::ranges::all_of(left, [&](ExtentNumber extent) { return live.contains(extent); });
    if (!is_known || needed * 2 >= all) continue;
    for (const ExtentNumber extent : left) {
      const auto returned = co_await return_extent(extent, live.at(extent).runs);
      found.returned += returned.value_or(false) ? 1 : 0;
      if (!returned) cluster_.log_.warning("extent_not_returned", {{"detail", returned.error().detail}});
    }
  }
  co_return done;
}

// The disks are named before they get anything, so that they keep it; the extent stays coded until all have all that
// is needed of it.
Task<bool> Striper::return_extent(ExtentNumber extent, const std::vector<Pages>& pages) {
  CO_TRY(const auto found, co_await cluster_.control_.find(extent));
  if (!found || found->record.state != ExtentState::coded) co_return false;
  CO_TRY(const auto runs, co_await runs_in_stripe(extent, found->record, pages));
  CO_TRY(const auto disks, co_await disks_for({}, cluster_.options_.replicas, extent));
  if (disks.size() < cluster_.options_.replicas) co_return fail(ErrorCode::out_of_space, "too few machines for copies");
  const ExtentRecord begun = returning_record(found->record, disks);
  CO_TRY(const bool named, co_await cluster_.control_.set(extent, found->revision, begun));
  cluster_.records_.erase(extent);
  if (!named) co_return false;
  CO_TRY(const auto now, co_await cluster_.control_.find(extent));
  if (!now || now->record != begun) co_return false;
  for (const Uuid& disk : disks) {
    CO_TRY(co_await return_to({.extent = extent, .coded = begun, .disk = disk}, runs));
  }
  CO_TRY(const bool set, co_await cluster_.control_.set(extent, now->revision, returned_record(begun)));
  cluster_.records_.erase(extent);
  co_return set;
}

// As their headers in the image say.
Task<std::vector<Run>> Striper::runs_in_stripe(ExtentNumber extent, const ExtentRecord& coded,
                                               const std::vector<Pages>& pages) {
  CO_TRY(const ExtentRecord of_stripe, co_await cluster_.record(coded.place->stripe));
  if (!of_stripe.stripe) co_return fail(ErrorCode::corrupt, "no stripe");
  std::vector<Run> runs;
  for (const Pages page : pages) {
    CO_TRY(go_on());
    CO_TRY(const std::string bytes, co_await cluster_.stripe_reads_.range_of(*of_stripe.stripe, coded.place->index,
                                                                             {bytes_of(page), kPageSize}));
    const auto header = decode_run_header(bytes);
    if (!header || header->extent != extent || header->run.page != page || end_of(header->run) > coded.pages) {
      co_return fail(ErrorCode::corrupt, "a run that is needed is not in its stripe");
    }
    runs.push_back(header->run);
  }
  co_return runs;
}

// As a repair does: runs in their order, empty ones between, which are given back once all is there.
Task<> Striper::return_to(Returning copy, const std::vector<Run>& runs) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(copy.disk));
  const Fence fence{.replica = {copy.disk, copy.extent}, .epoch = copy.coded.epoch};
  CO_TRY(const auto reply, co_await client->call(fence, cluster_.options_.timeouts.read));
  copy.at = static_cast<Pages>(reply.value);
  for (const Run& run : runs) {
    CO_TRY(go_on());
    // It has it from when the extent had copies.
    if (run.page < copy.at) continue;
    CO_TRY(co_await fill_to(copy, run.page));
    CO_TRY(co_await return_run(copy, run));
  }
  CO_TRY(co_await fill_to(copy, copy.coded.pages));
  const Seal seal{.replica = fence.replica, .epoch = copy.coded.epoch, .pages = copy.coded.pages};
  CO_TRY(co_await client->call(seal, cluster_.options_.timeouts.read));
  for (const Pages page : copy.fillers) {
    CO_TRY(co_await cluster_.release_at(copy.disk, {copy.extent, page}));
  }
  co_return done;
}

Task<> Striper::fill_to(Returning& copy, Pages end) {
  while (copy.at < end) {
    const Pages pages = std::min(end - copy.at, kRunPagesMax);
    CO_TRY(const auto slots, co_await staging_slots(1));
    const Chunk zeros = slots[0].slice(0, bytes_of(pages - 1));
    std::memset(Chunk(slots[0]).writable().data(), 0, zeros.size());
    copy.fillers.push_back(copy.at);
    const Run filler{copy.at, static_cast<std::uint32_t>(zeros.size()), crc32c(zeros.text())};
    CO_TRY(co_await append_copy(copy, filler, slots[0]));
  }
  co_return done;
}

Task<> Striper::return_run(Returning& copy, Run run) {
  CO_TRY(const auto slots, co_await staging_slots(1));
  Chunk slot = slots[0];
  for (std::uint64_t at = 0; at < run.length; at += kPartLengthMax) {
    const ByteRange piece{at, std::min<std::uint64_t>(kPartLengthMax, run.length - at)};
    CO_TRY(const Chunk bytes, co_await cluster_.stripe_reads_.read(copy.coded, {copy.extent, run.page}, run, piece));
    std::memcpy(slot.writable().data() + at, bytes.bytes().data(), bytes.size());
  }
  if (crc32c(slot.text().substr(0, run.length)) != run.crc32c)
    co_return fail(ErrorCode::corrupt, "a run has other bytes");
  co_return co_await append_copy(copy, run, slot);
}

Task<> Striper::append_copy(Returning& copy, Run run, Chunk slot) {
  CO_TRY(co_await cluster_.append_at(copy.disk, copy.extent, copy.coded.epoch, run, slot));
  copy.at = end_of(run);
  co_return done;
}

}  // namespace sluice::rdma
