#include "gateway/object/pages.h"

#include <algorithm>
#include <set>

#include "gateway/object/content.h"
#include "gateway/object/cursor.h"
#include "gateway/object/ids.h"
#include "gateway/object/in_place.h"
#include "gateway/object/install.h"
#include "gateway/object/page_cipher.h"
#include "gateway/object/page_map.h"
#include "gateway/object/retry.h"

namespace sluice::object {
namespace {

// A region is written anew, as one extent, once it names more extents than this, or
// extents of more bytes than this. Of more runs than fit a row it becomes one run:
// its gaps are written as the zeros they read as.
constexpr std::size_t kExtentsMax = 128;
constexpr std::uint64_t kHeldMax = 3 * kRegionSize;
constexpr std::size_t kRunsMax = 1500;
// Of encrypted pages, whose seals stand in the row too.
constexpr std::size_t kSealedRunsMax = 1000;

// What one commit clears: the rows of so many regions.
constexpr std::size_t kClearRows = 64;

bool is_of_pages(std::uint64_t number) { return number % Pages::kPageSize == 0; }

Result<> check_range(const ObjectInfo& info, ByteRange range) {
  const bool whole = is_of_pages(range.offset) && is_of_pages(range.length) && range.length != 0;
  if (!whole || range.offset > info.size || range.length > info.size - range.offset) {
    return fail(ErrorCode::invalid_page_range, std::to_string(info.size));
  }
  return done;
}

Result<> check_kind(const ObjectRecord& record) {
  if (std::holds_alternative<PageMap>(record.content)) return done;
  return fail(ErrorCode::kind_mismatch, "not a page object");
}

Result<> check_sequence(const SequenceConditions& conditions, const ObjectInfo& info) {
  const auto number = info.sequence_number;
  const bool holds = (!conditions.below || number < *conditions.below) &&
                     (!conditions.at_most || number <= *conditions.at_most) &&
                     (!conditions.exactly || number == *conditions.exactly);
  if (!holds) return fail(ErrorCode::sequence_condition_failed, std::to_string(number));
  return done;
}

Result<> check_size(std::uint64_t size) {
  if (is_of_pages(size) && size <= Pages::kSizeMax) return done;
  return fail(ErrorCode::invalid_argument, "a page object is of whole pages of 512 bytes, and of 8 TiB at most");
}

// No digest of all bytes is known: what names the content changes with every write.
void rename_content(ObjectInfo& info, std::uint64_t revision) {
  info.md5 = digest_of(DigestAlgorithm::md5, info.md5 + std::to_string(revision)).bytes;
}

Result<> put_written(Catalog& rows, FoundState& state, UtcTime now) {
  revise(state.record, now);
  rename_content(state.record.info, state.record.info.changed);
  TRY(auto value, encode_object(state.record));
  rows.transaction().put(state.key, std::move(value));
  return done;
}

std::size_t runs_max(bool encrypted) { return encrypted ? kSealedRunsMax : kRunsMax; }

bool wants_compaction(const PageRuns& runs, bool encrypted) {
  if (runs.size() > runs_max(encrypted)) return true;
  std::uint64_t held = 0;
  std::set<ExtentId> extents;
  for (const auto& run : runs) {
    if (extents.insert(run.slice.extent.id).second) held += run.slice.extent.length;
  }
  return extents.size() > kExtentsMax || held > kHeldMax;
}

}  // namespace

/// Pages that are written over, or cleared where there is no body.
struct Pages::Write {
  ByteRange range;
  std::optional<SecretKey> key{};  ///< The object's.
  StoredBody body{};
  std::vector<SealedExtent> sealed{};       ///< How that is encrypted.
  std::vector<std::uint64_t> to_compact{};  ///< Regions that an attempt left in need of it.
};

Task<ObjectInfo> Pages::create(const RequestContext&, const ObjectName& name, const PutOptions& options,
                               std::uint64_t size, std::uint64_t sequence_number) {
  CO_TRY(check_name(name));
  CO_TRY(check_size(size));
  if (sequence_number > kSequenceMax) co_return fail(ErrorCode::invalid_argument, "the sequence number");
  ObjectInfo info;
  info.kind = ObjectKind::page;
  info.size = size;
  info.sequence_number = sequence_number;
  // Its tag is none of an MD5, and says so as that of an append object does.
  info.block_count = 1;
  info.owner = options.owner;
  info.headers = options.headers;
  info.metadata = options.metadata;
  info.acl = options.acl;
  info.tags = options.tags;
  info.protection = options.protection;
  auto attempt = [&] { return create_once(name, info, options); };
  co_return co_await retry_conflicts(attempt);
}

Task<ObjectInfo> Pages::create_once(const ObjectName& name, const ObjectInfo& info, const PutOptions& options) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  const auto now = clock_.now();
  const PageMap map{new_id(now)};
  ObjectRecord record;
  record.info = info;
  record.info.md5 = digest_of(DigestAlgorithm::md5, map.id).bytes;
  record.content = map;
  CO_TRY(const auto bucket, co_await claim_bucket(rows, name.bucket));
  if (info.owner.empty()) record.info.owner = bucket->owner;
  CO_TRY(const auto key, new_object_key(keys_, options.encryption, bucket->settings));
  if (key) record.info.encryption = key->encryption;
  CO_TRY(const bool garbage,
         co_await install(rows, references, now, name, bucket->settings, options.conditions, record));
  rows.put(manifest_key(map.id, 0), first_row());
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (garbage) reclaimer_.wake();
  co_return std::move(record.info);
}

