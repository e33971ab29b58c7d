#pragma once

#include <memory>
#include <optional>
#include <string>

#include "auth/sigv4.h"
#include "gateway/http/message.h"
#include "gateway/object/buckets.h"
#include "gateway/object/name.h"
#include "gateway/s3/access.h"
#include "gateway/s3/offered_memory.h"
#include "gateway/s3/operation.h"

namespace sluice::s3 {

/// One request on its way through the handler: what came, and what has been found
/// out about it. Owned by the frame of handle().
struct Call {
  RequestContext& context;
  const http::Request& request;

  /// The header fields, and those a presigned request carries in its query.
  const Fields* fields = nullptr;
  Fields merged{};  ///< What `fields` points to if the query carries any.

  Target target{};
  const OperationRow* row = nullptr;
  auth::SignedIdentity signature{};
  std::optional<object::BucketInfo> bucket{};  ///< Where it has been looked up.
  std::optional<Access> access{};              ///< What decides about it; nothing for root.

  /// The client's memory, where the object's bytes are or go instead of in a body.
  std::unique_ptr<OfferedMemory> offered{};
  std::string rdma_reply{};  ///< What x-amz-rdma-reply is then; empty: as offers are answered.

  object::ObjectName name() const { return {target.bucket, target.key}; }
  std::string account() const { return std::string(signature.identity.account()); }
};

/// What answering a request comes to.
using Answer = Outcome<http::Response>;

/// A step of it.
template <class T = void>
using Step = Awaitable<Outcome<T>>;

}  // namespace sluice::s3
