#pragma once

#include <string_view>

#include "backends/rdma/wire.h"

namespace sluice::rdma {

/// What both ends of a connection prove their knowledge of the cluster's secret over:
/// the two challenges, and who they are for. A proof is of one side, and of one connection.
struct Handshake {
  std::uint16_t version = kWireVersion;
  Uuid cluster;
  Uuid incarnation;  ///< Of the node's disk.
  Nonce gateway_nonce{};
  Nonce node_nonce{};
};

Nonce random_nonce();
Mac node_proof(std::string_view secret, const Handshake& handshake);
Mac gateway_proof(std::string_view secret, const Handshake& handshake);

/// In a time that does not depend on where they differ.
bool equal_proofs(const Mac& left, const Mac& right);

}  // namespace sluice::rdma