Task<PageAnswer> Pages::put(const RequestContext&, const ObjectName& name, const PageOptions& options,
                            std::uint64_t offset, DigestSource& body) {
  CO_TRY(check_name(name));
  const auto length = body.remaining();
  if (!length) co_return fail(ErrorCode::missing_length);
  if (*length > kPutSizeMax) co_return fail(ErrorCode::entity_too_large, std::to_string(*length));
  Write write{.range = {offset, *length}};
  CO_TRY(write.key, co_await check_early(name, options, write.range));
  body.take(DigestAlgorithm::md5);
  body.take(DigestAlgorithm::crc64nvme);
  std::optional<PageEncryption> encryption;
  if (write.key) encryption.emplace(body, *write.key, std::vector{write.range}, backend_.extents.extent_length_max());
  BodySource& source = encryption ? static_cast<BodySource&>(*encryption) : body;
  CO_TRY(write.body, co_await store_body(backend_, reclaimer_, source, {.size_max = kPutSizeMax}));
  if (write.body.size != write.range.length) co_return fail(ErrorCode::incomplete_body);
  if (encryption) write.sealed = encryption->sealed(write.body);
  auto attempt = [&] { return write_once(name, options, write); };
  CO_TRY(auto info, co_await retry_conflicts(attempt));
  write.body.keep();
  co_return PageAnswer{std::move(info), body.digest(DigestAlgorithm::md5), body.digest(DigestAlgorithm::crc64nvme)};
}

Task<std::optional<SecretKey>> Pages::check_early(const ObjectName& name, const PageOptions& options, ByteRange range) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(const auto state, co_await claim_for_write(rows, name, options.conditions, clock_.now()));
  const auto& record = state.record;
  CO_TRY(check_kind(record));
  CO_TRY(check_sequence(options.sequence, record.info));
  CO_TRY(check_range(record.info, range));
  co_return open_object_key(keys_, record.info.encryption, options.customer_key);
}

