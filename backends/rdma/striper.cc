#include "backends/rdma/striper.h"

#include <algorithm>
#include <cstring>

#include "backends/rdma/replica.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::size_t kRecordsListed = 500;
constexpr std::uint32_t kPartLengthMax = 4 * kBlockSize;

}  // namespace

// What was begun is dropped by a later round.
Result<> Striper::go_on() const {
  if (!*go_on_) return fail(ErrorCode::unavailable, "the round ends");
  return done;
}

bool Striper::is_good(const Fragment& fragment) const { return health_.is_good(fragment.extent, fragment.disk); }

Task<> Striper::pace(std::uint64_t bytes) {
  co_await code_pace_.wait_for(bytes, *go_on_);
  co_return go_on();
}

std::vector<std::size_t> Striper::missing_of(const Stripe& stripe) const {
  std::vector<std::size_t> missing;
  for (std::size_t n = 0; n < stripe.fragments.size(); ++n) {
    if (!is_good(stripe.fragments[n])) missing.push_back(n);
  }
  return missing;
}

Task<Striper::Census> Striper::look_at_records() {
  Census census;
  ExtentNumber next{};
  while (true) {
    CO_TRY(const auto some, co_await cluster_.control_.list(next, kRecordsListed));
    for (const NumberedRecord& one : some) {
      next = ExtentNumber{static_cast<std::uint64_t>(one.extent) + 1};
      const ExtentRecord& record = one.versioned.record;
      if (record.stripe) {
        census.stripes.push_back(one);
        for (const Fragment& fragment : record.stripe->fragments) census.named.insert(fragment.extent);
      } else if (is_fragment(record)) {
        census.fragments.push_back(one);
      } else if (record.state == ExtentState::coded) {
        census.coded_in[one.extent] = record.place->stripe;
        if (!record.partial.empty()) census.half_returned.push_back(one);
        census.named.insert(record.place->stripe);
      } else if (record.state == ExtentState::sealed && options_.scheme) {
        census.sealed.push_back(one);
      }
    }
    if (some.size() < kRecordsListed) co_return census;
  }
}

// ---- a round

Task<Striped> Striper::round(const std::atomic<bool>& go_on) {
  Striped found;
  go_on_ = &go_on;
  CO_TRY(co_await health_.look());
  CO_TRY(auto census, co_await look_at_records());
  found.stripes = census.stripes.size();
  found.extents = census.coded_in.size();
  const auto missing = [this](const NumberedRecord& one) { return missing_of(*one.versioned.record.stripe).size(); };
  std::ranges::sort(census.stripes, std::ranges::greater(), missing);
  for (const NumberedRecord& one : census.stripes) {
    const std::size_t lacks = missing(one);
    found.missing += lacks;
    if (lacks == 0 || !go_on) continue;
    const auto rebuilt = co_await rebuild(one.extent);
    found.rebuilt += rebuilt.value_or(0);
    if (rebuilt) continue;
    if (rebuilt.error().code == ErrorCode::corrupt) ++found.lost;
    const auto number = static_cast<std::uint64_t>(one.extent);
    cluster_.log_.warning("stripe_not_rebuilt", {{"stripe", number}, {"detail", rebuilt.error().detail}});
  }
  CO_TRY(co_await return_thin(census, found));
  CO_TRY(co_await drop_strays(census, found));
  CO_TRY(co_await code_cold(std::move(census.sealed), found));
  co_return found;
}

// Those of one stripe should be as long.
Task<> Striper::code_cold(std::vector<NumberedRecord> extents, Striped& found) {
  if (!options_.scheme) co_return done;
  std::erase_if(extents, [this](const NumberedRecord& one) { return !is_whole(one) || !is_cold(one); });
  std::ranges::sort(extents, std::ranges::greater(),
                    [](const NumberedRecord& one) { return one.versioned.record.pages; });
  const std::size_t together = options_.scheme->data;
  if (extents.size() < together || !*go_on_) co_return done;
  const auto end = extents.begin() + static_cast<std::ptrdiff_t>(together);
  const auto coded = co_await code({extents.begin(), end});
  found.coded += coded.value_or(0);
  if (!coded) cluster_.log_.warning("extents_not_coded", {{"detail", coded.error().detail}});
  found.more = coded && *coded > 0 && extents.size() >= 2 * together;
  co_return done;
}

// ---- fragments made anew

