// How cold extents come into a stripe.
#include <algorithm>
#include <cstring>

#include "backends/rdma/mending.h"
#include "backends/rdma/replica.h"
#include "backends/rdma/striper.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::uint32_t kPartLengthMax = 4 * kBlockSize;
constexpr std::chrono::hours kPutOff{1};
constexpr std::size_t kRunsKept = 2;  // Of an image: what is in one window goes on in the next.

std::uint64_t seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

// The run as it is in an image.
std::string image_of(ExtentNumber extent, const Run& run, std::string_view bytes) {
  std::string image = image_header(extent, run.page, bytes);
  image += bytes;
  image.resize(bytes_of(pages_of(run)), '\0');
  return image;
}

}  // namespace

/// The image of an extent, made of its members' runs.
class Striper::ReplicaImage {
 public:
  ReplicaImage(Cluster& cluster, NumberedRecord extent, std::vector<Run> runs)
      : cluster_(&cluster), extent_(std::move(extent)), runs_(std::move(runs)) {}

  const NumberedRecord& extent() const { return extent_; }
  const std::vector<Run>& runs() const { return runs_; }

  /// Zeros where there is no run, and behind the end.
  Task<> fill(std::uint64_t offset, std::span<std::byte> into) {
    std::memset(into.data(), 0, into.size());
    const std::uint64_t end = offset + into.size();
    for (const Run& run : runs_) {
      const std::uint64_t begin = bytes_of(run.page), after = bytes_of(end_of(run));
      if (after <= offset || begin >= end) continue;
      CO_TRY(const auto image, co_await load(run));
      const std::uint64_t from = std::max(begin, offset), to = std::min(after, end);
      std::memcpy(into.data() + (from - offset), image->data() + (from - begin), to - from);
    }
    co_return done;
  }

 private:
  // All of it, from whichever member has it whole.
  Task<std::shared_ptr<const std::string>> load(Run run) {
    for (const auto& [page, image] : kept_) {
      if (page == run.page) co_return image;
    }
    std::string bytes;
    while (bytes.size() < run.length) {
      const ByteRange piece{bytes.size(), std::min<std::uint64_t>(kPartLengthMax, run.length - bytes.size())};
      const RunPlace place{extent_.extent, run.page};
      CO_TRY(const Chunk some, co_await cluster_->read_from_any(extent_.versioned.record, place, run, piece));
      bytes += some.text();
    }
    if (crc32c(bytes) != run.crc32c) co_return fail(ErrorCode::corrupt, "a run has other bytes");
    auto image = std::make_shared<const std::string>(image_of(extent_.extent, run, bytes));
    if (kept_.size() == kRunsKept) kept_.pop_front();
    kept_.emplace_back(run.page, image);
    co_return image;
  }

  Cluster* cluster_;
  NumberedRecord extent_;
  std::vector<Run> runs_;
  std::deque<std::pair<Pages, std::shared_ptr<const std::string>>> kept_;
};

/// Whether a fragment has, from its beginning on, the image with these runs and nothing else.
class Striper::ImageCheck {
 public:
  explicit ImageCheck(const ReplicaImage& image)
      : extent_(image.extent().extent), pages_(image.extent().versioned.record.pages), runs_(image.runs()) {}

  /// What follows; false once it is wrong.
  bool take(std::string_view bytes) {
    if (bytes.size() > bytes_of(pages_) - (at_ + pending_.size())) return false;
    pending_ += bytes;
    while (next_ < runs_.size()) {
      const Run& run = runs_[next_];
      if (!are_zeros(std::min<std::uint64_t>(bytes_of(run.page) - at_, pending_.size()))) return false;
      const std::uint64_t size = bytes_of(pages_of(run));
      if (at_ < bytes_of(run.page) || pending_.size() < size) return true;
      const std::string_view image = std::string_view(pending_).substr(0, size);
      const std::string_view stored = image.substr(kPageSize, run.length);
      if (crc32c(stored) != run.crc32c || image != image_of(extent_, run, stored)) return false;
      drop(size);
      ++next_;
    }
    return are_zeros(pending_.size());
  }

  bool is_complete() const { return next_ == runs_.size() && at_ == bytes_of(pages_) && pending_.empty(); }
  Pages pages() const { return pages_; }