// Regions are put in order before the commit that needs them to be: what that costs
// is paid by the write that made it necessary, and a row never outgrows its bounds.
Task<ObjectInfo> Pages::write_once(const ObjectName& name, const PageOptions& options, Write& write) {
  write.to_compact.clear();
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  const auto now = clock_.now();
  CO_TRY(auto state, co_await claim_for_write(rows, name, options.conditions, now));
  auto& record = state.record;
  CO_TRY(check_kind(record));
  CO_TRY(check_sequence(options.sequence, record.info));
  CO_TRY(check_range(record.info, write.range));
  CO_TRY(check_same_key(keys_, record.info.encryption, options.customer_key, write.key));
  const auto map_id = std::get<PageMap>(record.content).id;
  CO_TRY(co_await overlay_all(rows, references, map_id, write));
  CO_TRY(co_await compact_all(map_id, write));
  CO_TRY(put_written(rows, state, now));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  reclaimer_.wake();
  co_return std::move(record.info);
}

// Fails with conflict where there was something to do: the attempt begins anew.
Task<> Pages::compact_all(const std::string& map_id, const Write& write) {
  for (const auto region : write.to_compact) {
    CO_TRY(co_await compact(map_id, region, write.key));
  }
  if (!write.to_compact.empty()) co_return fail(ErrorCode::conflict, "regions were written anew");
  co_return done;
}

Task<> Pages::overlay_all(Catalog& rows, References& references, const std::string& map_id, Write& write) {
  const auto last = (write.range.offset + write.range.length - 1) / kRegionSize;
  for (auto region = write.range.offset / kRegionSize; region <= last; ++region) {
    CO_TRY(co_await overlay(rows, references, map_id, write, region));
  }
  co_return done;
}

// The part of the write that is in one region, over what is there.
Task<> Pages::overlay(Catalog& rows, References& references, const std::string& map_id, Write& write,
                      std::uint64_t region) {
  const auto begin = region * kRegionSize;
  const auto from = std::max(write.range.offset, begin);
  const auto to = std::min(write.range.offset + write.range.length, begin + kRegionSize);
  const auto key = region_key(map_id, region);
  CO_TRY(const auto row, co_await rows.get<ManifestRecord>(key));
  PageRuns before;
  if (row) {
    CO_TRY(before, runs_of(*row));
  }
  if (wants_compaction(before, write.key.has_value())) {
    write.to_compact.push_back(region);
    co_return done;
  }
  auto runs = outside(before, {from - begin, to - from});
  auto at = from - begin;
  for (const auto& slice : cut(write.body.slices(), {from - write.range.offset, to - from})) {
    runs.push_back({at, slice});
    at += slice.range.length;
    references.adopt(slice.extent);
  }
  std::ranges::sort(runs, {}, &PageRun::offset);
  std::set<ExtentId> fresh;
  for (const auto& staged : write.body.extents) fresh.insert(staged.extent().id);
  for (const auto& run : before) references.drop(run.slice);
  for (const auto& run : runs) {
    if (!fresh.contains(run.slice.extent.id)) references.add(run.slice);
  }
  auto sealed = write.sealed;
  if (row) sealed.insert(sealed.end(), row->sealed.begin(), row->sealed.end());
  if (!runs.empty()) {
    rows.put(key, row_of(runs, needed(runs, sealed)));
  } else if (row) {
    rows.erase(key);
  }
  co_return done;
}

/// The pages of a region, as they are read and as they are stored anew.
struct Pages::Compaction {
  std::uint64_t begin;               ///< Of the region.
  PageRuns runs;                     ///< As they are, or those of which there are too many as one.
  std::vector<ByteRange> places;     ///< In the region: what is stored, end to end.
  std::unique_ptr<BodySource> body;  ///< Plain.
  std::optional<SecretKey> key;
  std::vector<SealedExtent> sealed;  ///< How it was encrypted.

  /// Where a run begins in what is stored.
  std::uint64_t stored_at(const PageRun& run) const {
    std::uint64_t at = 0;
    for (const auto& place : places) {
      if (run.offset < place.offset + place.length) return at + (run.offset - place.offset);
      at += place.length;
    }
    return at;
  }
};

