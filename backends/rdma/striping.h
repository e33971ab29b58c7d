#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backends/rdma/disk_format.h"
#include "backends/rdma/seal.h"
#include "gateway/core/extent_store.h"

namespace sluice::rdma {

/// How extents are kept in a stripe, and the rules of its records (docs/rdma.md). Pure.
///
/// As many extents as the scheme has data fragments are coded together. An extent's *image* is as long as
/// the extent and has each run where it was: a header page, of no disk and no epoch, and its bytes. What was given
/// back is zero. A data fragment is the image of one extent; parity fragments are as long as the longest, and made as
/// if the others had zeros behind them. Each fragment is stored as an extent of its own, in *windows*, which are its
/// runs.

/// The header page of a run in an image.
std::string image_header(ExtentNumber extent, Pages page, std::string_view bytes);

/// A part of one fragment that is within one window: `offset` is in that.
struct FragmentPart {
  std::size_t fragment = 0;
  Pages window = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  friend bool operator==(const FragmentPart&, const FragmentPart&) = default;
};

/// The window of a fragment's longest runs, in pages.
inline constexpr Pages kWindowPages = pages_for(kRunLengthMax);

/// Windows of a fragment that has so many pages of an image.
constexpr Pages windows_of(Pages pages) { return (pages + kWindowPages - 1) / kWindowPages; }
/// The length of the extent that a fragment is stored as: its windows have header pages.
constexpr Pages stored_pages(Pages pages) { return pages + windows_of(pages); }
/// The longest image whose fragment is at most so long.
constexpr Pages codable_pages(Pages stored) { return stored - windows_of(stored); }
/// Where a window's run is in the fragment's extent.
constexpr Pages window_page(Pages window) { return window * (1 + kWindowPages); }
/// Bytes of a window of a fragment of so many pages; 0 behind its end.
std::uint32_t window_length(Pages pages, Pages window);

/// Pages of an image that the fragment has.
Pages fragment_pages(const Stripe& stripe, std::size_t fragment);

/// A range of a fragment, in parts of at most `length_max`.
std::vector<FragmentPart> parts_of(std::size_t fragment, ByteRange range, std::uint32_t length_max);

/// The record of a stripe whose fragments are going to be made. The extents' records must have been read before: only
/// in place of those may others be set that name the stripe.
ExtentRecord stripe_record(Stripe stripe);

/// The record of a fragment that is going to be made. Its stripe's record must have been read, or made, before: only in
/// place of that may another be set that names the fragment.
ExtentRecord fragment_record(StripePlace place, const Uuid& disk);
ExtentRecord sealed_fragment(const ExtentRecord& open, Pages pages);

/// The record of a stripe with these fragments in their places; all are whole.
ExtentRecord with_fragments(const ExtentRecord& stripe, const std::vector<std::pair<std::size_t, Fragment>>& fragments);

/// The record of a sealed extent that is whole in a stripe whose fragments are known. The copies its members have are
/// nobody's then.
ExtentRecord coded_record(const ExtentRecord& sealed, StripePlace place);

/// The record of a coded extent that is on its way back to copies on these disks, which keep what they get.
ExtentRecord returning_record(const ExtentRecord& coded, const std::vector<Uuid>& disks);
/// The record once all of those have all of it that is needed.
ExtentRecord returned_record(const ExtentRecord& returning);

/// Whether the stripe counts on the fragment; null: there is no stripe.
bool names_fragment(const ExtentRecord* stripe, ExtentNumber fragment);
/// Whether the extent is in the stripe; null: there is no extent.
bool names_stripe(const ExtentRecord* extent, ExtentNumber stripe);

/// Takes the place of a record before what it does not name is erased: whoever made that, and stands still, cannot set
/// one that names it any more.
ExtentRecord disowning_record(const ExtentRecord& record);

}  // namespace sluice::rdma
