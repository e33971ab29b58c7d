#include "gateway/core/hash_lanes.h"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <optional>
#include <ranges>
#include <tuple>

namespace sluice {

namespace asio = boost::asio;

namespace {

// The work of one flush, for each algorithm; then others have a turn.
constexpr double kFlushNs = 1e6;
// What is longer is better hashed in several flushes, even alone.
constexpr std::size_t kAloneSizeMax = 512 * 1024;
// Behind everything ready now, and behind what one look at the sockets adds.
constexpr int kGatherTurns = 1;
constexpr int kCreditMax = 16;
// One in so many updates of streams that seem alone looks around for others.
constexpr int kProbeInterval = 32;

std::size_t blocks_within(double budget_ns, double cost_ns) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(budget_ns / cost_ns));
}

}  // namespace

asio::execution_context::id HashLanes::id;

// One suspended update(), in its frame. The handler owns that frame.
struct HashLanes::Waiter {
  using Handler = asio::async_result<asio::use_awaitable_t<Executor>, void()>::handler_type;

  explicit Waiter(HashLanes& owner) : lanes(owner) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (pending != 0) lanes.forget(*this);
  }

  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  HashLanes& lanes;
  std::array<Request, 2> requests;
  std::size_t pending = 0;  ///< Of the requests.
  std::optional<Handler> handler;
  std::size_t place = kNowhere;  ///< In waiters_.
};

/// The requests whose states are in the lanes of one batch.
class LaneRun {
 public:
  using Request = HashLanes::Request;

  explicit LaneRun(LaneAlgorithm algorithm) : word_count_(lane_words(algorithm)) {}

  std::size_t size() const { return size_; }

  void add(Request& request) {
    for (std::size_t word = 0; word < word_count_; ++word) batch_.words[word][size_] = request.hash->words_[word];
    requests_[size_++] = &request;
  }

  /// Advances as many lanes as the kernel is wide, by the blocks that all of
  /// them have, at most `blocks_max`; how many that were.
  std::size_t step(const LaneKernel& kernel, std::size_t blocks_max) {
    const std::size_t used = std::min(kernel.width, size_);
    std::size_t blocks = blocks_max;
    for (std::size_t lane = 0; lane < used; ++lane) {
      blocks = std::min(blocks, requests_[lane]->blocks);
      batch_.data[lane] = requests_[lane]->data;
    }
    std::fill(batch_.data + used, batch_.data + kernel.width, batch_.data[0]);
    kernel.run(batch_, blocks);
    for (std::size_t lane = 0; lane < used; ++lane) {
      requests_[lane]->blocks -= blocks;
      requests_[lane]->data += blocks * LaneHash::kBlockSize;
    }
    return blocks;
  }

  /// Takes out the last request and gives its stream the state reached.
  Request& remove_last() {
    store(--size_);
    return *requests_[size_];
  }

  /// Takes out a request that has no blocks left; nothing where all have some.
  Request* remove_finished() {
    for (std::size_t lane = 0; lane < size_; ++lane) {
      if (requests_[lane]->blocks != 0) continue;
      Request* const finished = requests_[lane];
      store(lane);
      move_last_to(lane);
      return finished;
    }
    return nullptr;
  }

 private:
  void store(std::size_t lane) {
    auto& words = requests_[lane]->hash->words_;
    for (std::size_t word = 0; word < word_count_; ++word) words[word] = batch_.words[word][lane];
  }

  void move_last_to(std::size_t lane) {
    --size_;
    requests_[lane] = requests_[size_];
    for (std::size_t word = 0; word < word_count_; ++word) batch_.words[word][lane] = batch_.words[word][size_];
  }

  LaneBatch batch_{};
  std::array<Request*, kLanesMax> requests_{};
  std::size_t word_count_;
  std::size_t size_ = 0;
};

HashLanes::HashLanes(asio::execution_context& context)
    : service(context), executor_(static_cast<asio::io_context&>(context).get_executor()), credit_(kCreditMax) {
  use(LaneAlgorithm::md5, best_lane_plan(LaneAlgorithm::md5));
  use(LaneAlgorithm::sha256, best_lane_plan(LaneAlgorithm::sha256));
}

HashLanes& HashLanes::of(const Executor& executor) {
  return asio::use_service<HashLanes>(asio::query(executor, asio::execution::context));
}

Task<> HashLanes::update(LaneHash& hash, std::string_view bytes) {
  LaneHash* const hashes[] = {&hash};
  co_return co_await update(hashes, bytes);
}

bool HashLanes::update_at_once(std::span<LaneHash* const> hashes, std::string_view bytes) {
  if (is_crowded(bytes.size())) return false;
  for (LaneHash* hash : hashes) hash->update(bytes);
  if (bytes.size() >= kGatherSizeMin) ++alone_count_;
  return true;
}