namespace {

std::vector<Slice> slices_of(const PageRuns& runs) {
  std::vector<Slice> slices;
  slices.reserve(runs.size());
  for (const auto& run : runs) slices.push_back(run.slice);
  return slices;
}

// What lies between, too, where it is little: less than a piece, and within one. Pieces then are few, however
// many the runs are.
std::vector<ByteRange> places_of(const PageRuns& runs, bool encrypted) {
  std::vector<ByteRange> places;
  for (const auto& run : runs) {
    auto* last = places.empty() ? nullptr : &places.back();
    const auto end = last == nullptr ? 0 : last->offset + last->length;
    const bool joins =
        last != nullptr && (end == run.offset || (encrypted && (end - 1) / kPieceSize == run.offset / kPieceSize));
    if (joins) {
      last->length = run.end() - last->offset;
    } else {
      places.push_back({run.offset, run.slice.range.length});
    }
  }
  return places;
}

/// Places of a region, one after the other.
class PlaceSource : public BodySource {
 public:
  PlaceSource(ExtentStore& extents, Reclaimer::Reading reading, PageRuns runs, std::optional<RegionKey> key,
              std::vector<ByteRange> places)
      : extents_(extents),
        reading_(std::move(reading)),
        runs_(std::move(runs)),
        key_(std::move(key)),
        places_(std::move(places)) {
    for (const auto& place : places_) left_ += place.length;
  }

  Task<Chunk> read() override {
    while (left_ != 0) {
      if (!current_) current_ = open_runs(extents_, reading_, runs_, places_[next_++], key_);
      CO_TRY(Chunk chunk, co_await current_->read());
      left_ -= chunk.size();
      if (!chunk.empty()) co_return chunk;
      current_.reset();
    }
    co_return Chunk{};
  }

  std::optional<std::uint64_t> remaining() const override { return left_; }

 private:
  ExtentStore& extents_;
  Reclaimer::Reading reading_;
  PageRuns runs_;
  std::optional<RegionKey> key_;
  std::vector<ByteRange> places_;
  std::size_t next_ = 0;
  std::uint64_t left_ = 0;
  std::unique_ptr<BodySource> current_;
};

}  // namespace

// Writes the region's pages into one extent. The object stays what it is, so that
// nothing but the region's row is guarded; who writes that row meanwhile wins.
Task<> Pages::compact(const std::string& map_id, std::uint64_t region, const std::optional<SecretKey>& key) {
  const auto reading = reclaimer_.enter();
  const auto row_key = region_key(map_id, region);
  CO_TRY(const auto seen, co_await backend_.index.get(row_key));
  if (!seen) co_return done;
  CO_TRY(const auto record, decode_row<ManifestRecord>(row_key, *seen));
  CO_TRY(const auto runs, runs_of(record));
  Compaction anew{.begin = region * kRegionSize, .runs = runs, .places = {}, .body = {}, .key = key, .sealed = {}};
  if (runs.size() > runs_max(key.has_value())) {
    const auto begin = runs.front().offset;
    anew.runs = {{begin, {{}, {0, runs.back().end() - begin}}}};
  }
  anew.places = places_of(anew.runs, key.has_value());
  std::optional<RegionKey> opening;
  if (key) opening.emplace(*key, anew.begin, record.sealed);
  if (!key && anew.runs == runs) {
    anew.body = open_slices(backend_.extents, reading, slices_of(runs));
  } else {
    anew.body = std::make_unique<PlaceSource>(backend_.extents, reading, runs, std::move(opening), anew.places);
  }
  CO_TRY(auto body, co_await store_anew(anew));

  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  CO_TRY(const auto now, co_await transaction->get(row_key));
  if (!now || *now != *seen) co_return done;
  references.drop(slices_of(runs));
  PageRuns placed;
  for (const auto& run : anew.runs) {
    auto offset = run.offset;
    for (const auto& slice : cut(body.slices(), {anew.stored_at(run), run.slice.range.length})) {
      references.adopt(slice.extent);
      placed.push_back({offset, slice});
      offset += slice.range.length;
    }
  }
  rows.put(row_key, row_of(placed, needed(placed, anew.sealed)));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  body.keep();
  reclaimer_.wake();
  co_return done;
}

