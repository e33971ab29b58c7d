#include "gateway/object/page_map.h"

#include <algorithm>

#include "gateway/object/catalog.h"
#include "gateway/object/content.h"
#include "gateway/object/page_cipher.h"

namespace sluice::object {
namespace {

constexpr std::uint64_t kPageSize = 512;
constexpr std::size_t kZerosSize = 64 * 1024;

const Chunk& zeros() {
  static const Chunk chunk = Chunk::of(std::string(kZerosSize, '\0'));
  return chunk;
}

/// The bytes of one region in a range.
class RunSource : public BodySource {
 public:
  RunSource(ExtentStore& extents, Reclaimer::Reading reading, PageRuns runs, std::optional<RegionKey> key,
            ByteRange range)
      : extents_(extents),
        reading_(std::move(reading)),
        runs_(std::move(runs)),
        key_(std::move(key)),
        at_(range.offset),
        end_(range.offset + range.length) {}

  Task<Chunk> read() override {
    if (current_) {
      CO_TRY(Chunk chunk, co_await current_->read());
      at_ += chunk.size();
      if (!chunk.empty()) co_return chunk;
      current_.reset();
    }
    if (at_ == end_) co_return Chunk{};
    while (next_ != runs_.size() && runs_[next_].end() <= at_) ++next_;
    const bool in_run = next_ != runs_.size() && runs_[next_].offset <= at_;
    if (!in_run) co_return zeros_to(next_ == runs_.size() ? end_ : std::min(end_, runs_[next_].offset));
    CO_TRY(open(runs_[next_]));
    CO_TRY(Chunk chunk, co_await current_->read());
    at_ += chunk.size();
    co_return chunk;
  }

  std::optional<std::uint64_t> remaining() const override { return end_ - at_; }

 private:
  Chunk zeros_to(std::uint64_t end) {
    const auto length = std::min<std::uint64_t>(end - at_, kZerosSize);
    at_ += length;
    return zeros().slice(0, length);
  }

  Result<> open(const PageRun& run) {
    const auto skipped = at_ - run.offset;
    const auto length = std::min(run.end(), end_) - at_;
    if (key_) {
      TRY(current_, open_sealed_run(extents_, reading_, *key_, run, {at_, length}));
      return done;
    }
    std::vector<Slice> slices{{run.slice.extent, {run.slice.range.offset + skipped, length}}};
    current_ = open_slices(extents_, reading_, std::move(slices));
    return done;
  }

  ExtentStore& extents_;
  Reclaimer::Reading reading_;
  PageRuns runs_;
  std::optional<RegionKey> key_;
  std::uint64_t at_;  ///< In the region, as the end.
  std::uint64_t end_;
  std::size_t next_ = 0;  ///< The first run that does not end before at_.
  std::unique_ptr<BodySource> current_;
};

/// The bytes of a page object in a range, which is not empty: region after region.
class PageSource : public BodySource {
 public:
  PageSource(Backend backend, Reclaimer::Reading reading, PageMap map, const std::optional<SecretKey>& object_key,
             ByteRange range)
      : backend_(backend),
        reading_(std::move(reading)),
        map_(std::move(map)),
        object_key_(object_key),
        at_(range.offset),
        end_(range.offset + range.length) {}

  // The region that holds the next byte. False: the map is given back.
  Task<bool> open_region() {
    const auto number = at_ / kRegionSize;
    const auto key = region_key(map_.id, number);
    CO_TRY(const auto row, co_await backend_.index.get(key));
    const auto begin = number * kRegionSize;
    PageRuns runs;
    std::optional<RegionKey> region_key;
    if (row) {
      CO_TRY(auto record, decode_row<ManifestRecord>(key, *row));
      CO_TRY(runs, runs_of(record));
      if (object_key_) region_key.emplace(*object_key_, begin, std::move(record.sealed));
    } else {
      CO_TRY(const auto first, co_await backend_.index.get(manifest_key(map_.id, 0)));
      if (!first) co_return false;
    }
    const ByteRange within{at_ - begin, std::min(end_, begin + kRegionSize) - at_};
    region_ = open_runs(backend_.extents, reading_, std::move(runs), within, std::move(region_key));
    co_return true;
  }