 private:
  bool are_zeros(std::uint64_t size) {
    if (std::string_view(pending_).substr(0, size).find_first_not_of('\0') != std::string_view::npos) return false;
    drop(size);
    return true;
  }
  void drop(std::uint64_t size) {
    pending_.erase(0, size);
    at_ += size;
  }

  ExtentNumber extent_;
  Pages pages_;
  std::vector<Run> runs_;
  std::size_t next_ = 0;
  std::uint64_t at_ = 0;  ///< Of what is pending.
  std::string pending_;
};

// All its copies are good, and it would fit.
bool Striper::is_whole(const NumberedRecord& one) const {
  const ExtentRecord& record = one.versioned.record;
  const auto is_good_at = [&](const Uuid& member) { return health_.is_there(member) && is_good({one.extent, member}); };
  return record.state == ExtentState::sealed && is_replicated(record) && record.pages > 0 && record.partial.empty() &&
         record.lost.empty() && record.members.size() >= cluster_.options_.replicas &&
         std::ranges::all_of(record.members, is_good_at) &&
         stored_pages(record.pages) <= cluster_.options_.extent_pages;
}

bool Striper::is_cold(const NumberedRecord& one) {
  if (const auto put_off = put_off_.find(one.extent); put_off != put_off_.end()) {
    if (Clock::now() < put_off->second) return false;
    put_off_.erase(put_off);
  }
  const std::uint64_t sealed_s = one.versioned.record.sealed_s;
  const auto after = static_cast<std::uint64_t>(options_.after.count());
  if (sealed_s != 0) return seconds_now() >= sealed_s + after;
  const auto since = sealed_since_.try_emplace(one.extent, Clock::now()).first->second;
  return Clock::now() - since >= options_.after;
}

// How many. Nothing has changed until the records say so, one extent after the other; what is left of a stripe
// in which none came to be is dropped by a later round.
Task<std::uint64_t> Striper::code(std::vector<NumberedRecord> extents) {
  Stripe stripe{*options_.scheme, {}, {}};
  std::vector<ReplicaImage> images;
  for (const NumberedRecord& one : extents) {
    CO_TRY(auto found, co_await cluster_.control_.find(one.extent));
    if (!found || !is_whole({one.extent, *found})) co_return 0;
    stripe.places.push_back({one.extent, found->record.pages});
    NumberedRecord now{one.extent, *std::move(found)};
    auto runs = co_await runs_of(now);
    if (!runs) {
      // It does not stand in the way of others.
      put_off_[one.extent] = Clock::now() + kPutOff;
      co_return std::unexpected(runs.error());
    }
    images.emplace_back(cluster_, std::move(now), *std::move(runs));
  }
  CO_TRY(const auto disks, co_await disks_for({}, stripe.scheme.count()));
  if (disks.size() < stripe.scheme.count()) co_return fail(ErrorCode::out_of_space, "too few machines for a stripe");
  CO_TRY(const ExtentNumber number, co_await cluster_.control_.create(stripe_record(stripe)));
  CO_TRY(const auto created, co_await cluster_.control_.find(number));
  if (!created) co_return fail(ErrorCode::conflict, "the stripe was dropped");
  std::vector<Making> makings;
  std::vector<std::pair<std::size_t, Fragment>> fragments;
  for (std::size_t n = 0; n < disks.size(); ++n) {
    const StripePlace place{number, static_cast<std::uint8_t>(n)};
    CO_TRY(auto making, co_await begin(place, fragment_pages(stripe, n), disks[n]));
    fragments.emplace_back(n, making.fragment);
    makings.push_back(std::move(making));
  }
  CO_TRY(co_await write_stripe(stripe, images, makings));
  const ExtentRecord whole = with_fragments(created->record, fragments);
  CO_TRY(co_await check_stripe(*whole.stripe, {images.begin(), images.end()}));
  CO_TRY(const bool set, co_await cluster_.control_.set(number, created->revision, whole));
  if (!set) co_return fail(ErrorCode::conflict, "the stripe was dropped");
  std::uint64_t coded = 0;
  for (std::size_t n = 0; n < images.size(); ++n) {
    const NumberedRecord& one = images[n].extent();
    const ExtentRecord record = coded_record(one.versioned.record, {number, static_cast<std::uint8_t>(n)});
    CO_TRY(const bool is_coded, co_await cluster_.control_.set(one.extent, one.versioned.revision, record));
    cluster_.records_.erase(one.extent);
    coded += is_coded ? 1 : 0;
  }
  co_return coded;
}

