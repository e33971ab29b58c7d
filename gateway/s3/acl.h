#pragma once

#include <map>
#include <string>
#include <string_view>

#include "auth/acl.h"
#include "gateway/core/fields.h"
#include "gateway/s3/error.h"

namespace sluice::s3 {

/// The accounts there are, and their display names.
using Accounts = std::map<std::string, std::string>;

/// Whose the thing is that an ACL is about; for the ACL of a bucket both are its owner.
struct AclOwners {
  std::string_view owner;
  std::string_view bucket_owner;
};

/// Does a request give an ACL by header: canned, or by grants?
bool declares_acl(const Fields& fields);

/// The ACL that the headers give. Fails with InvalidArgument for a canned ACL or an
/// account that is none, InvalidRequest for both kinds at once,
/// UnresolvableGrantByEmailAddress for an e-mail address (accounts have none here),
/// NotImplemented for the one canned ACL that is about another service.
Outcome<auth::Acl> read_acl(const Fields& fields, const AclOwners& owners, const Accounts& accounts);

/// The ACL of an AccessControlPolicy. Fails as read_acl(fields), with MalformedACLError,
/// and with AccessDenied where it names another owner.
Outcome<auth::Acl> read_acl(std::string_view document, std::string_view owner, const Accounts& accounts);

/// The AccessControlPolicy of something `owner` owns.
std::string acl_document(const std::string& owner, const auth::Acl& acl, const Accounts& accounts);

/// The ACL kept as `bytes` with something of `owner`. Fails with corrupt.
Result<auth::Acl> stored_acl(std::string_view bytes, std::string_view owner);

/// What is kept of `acl`: nothing where it says no more than that the owner has all.
std::string to_store(const auth::Acl& acl, std::string_view owner);

}  // namespace sluice::s3
