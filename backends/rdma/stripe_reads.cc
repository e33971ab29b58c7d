#include "backends/rdma/stripe_reads.h"

#include <algorithm>

#include "backends/rdma/cluster.h"
#include "backends/rdma/replica.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::uint32_t kPartLengthMax = 4 * kBlockSize;  // What a slot for reads has room for.
constexpr std::size_t kChecksumsKept = 1'000'000;

// Whether these bytes, which begin at block `first` of the run, are what its header says.
bool are_of(const RunHeader& header, std::string_view bytes, std::size_t first) {
  for (std::size_t at = 0; at < bytes.size(); at += kBlockSize) {
    if (crc32c(bytes.substr(at, kBlockSize)) != header.blocks.at(first + at / kBlockSize)) return false;
  }
  return true;
}

}  // namespace

// The header says what the blocks are; for all of a run its own checksum does.
Task<Chunk> StripeReads::read(ExtentRecord coded, RunPlace place, Run run, ByteRange range) {
  CO_TRY(const ExtentRecord of_stripe, co_await cluster_.record(coded.place->stripe));
  const std::size_t fragment = coded.place->index;
  const bool known = of_stripe.stripe && fragment < of_stripe.stripe->scheme.data &&
                     of_stripe.stripe->fragments.size() == of_stripe.stripe->scheme.count();
  if (!known || end_of(run) > coded.pages) co_return fail(ErrorCode::corrupt, "no such run in a stripe");
  const Stripe& stripe = *of_stripe.stripe;
  const std::uint64_t begin = range.offset / kBlockSize * kBlockSize;
  const std::uint64_t end =
      std::min<std::uint64_t>(run.length, (range.offset + range.length + kBlockSize - 1) / kBlockSize * kBlockSize);
  const std::uint64_t at = bytes_of(run.page + 1);
  CO_TRY(const std::string bytes, co_await range_of(stripe, fragment, {at + begin, end - begin}));
  bool right = bytes.size() == run.length && crc32c(bytes) == run.crc32c;
  if (bytes.size() != run.length) {
    CO_TRY(const std::string page, co_await range_of(stripe, fragment, {bytes_of(run.page), kPageSize}));
    const auto header = decode_run_header(page);
    right =
        header && header->extent == place.extent && header->run == run && are_of(*header, bytes, begin / kBlockSize);
  }
  if (!right) co_return fail(ErrorCode::corrupt, "a stripe has other bytes");
  co_return Chunk::of(bytes.substr(range.offset - begin, range.length));
}

Task<std::string> StripeReads::range_of(const Stripe& stripe, std::size_t fragment, ByteRange range) {
  std::string bytes;
  for (const FragmentPart& part : parts_of(fragment, range, kPartLengthMax)) {
    CO_TRY(const Chunk some, co_await part_of(stripe, part));
    bytes += some.text();
  }
  co_return bytes;
}

// From its own disk, unless that failed a moment ago; and in both ways if it takes long.
Task<Chunk> StripeReads::part_of(Stripe stripe, FragmentPart part) {
  std::vector<Cluster::Attempt> attempts{[this, stripe, part] { return stored(stripe, part); },
                                         [this, stripe, part] { return made(stripe, part); }};
  if (is_suspect(stripe.fragments.at(part.fragment).disk)) std::ranges::reverse(attempts);
  CO_TRY(auto won, co_await cluster_.race(std::move(attempts), 1));
  co_return std::move(won.begin()->second);
}

// Zeros behind the fragment's end are nowhere.
Task<Chunk> StripeReads::stored(Stripe stripe, FragmentPart part) {
  const Fragment fragment = stripe.fragments.at(part.fragment);
  const std::uint32_t window = window_length(fragment_pages(stripe, part.fragment), part.window);
  const std::uint32_t there = std::min(part.length, window - std::min(window, part.offset));
  if (there == 0) co_return Chunk::of(std::string(part.length, '\0'));
  CO_TRY(const Run run, co_await window_at(fragment, part.window, window));
  CO_TRY(auto bytes,
         co_await cluster_.read_from(fragment.disk, {fragment.extent, run.page}, run, {part.offset, there}));
  if (there == part.length) co_return bytes;
  std::string padded(bytes.text());
  padded.resize(part.length, '\0');
  co_return Chunk::of(std::move(padded));
}

Task<Chunk> StripeReads::made(Stripe stripe, FragmentPart part) {
  ++cluster_.counts_.degraded_reads;
  std::vector<FragmentPart> others, suspects;
  for (std::size_t n = 0; n < stripe.fragments.size(); ++n) {
    if (n == part.fragment) continue;
    (is_suspect(stripe.fragments[n].disk) ? suspects : others).push_back({n, part.window, part.offset, part.length});
  }
  others.insert(others.end(), suspects.begin(), suspects.end());
  std::vector<Cluster::Attempt> attempts;
  for (const FragmentPart& other : others)
    attempts.emplace_back([this, stripe, other] { return stored(stripe, other); });
  CO_TRY(const auto parts, co_await cluster_.race(std::move(attempts), stripe.scheme.data));
  std::vector<KnownPart> known;
  for (const auto& [n, bytes] : parts) known.push_back({others[n].fragment, bytes.bytes()});
  known.resize(stripe.scheme.data);
  std::string bytes(part.length, '\0');
  const WantedPart wanted{part.fragment, std::as_writable_bytes(std::span(bytes))};
  make_parts(stripe.scheme, known, {&wanted, 1});
  co_return Chunk::of(std::move(bytes));
}

// Reads name the run they mean; only its disk knows its checksum.
Task<Run> StripeReads::window_at(const Fragment& fragment, Pages window, std::uint32_t length) {
  const Pages page = window_page(window);
  const ExtentId id = id_of({fragment.extent, page});
  if (const auto known = checksums_.find(id); known != checksums_.end()) co_return Run{page, length, known->second};
  Pages next = page;
  CO_TRY(const auto runs, co_await cluster_.list_at(fragment.disk, fragment.extent, next, 1));
  if (runs.empty() || runs[0].page != page || runs[0].length != length) {
    co_return fail(ErrorCode::corrupt, "no such window");
  }
  if (checksums_.size() >= kChecksumsKept) checksums_.clear();
  checksums_.insert_or_assign(id, runs[0].crc32c);
  co_return runs[0];
}

bool StripeReads::is_suspect(const Uuid& disk) const {
  const auto client = cluster_.nodes_.find(disk);
  return client == cluster_.nodes_.end() || client->second->is_suspect();
}

}  // namespace sluice::rdma
