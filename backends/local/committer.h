#pragma once

#include <rocksdb/write_batch.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "backends/local/recent_writes.h"
#include "gateway/core/mailbox.h"

namespace sluice::local {

/// One row put, or erased if there is no value.
struct Write {
  std::string key;
  std::optional<std::string> value;
};

/// What one transaction asks to have committed.
struct Commit {
  std::optional<CommitNumber> snapshot;  ///< What `read` was read at; nothing if nothing was.
  std::vector<KeyMark> read;
  std::vector<Write> writes;  ///< The last of one key counts.

  std::size_t size() const;  ///< Of keys and values, in bytes.
};

/// Takes a batch of writes to the device for good, or says why not. What it
/// leaves behind when it fails is uncertain.
using WriteDurably = std::function<Result<>(rocksdb::WriteBatch&)>;

/// Where the row of a key lies.
using FamilyOf = std::function<rocksdb::ColumnFamilyHandle*(std::string_view key)>;

/// Is the store willing to take a commit of `size` bytes? Asked while nothing is written.
using Admit = std::function<Result<>(std::size_t size)>;

/// Group commit with optimistic validation. One thread takes everything queued,
/// refuses those whose reads have since changed, and makes the rest durable in
/// one write. Every write of the index goes through here, so the check is whole.
/// Once a write fails, its outcome after a restart is unknown, and all commits
/// are refused from then on. Safe for concurrent use.
class Committer {
 public:
  /// `uncertain` is set before anybody is told of a failed write.
  Committer(WriteDurably write, Admit admit, FamilyOf family_of, std::atomic<bool>& uncertain);
  /// Finishes what is queued.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// The number of the last commit, which keeps writes after it in mind until
  /// end_snapshot(). Take the engine's snapshot after this: a commit between the
  /// two costs at most a needless conflict.
  CommitNumber begin_snapshot();
  void end_snapshot(CommitNumber number);

  /// Queues the commit; the answer comes when it is durable, or is refused.
  void submit(Commit commit, Answer<Result<>> answer);

 private:
  struct Queued {
    Commit commit;
    Answer<Result<>> answer;
  };
  void run();
  std::vector<Queued> take();
  void commit_all(std::vector<Queued> batch);
  Result<> validate(const Commit& commit) const;
  void include(const Commit& commit, rocksdb::WriteBatch& writes);
  Result<> make_durable(rocksdb::WriteBatch& writes);
  void publish();

  const WriteDurably write_;
  const Admit admit_;
  const FamilyOf family_of_;
  std::atomic<bool>& uncertain_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Queued> queue_;
  std::multiset<CommitNumber> snapshots_;
  CommitNumber committed_ = 0;  ///< Durable, and seen by every read that starts.
  bool stopping_ = false;

  // Of the thread alone.
  RecentWrites recent_;
  CommitNumber last_ = 0;
  std::optional<Error> failed_;

  std::jthread thread_;
};

}  // namespace sluice::local
