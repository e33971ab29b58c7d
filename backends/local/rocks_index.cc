#include "backends/local/rocks_index.h"

#include <rocksdb/listener.h>

#include <cassert>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "backends/local/blob_garbage.h"
#include "backends/local/committer.h"
#include "backends/local/removed_rows.h"
#include "backends/local/rocks_crc32c.h"
#include "backends/local/rocks_options.h"
#include "backends/local/row_cache.h"
#include "backends/local/row_families.h"

namespace sluice::local {

namespace asio = boost::asio;

namespace {

using Value = std::optional<std::string>;

/// Released with its last holder, which may be a thread that still reads at it.
using SnapshotPtr = std::shared_ptr<const rocksdb::Snapshot>;

constexpr std::size_t kInlineScanMax = 64;  ///< Rows that are scanned on the calling thread, if in memory.
constexpr std::size_t kScanReserve = 1024;
constexpr int kStepsMax = 8;                       ///< A seek costs about as much.
constexpr std::size_t kSmallCommitMax = 2 * 1024;  ///< What removing something needs.
constexpr auto kSpaceCheckPeriod = std::chrono::milliseconds(100);

/// Refuses commits while the file system is nearly full, before RocksDB finds out:
/// a write that fails half way ends all writing until a restart. Small ones, such
/// as removals, may go further. One thread.
class SpaceGuard {
 public:
  SpaceGuard(std::filesystem::path directory, std::uint64_t reserve_size)
      : directory_(std::move(directory)), reserve_size_(reserve_size) {}

  Result<> admit(std::size_t size) {
    const auto now = std::chrono::steady_clock::now();
    if (now - checked_ >= kSpaceCheckPeriod) {
      std::error_code ignored;
      free_ = std::filesystem::space(directory_, ignored).available;
      checked_ = now;
    }
    const std::uint64_t floor = size <= kSmallCommitMax ? reserve_size_ / 8 : reserve_size_ / 2;
    if (free_ < floor) return fail(ErrorCode::out_of_space, "index: the device is full");
    return done;
  }

 private:
  const std::filesystem::path directory_;
  const std::uint64_t reserve_size_;
  std::chrono::steady_clock::time_point checked_{};
  std::uint64_t free_ = 0;
};

/// Hears of RocksDB's own background errors, and whether it has stopped writing.
class BackgroundErrors final : public rocksdb::EventListener {
 public:
  explicit BackgroundErrors(Log& log) : log_(log) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    if (status->severity() >= rocksdb::Status::Severity::kHardError) stopped_ = true;
    log_.error("index_background_error", {{"detail", std::string_view(status->ToString())}});
  }
  void OnErrorRecoveryCompleted(rocksdb::Status) override {
    stopped_ = false;
    log_.info("index_background_error_recovered");
  }
  bool stopped() const { return stopped_; }

 private:
  Log& log_;
  std::atomic<bool> stopped_ = false;
};

/// Tells the cache which rows a batch writes.
class Announcer final : public rocksdb::WriteBatch::Handler {
 public:
  explicit Announcer(RowCache::Writing& writing) : writing_(writing) {}
  rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice& key, const rocksdb::Slice&) override {
    writing_.add(key.ToStringView());
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice& key) override {
    writing_.add(key.ToStringView());
    return rocksdb::Status::OK();
  }

 private:
  RowCache::Writing& writing_;
};

/// Goes forward to rows that are often not far: by steps, as long as those have paid before, or by a seek.
class Skipper {
 public:
  /// To the first row that is not below `key`, which is above the present one.
  void skip(rocksdb::Iterator& row, std::string_view key) {
    for (int step = 0; step < steps_ && row.Valid(); ++step) {
      row.Next();
      if (!row.Valid() || row.key().ToStringView() >= key) {
        steps_ = kStepsMax;
        return;
      }
    }
    steps_ = std::max(1, steps_ / 2);
    if (row.Valid()) row.Seek(key);
  }

 private:
  int steps_ = kStepsMax;
};

rocksdb::ReadOptions from_memory(rocksdb::ReadOptions options) {
  options.read_tier = rocksdb::kBlockCacheTier;
  return options;
}

}  // namespace

/// What transactions share. Threads read through `db` until `readers` is joined.
class RocksIndex::State {
 public:
  State(const std::filesystem::path& directory, const LocalOptions& options, bool create, std::atomic<bool>& uncertain,
        Log& log);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Task<Value> get(SnapshotPtr snapshot, std::string_view key);
  Task<Value> get_latest(std::string_view key);
  RowCache::Value at_hand(std::string_view key) { return cache_.find(key); }
  RowCache& cache() { return cache_; }
  Task<std::vector<Entry>> scan(SnapshotPtr snapshot, const KeyRange& range, std::size_t limit);
  Task<> walk(SnapshotPtr snapshot, KeyRange range, std::shared_ptr<RowVisitor> visitor, std::size_t expected);

