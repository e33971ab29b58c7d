#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/blob/handler.h"
#include "gateway/core/clock.h"

namespace sluice::blob::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What came back.
struct Reply {
  unsigned status = 0;
  std::string lines;  ///< The header.
  std::string body;
  std::optional<std::uint64_t> content_length;
  RequestContext context;

  /// The value of a header field, or nothing.
  std::optional<std::string> header(const std::string& name) const;
  /// The text of the first element of that name.
  std::string element(const std::string& name) const;
  bool has(const std::string& text) const { return body.find(text) != body.npos; }
  /// x-ms-error-code, or empty.
  std::string code() const { return header("x-ms-error-code").value_or(""); }
};

/// One request, and who sends it.
struct Ask {
  std::string method;
  std::string target;  ///< Behind the account: /container/blob?query
  Headers headers{};
  std::string body{};
  std::string account = "alpha";
  bool sign = true;       ///< With the account's key; anonymous, or a SAS in the target, otherwise.
  bool bodyless = false;  ///< Without body and length.
  bool versioned = true;  ///< With an x-ms-version.
  bool by_peer = false;   ///< To a second gateway over the same store.
};

/// A whole gateway but for its sockets and disks: the handler over the object layer
/// over memory, and a client that signs. Its accounts are alpha and beta.
class Gateway {
 public:
  static constexpr const char* kDate = "Fri, 02 Jan 2026 03:04:05 GMT";

  Gateway();
  ~Gateway();

  Reply send(const Ask& ask);
  /// How many requests memory could have answered at once; each was compared with its answer.
  int answered_at_once() const;

  Reply get(const std::string& target, Headers headers = {}) { return send({"GET", target, std::move(headers)}); }
  Reply head(const std::string& target, Headers headers = {}) { return send({"HEAD", target, std::move(headers)}); }
  Reply del(const std::string& target, Headers headers = {}) { return send({"DELETE", target, std::move(headers)}); }
  Reply put(const std::string& target, std::string body = {}, Headers headers = {}) {
    return send({"PUT", target, std::move(headers), std::move(body)});
  }
  Reply post(const std::string& target, std::string body = {}, Headers headers = {}) {
    return send({"POST", target, std::move(headers), std::move(body)});
  }
  /// Put Blob of a block blob.
  Reply put_blob(const std::string& target, std::string body, Headers headers = {}) {
    headers.emplace_back("x-ms-blob-type", "BlockBlob");
    return put(target, std::move(body), std::move(headers));
  }
  /// Without any credential but what the target carries.
  Reply anonymous(const std::string& method, const std::string& target, Headers headers = {}, std::string body = {}) {
    return send({.method = method,
                 .target = target,
                 .headers = std::move(headers),
                 .body = std::move(body),
                 .account = "alpha",
                 .sign = false});
  }

  /// A request as it stands in a batch, up to its empty line.
  std::string batch_part(const Ask& ask) const;

  FixedClock& clock();
  object::Objects& objects();
  object::Buckets& buckets();
  const auth::AzureAccount& account(const std::string& name) const;

 private:
  void sign(http::RequestHeader& header, const std::string& account_name) const;

  struct State;
  std::unique_ptr<State> state_;
};

/// A container SAS of `permissions` for "alpha", as a query.
std::string container_sas(const Gateway& gateway, const std::string& container, const std::string& permissions,
                          const std::string& expiry = "2026-01-03T00:00:00Z");

/// The same for reading, by the stored access policy `policy`.
std::string policy_sas(const Gateway& gateway, const std::string& container, const std::string& policy);

/// The same for reading, with another Content-Type in the answers.
std::string typed_sas(const Gateway& gateway, const std::string& container, const std::string& type);

}  // namespace sluice::blob::test
