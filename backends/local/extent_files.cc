#include "backends/local/extent_files.h"

#include <fcntl.h>

#include <cassert>
#include <system_error>

#include "backends/local/extent_reader.h"
#include "backends/local/file_read.h"
#include "backends/local/reconcile.h"

namespace sluice::local {

namespace {

constexpr std::size_t kFooterCacheSize = 16 << 20;

Segments::Options segment_options(const std::filesystem::path& directory, const LocalOptions& options) {
  return {.directory = directory, .segment_size = options.segment_size, .reserve_size = options.reserve_size};
}

}  // namespace

ExtentFiles::ExtentFiles(const std::filesystem::path& directory, const LocalOptions& options, BufferPool& pool,
                         const std::atomic<bool>& index_uncertain, Log& log)
    : services_{.pool = pool,
                .log = log,
                .segments = std::make_shared<Segments>(segment_options(directory, options), log),
                .flusher = Flusher(log),
                .footers = FooterCache(kFooterCacheSize),
                .checked = CheckedPieces(options.lendable)},
      index_uncertain_(index_uncertain) {}

ExtentFiles::~ExtentFiles() = default;

bool ExtentFiles::close() { return services_.segments->close() && !kept_; }

Task<std::unique_ptr<ExtentWriter>> ExtentFiles::create(std::optional<std::uint64_t> length_expected) {
  if (length_expected.value_or(0) > kExtentLengthMax) co_return fail(ErrorCode::entity_too_large, "extent");
  auto writer = std::make_unique<SegmentExtentWriter>(services_, length_expected);
  CO_TRY(writer->reserve());
  co_return writer;
}

Chunk ExtentFiles::at_hand(const Extent& extent, ByteRange range) {
  const std::uint64_t from = range.offset % kPieceSize;
  if (from + range.length > kPieceSize) return {};
  const Chunk checked = services_.checked.find(extent, range.offset / kPieceSize);
  return checked.empty() ? checked : checked.slice(from, range.length);
}

Task<std::unique_ptr<BodySource>> ExtentFiles::open(const Extent& extent, ByteRange range) {
  assert(range.length > 0 && range.offset < extent.length && range.length <= extent.length - range.offset);
  if (Chunk checked = at_hand(extent, range); !checked.empty()) {
    co_return std::make_unique<ChunkSource>(std::move(checked));
  }
  const Place place = place_of(extent.id);
  auto file = services_.segments->file(place.segment);
  if (!file && file.error().code == ErrorCode::no_such_object) {
    co_return fail(ErrorCode::corrupt, describe(place) + ": the segment is missing");
  }
  if (!file) co_return std::unexpected(std::move(file).error());
  auto footer = services_.footers.find(extent);
  if (!footer) {
    CO_TRY(footer, co_await read_footer(services_, *file, extent));
  }
  co_return std::make_unique<ExtentSource>(services_, *std::move(file), extent, std::move(footer), range);
}

Task<> ExtentFiles::release(const Extent& extent) {
  if (index_uncertain_) {
    // The next start finds it.
    kept_ = true;
    co_return done;
  }
  const Place place = place_of(extent.id);
  const auto file = services_.segments->file(place.segment);
  if (!file && file.error().code == ErrorCode::no_such_object) co_return done;
  if (!file) co_return std::unexpected(file.error());

  // A wrong length would give a neighbour's bytes back: the footer must be this extent's own.
  const auto footer = co_await read_footer(services_, *file, extent);
  services_.footers.remove(extent.id);
  services_.checked.remove(extent);
  if (!footer && footer.error().code == ErrorCode::corrupt) {
    services_.log.info("extent_not_released", {{"detail", std::string_view(footer.error().detail)}});
    co_return done;
  }
  if (!footer) co_return std::unexpected(footer.error());

  IoRing& ring = IoRing::of(co_await boost::asio::this_coro::executor);
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const int error = co_await IoOperation::wait(ring.fallocate(*file, kPunch, place.offset, stored_size(extent.length)));
  if (error < 0) co_return std::unexpected(error_of(-error, "release in " + describe(place)));
  services_.segments->remove_if_empty(place.segment);
  co_return done;
}

Task<Reconciled> ExtentFiles::reconcile(LiveExtents& live, bool give_back) {
  if (give_back && index_uncertain_) kept_ = true;
  Reconciliation reconciliation(services_, give_back && !index_uncertain_);
  co_return co_await reconciliation.run(live);
}

}  // namespace sluice::local