  Task<Chunk> read() override {
    while (at_ != end_) {
      if (!region_) {
        CO_TRY(const bool there, co_await open_region());
        if (!there) co_return fail(ErrorCode::unavailable, "a page object was given back while it was read");
      }
      CO_TRY(Chunk chunk, co_await region_->read());
      at_ += chunk.size();
      if (!chunk.empty()) co_return chunk;
      region_.reset();
    }
    co_return Chunk{};
  }

  std::optional<std::uint64_t> remaining() const override { return end_ - at_; }

 private:
  Backend backend_;
  Reclaimer::Reading reading_;
  PageMap map_;
  std::optional<SecretKey> object_key_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::unique_ptr<BodySource> region_;
};

}  // namespace

std::string region_key(const std::string& map_id, std::uint64_t region) { return manifest_key(map_id, region + 1); }

std::optional<std::uint64_t> region_of_key(std::string_view row_key) {
  constexpr std::size_t kNumberSize = 4;
  if (row_key.size() != rows::kManifests.size() + kIdSize + kNumberSize) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : row_key.substr(row_key.size() - kNumberSize)) {
    number = number << 8 | static_cast<unsigned char>(c);
  }
  return number == 0 ? std::nullopt : std::optional(number - 1);
}

ManifestRecord first_row() {
  PartRecord nothing;
  nothing.info.number = 1;
  return {{nothing}};
}

ManifestRecord row_of(const PageRuns& runs, std::vector<SealedExtent> sealed) {
  ManifestRecord row{.parts = {}, .sealed = std::move(sealed)};
  for (const auto& [offset, slice] : runs) {
    auto& part = row.parts.emplace_back();
    part.info.number = static_cast<std::uint32_t>(offset / kPageSize + 1);
    part.info.size = slice.range.length;
    part.slices = {slice};
  }
  return row;
}

Result<PageRuns> runs_of(const ManifestRecord& row) {
  PageRuns runs;
  for (const auto& part : row.parts) {
    const auto offset = (std::uint64_t{part.info.number} - 1) * kPageSize;
    const bool sound = part.slices.size() == 1 && part.info.size % kPageSize == 0 && part.info.size <= kRegionSize &&
                       offset <= kRegionSize - part.info.size && (runs.empty() || runs.back().end() <= offset);
    if (!sound) return fail(ErrorCode::corrupt, "a row of pages");
    runs.push_back({offset, part.slices.front()});
  }
  return runs;
}

PageRuns outside(const PageRuns& runs, ByteRange range) {
  PageRuns left;
  const auto end = range.offset + range.length;
  for (const auto& run : runs) {
    const auto& [extent, bytes] = run.slice;
    if (run.offset < range.offset) {
      const auto length = std::min(run.end(), range.offset) - run.offset;
      left.push_back({run.offset, {extent, {bytes.offset, length}}});
    }
    if (run.end() > end) {
      const auto from = std::max(run.offset, end);
      left.push_back({from, {extent, {bytes.offset + (from - run.offset), run.end() - from}}});
    }
  }
  return left;
}

std::unique_ptr<BodySource> open_runs(ExtentStore& extents, Reclaimer::Reading reading, PageRuns runs, ByteRange range,
                                      std::optional<RegionKey> key) {
  return std::make_unique<RunSource>(extents, std::move(reading), std::move(runs), std::move(key), range);
}

Task<std::unique_ptr<BodySource>> open_pages(Backend backend, Reclaimer::Reading reading, const PageMap& map,
                                             const std::optional<SecretKey>& object_key, ByteRange range) {
  auto source = std::make_unique<PageSource>(backend, std::move(reading), map, object_key, range);
  CO_TRY(const bool there, co_await source->open_region());
  if (!there) co_return std::unique_ptr<BodySource>{};
  co_return std::unique_ptr<BodySource>(std::move(source));
}

}  // namespace sluice::object