Task<StoredBody> Pages::store_anew(Compaction& compaction) {
  if (!compaction.key) co_return co_await store_body(backend_, reclaimer_, *compaction.body, {});
  auto places = compaction.places;
  for (auto& place : places) place.offset += compaction.begin;
  PageEncryption encryption(*compaction.body, *compaction.key, std::move(places), backend_.extents.extent_length_max());
  CO_TRY(auto body, co_await store_body(backend_, reclaimer_, encryption, {}));
  compaction.sealed = encryption.sealed(body);
  co_return body;
}

Task<ObjectInfo> Pages::clear(const RequestContext&, const ObjectName& name, const PageOptions& options,
                              ByteRange range) {
  CO_TRY(check_name(name));
  CO_TRY(co_await check_early(name, options, range));
  auto required = options;
  for (;;) {
    bool finished = false;
    auto attempt = [&] { return clear_some(name, required, range, finished); };
    CO_TRY(auto info, co_await retry_conflicts(attempt));
    if (finished) co_return info;
    // The conditions were for the first step; lease and key are for all.
    required = {.conditions = {}, .sequence = {}, .customer_key = options.customer_key};
    required.conditions.lease = options.conditions.lease;
  }
}

Task<ObjectInfo> Pages::clear_some(const ObjectName& name, const PageOptions& options, ByteRange range,
                                   bool& finished) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  const auto now = clock_.now();
  CO_TRY(auto state, co_await claim_for_write(rows, name, options.conditions, now));
  auto& record = state.record;
  CO_TRY(check_kind(record));
  CO_TRY(check_sequence(options.sequence, record.info));
  CO_TRY(check_range(record.info, range));
  Write write{.range = range};
  CO_TRY(write.key, open_object_key(keys_, record.info.encryption, options.customer_key));
  CO_TRY(finished, co_await clear_regions(rows, references, std::get<PageMap>(record.content).id, write));
  CO_TRY(put_written(rows, state, now));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  reclaimer_.wake();
  co_return std::move(record.info);
}

// Every write of pages puts the object's record, which the commit guards: the rows
// found by the scan are all there are. False: there are more.
Task<bool> Pages::clear_regions(Catalog& rows, References& references, const std::string& map_id, Write& write) {
  const auto& range = write.range;
  const auto first = range.offset / kRegionSize;
  const auto last = (range.offset + range.length - 1) / kRegionSize;
  CO_TRY(const auto found, co_await rows.transaction().scan(
                               {region_key(map_id, first), region_key(map_id, last) + '\0'}, kClearRows + 1));
  for (std::size_t i = 0; i < std::min(found.size(), kClearRows); ++i) {
    const auto region = region_of_key(found[i].key);
    if (!region) co_return fail(ErrorCode::corrupt, "the key of a row of pages");
    CO_TRY(co_await overlay(rows, references, map_id, write, *region));
  }
  CO_TRY(co_await compact_all(map_id, write));
  co_return found.size() <= kClearRows;
}

Task<ObjectInfo> Pages::resize(const RequestContext& context, const ObjectName& name, const PageOptions& options,
                               std::uint64_t size) {
  CO_TRY(check_name(name));
  CO_TRY(check_size(size));
  auto required = options;
  for (;;) {
    bool finished = false;
    auto attempt = [&] { return resize_once(name, required, size, finished); };
    CO_TRY(auto info, co_await retry_conflicts(attempt));
    if (finished) co_return info;
    // Too much for one commit: what is beyond the size goes first.
    CO_TRY(co_await clear(context, name, required, {size, info.size - size}));
    required.conditions = {};
    required.sequence = {};
    required.conditions.lease = options.conditions.lease;
  }
}

