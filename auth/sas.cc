#include "auth/sas.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "auth/address_range.h"
#include "auth/date.h"
#include "auth/target.h"
#include "auth/user_delegation.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

using Outcome = std::expected<void, AzureFault>;

std::unexpected<AzureFault> refuse(BlobAuthFault reason, std::string detail) {
  return std::unexpected(AzureFault{.reason = reason,
                                    .error = {.code = ErrorCode::access_denied, .detail = std::move(detail)},
                                    .string_to_sign = {}});
}

/// The first `depth` directories of a blob's name; nothing if it has fewer.
std::optional<std::string_view> leading_directories(std::string_view name, std::uint64_t depth) {
  std::size_t end = 0;
  for (; depth != 0; --depth) {
    const std::size_t begin = name.find_first_not_of('/', end);
    if (begin == std::string_view::npos) return std::nullopt;
    end = std::min(name.find('/', begin), name.size());
  }
  return name.substr(0, end);
}

/// What in the request the SAS may have been signed for.
struct Signed {
  std::vector<std::string> resources;  ///< More than one only where clients differ.
  std::string_view moment;
  std::string_view directory;
};

std::expected<Signed, AzureFault> signed_resource(const SasToken& token, const SasRequest& request) {
  if (token.kind == SasKind::account) return Signed{};
  const auto& [container, blob, snapshot, version] = request.resource;
  std::string name(token.sv >= "2015-02-21" ? "/blob/" : "/");
  name.append(request.account.name).append(1, '/').append(container);
  if (container.empty()) return refuse_sas("the signature is for a container or blob, not for the service");
  if (token.sr == "c") return Signed{.resources = {name}, .moment = {}, .directory = {}};

  name.push_back('/');
  if (token.sr == "d") {
    const auto directory = leading_directories(blob, parse_decimal(token.sdd).value_or(0));
    if (!directory) return refuse_sas("the signature is for a directory the blob is not in");
    Signed result{.resources = {name + std::string(*directory)}, .moment = {}, .directory = *directory};
    // The root directory has no name, and clients write it in three ways.
    if (directory->empty())
      result.resources.insert(result.resources.end(), {name.substr(0, name.size() - 1), name + "/"});
    return result;
  }
  if (blob.empty()) return refuse_sas("the signature is for a blob, not for the container");
  if (token.sr == "bs" && snapshot.empty()) return refuse_sas("the signature is for a snapshot, not for the blob");
  if (token.sr == "bv" && version.empty()) return refuse_sas("the signature is for a version, not for the blob");
  const std::string_view moment = token.sr == "bs" ? snapshot : token.sr == "bv" ? version : std::string_view{};
  return Signed{.resources = {name + std::string(blob)}, .moment = moment, .directory = {}};
}

/// Each of the comma-separated names, in order.
std::vector<std::string_view> names_in(std::string_view list) {
  std::vector<std::string_view> names;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), name.size() + 1));
    names.push_back(name);
  }
  return names;
}

std::string signed_headers(std::string_view list, const Fields& fields) {
  std::string text;
  for (const std::string_view name : names_in(list)) {
    text.append(name).append(1, ':').append(fields.get(name)).append(1, '\n');
  }
  return text;
}

std::string signed_query(std::string_view list, const Target& target) {
  std::string text;
  for (const std::string_view name : names_in(list)) {
    const std::string_view raw = target.find(name).value_or(std::string_view{});
    text.append(1, '\n').append(name).append(1, ':').append(percent_decode(raw).value_or(std::string(raw)));
  }
  return text;
}

/// A header or parameter that comes twice could be signed as one and read as the other.
bool signs_repeated(const SasToken& token, const Fields& fields, const Target& target) {
  const auto in_query = [&target](std::string_view name) {
    return std::ranges::count(target.query, name, &QueryPair::name);
  };
  return std::ranges::any_of(names_in(token.srh), [&](std::string_view name) { return fields.count(name) > 1; }) ||
         std::ranges::any_of(names_in(token.srq), [&](std::string_view name) { return in_query(name) > 1; });
}

