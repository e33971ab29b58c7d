#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"

namespace sluice::auth {

/// What a grant gives, as bits ("Access control list (ACL) overview", Amazon S3 User Guide).
enum class Permission : std::uint8_t { read = 1, write = 2, read_acp = 4, write_acp = 8, full_control = 15 };

/// READ, WRITE, READ_ACP, WRITE_ACP, FULL_CONTROL.
std::string_view to_text(Permission permission);
std::optional<Permission> parse_permission(std::string_view text);

/// Whom a grant is for.
enum class Grantee : std::uint8_t { account, everybody, authenticated, log_delivery };

/// The URI of a group; empty for an account.
std::string_view group_uri(Grantee grantee);
/// The group of a URI, where it is one of those there are.
std::optional<Grantee> parse_group(std::string_view uri);

struct AclGrant {
  Grantee grantee = Grantee::account;
  std::string account;  ///< Of a grant to one.
  Permission permission = Permission::read;
  friend bool operator==(const AclGrant&, const AclGrant&) = default;
};

/// The grants of a bucket or an object. Where none was ever set, its owner has all.
struct Acl {
  static constexpr std::size_t kGrantsMax = 100;

  std::vector<AclGrant> grants;

  /// Does any grant give `identity` that? Grants to everybody and to all
  /// authenticated users do not count with `ignore_public`.
  bool allows(const Identity& identity, Permission permission, bool ignore_public = false) const;

  /// Is any grant to everybody or to all authenticated users?
  bool is_public() const;

  friend bool operator==(const Acl&, const Acl&) = default;
};

/// Of what its owner alone has.
Acl private_acl(std::string_view owner);

/// The grants a canned ACL stands for; nothing if `name` is none. Groups come first.
/// `bucket_owner` is `owner` itself for the ACL of a bucket.
std::optional<Acl> canned_acl(std::string_view name, std::string_view owner, std::string_view bucket_owner);

/// The bytes an ACL is kept as, and back. Nothing if they are not sound.
std::string encode(const Acl& acl);
std::optional<Acl> decode_acl(std::string_view bytes);

}  // namespace sluice::auth