Task<ObjectInfo> Pages::resize_once(const ObjectName& name, const PageOptions& options, std::uint64_t size,
                                    bool& finished) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  const auto now = clock_.now();
  CO_TRY(auto state, co_await claim_for_write(rows, name, options.conditions, now));
  auto& record = state.record;
  CO_TRY(check_kind(record));
  CO_TRY(check_sequence(options.sequence, record.info));
  CO_TRY(const auto key, open_object_key(keys_, record.info.encryption, options.customer_key));
  const auto before = record.info.size;
  finished = true;
  if (size < before) {
    Write write{.range = {size, before - size}, .key = key};
    CO_TRY(finished, co_await clear_regions(rows, references, std::get<PageMap>(record.content).id, write));
  }
  if (!finished) co_return std::move(record.info);
  record.info.size = size;
  CO_TRY(put_written(rows, state, now));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  reclaimer_.wake();
  co_return std::move(record.info);
}

Task<ObjectInfo> Pages::set_sequence(const RequestContext&, const ObjectName& name, const Conditions& conditions,
                                     SequenceAct act, std::uint64_t number) {
  CO_TRY(check_name(name));
  if (number > kSequenceMax) co_return fail(ErrorCode::invalid_argument, "the sequence number");
  auto attempt = [&] { return set_sequence_once(name, conditions, act, number); };
  co_return co_await retry_conflicts(attempt);
}

Task<ObjectInfo> Pages::set_sequence_once(const ObjectName& name, const Conditions& conditions, SequenceAct act,
                                          std::uint64_t number) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  const auto now = clock_.now();
  CO_TRY(auto state, co_await claim_for_write(rows, name, conditions, now));
  auto& record = state.record;
  CO_TRY(check_kind(record));
  auto& current = record.info.sequence_number;
  if (act == SequenceAct::increment && current == kSequenceMax) {
    co_return fail(ErrorCode::invalid_argument, "the sequence number is the greatest there is");
  }
  if (act == SequenceAct::max) current = std::max(current, number);
  if (act == SequenceAct::update) current = number;
  if (act == SequenceAct::increment) ++current;
  revise(record, now);
  CO_TRY(auto value, encode_object(record));
  transaction->put(state.key, std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return std::move(record.info);
}

namespace {

// The runs of one map, region by region.
class RegionCursor {
 public:
  RegionCursor(Transaction& transaction, const std::string& map_id, ByteRange range)
      : cursor_(transaction, {region_key(map_id, range.offset / kRegionSize),
                              region_key(map_id, (range.offset + range.length - 1) / kRegionSize) + '\0'}) {}

  // The region at hand; nothing: there is no more.
  Task<std::optional<std::uint64_t>> peek() {
    CO_TRY(const Entry* row, co_await cursor_.peek());
    if (row == nullptr) co_return std::optional<std::uint64_t>{};
    const auto region = region_of_key(row->key);
    if (!region) co_return fail(ErrorCode::corrupt, "the key of a row of pages");
    co_return region;
  }

  Task<PageRuns> take() {
    CO_TRY(const Entry* row, co_await cursor_.peek());
    CO_TRY(const auto manifest, decode_row<ManifestRecord>(row->key, row->value));
    cursor_.pop();
    co_return runs_of(manifest);
  }

