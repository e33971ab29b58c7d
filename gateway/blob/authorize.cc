#include <algorithm>

#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"

namespace sluice::blob {
namespace {

/// What a public container lets anybody do ("Configure anonymous read access for
/// containers and blobs", Azure Storage).
bool is_public(auth::BlobAction action, object::PublicAccess access) {
  using enum auth::BlobAction;
  switch (action) {
    case get_blob:
    case get_block_list:
    case get_page_ranges:
      return access != object::PublicAccess::none;
    case list_blobs:
    case get_container:
      return access == object::PublicAccess::bucket;
    default:
      return false;
  }
}

bool is_read(http::Method method) {
  return method == http::Method::get || method == http::Method::head || method == http::Method::options;
}

/// Is it what somebody without a credential could be given an answer to?
bool may_be_public(const Call& call) {
  return is_read(call.request.header.method) && call.target.scope != Scope::account &&
         !call.fields().has("x-ms-if-tags");
}

std::unexpected<Failure> unauthenticated(const Call& call, Code code) {
  Failure failure(code);
  failure.headers.emplace_back("WWW-Authenticate", "SharedKey realm=\"" + call.target.account + "\"");
  return std::unexpected(std::move(failure));
}

auth::AzureAddress address_of(const Call& call) {
  return {.account = *call.account, .in_path = call.target.in_path, .secondary = call.target.secondary};
}

auth::SignedRequest signed_request(const Call& call) {
  return {.method = call.request.header.method_text, .target = call.request.header.target, .fields = call.fields()};
}

}  // namespace

std::optional<auth::StoredAccessPolicy> policy_of(const auth::SignedSas& signed_sas, const object::BucketInfo& bucket) {
  const auto id = signed_sas.policy_id();
  if (!id) return std::nullopt;
  const auto found = std::ranges::find(bucket.settings.access_policies, *id, &object::AccessPolicy::id);
  if (found == bucket.settings.access_policies.end()) return std::nullopt;
  return auth::StoredAccessPolicy{.start = found->start, .expiry = found->expiry, .permissions = found->permission};
}

Step<> Handler::authenticate(Call& call) {
  switch (auth::blob_credential(signed_request(call))) {
    case auth::BlobCredential::shared_key: {
      CO_TRY(shared_key_.authenticate(signed_request(call), address_of(call)));
      break;
    }
    case auth::BlobCredential::sas: {
      CO_TRY(co_await admit_sas(call));
      break;
    }
    case auth::BlobCredential::anonymous: {
      CO_TRY(co_await admit_anonymous(call));
      co_return Outcome<>{};
    }
    case auth::BlobCredential::bearer:
      co_return unauthenticated(call, Code::no_authentication_information);
    case auth::BlobCredential::unknown:
      co_return blob::refuse(Code::invalid_authentication_info);
  }
  call.context.principal = call.account->owner;
  if (call.target.secondary && !is_read(call.request.header.method)) {
    co_return blob::refuse(Code::insufficient_account_permissions);
  }
  co_return Outcome<>{};
}

Outcome<auth::SignedSas> Handler::verify_sas(const Call& call) const {
  const bool lists = call.row != nullptr && call.row->operation == Operation::list_blobs;
  const auth::SignedRequest request = signed_request(call);
  TRY(auto signed_sas, sas_.verify({.request = request,
                                    .account = *call.account,
                                    .resource = {.container = call.target.container,
                                                 .blob = lists ? call.query().get("prefix") : call.target.blob,
                                                 .snapshot = call.query().get("snapshot"),
                                                 .version = call.query().get("versionid")},
                                    .remote_address = call.context.remote_address,
                                    .secure = call.context.secure,
                                    .bearer_oid = {},
                                    .bearer_tid = {}}));
  return signed_sas;
}

Step<> Handler::admit_sas(Call& call) {
  CO_TRY(const auth::SignedSas signed_sas, verify_sas(call));
  const object::BucketInfo* container = nullptr;
  if (signed_sas.policy_id()) {
    const auto bucket = co_await bucket_of(call);
    if (!bucket && bucket.error().code != Code::container_not_found) co_return std::unexpected(bucket.error());
    if (bucket) container = &*call.bucket;
  }
  co_return take_grant(call, signed_sas, container);
}

Outcome<> Handler::take_grant(Call& call, const auth::SignedSas& signed_sas, const object::BucketInfo* container) {
  std::optional<auth::StoredAccessPolicy> policy;
  if (container != nullptr) policy = policy_of(signed_sas, *container);
  TRY(call.grant, sas_.grant(signed_sas, policy ? &*policy : nullptr));
  if (call.row == nullptr) return {};
  const bool of_version = call.row->action == auth::BlobAction::delete_blob && call.query().has("versionid");
  const auto action = of_version ? auth::BlobAction::delete_blob_version : call.row->action;
  TRY(const auth::Allowance allowance, call.grant->allows(action));
  TRY(check_tag_permission(call));
  call.only_if_absent = allowance == auth::Allowance::only_if_absent;
  if (!call.grant->encryption_scope.empty() && !is_read(call.request.header.method)) {
    return blob::refuse(Code::feature_not_supported, "Encryption scopes are not supported.");
  }
  return {};
}

bool Handler::admit_at_hand(Call& call) {
  const auto container = services_.buckets.at_hand(call.target.container);
  if (!container || container->owner != call.account->owner) return false;
  switch (auth::blob_credential(signed_request(call))) {
    case auth::BlobCredential::shared_key:
      if (!shared_key_.authenticate(signed_request(call), address_of(call))) return false;
      break;
    case auth::BlobCredential::sas: {
      const auto signed_sas = verify_sas(call);
      if (!signed_sas || !take_grant(call, *signed_sas, &*container)) return false;
      break;
    }
    case auth::BlobCredential::anonymous:
      call.anonymous = true;
      return may_be_public(call) && is_public(call.row->action, container->settings.public_access);
    default:
      return false;
  }
  call.context.principal = call.account->owner;
  return true;
}

Outcome<> Handler::check_tag_permission(const Call& call) {
  const bool is_about_tags = call.fields().has("x-ms-tags") || call.fields().has("x-ms-if-tags");
  if (is_about_tags && !call.grant->permissions.has_any("t"))
    return blob::refuse(Code::authorization_permission_mismatch);
  return {};
}

Step<> Handler::admit_anonymous(Call& call) {
  call.anonymous = true;
  if (!may_be_public(call)) co_return unauthenticated(call, Code::no_authentication_information);
  const auto bucket = co_await bucket_of(call);
  // Whether there is a private container is nobody's business.
  if (!bucket || call.row == nullptr || !is_public(call.row->action, bucket->settings.public_access)) {
    co_return blob::refuse(Code::resource_not_found);
  }
  co_return Outcome<>{};
}

Step<> Handler::check_container(Call& call) {
  using enum Operation;
  const bool needs_none = call.target.scope == Scope::account || call.row->operation == create_container ||
                          call.row->operation == get_account_information || call.row->operation == not_implemented;
  if (needs_none) co_return Outcome<>{};
  CO_TRY(co_await bucket_of(call));
  co_return Outcome<>{};
}

Step<object::BucketInfo> Handler::bucket_of(Call& call) {
  if (!call.bucket) {
    auto bucket = co_await services_.buckets.stat(call.context, call.target.container);
    if (!bucket && bucket.error().code == ErrorCode::no_such_bucket) {
      CO_TRY(check_container_name(call.target.container));
    }
    if (!bucket) co_return std::unexpected(bucket.error());
    if (bucket->owner != call.account->owner) co_return blob::refuse(Code::container_not_found);
    call.bucket = *std::move(bucket);
  }
  co_return *call.bucket;
}

}  // namespace sluice::blob
