#pragma once

#include <map>
#include <optional>

#include "backends/rdma/wire.h"

namespace sluice::rdma {

/// What one node knows of its replica of one extent that is not sealed yet, and the
/// rules it keeps. Pure: the node does the I/O, and tells it what has become durable.
///
/// The rules (docs/rdma.md): an append is taken only at the end of what was taken
/// before, and never below the fence; a fence is answered only once it is durable and
/// nothing is under way any more.
class Replica {
 public:
  enum class Verdict : std::uint8_t {
    write,         ///< New: pull it, write it, then call written() or dropped().
    under_way,     ///< The same run is being written already: answer when that is done.
    durable,       ///< The same run is durable already.
    fenced,        ///< Of an epoch that is shut out.
    out_of_order,  ///< Not at the end, or another run than the one there.
  };

  /// Of an extent this disk knew nothing of.
  Replica() = default;

  /// After a restart: the fence as persisted, and the runs found whole from the beginning on.
  Replica(Epoch fence, const std::vector<Run>& runs);

  /// May this run be appended? `write` reserves its place.
  Verdict append(Epoch epoch, const Run& run);

  /// The run at `page` is durable.
  void written(Pages page);
  /// The run at `page` could not be pulled or written. Its place stays open: for the same run, if others are
  /// behind it, until a fence.
  void dropped(Pages page);

  /// Shuts out epochs below `epoch`, at once; false if a higher one has been seen.
  /// The caller makes that durable, then calls fence_persisted().
  bool fence(Epoch epoch);
  /// Once nothing is under way, the places of what is not durable without a hole are free for other runs:
  /// who reserved them is shut out.
  void fence_persisted(Epoch epoch);
  /// May a fence of `epoch` be answered with durable()?
  bool may_answer_fence(Epoch epoch) const;

  Epoch fence() const { return fence_; }
  /// The end of what is durable from the beginning on without a hole.
  Pages durable() const { return durable_; }
  /// It grew from its first run before the eyes of this process: durable() is all that was
  /// ever durable. After a restart it is not: a scan ends at a damaged run, and cannot tell
  /// that from one that was never whole.
  bool is_certain() const { return certain_; }
  /// Runs by their pages.
  struct State {
    Run run;
    enum class Where : std::uint8_t { dropped, under_way, durable } where{};
  };
  const std::map<Pages, State>& runs() const { return runs_; }

 private:
  void advance();

  Epoch fence_{};
  Epoch fence_persisted_{};
  Pages next_ = 0;     ///< Where the next run goes.
  Pages durable_ = 0;  ///< Below next_.
  std::size_t under_way_ = 0;
  bool is_new_ = true;
  bool certain_ = false;
  std::map<Pages, State> runs_;
};

/// A run's pages: one for its header, the rest for its bytes.
constexpr Pages pages_of(const Run& run) { return 1 + pages_for(run.length); }
constexpr Pages end_of(const Run& run) { return run.page + pages_of(run); }

}  // namespace sluice::rdma
