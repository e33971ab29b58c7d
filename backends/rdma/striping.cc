#include "backends/rdma/striping.h"

#include <algorithm>
#include <cassert>

namespace sluice::rdma {

std::string image_header(ExtentNumber extent, Pages page, std::string_view bytes) {
  return encode_page(describe({Uuid{}, extent}, Epoch{}, page, bytes));
}

std::uint32_t window_length(Pages pages, Pages window) {
  const std::uint64_t size = bytes_of(pages), begin = std::uint64_t{window} * kRunLengthMax;
  return begin >= size ? 0 : static_cast<std::uint32_t>(std::min<std::uint64_t>(kRunLengthMax, size - begin));
}

Pages fragment_pages(const Stripe& stripe, std::size_t fragment) {
  if (fragment < stripe.scheme.data) return stripe.places.at(fragment).pages;
  return std::ranges::max(stripe.places, {}, &Stripe::Place::pages).pages;
}

std::vector<FragmentPart> parts_of(std::size_t fragment, ByteRange range, std::uint32_t length_max) {
  std::vector<FragmentPart> parts;
  const std::uint64_t end = range.offset + range.length;
  for (std::uint64_t at = range.offset; at < end;) {
    const auto offset = static_cast<std::uint32_t>(at % kRunLengthMax);
    const std::uint64_t room = std::min<std::uint64_t>(length_max, kRunLengthMax - offset);
    const auto length = static_cast<std::uint32_t>(std::min(room, end - at));
    parts.push_back({fragment, static_cast<Pages>(at / kRunLengthMax), offset, length});
    at += length;
  }
  return parts;
}

ExtentRecord stripe_record(Stripe stripe) {
  const Pages pages = fragment_pages(stripe, stripe.scheme.data);
  return {.writer = {}, .members = {}, .pages = pages, .stripe = std::move(stripe)};
}

ExtentRecord fragment_record(StripePlace place, const Uuid& disk) {
  return {.writer = {}, .members = {disk}, .place = place};
}

ExtentRecord sealed_fragment(const ExtentRecord& open, Pages pages) {
  ExtentRecord sealed = open;
  sealed.state = ExtentState::sealed;
  sealed.pages = pages;
  return sealed;
}

ExtentRecord with_fragments(const ExtentRecord& stripe,
                            const std::vector<std::pair<std::size_t, Fragment>>& fragments) {
  ExtentRecord with = disowning_record(stripe);
  with.state = ExtentState::sealed;
  with.stripe->fragments.resize(stripe.stripe->scheme.count());
  for (const auto& [index, fragment] : fragments) with.stripe->fragments.at(index) = fragment;
  assert(std::ranges::count(with.stripe->fragments, ExtentNumber{}, &Fragment::extent) == 0);
  return with;
}

ExtentRecord coded_record(const ExtentRecord& sealed, StripePlace place) {
  assert(sealed.state == ExtentState::sealed);
  ExtentRecord coded = disowning_record(sealed);
  coded.state = ExtentState::coded;
  coded.members.clear();
  coded.partial.clear();
  coded.place = place;
  return coded;
}

ExtentRecord returning_record(const ExtentRecord& coded, const std::vector<Uuid>& disks) {
  ExtentRecord returning = disowning_record(coded);
  returning.partial = disks;
  return returning;
}

ExtentRecord returned_record(const ExtentRecord& returning) {
  ExtentRecord returned = returning;
  returned.state = ExtentState::sealed;
  returned.members = std::exchange(returned.partial, {});
  returned.place.reset();
  return returned;
}

bool names_fragment(const ExtentRecord* stripe, ExtentNumber fragment) {
  return stripe != nullptr && stripe->stripe &&
         std::ranges::count(stripe->stripe->fragments, fragment, &Fragment::extent) > 0;
}

bool names_stripe(const ExtentRecord* extent, ExtentNumber stripe) {
  return extent != nullptr && extent->state == ExtentState::coded && extent->place->stripe == stripe;
}

ExtentRecord disowning_record(const ExtentRecord& record) {
  ExtentRecord disowning = record;
  disowning.epoch = Epoch{static_cast<std::uint64_t>(record.epoch) + 1};
  return disowning;
}

}  // namespace sluice::rdma