  SnapshotPtr take_snapshot() {
    return {rows_.database().GetSnapshot(),
            [this](const rocksdb::Snapshot* snapshot) { rows_.database().ReleaseSnapshot(snapshot); }};
  }
  Committer& committer() { return *committer_; }

 private:
  std::optional<Result<Value>> read(const rocksdb::ReadOptions& options, std::string_view key);
  std::optional<Result<std::vector<Entry>>> read(const rocksdb::ReadOptions& options, const KeyRange& range,
                                                 std::size_t limit);
  rocksdb::Status read(rocksdb::ReadOptions options, std::string_view begin, const RowFamilies::Part& part,
                       std::size_t limit, std::vector<Entry>& entries);
  std::optional<Result<>> show(const rocksdb::ReadOptions& options, KeyRange& rest, RowVisitor& visitor);
  std::optional<Result<Walk>> show(rocksdb::ReadOptions options, const RowFamilies::Part& part, KeyRange& rest,
                                   RowVisitor& visitor);
  void tell_of_removed(const RowFamilies::Part& part, std::string_view begin, const rocksdb::Iterator& row,
                       std::uint64_t stepped_over);
  Result<> write(rocksdb::WriteBatch& writes);

  RowCache cache_;
  SpaceGuard space_;
  std::shared_ptr<BackgroundErrors> errors_;
  RowFamilies rows_;
  RemovedRows removed_;
  BlobGarbage garbage_;  ///< Of the committer's thread.
  asio::thread_pool readers_;
  std::unique_ptr<Committer> committer_;
};

RocksIndex::State::State(const std::filesystem::path& directory, const LocalOptions& options, bool create,
                         std::atomic<bool>& uncertain, Log& log)
    : cache_(options.block_cache_size / 2),
      space_(directory, options.reserve_size),
      errors_(std::make_shared<BackgroundErrors>(log)),
      rows_(directory, options, create, errors_, log),
      removed_(rows_.database(), log),
      garbage_(rows_.database(), {rows_.others(), rows_.apart()}, log),
      readers_(std::max(1U, options.index_threads)) {
  committer_ =
      std::make_unique<Committer>([this](rocksdb::WriteBatch& writes) { return write(writes); },
                                  [this](std::size_t size) {
                                    if (errors_->stopped()) {
                                      return Result<>(fail(ErrorCode::unavailable, "index: RocksDB has stopped"));
                                    }
                                    return space_.admit(size);
                                  },
                                  [this](std::string_view key) { return rows_.of(key); }, uncertain);
  const bool is_ours = crc32c_that_rocks_calls() != crc32c_of_rocks();
  if (!is_ours) log.warning("index_crc32c_by_table", {{"detail", std::string_view("writes cost more CPU")}});
}

RocksIndex::State::~State() {
  committer_.reset();
  readers_.join();
}

Result<> RocksIndex::State::write(rocksdb::WriteBatch& writes) {
  rocksdb::WriteOptions options;
  options.sync = true;
  RowCache::Writing writing(cache_);
  Announcer announcer(writing);
  const auto announced = writes.Iterate(&announcer);
  assert(announced.ok());
  const auto status = rows_.database().Write(options, &writes);
  if (!status.ok()) return std::unexpected(error_of(status));
  garbage_.look();
  return done;
}

/// The answer, or nothing if it would need the disk and `options` forbid that.
std::optional<Result<Value>> RocksIndex::State::read(const rocksdb::ReadOptions& options, std::string_view key) {
  rocksdb::PinnableSlice value;
  const auto status = rows_.database().Get(options, rows_.of(key), key, &value);
  // Without the disk, RocksDB says of a table that is not open that it may have the key: OK, and an empty value.
  const bool is_known = options.read_tier != rocksdb::kBlockCacheTier || !value.empty();
  if (status.ok()) return is_known ? std::optional(Result<Value>(value.ToString())) : std::nullopt;
  if (status.IsNotFound()) return Result<Value>(std::nullopt);
  if (status.IsIncomplete()) return std::nullopt;
  return Result<Value>(std::unexpected(error_of(status)));
}

