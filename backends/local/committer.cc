#include "backends/local/committer.h"

#include <algorithm>

namespace sluice::local {

namespace {

constexpr std::size_t kBatchSizeMax = 4 << 20;  ///< Bytes of one write to the log, but for its last commit.
constexpr std::size_t kBatchHeaderSize = 64, kWriteOverhead = 16;  ///< At most, so that a batch never has to grow.
constexpr std::size_t kRecentMax = 256 * 1024;  ///< Some 16 MB; no transaction lives through that many writes.

}  // namespace

std::size_t Commit::size() const {
  std::size_t size = 0;
  for (const Write& write : writes) size += write.key.size() + (write.value ? write.value->size() : 0);
  return size;
}

Committer::Committer(WriteDurably write, Admit admit, FamilyOf family_of, std::atomic<bool>& uncertain)
    : write_(std::move(write)),
      admit_(std::move(admit)),
      family_of_(std::move(family_of)),
      uncertain_(uncertain),
      recent_(kRecentMax) {
  thread_ = std::jthread([this] { run(); });
}

Committer::~Committer() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
}

CommitNumber Committer::begin_snapshot() {
  const std::scoped_lock lock(mutex_);
  snapshots_.insert(committed_);
  return committed_;
}

void Committer::end_snapshot(CommitNumber number) {
  const std::scoped_lock lock(mutex_);
  snapshots_.erase(snapshots_.find(number));
}

void Committer::submit(Commit commit, Answer<Result<>> answer) {
  const std::scoped_lock lock(mutex_);
  queue_.push_back({std::move(commit), std::move(answer)});
  if (queue_.size() == 1) wake_.notify_one();
}

void Committer::run() {
  for (;;) {
    auto batch = take();
    if (batch.empty()) return;
    commit_all(std::move(batch));
  }
}

std::vector<Committer::Queued> Committer::take() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  std::vector<Queued> batch;
  for (std::size_t size = 0; !queue_.empty() && size < kBatchSizeMax; queue_.pop_front()) {
    size += queue_.front().commit.size();
    batch.push_back(std::move(queue_.front()));
  }
  return batch;
}

// Validates in order, so that a commit also conflicts with one before it in the same batch.
void Committer::commit_all(std::vector<Queued> batch) {
  std::vector<Queued> accepted;
  accepted.reserve(batch.size());
  std::size_t size = kBatchHeaderSize;
  for (const Queued& queued : batch) size += queued.commit.size() + queued.commit.writes.size() * kWriteOverhead;
  rocksdb::WriteBatch writes(size);
  for (Queued& queued : batch) {
    if (const auto valid = validate(queued.commit); !valid) {
      queued.answer.give(valid);
      continue;
    }
    include(queued.commit, writes);
    accepted.push_back(std::move(queued));
  }
  if (accepted.empty()) return;

  const Result<> result = make_durable(writes);
  publish();
  for (const Queued& queued : accepted) queued.answer.give(result);
}

Result<> Committer::validate(const Commit& commit) const {
  if (failed_) return std::unexpected(*failed_);
  const auto changed = [&](KeyMark key) { return recent_.changed_since(key, *commit.snapshot); };
  if (commit.snapshot && std::ranges::any_of(commit.read, changed)) {
    return fail(ErrorCode::conflict, "a key that was read has changed");
  }
  return admit_(commit.size());
}

void Committer::include(const Commit& commit, rocksdb::WriteBatch& writes) {
  ++last_;
  for (const Write& write : commit.writes) {
    recent_.add(mark_of(write.key), last_);
    if (write.value) {
      writes.Put(family_of_(write.key), write.key, *write.value);
    } else {
      writes.Delete(family_of_(write.key), write.key);
    }
  }
}

Result<> Committer::make_durable(rocksdb::WriteBatch& writes) {
  auto result = write_(writes);
  if (!result) {
    failed_ = result.error();
    uncertain_ = true;
  }
  return result;
}

// A failed write has used its numbers up as well: that costs needless conflicts, never a missed one.
void Committer::publish() {
  const std::scoped_lock lock(mutex_);
  committed_ = last_;
  recent_.forget_before(snapshots_.empty() ? committed_ : *snapshots_.begin());
}

}  // namespace sluice::local
