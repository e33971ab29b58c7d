#pragma once

#include <array>
#include <boost/asio/execution_context.hpp>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/core/lane_hash.h"
#include "gateway/core/lane_plan.h"
#include "gateway/core/result.h"

namespace sluice {

/// Hashes the streams of one io_context many at a time, each in a lane of the
/// machine's vectors. What several coroutines hand in within about one turn of
/// the event loop is gathered and hashed together; nobody ever waits for time to
/// pass. A stream that is alone is hashed at once. One for each io_context, made
/// when first asked for; used from its one thread.
class HashLanes : public boost::asio::execution_context::service {
 public:
  using key_type = HashLanes;
  static boost::asio::execution_context::id id;  ///< What Asio finds the service by.

  /// Smaller pieces are hashed at once: they gain less from lanes than the way
  /// into them costs.
  static constexpr std::size_t kGatherSizeMin = 1024;

  explicit HashLanes(boost::asio::execution_context& context);

  /// The lanes of the io_context behind `executor`.
  static HashLanes& of(const Executor& executor);

  /// Adds `bytes` to each of `hashes`, at most one of each algorithm; returns
  /// once they are hashed. Never fails. All of it must outlive the call, and no
  /// hash may be in two calls at once.
  Task<> update(std::span<LaneHash* const> hashes, std::string_view bytes);
  Task<> update(LaneHash& hash, std::string_view bytes);

  /// Does what update() does if that is best done at once, as for a stream that
  /// is alone; false, with nothing done, if it is not. Spares a coroutine.
  bool update_at_once(std::span<LaneHash* const> hashes, std::string_view bytes);

  /// Replaces what was measured to be the best way of hashing.
  void use(LaneAlgorithm algorithm, const LanePlan& plan) { queue_of(algorithm).plan = plan; }

  /// Blocks of 64 bytes hashed in lanes so far, and by the code for one stream
  /// after they were gathered.
  std::uint64_t lane_blocks() const { return lane_blocks_; }
  std::uint64_t single_blocks() const { return single_blocks_; }

 private:
  friend class LaneRun;
  struct Waiter;

  /// Blocks of one stream that wait to be hashed.
  struct Request {
    LaneHash* hash = nullptr;
    const unsigned char* data = nullptr;
    std::size_t blocks = 0;
    std::uint64_t number = 0;  ///< Counts up in order of arrival.
    Waiter* waiter = nullptr;
  };
  struct Queue {
    LanePlan plan;
    std::vector<Request*> requests;
  };
  Queue& queue_of(LaneAlgorithm algorithm) { return queues_[static_cast<std::size_t>(algorithm)]; }

  void shutdown() override;
  bool is_crowded(std::size_t size) const;
  void flush_after(int turns);
  void flush();
  bool hash(Queue& queue);
  void hash_singly(Queue& queue, double budget_ns);
  void finish(Request& request);
  void leave(Waiter& waiter);
  void forget(Waiter& waiter);

  Executor executor_;
  std::array<Queue, 2> queues_;
  std::vector<Waiter*> waiters_;
  std::vector<Request*> unfinished_;  ///< Kept for its memory.
  std::uint64_t number_ = 0;
  std::uint64_t lane_blocks_ = 0;
  std::uint64_t single_blocks_ = 0;
  bool flush_posted_ = false;
  int credit_;           ///< Gatherings that may still find nobody before streams count as alone.
  int alone_count_ = 0;  ///< Updates at once since the last gathering.
};

}  // namespace sluice