Task<Value> RocksIndex::State::get(SnapshotPtr snapshot, std::string_view key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.get();
  if (auto known = read(from_memory(options), key)) co_return *std::move(known);
  // The caller may be destroyed while the thread reads: it gets a key of its own.
  co_return co_await done_on<Result<Value>>(
      readers_, [this, options, snapshot, key = std::string(key)] { return read(options, key).value(); });
}

Task<Value> RocksIndex::State::get_latest(std::string_view key) {
  if (const auto known = cache_.find(key)) co_return known->bytes();
  const auto ticket = cache_.ticket(key);
  CO_TRY(auto value, co_await get(nullptr, key));
  if (value) cache_.keep(key, std::make_shared<const Row>(*value), ticket);
  co_return value;
}

/// Tells of the removed rows that a read of one family from `begin` on has stepped over, since this
/// thread had done so with `stepped_over`.
void RocksIndex::State::tell_of_removed(const RowFamilies::Part& part, std::string_view begin,
                                        const rocksdb::Iterator& row, std::uint64_t stepped_over) {
  const auto end = row.Valid() ? row.key().ToStringView() : std::string_view(part.end);
  removed_.tell(*part.family, begin, end, RemovedRows::stepped_over() - stepped_over);
}

/// Adds rows of one family from `begin` on, until `entries` has `limit` of them.
rocksdb::Status RocksIndex::State::read(rocksdb::ReadOptions options, std::string_view begin,
                                        const RowFamilies::Part& part, std::size_t limit, std::vector<Entry>& entries) {
  const rocksdb::Slice end(part.end);
  if (!part.end.empty()) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> row(rows_.database().NewIterator(options, part.family));
  const auto stepped_over = RemovedRows::stepped_over();
  for (row->Seek(begin); row->Valid() && entries.size() < limit; row->Next()) {
    entries.push_back({row->key().ToString(), row->value().ToString()});
  }
  tell_of_removed(part, begin, *row, stepped_over);
  return row->status();
}

std::optional<Result<std::vector<Entry>>> RocksIndex::State::read(const rocksdb::ReadOptions& options,
                                                                  const KeyRange& range, std::size_t limit) {
  std::vector<Entry> entries;
  entries.reserve(std::min(limit, kScanReserve));
  std::string begin = range.begin;
  for (;;) {
    auto part = rows_.first_part(begin, range.end);
    const auto status = read(options, begin, part, limit, entries);
    if (status.IsIncomplete()) return std::nullopt;
    if (!status.ok()) return Result<std::vector<Entry>>(std::unexpected(error_of(status)));
    if (part.is_last || entries.size() == limit) return Result<std::vector<Entry>>(std::move(entries));
    begin = std::move(part.end);
  }
}

Task<std::vector<Entry>> RocksIndex::State::scan(SnapshotPtr snapshot, const KeyRange& range, std::size_t limit) {
  if (limit == 0 || (!range.end.empty() && range.end <= range.begin)) co_return std::vector<Entry>{};
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.get();
  if (limit <= kInlineScanMax) {
    if (auto known = read(from_memory(options), range, limit)) co_return *std::move(known);
  }
  co_return co_await done_on<Result<std::vector<Entry>>>(
      readers_, [this, options, snapshot, range, limit] { return read(options, range, limit).value(); });
}

/// Shows rows until there are no more or `visitor` has seen enough. Nothing: it would need the
/// disk and `options` forbid that; `rest` is then what it has yet to see.
std::optional<Result<>> RocksIndex::State::show(const rocksdb::ReadOptions& options, KeyRange& rest,
                                                RowVisitor& visitor) {
  for (;;) {
    auto part = rows_.first_part(rest.begin, rest.end);
    const auto shown = show(options, part, rest, visitor);
    if (!shown) return std::nullopt;
    if (!*shown) return std::unexpected(shown->error());
    if (part.is_last || **shown == Walk::stop) return done;
    if (rest.begin < part.end) rest.begin = std::move(part.end);
  }
}

