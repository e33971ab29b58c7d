#include "backends/rdma/striping.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {
namespace {

Uuid disk(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[0] = number;
  return uuid;
}

Stripe stripe_of(const std::vector<Pages>& lengths) {
  Stripe stripe{{4, 2}, {}, {}};
  for (const Pages pages : lengths) stripe.places.push_back({ExtentNumber{10 + stripe.places.size()}, pages});
  return stripe;
}

ExtentRecord sealed_record() {
  return {.state = ExtentState::sealed,
          .epoch = Epoch{5},
          .writer = disk(9),
          .members = {disk(1), disk(2), disk(3)},
          .partial = {disk(4)},
          .pages = 300,
          .sealed_s = 77};
}

}  // namespace

TEST_CASE("a fragment's windows are as long as runs, and the last one as is left") {
  CHECK(windows_of(1) == 1);
  CHECK(windows_of(256) == 1);
  CHECK(windows_of(257) == 2);
  CHECK(window_length(257, 0) == kRunLengthMax);
  CHECK(window_length(257, 1) == kPageSize);
  CHECK(window_length(257, 2) == 0);
  CHECK(stored_pages(257) == 259);
  CHECK(window_page(1) == 257);
  // What a gateway must keep free for that.
  for (const Pages room : {2U, 256U, 257U, 258U, 259U, 4096U, 65536U}) CHECK(stored_pages(codable_pages(room)) <= room);
  CHECK(codable_pages(65536) == 65280);
}

TEST_CASE("parity is as long as the longest of what is coded together") {
  const Stripe stripe = stripe_of({300, 7, 512, 1});
  CHECK(fragment_pages(stripe, 0) == 300);
  CHECK(fragment_pages(stripe, 3) == 1);
  CHECK(fragment_pages(stripe, 4) == 512);
  CHECK(fragment_pages(stripe, 5) == 512);
}

TEST_CASE("a range is cut where windows end, and where a part would be too long") {
  const std::uint32_t some = 256 << 10;
  CHECK(parts_of(2, {100, 50}, some) == std::vector<FragmentPart>{{2, 0, 100, 50}});
  CHECK(parts_of(2, {kRunLengthMax - 10, 30}, some) ==
        std::vector<FragmentPart>{{2, 0, kRunLengthMax - 10, 10}, {2, 1, 0, 20}});
  CHECK(parts_of(1, {0, some + 1}, some) == std::vector<FragmentPart>{{1, 0, 0, some}, {1, 0, some, 1}});
  CHECK(parts_of(1, {5, 0}, some).empty());
}

TEST_CASE("a coded extent has no members, the length and writer it had, and a higher epoch") {
  const ExtentRecord coded = coded_record(sealed_record(), {ExtentNumber{50}, 3});
  CHECK(coded.state == ExtentState::coded);
  CHECK(coded.members.empty());
  CHECK(coded.partial.empty());
  CHECK(coded.pages == 300);
  CHECK(coded.writer == disk(9));
  CHECK(coded.epoch == Epoch{6});
  CHECK(is_final(coded));
  CHECK_FALSE(is_replicated(coded));
  CHECK_FALSE(is_fragment(coded));
  // Copies of it are nobody's.
  for (std::uint8_t one = 1; one <= 4; ++one) CHECK_FALSE(counts_on(&coded, disk(one)));
  CHECK(names_stripe(&coded, ExtentNumber{50}));
  CHECK_FALSE(names_stripe(&coded, ExtentNumber{51}));
  const ExtentRecord sealed = sealed_record();
  CHECK_FALSE(names_stripe(&sealed, ExtentNumber{50}));
  CHECK_FALSE(names_stripe(nullptr, ExtentNumber{50}));
}

TEST_CASE("a fragment is its disk's, whether its stripe names it yet or not") {
  const ExtentRecord open = fragment_record({ExtentNumber{50}, 2}, disk(7));
  CHECK(is_fragment(open));
  CHECK(counts_on(&open, disk(7)));
  const ExtentRecord sealed = sealed_fragment(open, 259);
  CHECK(is_fragment(sealed));
  CHECK(sealed.pages == 259);
  CHECK(counts_on(&sealed, disk(7)));
  CHECK_FALSE(counts_on(&sealed, disk(8)));
}

TEST_CASE("a stripe names the fragments it was given, and those that took their places") {
  const ExtentRecord begun = stripe_record(stripe_of({300, 7, 512, 1}));
  CHECK(begun.pages == 512);
  std::vector<std::pair<std::size_t, Fragment>> fragments;
  for (std::size_t n = 0; n < 6; ++n)
    fragments.push_back({n, {ExtentNumber{60 + n}, disk(static_cast<std::uint8_t>(n + 1))}});
  const ExtentRecord whole = with_fragments(begun, fragments);
  CHECK(whole.state == ExtentState::sealed);
  CHECK(names_fragment(&whole, ExtentNumber{62}));
  CHECK_FALSE(names_fragment(&begun, ExtentNumber{62}));
  CHECK_FALSE(names_fragment(nullptr, ExtentNumber{62}));
  const ExtentRecord again = with_fragments(whole, {{2, {ExtentNumber{99}, disk(9)}}});
  CHECK_FALSE(names_fragment(&again, ExtentNumber{62}));
  CHECK(names_fragment(&again, ExtentNumber{99}));
  CHECK(names_fragment(&again, ExtentNumber{63}));
  // No two are the same: to compare with the one is not to compare with the other.
  CHECK(again.epoch > whole.epoch);
  CHECK(disowning_record(again) != again);
}

TEST_CASE("the header page in an image is a run's, of no disk") {
  const auto header = decode_run_header(image_header(ExtentNumber{10}, 4, "some bytes"));
  REQUIRE(header);
  CHECK(header->extent == ExtentNumber{10});
  CHECK(header->incarnation == Uuid{});
  CHECK(header->epoch == Epoch{});
  CHECK(header->run.page == 4);
  CHECK(header->run.length == 10);
}

}  // namespace sluice::rdma