DelegationKeyName delegation_key_name(const SasToken& token) {
  return {.oid = token.skoid,
          .tid = token.sktid,
          .start = token.skt,
          .expiry = token.ske,
          .service = token.sks,
          .version = token.skv,
          .delegated_tid = token.skdutid};
}

bool signature_holds(const SasToken& token, const AzureAccount& account, std::string_view text) {
  if (token.kind != SasKind::user_delegation) return is_signed_by(account, text, token.sig);
  AzureAccount delegated{.name = account.name, .keys = {}, .owner = {}, .identity = {}};
  for (const AccountKey& key : account.keys) {
    delegated.keys.emplace_back(delegation_key(key.raw(), account.name, delegation_key_name(token)));
  }
  return is_signed_by(delegated, text, token.sig);
}

Outcome check_signature(const SasToken& token, const SasRequest& request, const Signed& resource) {
  const Target target(request.request.target);
  if (signs_repeated(token, request.request.fields, target)) {
    return refuse_sas("a signed header or parameter is there twice");
  }
  SasSubject subject{.account = request.account.name,
                     .resource = {},
                     .moment = std::string(resource.moment),
                     .headers = signed_headers(token.srh, request.request.fields),
                     .query = signed_query(token.srq, target)};
  std::string documented;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, resource.resources.size()); ++i) {
    if (i < resource.resources.size()) subject.resource = resource.resources[i];
    std::string text = sas_string_to_sign(token, subject);
    if (signature_holds(token, request.account, text)) return {};
    if (i == 0) documented = std::move(text);
  }
  auto refusal = refuse_sas("Signature did not match.", ErrorCode::signature_mismatch);
  refusal.error().string_to_sign = std::move(documented);
  return refusal;
}

Outcome check_origin(const SasToken& token, const SasRequest& request) {
  if (!token.sip.empty()) {
    const auto range = parse_address_range(token.sip);
    if (!range) return refuse_sas("sip is invalid");
    const auto address = parse_address(request.remote_address);
    if (!address || !range->contains(*address)) {
      return refuse(BlobAuthFault::source_ip_mismatch, "The signature is not for requests from this address.");
    }
  }
  if (token.spr == "https" && !request.secure) {
    return refuse(BlobAuthFault::protocol_mismatch, "The signature is for https alone.");
  }
  return {};
}

/// A policy's or token's times, as text that may be empty.
struct Period {
  std::string_view start;
  std::string_view expiry;
};

Outcome check_period(Period period, UtcTime now, std::string_view of_what) {
  const auto start = period.start.empty() ? std::optional<UtcTime>() : parse_sas_time(period.start);
  const auto expiry = parse_sas_time(period.expiry);
  if (!expiry || (!period.start.empty() && !start)) return refuse_sas("a time is not in an ISO 8601 form");
  if (start && *start >= *expiry) return refuse_sas("se must be after st");
  if ((!start || *start <= now) && now < *expiry) return {};
  std::string detail(of_what);
  detail.append(" not valid in the specified time frame: Start [").append(period.start).append("] - Expiry [");
  detail.append(period.expiry).append("] - Current [");
  detail.append(to_iso_extended(std::chrono::floor<std::chrono::seconds>(now))).append("]");
  return refuse_sas(std::move(detail), ErrorCode::request_expired);
}

Outcome check_delegation(const SasToken& token, const SasRequest& request, UtcTime now) {
  if (token.kind != SasKind::user_delegation) return {};
  if (auto valid = check_period({.start = token.skt, .expiry = token.ske}, now, "User delegation key"); !valid) {
    return valid;
  }
  if (!token.suoid.empty()) {
    // It asks for a check of POSIX ACLs, which exist with a hierarchical namespace alone.
    return refuse(BlobAuthFault::authorization_failure, "suoid needs a hierarchical namespace");
  }
  const bool other_user = !token.sduoid.empty() && token.sduoid != request.bearer_oid;
  const bool other_tenant = !token.skdutid.empty() && token.skdutid != request.bearer_tid;
  if (other_user || other_tenant) return refuse_sas("the signature needs a bearer token of its delegated user");
  return {};
}