 private:
  Cursor cursor_;
};

// The place of the byte at `offset`, where a run holds it.
std::optional<std::pair<ExtentId, std::uint64_t>> place_of(const PageRuns& runs, std::size_t& next,
                                                           std::uint64_t offset) {
  while (next != runs.size() && runs[next].end() <= offset) ++next;
  if (next == runs.size() || runs[next].offset > offset) return std::nullopt;
  const auto& [extent, range] = runs[next].slice;
  return std::pair(extent.id, range.offset + (offset - runs[next].offset));
}

// What of a region differs from what it was; all that is written, where it was nothing.
std::vector<PageRange> compare(const PageRuns& before, const PageRuns& now) {
  std::set<std::uint64_t> edges;
  for (const auto* runs : {&before, &now}) {
    for (const auto& run : *runs) edges.insert({run.offset, run.end()});
  }
  std::vector<PageRange> found;
  std::size_t next_before = 0;
  std::size_t next_now = 0;
  for (auto edge = edges.begin(); edge != edges.end() && std::next(edge) != edges.end(); ++edge) {
    const auto was = place_of(before, next_before, *edge);
    const auto is = place_of(now, next_now, *edge);
    if (was != is) found.push_back({{*edge, *std::next(edge) - *edge}, !is});
  }
  return found;
}

// Adds what of `found`, which is of one region, lies in `range`. False: there are `limit`
// already, and page.next says where to go on.
bool add(PageRangesPage& page, const std::vector<PageRange>& found, std::uint64_t begin, ByteRange range,
         std::size_t limit) {
  for (const auto& [bytes, cleared] : found) {
    const auto from = std::max(range.offset, begin + bytes.offset);
    const auto to = std::min(range.offset + range.length, begin + bytes.offset + bytes.length);
    if (from >= to) continue;
    auto& all = page.ranges;
    const bool touches =
        !all.empty() && all.back().cleared == cleared && all.back().bytes.offset + all.back().bytes.length == from;
    if (touches) {
      all.back().bytes.length += to - from;
    } else if (all.size() == limit) {
      page.next = from;
      return false;
    } else {
      all.push_back({{from, to - from}, cleared});
    }
  }
  return true;
}

}  // namespace

Task<PageRangesPage> Pages::ranges(const RequestContext&, const ObjectName& name, const PageQuery& query) {
  CO_TRY(check_name(name));
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(auto state, co_await find_state(rows, name, query.which));
  if (!state || state->record.info.delete_marker) {
    co_return std::unexpected(co_await why_not(backend_.index, name, query.which, state.has_value()));
  }
  auto& info = state->record.info;
  CO_TRY(check_read(query.conditions, info));
  CO_TRY(check_lease(query.conditions.lease, info.lease, clock_.now()));
  CO_TRY(check_kind(state->record));
  CO_TRY(check_not_following(info));
  PageRangesPage page{.info = std::move(info), .earlier = {}, .ranges = {}, .next = {}};
  std::optional<PageMap> before;
  if (query.since) {
    CO_TRY(before, co_await find_earlier(rows, name, *query.since, page.earlier));
    if (!before) co_return page;
  }
  const auto begin = std::min(query.range.offset, page.info.size);
  const ByteRange range{begin, std::min(query.range.length, page.info.size - begin)};
  if (range.length == 0 || query.limit == 0) co_return page;
  RegionCursor now(*transaction, std::get<PageMap>(state->record.content).id, range);
  std::optional<RegionCursor> then;
  if (before) then.emplace(*transaction, before->id, range);
  for (;;) {
    CO_TRY(const auto is, co_await now.peek());
    std::optional<std::uint64_t> was;
    if (then) {
      CO_TRY(was, co_await then->peek());
    }
    if (!is && !was) co_return page;
    const auto region = is && was ? std::min(*is, *was) : is.value_or(was.value_or(0));
    PageRuns runs_before;
    PageRuns runs_now;
    if (was == region) {
      CO_TRY(runs_before, co_await then->take());
    }
    if (is == region) {
      CO_TRY(runs_now, co_await now.take());
    }
    if (!add(page, compare(runs_before, runs_now), region * kRegionSize, range, query.limit)) co_return page;
  }
}

// The pages that those asked for are compared with; nothing: it has none, or is not there.
Task<std::optional<PageMap>> Pages::find_earlier(Catalog& rows, const ObjectName& name, const Which& which,
                                                 std::optional<ObjectInfo>& info) {
  CO_TRY(auto state, co_await find_state(rows, name, which));
  if (!state || state->record.info.delete_marker) co_return std::optional<PageMap>{};
  info = std::move(state->record.info);
  const auto* map = std::get_if<PageMap>(&state->record.content);
  co_return map == nullptr ? std::optional<PageMap>{} : *map;
}

}  // namespace sluice::object
