#pragma once

#include <rdma/fi_endpoint.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "backends/rdma/fabric.h"
#include "backends/rdma/waiters.h"
#include "backends/rdma/wire.h"

namespace sluice::rdma {

class Transfer;

/// What libfabric gives back when an operation has ended. Its context comes first.
struct Operation {
  fi_context2 context{};
  enum class Kind : std::uint8_t { receive, send, transfer } kind{};
  Connection* connection = nullptr;
  std::size_t slot = 0;          ///< Of its frame.
  Transfer* transfer = nullptr;  ///< It is a part of.
};

/// Bytes on their way from or into a peer's memory, in as many operations as it takes.
/// The memory and `keep` stay until all have ended, or the connection has.
class Transfer {
 public:
  static Task<> wait(std::shared_ptr<Transfer> transfer);

 private:
  friend class Connection;
  std::deque<Operation> operations_;
  std::size_t under_way_ = 0;
  std::optional<Result<>> outcome_;
  Waiters waiting_;
  std::shared_ptr<const void> keep_;
};

/// One connected endpoint: messages in order, and one-sided transfers. Any failure is the
/// end of it: what was under way fails with unavailable, and once close() has returned no
/// byte moves to or from our memory any more. Of the fabric's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Calls at one time; more wait. The peer has as many receives posted.
  static constexpr std::size_t kCallsMax = 32;

  explicit Connection(Fabric& fabric);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const { return state_ == State::open; }
  /// Ends it; nothing if it has ended.
  void close(const std::string& why);

  /// Takes every message that answers no call of ours.
  void on_message(std::function<void(Envelope)> receive) { receive_ = std::move(receive); }
  /// Called once, when it ends.
  void on_close(std::function<void()> closed) { closed_ = std::move(closed); }

  /// Sends, in order, also behind transfers that were started before. Nothing if closed.
  void send(const Envelope& envelope);

  /// Sends and waits for the answer. Without one in time the connection is closed: a late
  /// one could still write into our memory. `keep` is held until the answer or the end.
  Task<Message> call(Message message, std::chrono::milliseconds timeout, std::shared_ptr<const void> keep = {});

  /// Pulls `into.size()` bytes from the peer's memory, from `offset` on.
  std::shared_ptr<Transfer> pull(const RemoteMemory& from, std::uint64_t offset, std::span<std::byte> into,
                                 const MemoryRegion& region, std::shared_ptr<const void> keep);
  /// Pushes `bytes` to the beginning of the peer's memory.
  std::shared_ptr<Transfer> push(const RemoteMemory& to, std::span<const std::byte> bytes, const MemoryRegion& region,
                                 std::shared_ptr<const void> keep);

 private:
  friend class Fabric;

  struct Call {
    std::chrono::steady_clock::time_point deadline;
    std::optional<Message>* answer = nullptr;  ///< Where to leave it; of who waits.
    Waiters waiting;
    std::shared_ptr<const void> keep;
  };
  enum class State : std::uint8_t { connecting, open, closed };

  static constexpr std::size_t kReceives = 2 * kCallsMax, kSends = 2 * kCallsMax;

  Task<> connected();
  void opened();
  void abandon();
  void enable();
  void completed(Operation& operation, bool failed);
  void received(Operation& operation);
  void end_transfer_operation(Operation& operation);
  void post_receive(Operation& operation);
  void post(std::function<ssize_t()> operation);
  void post_waiting();
  void send_waiting();
  std::shared_ptr<Transfer> transfer(const RemoteMemory& remote, std::uint64_t offset, std::span<const std::byte> local,
                                     const MemoryRegion& region, std::shared_ptr<const void> keep, bool pulls);
  void close_overdue(std::chrono::steady_clock::time_point now);
  std::span<std::byte> frame_of(const Operation& operation);

  Fabric& fabric_;
  State state_ = State::connecting;
  std::string why_;
  FabricObject<fid_ep> endpoint_;
  std::unique_ptr<MemoryRegion> frames_;  ///< Until nothing in the queue names it any more.
  std::deque<Operation> receives_, sends_;
  std::vector<Operation*> free_sends_;
  std::deque<std::string> unsent_;
  std::deque<std::function<ssize_t()>> unposted_;
  std::map<Transfer*, std::shared_ptr<Transfer>> transfers_;  ///< Under way, or cut off by the end.
  std::map<std::uint64_t, std::unique_ptr<Call>> calls_;
  std::uint64_t last_call_ = 0;
  Waiters opening_;
  std::chrono::steady_clock::time_point opening_deadline_;
  std::deque<std::unique_ptr<Waiters>> waiting_to_call_;
  std::function<void(Envelope)> receive_;
  std::function<void()> closed_;
};

}  // namespace sluice::rdma
