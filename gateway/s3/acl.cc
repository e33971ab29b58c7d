#include "gateway/s3/acl.h"

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

using auth::AclGrant;
using auth::Grantee;
using auth::Permission;

constexpr std::string_view kCanned = "x-amz-acl";

struct GrantHeader {
  std::string_view name;
  Permission permission;
};
constexpr GrantHeader kGrantHeaders[] = {
    {"x-amz-grant-read", Permission::read},
    {"x-amz-grant-write", Permission::write},
    {"x-amz-grant-read-acp", Permission::read_acp},
    {"x-amz-grant-write-acp", Permission::write_acp},
    {"x-amz-grant-full-control", Permission::full_control},
};

std::unexpected<Failure> invalid(std::string message, std::string name, std::string_view value) {
  return std::unexpected(Failure(Code::invalid_argument, std::move(message))
                             .with("ArgumentName", std::move(name))
                             .with("ArgumentValue", std::string(value)));
}

Outcome<AclGrant> to_account(std::string_view id, const Accounts& accounts) {
  if (!accounts.contains(std::string(id))) return invalid("Invalid id", "CanonicalUser/ID", id);
  return AclGrant{.grantee = Grantee::account, .account = std::string(id), .permission = {}};
}

Outcome<AclGrant> to_group(std::string_view uri) {
  const auto group = auth::parse_group(uri);
  if (!group) return invalid("Invalid group uri", "Group/URI", uri);
  return AclGrant{.grantee = *group, .account = {}, .permission = {}};
}

/// Groups first, as canned ACLs list them too; otherwise in the order given.
Outcome<auth::Acl> finished(const auth::Acl& acl) {
  if (acl.grants.size() > auth::Acl::kGrantsMax) return refuse(Code::malformed_acl);
  auth::Acl sorted;
  for (const bool groups : {true, false}) {
    std::ranges::copy_if(acl.grants, std::back_inserter(sorted.grants),
                         [&](const AclGrant& grant) { return (grant.grantee != Grantee::account) == groups; });
  }
  return sorted;
}

/// `id="account"`, `uri="..."`, `emailAddress="..."`.
Outcome<AclGrant> read_grantee(std::string_view text, const Accounts& accounts) {
  const auto equals = text.find('=');
  const std::string_view type = trim(text.substr(0, equals));
  std::string_view value = equals == text.npos ? std::string_view{} : trim(text.substr(equals + 1));
  if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) value = value.substr(1, value.size() - 2);
  if (equals_ignoring_case(type, "id")) return to_account(value, accounts);
  if (equals_ignoring_case(type, "uri")) return to_group(value);
  if (equals_ignoring_case(type, "emailAddress")) return refuse(Code::unresolvable_grant_by_email);
  return invalid("Argument format not recognized", "x-amz-grant", text);
}

Outcome<> read_grants(std::string_view list, Permission permission, const Accounts& accounts, auth::Acl& acl) {
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    if (trim(one).empty()) continue;
    TRY(AclGrant grant, read_grantee(one, accounts));
    grant.permission = permission;
    acl.grants.push_back(std::move(grant));
    if (acl.grants.size() > auth::Acl::kGrantsMax) return refuse(Code::malformed_acl);
  }
  return {};
}

Outcome<AclGrant> read_grant(const XmlElement& element, const Accounts& accounts) {
  const XmlElement grantee = element.child("Grantee");
  const auto permission = auth::parse_permission(element.text_of("Permission").value_or(""));
  if (element.name() != "Grant" || !grantee || !permission) return refuse(Code::malformed_acl);
  if (grantee.child("EmailAddress")) return refuse(Code::unresolvable_grant_by_email);
  const auto uri = grantee.text_of("URI");
  const auto id = grantee.text_of("ID");
  if (uri.has_value() == id.has_value()) return refuse(Code::malformed_acl);
  TRY(AclGrant grant, uri ? to_group(*uri) : to_account(*id, accounts));
  grant.permission = *permission;
  return grant;
}