/// As above, of one family's rows.
std::optional<Result<Walk>> RocksIndex::State::show(rocksdb::ReadOptions options, const RowFamilies::Part& part,
                                                    KeyRange& rest, RowVisitor& visitor) {
  const rocksdb::Slice end(part.end);
  if (!part.end.empty()) options.iterate_upper_bound = &end;
  const bool may_end_early = options.read_tier == rocksdb::kBlockCacheTier;
  const std::unique_ptr<rocksdb::Iterator> row(rows_.database().NewIterator(options, part.family));
  Skipper skipper;
  const auto stepped_over = RemovedRows::stepped_over();
  const std::string begin = rest.begin;
  row->Seek(begin);
  bool is_over = false;
  while (row->Valid()) {
    const auto key = row->key().ToStringView();
    const Walk next = visitor.see(key, row->value().ToStringView());
    is_over = next == Walk::stop;
    if (is_over) break;
    if (next == Walk::skip) {
      rest.begin = visitor.skip_to();
      skipper.skip(*row, rest.begin);
    } else {
      if (may_end_early) rest.begin.assign(key).push_back('\0');
      row->Next();
    }
  }
  tell_of_removed(part, begin, *row, stepped_over);
  if (is_over) return Walk::stop;
  if (row->status().ok()) return Walk::on;
  if (row->status().IsIncomplete()) return std::nullopt;
  return std::unexpected(error_of(row->status()));
}

Task<> RocksIndex::State::walk(SnapshotPtr snapshot, KeyRange range, std::shared_ptr<RowVisitor> visitor,
                               std::size_t expected) {
  if (!range.end.empty() && range.end <= range.begin) co_return done;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.get();
  if (expected <= kInlineScanMax) {
    if (auto shown = show(from_memory(options), range, *visitor)) co_return *std::move(shown);
  }
  co_return co_await done_on<Result<>>(
      readers_, [this, options, snapshot, range = std::move(range), visitor = std::move(visitor)]() mutable {
        return show(options, range, *visitor).value();
      });
}

class RocksIndex::RocksTransaction final : public Transaction {
 public:
  explicit RocksTransaction(State& state) : state_(state) {}
  ~RocksTransaction() override {
    if (number_) state_.committer().end_snapshot(*number_);
  }

  Task<Value> get(std::string_view key) override {
    if (const auto known = at_hand(key)) co_return known->bytes();
    commit_.read.push_back(mark_of(key));
    co_return co_await state_.get(snapshot(), key);
  }

  std::shared_ptr<const Row> at_hand(std::string_view key) override {
    take_snapshot();
    auto known = state_.cache().find(key, moment_);
    if (known) commit_.read.push_back(mark_of(key));
    return known;
  }

  Task<std::vector<Entry>> scan(const KeyRange& range, std::size_t limit) override {
    co_return co_await state_.scan(snapshot(), range, limit);
  }

  Task<> walk(KeyRange range, std::shared_ptr<RowVisitor> visitor, std::size_t expected) override {
    co_return co_await state_.walk(snapshot(), std::move(range), std::move(visitor), expected);
  }

  void put(std::string key, std::string value) override {
    commit_.writes.push_back({std::move(key), std::move(value)});
  }
  void erase(std::string key) override { commit_.writes.push_back({std::move(key), std::nullopt}); }

  Task<> commit() override {
    if (commit_.writes.empty()) co_return done;
    for (const Write& write : commit_.writes) {
      CO_TRY(check(write));
    }
    // The commit keeps its number in mind until its answer is here, so that what it read is still known then.
    co_return co_await answered<Result<>>(
        [this](Answer<Result<>> answer) { state_.committer().submit(std::move(commit_), std::move(answer)); });
  }

 private:
  static Result<> check(const Write& write) {
    const bool key_fits = !write.key.empty() && write.key.size() <= kKeySizeMax;
    const bool value_fits = !write.value || write.value->size() <= kValueSizeMax;
    if (key_fits && value_fits) return done;
    return fail(ErrorCode::invalid_argument, "index: a key or value is too long or empty");
  }

  const SnapshotPtr& snapshot() {
    take_snapshot();
    return snapshot_;
  }

  void take_snapshot() {
    if (commit_.snapshot) return;
    moment_ = state_.cache().moment();
    commit_.snapshot = number_ = state_.committer().begin_snapshot();
    snapshot_ = state_.take_snapshot();
  }

  State& state_;
  Commit commit_;
  std::optional<CommitNumber> number_;
  RowCache::Moment moment_ = 0;  ///< Of the snapshot.
  SnapshotPtr snapshot_;
};

RocksIndex::RocksIndex(const std::filesystem::path& directory, const LocalOptions& options, bool create,
                       std::atomic<bool>& uncertain, Log& log)
    : state_(std::make_unique<State>(directory, options, create, uncertain, log)) {}

RocksIndex::~RocksIndex() = default;

std::unique_ptr<Transaction> RocksIndex::begin() { return std::make_unique<RocksTransaction>(*state_); }

Task<Value> RocksIndex::get(std::string_view key) { return state_->get_latest(key); }

RowCache::Value RocksIndex::at_hand(std::string_view key) { return state_->at_hand(key); }

}  // namespace sluice::local
