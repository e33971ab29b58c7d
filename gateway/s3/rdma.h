#pragma once

#include <memory>
#include <string_view>

#include "gateway/core/chunk.h"
#include "gateway/s3/call.h"
#include "gateway/s3/rdma_token.h"

namespace prometheus {
class Registry;
}

namespace sluice::s3 {

/// S3 over RDMA: which offers of memory are taken, and what becomes of them, counted. Those that
/// are declined are counted too: their clients fall back to HTTP and say nothing of it. Safe for
/// concurrent use.
class Rdma {
 public:
  /// `memory` is null where RDMA is off: then all is declined. Everything must outlive this.
  Rdma(BufferPool& pool, prometheus::Registry& registry, ClientMemory* memory);
  ~Rdma();
  Rdma(const Rdma&) = delete;
  Rdma& operator=(const Rdma&) = delete;

  /// Takes what a client offers for the bytes of GetObject, PutObject or UploadPart, or declines:
  /// with NotImplemented, upon which the client asks again over HTTP. Taken is memory at the end of
  /// a connection that the sender asked for, offered by a request signed in its header, of which
  /// the token is part; for a write, with a body that is neither signed nor framed.
  Step<std::unique_ptr<OfferedMemory>> take(const Call& call, const RdmaToken& token);

  /// The decline for something that is found out later.
  Failure decline(std::string_view reason, std::string_view sentence) const;

  /// Connects the end of a client that x-amz-rdma-token, -psn and -mtu tell of, for who signed the
  /// request in its header.
  Step<RdmaEnd> connect(const Call& call);

  /// Counts what became of an offer that was taken.
  void count(const Call& call, unsigned status) const;

 private:
  struct Counters;

  BufferPool& pool_;
  ClientMemory* memory_;
  std::unique_ptr<const Counters> counters_;
};

/// Does the operation move an object's bytes between the client and here, with this request?
bool moves_bytes(const Call& call);

/// The token of the request; nothing without one. A header that is no token fails with InvalidArgument.
Outcome<std::optional<RdmaToken>> rdma_token_of(const Call& call);

}  // namespace sluice::s3