SasScope scope_of(const SasToken& token) {
  if (token.kind == SasKind::account) return SasScope::account;
  if (token.sr == "c") return SasScope::container;
  if (token.sr == "d") return SasScope::directory;
  if (token.sr == "bs") return SasScope::snapshot;
  return token.sr == "bv" ? SasScope::version : SasScope::blob;
}

/// The token's access policy, filled up from the stored one.
std::expected<StoredAccessPolicy, AzureFault> merged(const SasToken& token, const StoredAccessPolicy* stored) {
  StoredAccessPolicy result{.start = token.st, .expiry = token.se, .permissions = token.sp};
  if (!token.si.empty()) {
    if (stored == nullptr) return refuse_sas("si names no stored access policy of the container");
    for (const auto field :
         {&StoredAccessPolicy::start, &StoredAccessPolicy::expiry, &StoredAccessPolicy::permissions}) {
      if ((stored->*field).empty()) continue;
      if (!(result.*field).empty()) {
        return refuse_sas("Access policy fields can be associated with signature or SAS identifier but not both");
      }
      result.*field = stored->*field;
    }
  }
  if (result.expiry.empty()) return refuse_sas("se is mandatory");
  if (result.permissions.empty()) return refuse_sas("sp is mandatory");
  return result;
}

}  // namespace

std::optional<std::string_view> SignedSas::policy_id() const {
  if (token_.si.empty()) return std::nullopt;
  return token_.si;
}

std::expected<SignedSas, AzureFault> Sas::verify(const SasRequest& request) const {
  auto token = parse_sas_token(request.request.target);
  if (!token) return std::unexpected(std::move(token).error());
  const auto resource = signed_resource(*token, request);
  if (!resource) return std::unexpected(resource.error());
  if (auto holds = check_signature(*token, request, *resource); !holds) return std::unexpected(holds.error());
  if (auto holds = check_origin(*token, request); !holds) return std::unexpected(holds.error());
  if (auto holds = check_delegation(*token, request, clock_.now()); !holds) return std::unexpected(holds.error());

  SignedSas sas;
  const std::string_view inside = request.resource.blob.substr(resource->directory.size());
  sas.beneath_ = token->sr == "d" && (resource->directory.empty() || inside.starts_with('/'));
  sas.directory_ = resource->directory;
  sas.token_ = *std::move(token);
  return sas;
}

std::expected<Grant, AzureFault> Sas::grant(const SignedSas& sas, const StoredAccessPolicy* policy) const {
  const SasToken& token = sas.token_;
  const auto access = merged(token, policy);
  if (!access) return std::unexpected(access.error());
  const Period period{.start = access->start, .expiry = access->expiry};
  if (auto valid = check_period(period, clock_.now(), "Signature"); !valid) return std::unexpected(valid.error());
  const auto permissions = Permissions::parse(
      access->permissions, token.kind == SasKind::account ? kAccountSasPermissions : kSasPermissions);
  if (!permissions) return refuse_sas("sp is invalid");

  Grant grant{.kind = token.kind,
              .scope = scope_of(token),
              .permissions = *permissions,
              .services = token.ss,
              .resource_types = token.srt,
              .version = token.sv,
              .overrides = {.cache_control = token.rscc,
                            .content_disposition = token.rscd,
                            .content_encoding = token.rsce,
                            .content_language = token.rscl,
                            .content_type = token.rsct},
              .encryption_scope = token.ses,
              .directory = sas.directory_,
              .beneath = sas.beneath_,
              .oid = token.skoid,
              .authorized_oid = token.saoid,
              .correlation_id = token.scid};
  return grant;
}

}  // namespace sluice::auth
