#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/sas.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::auth::test {

inline std::string bytes_from(int first, int step) {
  std::string bytes;
  for (int i = 0; i < 64; ++i) bytes.push_back(static_cast<char>(first + i * step));
  return bytes;
}

/// The account of the vectors.
inline AzureAccount sluiceaccount() {
  AzureAccount account{
      .name = "sluiceaccount", .keys = {bytes_from(0, 1), bytes_from(200, -1)}, .owner = "acme", .identity = {}};
  auto user = std::make_shared<User>();
  user->account = "acme";
  account.identity.user = std::move(user);
  return account;
}

inline UtcTime at(std::string_view time) { return parse_sas_time(time).value(); }

using Parameters = std::vector<std::pair<std::string, std::string>>;

inline std::string query_of(const Parameters& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!query.empty()) query.push_back('&');
    query.append(name).append(1, '=').append(percent_encode(value, false));
  }
  return query;
}

/// The query of a token that is signed, with `key`, for what `subject` says.
inline std::string signed_query(Parameters parameters, const SasSubject& subject, std::string_view key) {
  parameters.emplace_back("sig", "AAAA");
  const auto token = parse_sas_token("/?" + query_of(parameters));
  parameters.back().second = to_base64(hmac_sha256(key, sas_string_to_sign(token.value(), subject)));
  return query_of(parameters);
}

/// One request with a SAS, and everything a SAS may depend on.
struct SasExample {
  AzureAccount account = sluiceaccount();
  FixedClock clock{at("2026-06-03T10:20:30Z")};
  Fields fields;
  std::string target;
  BlobResource resource{.container = "photos", .blob = "cat.jpg", .snapshot = {}, .version = {}};
  std::string remote_address = "10.0.0.5";
  bool secure = true;
  std::string bearer_oid;
  std::string bearer_tid;

  std::expected<SignedSas, AzureFault> verify() const {
    const SignedRequest request{.method = "GET", .target = target, .fields = fields};
    return Sas(clock).verify({.request = request,
                              .account = account,
                              .resource = resource,
                              .remote_address = remote_address,
                              .secure = secure,
                              .bearer_oid = bearer_oid,
                              .bearer_tid = bearer_tid});
  }

  std::expected<Grant, AzureFault> grant(const StoredAccessPolicy* policy = nullptr) const {
    const auto sas = verify();
    if (!sas) return std::unexpected(sas.error());
    return Sas(clock).grant(*sas, policy);
  }

  /// The target carries a service SAS for photos/cat.jpg with these parameters.
  SasExample& with_blob_sas(Parameters parameters) {
    const SasSubject subject{.account = account.name,
                             .resource = "/blob/sluiceaccount/photos/cat.jpg",
                             .moment = {},
                             .headers = {},
                             .query = {}};
    target = "/photos/cat.jpg?" + signed_query(std::move(parameters), subject, account.keys.front().raw());
    return *this;
  }
};

inline Parameters blob_parameters(std::string expiry = "2026-12-31T00:00:00Z", std::string permissions = "r") {
  return {{"sv", "2022-11-02"}, {"sr", "b"}, {"se", std::move(expiry)}, {"sp", std::move(permissions)}};
}

inline Parameters with(Parameters parameters, std::string name, std::string value) {
  parameters.emplace_back(std::move(name), std::move(value));
  return parameters;
}

/// How a request was refused, in short; empty if it was not.
template <class T>
std::string refusal(const std::expected<T, AzureFault>& outcome) {
  return outcome ? std::string() : outcome.error().error.detail;
}

}  // namespace sluice::auth::test
