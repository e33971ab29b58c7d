#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "backends/rdma/authentication.h"
#include "backends/rdma/connection.h"
#include "backends/rdma/control.h"

namespace sluice::rdma {

struct ClusterTimeouts {
  std::chrono::milliseconds connect{300};
  std::chrono::milliseconds append{300};  ///< Then the member is given up and the extent sealed.
  std::chrono::milliseconds fence{300};
  std::chrono::milliseconds read{2000};
  std::chrono::milliseconds suspicion{2000};  ///< A node that failed gets no new extents for this long.
};

struct ClusterIdentity {
  Uuid cluster;
  std::string secret;
};

/// A gateway's way to one node: connects when needed, and proves both sides. Of the
/// fabric's thread; must be gone before the fabric.
class NodeClient {
 public:
  NodeClient(Fabric& fabric, NodeAddress address, const ClusterIdentity& identity, const ClusterTimeouts& timeouts);

  const NodeAddress& address() const { return address_; }
  /// The node is elsewhere now.
  void move(const NodeAddress& address);

  /// The answer to a request; a refusal is a failure: conflict (fenced, sealed, out of
  /// order), corrupt (no such run, another incarnation), out_of_space, unavailable. `keep`
  /// is held for as long as the node may use the memory named in the message. What the node is too old for
  /// is not sent: unavailable.
  Task<Reply> call(Message message, std::chrono::milliseconds timeout, std::shared_ptr<const void> keep = {});

  /// What was spoken with it last.
  std::uint16_t version() const { return version_; }

  /// It failed a moment ago.
  bool is_suspect() const;

 private:
  Task<> connect();
  Task<> connect_once();
  void suspect();

  Fabric& fabric_;
  NodeAddress address_;
  const ClusterIdentity& identity_;
  const ClusterTimeouts& timeouts_;
  std::shared_ptr<Connection> connection_;
  std::uint16_t version_ = kWireVersion;  ///< That is spoken on it.
  bool connecting_ = false;
  Waiters connected_;
  std::chrono::steady_clock::time_point suspect_until_;
};

}  // namespace sluice::rdma
