#include "gateway/object/reclaimer.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "gateway/core/encoding.h"
#include "gateway/object/catalog.h"
#include "gateway/object/cursor.h"
#include "gateway/object/references.h"
#include "gateway/object/retry.h"
#include "gateway/object/soft_delete.h"

namespace asio = boost::asio;

namespace sluice::object {
namespace {

constexpr std::size_t kBatchRows = 256;
constexpr std::size_t kStepParts = 50;
constexpr std::size_t kStepSlices = 1000;
constexpr std::size_t kStepUploads = 100;

// How long a manifest may be under way before other processes clear it up.
constexpr std::chrono::minutes kBuildingTime(10);

constexpr std::chrono::milliseconds kPauseAfterWork(100);
constexpr std::chrono::milliseconds kPauseForReaders(1000);
constexpr std::chrono::milliseconds kPauseAfterFailure(5000);
constexpr std::chrono::milliseconds kPauseWhenIdle(10000);

const SystemClock system_clock;

std::string_view id_in(const Entry& row) { return std::string_view(row.key).substr(rows::kManifestGarbage.size()); }

}  // namespace

/// What one run_once() did, and what went wrong first.
class Reclaimer::Round {
 public:
  std::uint64_t done_count = 0;
  std::optional<Error> error;

  bool failed(const Result<>& result) {
    if (!result && !error) error = result.error();
    return !result;
  }
};

Reclaimer::Reclaimer(Backend backend, Log& log) : Reclaimer(backend, log, system_clock) {}

Reclaimer::Reclaimer(Backend backend, Log& log, const Clock& clock)
    : backend_(backend), log_(log), clock_(clock), run_id_(random_bytes(kIdSize)), scan_from_(rows::kGarbage) {}

Reclaimer::Reading Reclaimer::enter() {
  const std::scoped_lock lock(mutex_);
  return reading_;
}

void Reclaimer::drop(const Extent& extent) {
  {
    const std::scoped_lock lock(mutex_);
    dropped_.push_back(extent);
  }
  wake();
}

void Reclaimer::wake() {
  if (!awake_.exchange(true)) interrupt();
}

void Reclaimer::stop() {
  stopping_ = true;
  interrupt();
}

void Reclaimer::interrupt() {
  std::shared_ptr<Timer> timer;
  {
    const std::scoped_lock lock(mutex_);
    timer = timer_;
  }
  if (!timer) return;
  // Where run() runs: it is then either waiting, or looks at the flags before it waits.
  asio::post(timer->get_executor(), [timer] { timer->cancel(); });
}

/// The timer of a run for as long as its coroutine is there, however that ends: its
/// executor may be gone afterwards.
class Reclaimer::TimerSlot {
 public:
  TimerSlot(Reclaimer& reclaimer, std::shared_ptr<Timer> timer) : reclaimer_(reclaimer) {
    const std::scoped_lock lock(reclaimer_.mutex_);
    reclaimer_.timer_ = std::move(timer);
  }
  ~TimerSlot() {
    const std::scoped_lock lock(reclaimer_.mutex_);
    reclaimer_.timer_.reset();
  }
  TimerSlot(const TimerSlot&) = delete;
  TimerSlot& operator=(const TimerSlot&) = delete;

 private:
  Reclaimer& reclaimer_;
};

Task<> Reclaimer::run() {
  const auto timer = std::make_shared<Timer>(co_await asio::this_coro::executor);
  const TimerSlot slot(*this, timer);
  for (;;) {
    const bool stopping = stopping_;
    awake_ = false;
    const auto last = co_await run_once();
    if (!last) log_.warning("reclaim_failed", {{"detail", std::string_view(last.error().detail)}});
    if (stopping && last.value_or(0) == 0) break;
    if (!stopping_) co_await pause(*timer, last);
  }
  co_return done;
}

Awaitable<> Reclaimer::pause(Timer& timer, const Result<std::uint64_t>& last) {
  auto length = kPauseWhenIdle;
  if (!last) {
    length = kPauseAfterFailure;
  } else if (*last >= kBatchRows) {
    length = std::chrono::milliseconds(0);
  } else if (*last != 0 || awake_) {
    length = kPauseAfterWork;
  } else if (batch_) {
    length = kPauseForReaders;
  }
  timer.expires_after(length);
  co_await timer.async_wait(asio::as_tuple(use_task));
}

Task<std::uint64_t> Reclaimer::run_once() {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(working_, true)) co_return 0;
  }
  const auto at_work = std::unique_ptr<Reclaimer, void (*)(Reclaimer*)>(this, [](Reclaimer* self) {
    const std::scoped_lock lock(self->mutex_);
    self->working_ = false;
  });

  if (!batch_) {
    CO_TRY(auto batch, co_await gather());
    if (batch.row_count() == 0 && batch.dropped.empty()) co_return 0;
    batch_ = std::move(batch);
    // Behind the scan: who enters from here on reads an index in which none of
    // the batch is named.
    turn_over();
  }
  if (!readers_are_gone()) co_return 0;

  Round round;
  Batch batch = std::move(*batch_);
  batch_.reset();
  round.failed(co_await release_dropped(round, std::move(batch.dropped)));
  round.failed(co_await release_extents(round, batch.extents));
  for (const auto& row : batch.others) round.failed(co_await work_off(round, row));
  if (round.error) co_return std::unexpected(*round.error);
  co_return round.done_count;
}

