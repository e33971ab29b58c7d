#include "auth/acl.h"

#include <algorithm>
#include <array>

namespace sluice::auth {
namespace {

constexpr char kVersion = 1;

struct PermissionName {
  Permission permission;
  std::string_view text;
};
constexpr std::array<PermissionName, 5> kPermissions{{{Permission::read, "READ"},
                                                      {Permission::write, "WRITE"},
                                                      {Permission::read_acp, "READ_ACP"},
                                                      {Permission::write_acp, "WRITE_ACP"},
                                                      {Permission::full_control, "FULL_CONTROL"}}};

struct GroupName {
  Grantee grantee;
  std::string_view uri;
};
constexpr std::array<GroupName, 3> kGroups{
    {{Grantee::everybody, "http://acs.amazonaws.com/groups/global/AllUsers"},
     {Grantee::authenticated, "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"},
     {Grantee::log_delivery, "http://acs.amazonaws.com/groups/s3/LogDelivery"}}};

bool is_public(Grantee grantee) { return grantee == Grantee::everybody || grantee == Grantee::authenticated; }

bool is_meant(const AclGrant& grant, const Identity& identity) {
  switch (grant.grantee) {
    case Grantee::account:
      return !identity.anonymous() && grant.account == identity.account();
    case Grantee::everybody:
      return true;
    case Grantee::authenticated:
      return !identity.anonymous();
    case Grantee::log_delivery:
      return false;  // Nobody delivers logs.
  }
  return false;
}

}  // namespace

std::string_view to_text(Permission permission) {
  return std::ranges::find(kPermissions, permission, &PermissionName::permission)->text;
}

std::optional<Permission> parse_permission(std::string_view text) {
  const auto* const found = std::ranges::find(kPermissions, text, &PermissionName::text);
  return found == kPermissions.end() ? std::nullopt : std::optional(found->permission);
}

std::string_view group_uri(Grantee grantee) {
  const auto* const found = std::ranges::find(kGroups, grantee, &GroupName::grantee);
  return found == kGroups.end() ? std::string_view{} : found->uri;
}

std::optional<Grantee> parse_group(std::string_view uri) {
  const auto* const found = std::ranges::find(kGroups, uri, &GroupName::uri);
  return found == kGroups.end() ? std::nullopt : std::optional(found->grantee);
}

bool Acl::allows(const Identity& identity, Permission permission, bool ignore_public) const {
  const auto wanted = static_cast<unsigned>(permission);
  unsigned given = 0;
  for (const AclGrant& grant : grants) {
    if (ignore_public && auth::is_public(grant.grantee)) continue;
    if (is_meant(grant, identity)) given |= static_cast<unsigned>(grant.permission);
  }
  return (given & wanted) == wanted;
}

bool Acl::is_public() const {
  return std::ranges::any_of(grants, [](const AclGrant& grant) { return auth::is_public(grant.grantee); });
}

Acl private_acl(std::string_view owner) {
  return {.grants = {{Grantee::account, std::string(owner), Permission::full_control}}};
}

std::optional<Acl> canned_acl(std::string_view name, std::string_view owner, std::string_view bucket_owner) {
  Acl acl;
  const auto give = [&](Grantee grantee, Permission permission) { acl.grants.push_back({grantee, {}, permission}); };
  std::optional<Permission> to_bucket_owner;
  if (name == "public-read") {
    give(Grantee::everybody, Permission::read);
  } else if (name == "public-read-write") {
    give(Grantee::everybody, Permission::read);
    give(Grantee::everybody, Permission::write);
  } else if (name == "authenticated-read") {
    give(Grantee::authenticated, Permission::read);
  } else if (name == "log-delivery-write") {
    give(Grantee::log_delivery, Permission::write);
    give(Grantee::log_delivery, Permission::read_acp);
  } else if (name == "bucket-owner-read") {
    to_bucket_owner = Permission::read;
  } else if (name == "bucket-owner-full-control") {
    to_bucket_owner = Permission::full_control;
  } else if (name != "private") {
    return std::nullopt;
  }
  acl.grants.push_back({Grantee::account, std::string(owner), Permission::full_control});
  if (to_bucket_owner && bucket_owner != owner) {
    acl.grants.push_back({Grantee::account, std::string(bucket_owner), *to_bucket_owner});
  }
  return acl;
}

std::string encode(const Acl& acl) {
  std::string out(1, kVersion);
  for (const AclGrant& grant : acl.grants) {
    const auto size = static_cast<std::uint16_t>(grant.account.size());
    out.push_back(static_cast<char>(grant.grantee));
    out.push_back(static_cast<char>(grant.permission));
    out.push_back(static_cast<char>(size >> 8));
    out.push_back(static_cast<char>(size & 255));
    out.append(grant.account, 0, size);
  }
  return out;
}

std::optional<Acl> decode_acl(std::string_view bytes) {
  constexpr std::size_t kHead = 4;
  if (!bytes.starts_with(kVersion)) return std::nullopt;
  bytes.remove_prefix(1);
  Acl acl;
  while (!bytes.empty()) {
    if (bytes.size() < kHead || acl.grants.size() == Acl::kGrantsMax) return std::nullopt;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    const auto grantee = static_cast<Grantee>(byte(0));
    const auto permission = static_cast<Permission>(byte(1));
    const std::size_t size = std::size_t{byte(2)} * 256 + byte(3);
    const bool known = grantee <= Grantee::log_delivery &&
                       std::ranges::count(kPermissions, permission, &PermissionName::permission) != 0;
    if (!known || bytes.size() - kHead < size) return std::nullopt;
    acl.grants.push_back({grantee, std::string(bytes.substr(kHead, size)), permission});
    bytes.remove_prefix(kHead + size);
  }
  return acl;
}

}  // namespace sluice::auth
