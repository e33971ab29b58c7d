#include "backends/rdma/node_client.h"

namespace sluice::rdma {
namespace {

Result<> outcome_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::none:
      return done;
    case Refusal::fenced:
      return fail(ErrorCode::conflict, "fenced");
    case Refusal::out_of_order:
      return fail(ErrorCode::conflict, "out of order");
    case Refusal::sealed:
      return fail(ErrorCode::conflict, "sealed");
    case Refusal::wrong_incarnation:
      return fail(ErrorCode::corrupt, "the disk was replaced");
    case Refusal::no_such_run:
      return fail(ErrorCode::corrupt, "no such run");
    case Refusal::corrupt:
      return fail(ErrorCode::corrupt, "a checksum does not match");
    case Refusal::out_of_space:
      return fail(ErrorCode::out_of_space, "the node is full");
    case Refusal::unauthenticated:
    case Refusal::invalid:
    case Refusal::io:
      break;
  }
  return fail(ErrorCode::unavailable, "the node refused: " + std::to_string(static_cast<int>(refusal)));
}

}  // namespace

NodeClient::NodeClient(Fabric& fabric, NodeAddress address, const ClusterIdentity& identity,
                       const ClusterTimeouts& timeouts)
    : fabric_(fabric), address_(std::move(address)), identity_(identity), timeouts_(timeouts) {}

void NodeClient::move(const NodeAddress& address) {
  if (address.host == address_.host && address.port == address_.port) return;
  address_ = address;
  suspect_until_ = {};
  if (connection_) connection_->close("the node moved");
}

bool NodeClient::is_suspect() const { return std::chrono::steady_clock::now() < suspect_until_; }

void NodeClient::suspect() { suspect_until_ = std::chrono::steady_clock::now() + timeouts_.suspicion; }

Task<Reply> NodeClient::call(Message message, std::chrono::milliseconds timeout, std::shared_ptr<const void> keep) {
  CO_TRY(co_await connect());
  if (version_of(message) > version_) co_return fail(ErrorCode::unavailable, "the node is of an older version");
  const auto connection = connection_;
  const auto answer = co_await connection->call(message, timeout, std::move(keep));
  if (!answer) {
    suspect();
    co_return std::unexpected(answer.error());
  }
  const auto* reply = std::get_if<Reply>(&*answer);
  if (reply == nullptr) co_return fail(ErrorCode::unavailable, "an answer of another kind");
  CO_TRY(outcome_of(reply->refusal));
  co_return *reply;
}

// One attempt at a time; all who wait share its outcome.
Task<> NodeClient::connect() {
  if (connection_ && connection_->is_open()) co_return done;
  if (connecting_) co_return co_await connected_.wait();
  connecting_ = true;
  const auto outcome = co_await connect_once();
  connecting_ = false;
  if (!outcome) suspect();
  connected_.finish(outcome);
  co_return outcome;
}

Task<> NodeClient::connect_once() {
  connection_.reset();
  CO_TRY(const auto connection, co_await fabric_.connect(address_.host, address_.port, timeouts_.connect));
  const Hello hello{.cluster = identity_.cluster, .nonce = random_nonce()};
  CO_TRY(const auto answer, co_await connection->call(hello, timeouts_.connect));
  const auto* challenge = std::get_if<Challenge>(&answer);
  const auto refuse = [&](const char* why) {
    connection->close(why);
    return fail(ErrorCode::unavailable, address_.host + ":" + address_.port + ": " + why);
  };
  const bool speaks =
      challenge != nullptr && challenge->version >= kWireVersion && challenge->version <= kWireVersionMax;
  if (!speaks) co_return refuse("no challenge");
  const Handshake handshake{.version = challenge->version,
                            .cluster = identity_.cluster,
                            .incarnation = challenge->incarnation,
                            .gateway_nonce = hello.nonce,
                            .node_nonce = challenge->nonce};
  if (!equal_proofs(challenge->mac, node_proof(identity_.secret, handshake))) co_return refuse("not of this cluster");
  // Another disk at the address is not the member meant: every request would be refused.
  if (challenge->incarnation != address_.incarnation) co_return refuse("the disk was replaced");
  CO_TRY(co_await connection->call(Proof{gateway_proof(identity_.secret, handshake)}, timeouts_.connect));
  connection_ = connection;
  version_ = challenge->version;
  co_return done;
}

}  // namespace sluice::rdma