// How many were. Fails with corrupt if too few fragments can be read.
Task<std::uint64_t> Striper::rebuild(ExtentNumber number) {
  CO_TRY(const auto found, co_await cluster_.control_.find(number));
  if (!found || found->record.state != ExtentState::sealed) co_return 0;
  const Stripe& stripe = *found->record.stripe;
  const auto there =
      std::ranges::count_if(stripe.fragments, [this](const auto& one) { return health_.is_there(one.disk); });
  if (there < stripe.scheme.data) co_return fail(ErrorCode::corrupt, "too few of its disks are there");
  const auto missing = missing_of(stripe);
  std::vector<Fragment> others;
  std::ranges::copy_if(stripe.fragments, std::back_inserter(others), [this](const auto& one) { return is_good(one); });
  CO_TRY(const auto disks, co_await disks_for(others, missing.size()));
  if (disks.empty()) co_return fail(ErrorCode::out_of_space, "no machine for a fragment");
  std::vector<Making> makings;
  for (std::size_t n = 0; n < disks.size(); ++n) {
    const StripePlace place{number, static_cast<std::uint8_t>(missing[n])};
    CO_TRY(auto making, co_await begin(place, fragment_pages(stripe, missing[n]), disks[n]));
    CO_TRY(co_await make_anew(stripe, making));
    makings.push_back(std::move(making));
  }
  std::vector<std::pair<std::size_t, Fragment>> made;
  for (const Making& making : makings) made.emplace_back(making.place.index, making.fragment);
  CO_TRY(const bool set, co_await cluster_.control_.set(number, found->revision, with_fragments(found->record, made)));
  cluster_.records_.erase(number);
  co_return set ? made.size() : 0;
}

// Of whatever can be read; and it is read again from where it was put.
Task<> Striper::make_anew(const Stripe& stripe, Making& making) {
  const auto range_of = [&](Pages window) {
    return ByteRange{std::uint64_t{window} * kRunLengthMax, window_length(making.pages, window)};
  };
  for (Pages window = 0; window < windows_of(making.pages); ++window) {
    CO_TRY(go_on());
    CO_TRY(const std::string bytes,
           co_await cluster_.stripe_reads_.range_of(stripe, making.place.index, range_of(window)));
    CO_TRY(const auto slots, co_await staging_slots(1));
    std::memcpy(Chunk(slots[0]).writable().data(), bytes.data(), bytes.size());
    co_await append_to(making, window, slots[0]);
    CO_TRY(Result<>(making.outcome));
  }
  CO_TRY(co_await finish(making));
  Stripe with = stripe;
  with.fragments[making.place.index] = making.fragment;
  for (Pages window = 0; window < windows_of(making.pages); ++window) {
    CO_TRY(co_await stored_range(with, making.place.index, range_of(window)));
  }
  co_return done;
}

// As it is on the fragment's own disk.
Task<std::string> Striper::stored_range(const Stripe& stripe, std::size_t fragment, ByteRange range) {
  std::string bytes;
  for (const FragmentPart& part : parts_of(fragment, range, kPartLengthMax)) {
    CO_TRY(const Chunk some, co_await cluster_.stripe_reads_.stored(stripe, part));
    bytes += some.text();
  }
  co_return bytes;
}

// ---- what nothing names

Task<> Striper::drop_strays(const Census& census, Striped& found) {
  for (const NumberedRecord& stripe : census.stripes) {
    if (census.named.contains(stripe.extent)) continue;
    CO_TRY(const bool dropped, co_await drop_stripe(stripe));
    found.dropped += dropped ? 1 : 0;
  }
  std::map<ExtentNumber, std::vector<NumberedRecord>> fragments;
  for (const NumberedRecord& one : census.fragments) {
    if (!census.named.contains(one.extent)) fragments[one.versioned.record.place->stripe].push_back(one);
  }
  for (auto& [stripe, some] : fragments) {
    CO_TRY(const auto dropped, co_await drop_fragments(stripe, std::move(some)));
    found.dropped += dropped;
  }
  co_return done;
}

// Whoever made it read the extents' records before it was there: once all are others, none can name it any more.
Task<bool> Striper::drop_stripe(const NumberedRecord& stripe) {
  std::vector<NumberedRecord> extents;
  for (const Stripe::Place& place : stripe.versioned.record.stripe->places) {
    CO_TRY(auto found, co_await cluster_.control_.find(place.extent));
    if (names_stripe(found ? &found->record : nullptr, stripe.extent)) co_return false;
    if (found) extents.push_back({place.extent, *std::move(found)});
  }
  for (const NumberedRecord& one : extents) {
    const ExtentRecord other = disowning_record(one.versioned.record);
    CO_TRY(const bool set, co_await cluster_.control_.set(one.extent, one.versioned.revision, other));
    if (!set) co_return false;
  }
  CO_TRY(const bool erased, co_await cluster_.control_.erase(stripe.extent, stripe.versioned.revision));
  cluster_.records_.erase(stripe.extent);
  co_return erased;
}

