#include "auth/blob_grant.h"

#include <catch2/catch.hpp>

#include "auth/sas_token.h"

namespace sluice::auth {
namespace {

Grant grant_of(SasScope scope, std::string_view permissions) {
  Grant grant;
  grant.kind = scope == SasScope::account ? SasKind::account : SasKind::service;
  grant.scope = scope;
  grant.permissions = Permissions::parse(permissions, "abcdefghijklmnopqrstuvwxyz").value();
  if (scope != SasScope::account) return grant;
  grant.services = "b";
  grant.resource_types = "sco";
  return grant;
}

/// "always", "absent", or the refusal.
std::string answer(const Grant& grant, BlobAction action) {
  const auto allowed = grant.allows(action);
  if (allowed) return *allowed == Allowance::always ? "always" : "absent";
  switch (allowed.error().reason) {
    case BlobAuthFault::permission_mismatch:
      return "permission";
    case BlobAuthFault::service_mismatch:
      return "service";
    case BlobAuthFault::resource_type_mismatch:
      return "type";
    case BlobAuthFault::authorization_failure:
      return "never";
    default:
      return "other";
  }
}

std::string answer(SasScope scope, std::string_view permissions, BlobAction action) {
  return answer(grant_of(scope, permissions), action);
}

using enum BlobAction;
using enum SasScope;

TEST_CASE("permissions are a set of known letters") {
  CHECK(Permissions::parse("rwd", kSasPermissions)->has_any("xd"));
  CHECK_FALSE(Permissions::parse("rwd", kSasPermissions)->has_any("xl"));
  CHECK_FALSE(Permissions::parse("rwd", kSasPermissions)->has_any(""));
  CHECK(Permissions::parse("wr", kSasPermissions) == Permissions::parse("rw", kSasPermissions));
  CHECK(Permissions::parse("", kSasPermissions)->empty());
  CHECK_FALSE(Permissions::parse("rZ", kSasPermissions).has_value());
  CHECK_FALSE(Permissions::parse("r,w", kSasPermissions).has_value());
}

TEST_CASE("an account SAS needs the service, the resource type and a permission, in this order") {
  Grant grant = grant_of(account, "r");
  CHECK(answer(grant, get_blob) == "always");

  grant.resource_types = "sc";
  CHECK(answer(grant, get_blob) == "type");
  CHECK(answer(grant, get_container) == "always");
  CHECK(answer(grant, get_service_properties) == "always");
  grant.services = "qtf";
  CHECK(answer(grant, get_blob) == "service");
  CHECK(answer(account, "wdl", get_blob) == "permission");
}

TEST_CASE("an account SAS reaches the service and its containers") {
  CHECK(answer(account, "l", list_containers) == "always");
  CHECK(answer(account, "c", create_container) == "always");
  CHECK(answer(account, "w", create_container) == "always");
  CHECK(answer(account, "r", create_container) == "permission");
  CHECK(answer(account, "d", delete_container) == "always");
  CHECK(answer(account, "d", break_container_lease) == "always");
  CHECK(answer(account, "d", lease_container) == "permission");
  CHECK(answer(account, "l", list_blobs) == "always");
  CHECK(answer(account, "w", set_service_properties) == "always");
  CHECK(answer(account, "f", find_blobs_by_tags) == "always");
}

TEST_CASE("no SAS reaches access policies or delegation keys") {
  constexpr std::string_view kAll = "abcdefghijklmnopqrstuvwxyz";
  for (const BlobAction action : {get_container_acl, set_container_acl, get_user_delegation_key}) {
    CHECK(answer(account, kAll, action) == "never");
    CHECK(answer(container, kAll, action) == "never");
    CHECK(answer(blob, kAll, action) == "never");
  }
}

TEST_CASE("a container SAS reaches blobs and their list, not the container") {
  CHECK(answer(container, "l", list_blobs) == "always");
  CHECK(answer(container, "r", list_blobs) == "permission");
  CHECK(answer(container, "r", get_blob) == "always");
  CHECK(answer(container, "racwdxyltfmeopi", get_container) == "never");
  CHECK(answer(container, "racwdxyltfmeopi", delete_container) == "never");
  CHECK(answer(container, "racwdxyltfmeopi", create_container) == "never");
  CHECK(answer(container, "racwdxyltfmeopi", list_containers) == "never");
  CHECK(answer(container, "f", find_blobs_by_tags_in_container) == "always");
}

TEST_CASE("a blob SAS does not list") { CHECK(answer(blob, "rl", list_blobs) == "never"); }

TEST_CASE("the create permission makes blobs but does not replace them") {
  for (const SasScope scope : {account, container, directory, blob}) {
    CHECK(answer(scope, "c", put_blob) == "absent");
    CHECK(answer(scope, "c", copy_blob) == "absent");
    CHECK(answer(scope, "w", put_blob) == "always");
    CHECK(answer(scope, "cw", put_blob) == "always");
    CHECK(answer(scope, "c", put_block) == "permission");
    CHECK(answer(scope, "c", snapshot_blob) == "always");
  }
}

TEST_CASE("each way of deleting has its own permission") {
  CHECK(answer(blob, "d", delete_blob) == "always");
  CHECK(answer(blob, "d", delete_blob_version) == "permission");
  CHECK(answer(blob, "d", delete_blob_permanently) == "permission");
  CHECK(answer(blob, "x", delete_blob_version) == "always");
  CHECK(answer(blob, "y", delete_blob_permanently) == "always");
  CHECK(answer(blob, "xy", delete_blob) == "permission");
  CHECK(answer(blob, "d", break_blob_lease) == "always");
  CHECK(answer(blob, "d", lease_blob) == "permission");
}

TEST_CASE("append and tags have their own permissions") {
  CHECK(answer(blob, "a", append_block) == "always");
  CHECK(answer(blob, "a", put_page) == "permission");
  CHECK(answer(blob, "t", set_blob_tags) == "always");
  CHECK(answer(blob, "rw", get_blob_tags) == "permission");
  CHECK(answer(blob, "i", set_immutability_policy) == "always");
}

TEST_CASE("a SAS for a snapshot or version never touches the blob itself") {
  for (const SasScope scope : {snapshot, version}) {
    CHECK(answer(scope, "racwdxyti", get_blob) == "always");
    CHECK(answer(scope, "racwdxyti", delete_blob) == "always");
    for (const BlobAction action : {put_blob, set_blob, copy_blob, put_block, put_block_list, append_block, put_page,
                                    lease_blob, snapshot_blob, undelete_blob}) {
      CHECK(answer(scope, "racwdxyti", action) == "never");
    }
  }
}

TEST_CASE("a directory SAS lists what lies in it and nothing beside") {
  Grant grant = grant_of(directory, "rlf");
  CHECK(answer(grant, list_blobs) == "never");
  CHECK(answer(grant, find_blobs_by_tags_in_container) == "never");

  grant.beneath = true;
  CHECK(answer(grant, list_blobs) == "always");
  CHECK(answer(grant, find_blobs_by_tags_in_container) == "never");
  CHECK(answer(grant, get_blob) == "always");
}

TEST_CASE("any permission tells about the account and begins a batch") {
  CHECK(answer(account, "p", get_account_information) == "always");
  CHECK(answer(account, "p", submit_batch) == "always");
  CHECK(answer(container, "d", submit_batch_in_container) == "always");
  CHECK(answer(container, "r", get_account_information) == "always");
  CHECK(answer(container, "d", get_account_information) == "permission");
}

TEST_CASE("without permissions nothing is allowed") {
  for (int action = 0; action <= static_cast<int>(set_immutability_policy); ++action) {
    for (const SasScope scope : {account, container, directory, blob, snapshot, version}) {
      CHECK_FALSE(grant_of(scope, "").allows(static_cast<BlobAction>(action)).has_value());
    }
  }
}

}  // namespace
}  // namespace sluice::auth