Task<Reclaimer::Batch> Reclaimer::gather() {
  Batch batch;
  for (int turn = 0; turn < 2 && batch.row_count() == 0; ++turn) {
    const auto from = std::exchange(scan_from_, std::string(rows::kGarbage));
    const auto transaction = backend_.index.begin();
    Cursor cursor(*transaction, {from, successor(rows::kGarbage)}, kBatchRows);
    std::string last;
    while (batch.row_count() < kBatchRows) {
      CO_TRY(Entry * row, co_await cursor.peek());
      if (row == nullptr) break;
      last = row->key;
      // Those stand in the order in which they are due.
      if (row->key.starts_with(rows::kRetained) && !is_due(*row)) {
        cursor.skip_to(successor(rows::kRetained));
        continue;
      }
      if (is_due(*row)) (row->key.starts_with(rows::kExtentGarbage) ? batch.extents : batch.others).push_back(*row);
      cursor.pop();
    }
    // The next batch goes on behind this one, so that rows which keep failing
    // do not stand in the way of others.
    if (batch.row_count() == kBatchRows) scan_from_ = last + '\0';
    if (from == rows::kGarbage) break;
  }
  const std::scoped_lock lock(mutex_);
  batch.dropped.swap(dropped_);
  co_return batch;
}

bool Reclaimer::is_due(const Entry& row) {
  if (row.key.starts_with(rows::kRetained)) {
    const auto name = retained_of_key(row.key);
    return !name || name->until <= clock_.now();
  }
  if (!row.key.starts_with(rows::kManifestGarbage)) return true;
  const auto garbage = ManifestGarbage::decode(row.value);
  if (!garbage || garbage->builder.empty()) return true;
  if (garbage->builder != run_id_) return garbage->due <= clock_.now();
  const std::scoped_lock lock(mutex_);
  return !building_.contains(id_in(row));
}

void Reclaimer::turn_over() {
  const std::scoped_lock lock(mutex_);
  earlier_.emplace_back(reading_);
  reading_ = std::make_shared<int>(0);
}

bool Reclaimer::readers_are_gone() {
  const std::scoped_lock lock(mutex_);
  std::erase_if(earlier_, [](const auto& reading) { return reading.expired(); });
  return earlier_.empty();
}

Task<> Reclaimer::release_dropped(Round& round, std::vector<Extent> dropped) {
  Result<> first;
  for (const auto& extent : dropped) {
    // A commit whose answer was lost may have named it after all.
    const auto live = co_await backend_.index.get(extent_key(extent.id));
    Result<> released;
    if (!live) {
      released = std::unexpected(live.error());
    } else if (!*live) {
      released = co_await backend_.extents.release(extent);
    }
    if (released) {
      ++round.done_count;
      continue;
    }
    if (first) first = std::move(released);
    const std::scoped_lock lock(mutex_);
    dropped_.push_back(extent);
  }
  co_return first;
}

// Releases first and forgets then: a crash between the two releases once more.
Task<> Reclaimer::release_extents(Round& round, const std::vector<Entry>& rows) {
  Result<> first;
  const auto transaction = backend_.index.begin();
  std::uint64_t released_count = 0;
  for (const auto& row : rows) {
    Result<> released;
    const auto id = extent_of_key(row.key);
    const auto record = decode_row<ExtentRecord>(row.key, row.value);
    if (!id || !record) {
      released = fail(ErrorCode::corrupt, "a garbage row of an extent");
    } else {
      released = co_await backend_.extents.release({*id, record->length, record->crc32c});
    }
    if (released) {
      transaction->erase(row.key);
      ++released_count;
    } else if (first) {
      first = std::move(released);
    }
  }
  if (released_count != 0) {
    CO_TRY(co_await transaction->commit());
  }
  round.done_count += released_count;
  co_return first;
}

Task<> Reclaimer::work_off(Round& round, const Entry& row) {
  auto attempt = [&] { return step(row); };
  for (;;) {
    CO_TRY(const bool finished, co_await retry_conflicts(attempt));
    if (finished) break;
  }
  ++round.done_count;
  co_return done;
}

Task<bool> Reclaimer::step(const Entry& row) {
  if (row.key.starts_with(rows::kRetained)) return step_retained(row);
  if (row.key.starts_with(rows::kManifestGarbage)) return step_manifest(row);
  if (row.key.starts_with(rows::kUploadGarbage)) return step_upload(row);
  return step_bucket(row);
}