class AclWriter {
 public:
  explicit AclWriter(const Accounts& accounts) : accounts_(accounts) {}

  std::string write(const std::string& owner, const auth::Acl& acl) {
    xml_.open_root("AccessControlPolicy");
    xml_.open("Owner");
    identify(owner);
    xml_.close();
    xml_.open("AccessControlList");
    for (const AclGrant& grant : acl.grants) write(grant);
    xml_.close();
    xml_.close();
    return xml_.take();
  }

 private:
  void identify(const std::string& account) {
    const auto found = accounts_.find(account);
    xml_.element("ID", account);
    xml_.element("DisplayName", found == accounts_.end() ? account : found->second);
  }

  void write(const AclGrant& grant) {
    const bool is_group = grant.grantee != Grantee::account;
    xml_.open("Grant");
    xml_.open_raw("Grantee", is_group ? kGroup : kUser);
    if (is_group) {
      xml_.element("URI", auth::group_uri(grant.grantee));
    } else {
      identify(grant.account);
    }
    xml_.close();
    xml_.element("Permission", auth::to_text(grant.permission));
    xml_.close();
  }

  static constexpr std::string_view kUser =
      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"";
  static constexpr std::string_view kGroup =
      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"";
  const Accounts& accounts_;
  XmlWriter xml_;
};

}  // namespace

bool declares_acl(const Fields& fields) {
  return fields.has(kCanned) ||
         std::ranges::any_of(kGrantHeaders, [&](const GrantHeader& header) { return fields.has(header.name); });
}

Outcome<auth::Acl> read_acl(const Fields& fields, const AclOwners& owners, const Accounts& accounts) {
  auth::Acl acl;
  for (const GrantHeader& header : kGrantHeaders) {
    TRY(read_grants(joined(fields, header.name), header.permission, accounts, acl));
  }
  const auto canned = fields.find(kCanned);
  if (!canned) return finished(acl);
  if (!acl.grants.empty()) {
    return refuse(Code::invalid_request, "Specifying both Canned ACLs and Header Grants is not allowed");
  }
  if (*canned == "aws-exec-read")
    return refuse(Code::not_implemented, "The canned ACL aws-exec-read is not supported.");
  auto found = auth::canned_acl(*canned, owners.owner, owners.bucket_owner);
  if (!found) return invalid({}, std::string(kCanned), *canned);
  return *std::move(found);
}

Outcome<auth::Acl> read_acl(std::string_view document, std::string_view owner, const Accounts& accounts) {
  TRY(const XmlDocument parsed, XmlDocument::parse(document, "AccessControlPolicy"));
  const XmlElement policy = parsed.root();
  const XmlElement list = policy.child("AccessControlList");
  if (!list) return refuse(Code::malformed_acl);
  if (const XmlElement named = policy.child("Owner"); named && named.text_of("ID").value_or(owner) != owner) {
    return refuse(Code::access_denied);
  }
  auth::Acl acl;
  for (const XmlElement& element : list.children()) {
    TRY(AclGrant grant, read_grant(element, accounts));
    acl.grants.push_back(std::move(grant));
  }
  return finished(acl);
}

std::string acl_document(const std::string& owner, const auth::Acl& acl, const Accounts& accounts) {
  return AclWriter(accounts).write(owner, acl);
}

Result<auth::Acl> stored_acl(std::string_view bytes, std::string_view owner) {
  if (bytes.empty()) return auth::private_acl(owner);
  auto acl = auth::decode_acl(bytes);
  if (!acl) return fail(ErrorCode::corrupt, "an ACL");
  return *std::move(acl);
}

std::string to_store(const auth::Acl& acl, std::string_view owner) {
  return acl == auth::private_acl(owner) ? std::string() : auth::encode(acl);
}

}  // namespace sluice::s3
