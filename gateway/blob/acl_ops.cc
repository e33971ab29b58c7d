#include <algorithm>

#include "auth/blob_grant.h"
#include "auth/sas_token.h"
#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/write_body.h"

namespace sluice::blob {
namespace {

constexpr std::size_t kPoliciesMax = 5;
constexpr std::size_t kPolicyIdMax = 64;
constexpr std::uint64_t kDocumentMax = 64 << 10;

/// One SignedIdentifier ("Set Container ACL", Azure Storage REST API). What a SAS
/// that names it could not be judged by is refused here.
Outcome<object::AccessPolicy> parse_policy(const xml::Element& element) {
  if (element.name() != "SignedIdentifier") return refuse(Code::invalid_xml_document);
  object::AccessPolicy policy;
  policy.id = element.text_of("Id").value_or("");
  if (policy.id.empty() || policy.id.size() > kPolicyIdMax) return refuse(Code::invalid_xml_document);
  const xml::Element access = element.child("AccessPolicy");
  if (!access) return policy;
  policy.start = access.text_of("Start").value_or("");
  policy.expiry = access.text_of("Expiry").value_or("");
  policy.permission = access.text_of("Permission").value_or("");
  for (const std::string& time : {policy.start, policy.expiry}) {
    if (!time.empty() && !auth::parse_sas_time(time)) return refuse(Code::invalid_xml_document);
  }
  if (!auth::Permissions::parse(policy.permission, auth::kSasPermissions)) return refuse(Code::invalid_xml_document);
  return policy;
}

Outcome<std::vector<object::AccessPolicy>> parse_policies(std::string_view text) {
  std::vector<object::AccessPolicy> policies;
  if (text.empty()) return policies;
  TRY(const xml::Document document, xml::Document::parse(text, "SignedIdentifiers"));
  for (const xml::Element& element : document.root().children()) {
    TRY(object::AccessPolicy policy, parse_policy(element));
    const bool twice = std::ranges::find(policies, policy.id, &object::AccessPolicy::id) != policies.end();
    if (twice || policies.size() == kPoliciesMax) return refuse(Code::invalid_xml_document);
    policies.push_back(std::move(policy));
  }
  return policies;
}

}  // namespace

Awaitable<Answer> Handler::get_container_acl(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await leased_bucket_of(call));
  xml::Writer xml;
  xml.open("SignedIdentifiers");
  for (const object::AccessPolicy& policy : bucket.settings.access_policies) {
    xml.open("SignedIdentifier");
    xml.element("Id", policy.id);
    xml.open("AccessPolicy");
    if (!policy.start.empty()) xml.element("Start", policy.start);
    if (!policy.expiry.empty()) xml.element("Expiry", policy.expiry);
    if (!policy.permission.empty()) xml.element("Permission", policy.permission);
    xml.close();
    xml.close();
  }
  xml.close();
  http::Response response = document(200, xml.take());
  add_change(response.header, bucket.modified, bucket.revision_tag());
  const auto access = public_access_text(bucket.settings.public_access);
  if (!access.empty()) response.header.add("x-ms-blob-public-access", access);
  co_return response;
}

Awaitable<Answer> Handler::set_container_acl(Call& call) {
  CO_TRY(const object::PublicAccess access, read_public_access(call.fields()));
  CO_TRY(const std::string text, co_await read_document(call, kDocumentMax));
  CO_TRY(const std::vector<object::AccessPolicy> policies, parse_policies(text));
  CO_TRY(const object::Conditions conditions, write_conditions(call.fields()));
  const object::Buckets::Edit edit = [&](object::BucketSettings& settings) -> Result<> {
    settings.public_access = access;
    settings.access_policies = policies;
    return done;
  };
  const auto changed = co_await services_.buckets.change(call.context, call.target.container, edit, conditions);
  if (!changed) co_return std::unexpected(explain_container(changed.error()));
  http::Response response = empty(200);
  add_change(response.header, changed->modified, changed->revision_tag());
  co_return response;
}

}  // namespace sluice::blob