// What any member lists: one may have heard of a release that others did not. Each must say that it has all, before
// and after it lists.
Task<std::vector<Run>> Striper::runs_of(const NumberedRecord& one) {
  const ExtentRecord& record = one.versioned.record;
  std::vector<std::vector<Run>> lists;
  for (const Uuid& member : record.members) {
    CO_TRY(NodeClient* const client, co_await cluster_.node(member));
    const Seal seal{.replica = {member, one.extent}, .epoch = record.epoch, .pages = record.pages};
    CO_TRY(co_await client->call(seal, cluster_.options_.timeouts.read));
    CO_TRY(auto runs, co_await cluster_.runs_at(member, one.extent, record.pages));
    CO_TRY(co_await client->call(seal, cluster_.options_.timeouts.read));
    lists.push_back(std::move(runs));
  }
  auto runs = runs_of_any(lists);
  Pages needed = 0;
  for (const Run& run : runs) needed += pages_of(run);
  if (needed < record.pages / 4 * 3) co_return fail(ErrorCode::conflict, "too much of it was given back");
  co_return runs;
}

Task<> Striper::write_stripe(const Stripe& stripe, std::vector<ReplicaImage>& images, std::vector<Making>& makings) {
  const Pages longest = fragment_pages(stripe, stripe.scheme.data);
  for (Pages window = 0; window < windows_of(longest); ++window) {
    CO_TRY(go_on());
    CO_TRY(const auto slots, co_await staging_slots(stripe.scheme.count()));
    std::vector<KnownPart> data;
    std::vector<WantedPart> parity;
    for (std::size_t n = 0; n < slots.size(); ++n) {
      Chunk part = slots[n].slice(0, window_length(longest, window));
      if (n < stripe.scheme.data) {
        CO_TRY(co_await pace(part.size()));
        CO_TRY(co_await images[n].fill(std::uint64_t{window} * kRunLengthMax, part.writable()));
        data.push_back({n, part.bytes()});
      } else {
        parity.push_back({n, part.writable()});
      }
    }
    make_parts(stripe.scheme, data, parity);
    CO_TRY(co_await append(makings, window, slots));
  }
  for (const Making& making : makings) {
    CO_TRY(co_await finish(making));
  }
  co_return done;
}

// What the disks give back is each extent's image, and parity of that.
Task<> Striper::check_stripe(const Stripe& stripe, std::vector<ImageCheck> checks) {
  const Pages longest = fragment_pages(stripe, stripe.scheme.data);
  for (Pages window = 0; window < windows_of(longest); ++window) {
    CO_TRY(go_on());
    CO_TRY(const bool right, co_await check_window(stripe, window, checks));
    if (!right) co_return fail(ErrorCode::corrupt, "a fragment has other bytes than were written");
  }
  if (!std::ranges::all_of(checks, &ImageCheck::is_complete)) co_return fail(ErrorCode::corrupt, "a run is missing");
  co_return done;
}

Task<bool> Striper::check_window(const Stripe& stripe, Pages window, std::vector<ImageCheck>& checks) {
  const ByteRange range{std::uint64_t{window} * kRunLengthMax,
                        window_length(fragment_pages(stripe, stripe.scheme.data), window)};
  std::vector<std::string> stored;
  for (std::size_t n = 0; n < stripe.scheme.count(); ++n) {
    CO_TRY(co_await pace(range.length));
    CO_TRY(auto bytes, co_await stored_range(stripe, n, range));
    stored.push_back(std::move(bytes));
  }
  for (std::size_t n = 0; n < checks.size(); ++n) {
    const auto length = window_length(checks[n].pages(), window);
    if (!checks[n].take(std::string_view(stored[n]).substr(0, length))) co_return false;
  }
  std::vector<KnownPart> data;
  std::vector<WantedPart> parity;
  std::vector<std::string> made(stripe.scheme.parity, std::string(range.length, '\0'));
  for (std::size_t n = 0; n < stripe.scheme.data; ++n) data.push_back({n, std::as_bytes(std::span(stored[n]))});
  for (std::size_t n = 0; n < made.size(); ++n) {
    parity.push_back({stripe.scheme.data + n, std::as_writable_bytes(std::span(made[n]))});
  }
  make_parts(stripe.scheme, data, parity);
  co_return std::ranges::equal(made, std::span(stored).subspan(stripe.scheme.data));
}

}  // namespace sluice::rdma