// So it is with fragments and their stripe's record.
Task<std::uint64_t> Striper::drop_fragments(ExtentNumber stripe, std::vector<NumberedRecord> fragments) {
  CO_TRY(const auto found, co_await cluster_.control_.find(stripe));
  std::erase_if(fragments, [&](const NumberedRecord& one) {
    return names_fragment(found ? &found->record : nullptr, one.extent);
  });
  if (fragments.empty()) co_return 0;
  if (found) {
    CO_TRY(const bool set, co_await cluster_.control_.set(stripe, found->revision, disowning_record(found->record)));
    if (!set) co_return 0;
  }
  std::uint64_t dropped = 0;
  for (const NumberedRecord& one : fragments) {
    CO_TRY(const bool erased, co_await cluster_.control_.erase(one.extent, one.versioned.revision));
    dropped += erased ? 1 : 0;
  }
  co_return dropped;
}

// ---- a fragment on its way

// On as many machines, of which none has one of the others, and in other zones if that goes; as many as there are.
Task<std::vector<Uuid>> Striper::disks_for(const std::vector<Fragment>& others, std::size_t count,
                                           ExtentNumber extent) {
  std::set<std::string> machines, zones;
  for (const Fragment& other : others) {
    machines.insert(health_.nodes().at(other.disk).address.machine);
    zones.insert(health_.nodes().at(other.disk).address.zone);
  }
  std::vector<DiskChoice> choices;
  for (const auto& [incarnation, node] : health_.nodes()) {
    if (!node.alive || node.draining || machines.contains(node.address.machine)) continue;
    if (health_.is_damaged(extent, incarnation)) continue;
    CO_TRY(NodeClient* const client, co_await cluster_.node(incarnation));
    co_await cluster_.ask_room(*client, choices);
  }
  std::vector<DiskChoice> elsewhere;
  std::ranges::copy_if(choices, std::back_inserter(elsewhere),
                       [&](const DiskChoice& choice) { return !zones.contains(choice.zone); });
  auto placed = place(elsewhere, count, cluster_.random_());
  for (std::size_t fewer = count; !placed && fewer > 0; --fewer) placed = place(choices, fewer, cluster_.random_());
  co_return placed.value_or(std::vector<Uuid>{});
}

Task<Striper::Making> Striper::begin(StripePlace place, Pages pages, Uuid disk) {
  CO_TRY(const auto number, co_await cluster_.control_.create(fragment_record(place, disk)));
  co_return Making{place, pages, {number, disk}, done};
}

// A window of each: what is in the slot of the same number, if the fragment is that long.
Task<> Striper::append(std::vector<Making>& makings, Pages window, const std::vector<Chunk>& slots) {
  std::vector<Awaitable<>> appends;
  for (std::size_t n = 0; n < makings.size(); ++n) {
    if (window < windows_of(makings[n].pages)) appends.push_back(append_to(makings[n], window, slots[n]));
  }
  co_await cluster_.all(std::move(appends));
  for (const Making& making : makings) {
    CO_TRY(Result<>(making.outcome));
  }
  co_return done;
}

Awaitable<> Striper::append_to(Making& making, Pages window, Chunk slot) {
  const Chunk bytes = slot.slice(0, window_length(making.pages, window));
  const Run run{window_page(window), static_cast<std::uint32_t>(bytes.size()), crc32c(bytes.text())};
  const auto appended = co_await cluster_.append_at(making.fragment.disk, making.fragment.extent, Epoch{1}, run, slot);
  if (!appended) making.outcome = appended;
}

// Only a disk that says that it has all has it; the record says so from then on.
Task<> Striper::finish(const Making& making) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(making.fragment.disk));
  const Pages pages = stored_pages(making.pages);
  const Seal seal{.replica = {making.fragment.disk, making.fragment.extent}, .epoch = Epoch{1}, .pages = pages};
  CO_TRY(co_await client->call(seal, cluster_.options_.timeouts.read));
  CO_TRY(const auto found, co_await cluster_.control_.find(making.fragment.extent));
  if (!found) co_return fail(ErrorCode::conflict, "the fragment was dropped");
  CO_TRY(const bool set, co_await cluster_.control_.set(making.fragment.extent, found->revision,
                                                        sealed_fragment(found->record, pages)));
  if (!set) co_return fail(ErrorCode::conflict, "the fragment is another's");
  co_return done;
}

// Clients go first: what there is no memory for now is done by a later round.
Task<std::vector<Chunk>> Striper::staging_slots(std::size_t count) {
  std::vector<Chunk> slots;
  while (slots.size() < count) {
    auto slot = cluster_.staging_.take();
    if (!slot) co_return fail(ErrorCode::busy, "no memory for fragments");
    slots.push_back(*std::move(slot));
  }
  co_return slots;
}

}  // namespace sluice::rdma
