#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backends/rdma/authentication.h"
#include "backends/rdma/connection.h"
#include "backends/rdma/disk.h"
#include "backends/rdma/staging.h"
#include "gateway/core/log.h"

namespace sluice::rdma {

struct ExtentNodeOptions {
  std::string secret;  ///< The cluster's; who does not know it is not heard.
  std::size_t staging_slots = 64;
  std::size_t connections_max = 256;
  std::uint16_t version_max = kWireVersionMax;  ///< That it speaks; less for tests.
  /// Bytes of the extent did not match their checksums, or were not there. On the node's thread.
  std::function<void(ExtentNumber)> damaged;
};

/// What a node did so far. Raised on its thread, read from any.
struct ExtentNodeCounts {
  std::atomic<std::uint64_t> connections{0};  ///< That proved that they know the secret.
  std::atomic<std::uint64_t> refused_connections{0};
  std::atomic<std::uint64_t> appends{0};
  std::atomic<std::uint64_t> append_bytes{0};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> read_bytes{0};
  std::atomic<std::uint64_t> fences{0};
  std::atomic<std::uint64_t> releases{0};
  std::atomic<std::uint64_t> corrupt{0};   ///< Requests that met bytes that fail their checksum.
  std::atomic<std::uint64_t> failures{0};  ///< Requests that the device failed.
};

/// A storage node: serves one disk to gateways. Of the thread of `fabric`, which is
/// the disk's too. Must be gone before them.
class ExtentNode {
 public:
  ExtentNode(Disk& disk, Fabric& fabric, ExtentNodeOptions options, Log& log);

  /// The port. Throws std::runtime_error.
  std::string listen(const std::string& port);

  const ExtentNodeCounts& counts() const { return counts_; }

 private:
  /// One gateway's connection.
  struct Session {
    std::shared_ptr<Connection> connection;
    Handshake handshake;
    bool authenticated = false;
  };
  using SessionPtr = std::shared_ptr<Session>;

  void accept(const std::shared_ptr<Connection>& connection);
  void on_message(const SessionPtr& session, const Envelope& envelope);
  void shake_hands(const SessionPtr& session, const Envelope& envelope);
  Awaitable<> serve(SessionPtr session, Envelope envelope);
  void count(const Reply& reply);
  void tell_damage(const Message& message, const Result<>& outcome);

  Awaitable<Reply> answer(const SessionPtr& session, const Append& append, const BlockSums* lacking = nullptr);
  Awaitable<Reply> answer(const SessionPtr& session, const AppendLacking& append);
  Awaitable<Reply> answer(const SessionPtr& session, const Patch& patch);
  Awaitable<Reply> answer(const SessionPtr& session, const Fence& fence);
  Awaitable<Reply> answer(const SessionPtr& session, const Seal& seal);
  Awaitable<Reply> answer(const SessionPtr& session, const Release& release);
  Awaitable<Reply> answer(const SessionPtr& session, const Status& status);
  Task<> serve(const SessionPtr& session, std::uint64_t request, const Read& read);
  Task<> serve(const SessionPtr& session, std::uint64_t request, const List& list);
  Task<> serve(const SessionPtr& session, std::uint64_t request, const Inspect& inspect);
  Task<> serve(const SessionPtr& session, std::uint64_t request, const Describe& describe);

  Refusal check(const Append& append) const;
  Task<> take_in(const SessionPtr& session, const Append& append, const BlockSums* lacking);
  Task<bool> take_in(const SessionPtr& session, const Patch& patch);
  std::optional<Reply> sealed(ExtentNumber extent) const;
  Awaitable<Reply> fenced(ExtentNumber extent, Epoch epoch);
  Awaitable<Chunk> slot();
  Awaitable<> push(const SessionPtr& session, std::uint64_t request, const RemoteMemory& to, Chunk bytes, Reply reply);

  Disk& disk_;
  Fabric& fabric_;
  ExtentNodeOptions options_;
  Log& log_;
  Staging staging_;
  Waiters slot_freed_;
  Waiters append_ended_;
  ExtentNodeCounts counts_;
};

}  // namespace sluice::rdma
