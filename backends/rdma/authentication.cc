#include "backends/rdma/authentication.h"

#include <algorithm>
#include <string>

#include "backends/rdma/bytes.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::rdma {
namespace {

template <class Bytes>
std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Mac proof(std::string_view secret, std::string_view side, const Handshake& handshake) {
  std::string text(side);
  BytesOut out(text);
  out.number(handshake.version);
  out.text(text_of(handshake.cluster.bytes));
  out.text(text_of(handshake.incarnation.bytes));
  out.text(text_of(handshake.gateway_nonce));
  out.text(text_of(handshake.node_nonce));
  Mac mac{};
  std::ranges::copy(hmac_sha256(secret, text), mac.begin());
  return mac;
}

}  // namespace

Nonce random_nonce() {
  Nonce nonce{};
  std::ranges::copy(random_bytes(nonce.size()), nonce.begin());
  return nonce;
}

Mac node_proof(std::string_view secret, const Handshake& handshake) { return proof(secret, "sluice node", handshake); }

Mac gateway_proof(std::string_view secret, const Handshake& handshake) {
  return proof(secret, "sluice gateway", handshake);
}

bool equal_proofs(const Mac& left, const Mac& right) { return constant_time_equal(text_of(left), text_of(right)); }

}  // namespace sluice::rdma
