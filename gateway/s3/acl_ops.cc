#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 1 << 20;
constexpr std::string_view kUser =
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"";

/// The grantee of a grant: an account there is, or why not.
Outcome<std::string> grantee_of(const XmlElement& grant, const std::map<std::string, std::string>& accounts) {
  const XmlElement grantee = grant.child("Grantee");
  if (!grantee || !grant.child("Permission")) return refuse(Code::malformed_acl);
  if (grantee.child("EmailAddress")) return refuse(Code::unresolvable_grant_by_email);
  if (grantee.child("URI")) return refuse(Code::not_implemented, "A grant to a group is not supported.");
  const auto id = grantee.text_of("ID");
  if (!id) return refuse(Code::malformed_acl);
  if (!accounts.contains(std::string(*id))) {
    return std::unexpected(Failure(Code::invalid_argument, "Invalid id")
                               .with("ArgumentName", "CanonicalUser/ID")
                               .with("ArgumentValue", std::string(*id)));
  }
  return std::string(*id);
}

/// Does the policy say what holds anyway: all to the owner, nothing to others?
Outcome<> check_policy(const XmlElement& policy, const std::string& owner,
                       const std::map<std::string, std::string>& accounts) {
  const XmlElement list = policy.child("AccessControlList");
  if (!list) return refuse(Code::malformed_acl);
  if (const XmlElement named = policy.child("Owner"); named && named.text_of("ID").value_or(owner) != owner) {
    return refuse(Code::access_denied);
  }
  bool owner_has_all = false;
  for (const XmlElement& grant : list.children()) {
    TRY(const std::string grantee, grantee_of(grant, accounts));
    const auto permission = grant.text_of("Permission").value_or("");
    if (grantee != owner) return refuse(Code::not_implemented, "A grant to another account is not supported.");
    if (permission == "FULL_CONTROL") owner_has_all = true;
  }
  if (owner_has_all) return {};
  return refuse(Code::not_implemented, "An ACL that keeps the owner from full control is not supported.");
}

}  // namespace

std::string Handler::acl_document(const std::string& owner) const {
  XmlWriter xml;
  const auto identify = [&] {
    xml.element("ID", owner);
    xml.element("DisplayName", display_name(owner));
    xml.close();
  };
  xml.open_root("AccessControlPolicy");
  xml.open("Owner");
  identify();
  xml.open("AccessControlList");
  xml.open("Grant");
  xml.open_raw("Grantee", kUser);
  identify();
  xml.element("Permission", "FULL_CONTROL");
  xml.close();
  xml.close();
  xml.close();
  return xml.take();
}

/// A canned ACL in the header has been looked at with the other headers.
Step<> Handler::check_acl(Call& call, const std::string& owner) const {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  const bool is_canned = call.fields->has("x-amz-acl");
  if (text.empty() && is_canned) co_return Outcome<>{};
  if (text.empty()) co_return s3::refuse(Code::invalid_request, "Your request was missing a required ACL.");
  if (is_canned) co_return s3::refuse(Code::invalid_request, "An ACL is given by header or by body, not by both.");
  CO_TRY(const XmlDocument document, XmlDocument::parse(text, "AccessControlPolicy"));
  co_return check_policy(document.root(), owner, options_.display_names);
}

Awaitable<Answer> Handler::get_bucket_acl(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  co_return document(call, acl_document(bucket.owner));
}

Awaitable<Answer> Handler::put_bucket_acl(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(co_await check_acl(call, bucket.owner));
  co_return http::Response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
}

Awaitable<Answer> Handler::get_object_acl(Call& call) {
  CO_TRY(read_options(call));
  CO_TRY(const object::Selection selection, co_await services_.objects.stat(call.context, call.name(), {}));
  co_return document(call, acl_document(selection.info.owner));
}

Awaitable<Answer> Handler::put_object_acl(Call& call) {
  CO_TRY(read_options(call));
  CO_TRY(const object::Selection selection, co_await services_.objects.stat(call.context, call.name(), {}));
  CO_TRY(co_await check_acl(call, selection.info.owner));
  co_return http::Response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
}

}  // namespace sluice::s3
