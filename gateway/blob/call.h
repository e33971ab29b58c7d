#pragma once

#include <memory>
#include <optional>
#include <string>

#include "auth/azure_account.h"
#include "auth/blob_grant.h"
#include "gateway/blob/operation.h"
#include "gateway/blob/service_properties.h"
#include "gateway/http/message.h"
#include "gateway/object/buckets.h"
#include "gateway/object/name.h"

namespace sluice::blob {

/// One request on its way through the handler: what came, and what has been found
/// out about it. Owned by the frame of handle().
struct Call {
  RequestContext& context;
  const http::Request& request;

  const Call* batch = nullptr;  ///< The batch that this is a part of.
  Target target{};
  const OperationRow* row = nullptr;            ///< Null: there is no such operation.
  const auth::AzureAccount* account = nullptr;  ///< Whose storage the request is about.
  bool anonymous = false;
  std::optional<auth::Grant> grant{};                  ///< Of a shared access signature.
  bool only_if_absent = false;                         ///< What is written must not exist yet.
  std::optional<object::BucketInfo> bucket{};          ///< Where it has been looked up.
  std::shared_ptr<const ServiceProperties> service{};  ///< Of the account, where there is such.
  std::optional<UtcTime> kept_until{};                 ///< What is removed now is, by its retention.

  const Fields& fields() const { return request.header.fields; }
  const http::Query& query() const { return target.query; }
  object::ObjectName name() const { return {target.container, target.blob}; }
};

/// What answering a request comes to.
using Answer = Outcome<http::Response>;

/// A step of it.
template <class T = void>
using Step = Awaitable<Outcome<T>>;

}  // namespace sluice::blob