// What was brought back, or removed, meanwhile is let alone.
Task<bool> Reclaimer::step_retained(const Entry& row) {
  const auto retained = retained_of_key(row.key);
  if (!retained) co_return fail(ErrorCode::corrupt, "the key of a row of what is kept");
  const auto& [name, position] = retained->state;
  const auto transaction = backend_.index.begin();
  Catalog catalog(*transaction);
  CO_TRY(const auto mark, co_await transaction->get(row.key));
  if (!mark) co_return true;
  const auto key = version_key(name, position);
  CO_TRY(const auto state, co_await catalog.get<ObjectRecord>(key));
  CO_TRY(auto head, co_await catalog.get<ObjectRecord>(object_key(name)));
  References references;
  if (state && state->info.soft_deleted && state->info.kept_until == retained->until) {
    catalog.erase(key);
    let_go(catalog, references, state->content);
    if (head) forget_deleted(catalog, name, *std::move(head), position);
  }
  catalog.erase(row.key);
  CO_TRY(co_await references.apply(catalog));
  CO_TRY(co_await transaction->commit());
  co_return true;
}

// Each step takes something away in one commit, which also gets the garbage row:
// of two processes at the same row, one gives way.
Task<bool> Reclaimer::step_manifest(const Entry& row) {
  const auto transaction = backend_.index.begin();
  Catalog catalog(*transaction);
  CO_TRY(const auto garbage, co_await catalog.get<ManifestGarbage>(row.key));
  if (!garbage) co_return true;
  CO_TRY(const auto found, co_await transaction->scan(keys_with(manifest_prefix(id_in(row))), 1));
  if (found.empty()) {
    catalog.erase(row.key);
    CO_TRY(co_await transaction->commit());
    co_return true;
  }
  CO_TRY(const auto manifest, co_await catalog.get<ManifestRecord>(found[0].key));
  if (!manifest) co_return fail(ErrorCode::conflict);
  References references;
  if (garbage->owned) {
    for (const auto& part : manifest->parts) references.drop(part.slices);
  }
  catalog.erase(found[0].key);
  CO_TRY(co_await references.apply(catalog));
  CO_TRY(co_await transaction->commit());
  co_return false;
}

Task<bool> Reclaimer::step_upload(const Entry& row) {
  const auto transaction = backend_.index.begin();
  Catalog catalog(*transaction);
  CO_TRY(const auto garbage, co_await catalog.get<UploadGarbage>(row.key));
  if (!garbage) co_return true;
  const auto upload_id = std::string_view(row.key).substr(rows::kUploadGarbage.size());
  CO_TRY(const auto found, co_await transaction->scan(keys_with(parts_prefix(upload_id)), kStepParts));
  References references;
  std::size_t slice_count = 0;
  for (const auto& [key, value] : found) {
    if (slice_count > kStepSlices) break;
    CO_TRY(const auto part, co_await catalog.get<PartRecord>(key));
    if (!part) co_return fail(ErrorCode::conflict);
    if (!garbage->is_claimed(part->info.number)) references.drop(part->slices);
    slice_count += part->slices.size();
    catalog.erase(key);
  }
  CO_TRY(co_await references.apply(catalog));
  const bool finished = found.empty();
  if (finished) catalog.erase(row.key);
  CO_TRY(co_await transaction->commit());
  co_return finished;
}

Task<bool> Reclaimer::step_bucket(const Entry& row) {
  const auto transaction = backend_.index.begin();
  Catalog catalog(*transaction);
  CO_TRY(const auto garbage, co_await catalog.get<BucketGarbage>(row.key));
  if (!garbage) co_return true;
  const auto bucket_id = std::string_view(row.key).substr(rows::kBucketGarbage.size());
  std::size_t count = 0;
  Cursor cursor(*transaction, keys_with(uploads_prefix(garbage->name)));
  while (count < kStepUploads) {
    CO_TRY(const Entry* entry, co_await cursor.peek());
    if (entry == nullptr) break;
    const std::string key = entry->key;
    CO_TRY(const auto seen, decode_row<UploadRecord>(key, entry->value));
    cursor.pop();
    // A bucket of the same name made since has uploads of its own.
    if (seen.bucket_id != bucket_id) continue;
    const auto name = upload_of_key(key);
    if (!name) co_return fail(ErrorCode::corrupt, "the key of an upload row");
    CO_TRY(const auto upload, co_await catalog.get<UploadRecord>(key));
    if (!upload) co_return fail(ErrorCode::conflict);
    catalog.erase(key);
    catalog.put(upload_garbage_key(upload->blocks.empty() ? name->upload_id : upload->blocks), UploadGarbage{});
    ++count;
  }
  if (count == 0) catalog.erase(row.key);
  CO_TRY(co_await transaction->commit());
  co_return count == 0;
}

Building::Building(Reclaimer& reclaimer, std::string manifest_id) : reclaimer_(reclaimer), id_(std::move(manifest_id)) {
  const std::scoped_lock lock(reclaimer_.mutex_);
  reclaimer_.building_.insert(id_);
}

Building::~Building() {
  {
    const std::scoped_lock lock(reclaimer_.mutex_);
    reclaimer_.building_.erase(id_);
  }
  reclaimer_.wake();
}

ManifestGarbage Building::row(bool owned) const {
  return {.owned = owned, .builder = reclaimer_.run_id_, .due = reclaimer_.clock_.now() + kBuildingTime};
}

}  // namespace sluice::object