Task<> HashLanes::update(std::span<LaneHash* const> hashes, std::string_view bytes) {
  if (update_at_once(hashes, bytes)) co_return done;
  Waiter waiter(*this);
  for (LaneHash* hash : hashes) {
    const std::string_view whole = hash->absorb(bytes);
    if (whole.empty()) continue;
    assert(waiter.pending < waiter.requests.size());
    Request& request = waiter.requests[waiter.pending++];
    request = {.hash = hash,
               .data = reinterpret_cast<const unsigned char*>(whole.data()),
               .blocks = whole.size() / LaneHash::kBlockSize,
               .number = number_++,
               .waiter = &waiter};
    queue_of(hash->algorithm()).requests.push_back(&request);
  }
  if (waiter.pending == 0) co_return done;
  waiters_.push_back(&waiter);
  waiter.place = waiters_.size() - 1;
  if (!flush_posted_) flush_after(kGatherTurns);
  const auto suspend = [&](Waiter::Handler handler) { waiter.handler.emplace(std::move(handler)); };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void()>(suspend, use_task);
  co_return done;
}

// Gatherings that find others to hash with earn further ones. Without them a
// stream counts as alone, but for a look around now and then.
bool HashLanes::is_crowded(std::size_t size) const {
  if (size < kGatherSizeMin) return false;
  return flush_posted_ || credit_ > 0 || size > kAloneSizeMax || alone_count_ >= kProbeInterval;
}

void HashLanes::flush_after(int turns) {
  asio::post(executor_, [this, turns] {
    if (turns > 0) return flush_after(turns - 1);
    flush();
  });
  flush_posted_ = true;
}

void HashLanes::flush() {
  flush_posted_ = false;
  alone_count_ = 0;
  bool crowded = false;
  for (Queue& queue : queues_) crowded |= hash(queue);
  credit_ = crowded ? kCreditMax : std::max(0, credit_ - 1);
  if (!std::ranges::all_of(queues_, [](const Queue& queue) { return queue.requests.empty(); })) flush_after(0);
}

// Whether lanes were used.
bool HashLanes::hash(Queue& queue) {
  if (queue.requests.empty()) return false;
  // Short ones first: a small object need not wait for a large one, and lanes of
  // like length run out together.
  std::ranges::sort(queue.requests, {}, [](const Request* r) { return std::tuple(r->blocks, r->number); });
  const std::uint64_t lane_blocks_before = lane_blocks_;
  LaneRun run(queue.requests.front()->hash->algorithm());
  auto next = queue.requests.begin();
  double budget_ns = kFlushNs;
  for (;;) {
    while (run.size() < kLanesMax && next != queue.requests.end()) run.add(**next++);
    const auto& [kernel, cost_ns] = queue.plan.steps[run.size()];
    if (kernel == nullptr || budget_ns <= 0) break;
    const std::size_t steps = run.step(*kernel, blocks_within(budget_ns, cost_ns));
    budget_ns -= cost_ns * static_cast<double>(steps);
    lane_blocks_ += steps * std::min(kernel->width, run.size());
    while (Request* finished = run.remove_finished()) finish(*finished);
  }
  unfinished_.clear();
  while (run.size() > 0) unfinished_.push_back(&run.remove_last());
  unfinished_.insert(unfinished_.end(), next, queue.requests.end());
  queue.requests.swap(unfinished_);
  hash_singly(queue, budget_ns);
  return lane_blocks_ != lane_blocks_before;
}

void HashLanes::hash_singly(Queue& queue, double budget_ns) {
  std::vector<Request*>& requests = queue.requests;
  const double cost_ns = queue.plan.steps[1].cost_ns;
  for (Request* request : requests) {
    if (budget_ns <= 0) break;
    const std::size_t blocks = std::min(request->blocks, blocks_within(budget_ns, cost_ns));
    hash_blocks(request->hash->algorithm(), request->hash->words_.data(), request->data, blocks);
    request->data += blocks * LaneHash::kBlockSize;
    request->blocks -= blocks;
    budget_ns -= cost_ns * static_cast<double>(blocks);
    single_blocks_ += blocks;
  }
  const auto is_finished = [](const Request* request) { return request->blocks == 0; };
  for (Request* request : requests | std::views::filter(is_finished)) finish(*request);
  std::erase_if(requests, is_finished);
}

void HashLanes::finish(Request& request) {
  Waiter& waiter = *request.waiter;
  if (--waiter.pending != 0) return;
  leave(waiter);
  asio::post(executor_, std::move(*waiter.handler));
}

void HashLanes::leave(Waiter& waiter) {
  waiters_.back()->place = waiter.place;
  waiters_[waiter.place] = waiters_.back();
  waiters_.pop_back();
  waiter.place = Waiter::kNowhere;
}

void HashLanes::forget(Waiter& waiter) {
  if (waiter.place != Waiter::kNowhere) leave(waiter);
  for (Queue& queue : queues_) {
    std::erase_if(queue.requests, [&](const Request* request) { return request->waiter == &waiter; });
  }
}

// A handler owns the frame that its waiter is in, so each is destroyed from here.
void HashLanes::shutdown() {
  while (!waiters_.empty()) {
    Waiter& waiter = *waiters_.back();
    leave(waiter);
    const auto handler = std::move(*waiter.handler);
  }
}

}  // namespace sluice
