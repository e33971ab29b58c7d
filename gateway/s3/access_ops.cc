#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 1 << 20;
constexpr std::uint64_t kPolicyMax = auth::BucketPolicy::kSizeMax;

struct Flag {
  std::string_view element;
  bool auth::PublicAccessBlock::* flag;
};
constexpr Flag kFlags[] = {{"BlockPublicAcls", &auth::PublicAccessBlock::block_acls},
                           {"IgnorePublicAcls", &auth::PublicAccessBlock::ignore_acls},
                           {"BlockPublicPolicy", &auth::PublicAccessBlock::block_policy},
                           {"RestrictPublicBuckets", &auth::PublicAccessBlock::restrict_buckets}};

Outcome<auth::PublicAccessBlock> read_block(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "PublicAccessBlockConfiguration"));
  auth::PublicAccessBlock block;
  for (const XmlElement& element : document.root().children()) {
    const auto* const row = std::ranges::find(kFlags, element.name(), &Flag::element);
    const bool is_true = equals_ignoring_case(element.text(), "true");
    if (row == std::end(kFlags)) return refuse(Code::malformed_xml);
    if (!is_true && !equals_ignoring_case(element.text(), "false")) return refuse(Code::malformed_xml);
    block.*(row->flag) = is_true;
  }
  return block;
}

Outcome<auth::Ownership> read_ownership(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "OwnershipControls"));
  const auto rules = document.root().children();
  if (rules.size() != 1 || rules.front().name() != "Rule") return refuse(Code::malformed_xml);
  const auto ownership = auth::parse_ownership(rules.front().text_of("ObjectOwnership").value_or(""));
  if (!ownership) return refuse(Code::malformed_xml);
  return *ownership;
}

}  // namespace

http::Response Handler::empty(const Call& call, unsigned status) const {
  http::Response response{.header = begin(call, status), .content = {}, .body = nullptr, .content_length = {}};
  if (status == 200) response.content_length = 0;
  return response;
}

Step<> Handler::change_settings(Call& call, const object::Buckets::Edit& edit) {
  CO_TRY(co_await services_.buckets.change(call.context, call.target.bucket, edit));
  co_return Outcome<>{};
}

Awaitable<Answer> Handler::get_bucket_policy(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (bucket.settings.policy.empty()) co_return s3::refuse(Code::no_such_bucket_policy);
  std::string text = bucket.settings.policy;
  http::Response response{.header = begin(call), .content = {}, .body = nullptr, .content_length = text.size()};
  response.header.add("Content-Type", "application/json");
  response.content = Chunk::of(std::move(text));
  co_return response;
}

Awaitable<Answer> Handler::put_bucket_policy(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  const bool owns = call.signature.identity.account() == bucket.owner;
  if (call.access && !owns) co_return s3::refuse(Code::method_not_allowed);  // Another account that may all the same.
  const auto text = co_await read_document(call, {.size_max = kPolicyMax});
  if (!text && text.error().code == Code::entity_too_large) {
    co_return s3::refuse(Code::malformed_policy, "Policies may not be larger than 20 KiB.");
  }
  CO_TRY(std::string document, text);
  auto policy = auth::BucketPolicy::parse(document, bucket.name);
  if (!policy) co_return s3::refuse(Code::malformed_policy, std::move(policy.error()));
  CO_TRY(const auth::BucketRules rules, rules_of(bucket, policies_));
  if (rules.block.block_policy && policy->is_public()) {
    co_return s3::refuse(Code::access_denied, "A public policy is prevented by the bucket's public access block.");
  }
  CO_TRY(co_await change_settings(call, [&](object::BucketSettings& settings) -> Result<> {
    settings.policy = document;
    return done;
  }));
  co_return empty(call, 204);
}

Awaitable<Answer> Handler::delete_bucket_policy(Call& call) {
  CO_TRY(co_await change_settings(call, [](object::BucketSettings& settings) -> Result<> {
    settings.policy.clear();
    return done;
  }));
  co_return empty(call, 204);
}

Awaitable<Answer> Handler::get_bucket_policy_status(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(const auth::BucketRules rules, rules_of(bucket, policies_));
  XmlWriter xml;
  xml.open_root("PolicyStatus");
  xml.element("IsPublic", rules.is_public());
  xml.close();
  co_return document(call, xml.take());
}

Awaitable<Answer> Handler::get_public_access_block(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (bucket.settings.public_access_block.empty()) co_return s3::refuse(Code::no_such_public_access_block);
  CO_TRY(const auth::BucketRules rules, rules_of(bucket, policies_));
  XmlWriter xml;
  xml.open_root("PublicAccessBlockConfiguration");
  for (const Flag& row : kFlags) xml.element(row.element, bool{rules.block.*(row.flag)});
  xml.close();
  co_return document(call, xml.take());
}

Awaitable<Answer> Handler::put_public_access_block(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  CO_TRY(const auth::PublicAccessBlock block, read_block(text));
  CO_TRY(co_await change_settings(call, [&](object::BucketSettings& settings) -> Result<> {
    settings.public_access_block = auth::encode(block);
    return done;
  }));
  co_return empty(call, 200);
}

Awaitable<Answer> Handler::delete_public_access_block(Call& call) {
  CO_TRY(co_await change_settings(call, [](object::BucketSettings& settings) -> Result<> {
    settings.public_access_block.clear();
    return done;
  }));
  co_return empty(call, 204);
}

Awaitable<Answer> Handler::get_ownership_controls(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (bucket.settings.ownership.empty()) co_return s3::refuse(Code::ownership_controls_not_found);
  XmlWriter xml;
  xml.open_root("OwnershipControls");
  xml.open("Rule");
  xml.element("ObjectOwnership", bucket.settings.ownership);
  xml.close();
  xml.close();
  co_return document(call, xml.take());
}

Awaitable<Answer> Handler::put_ownership_controls(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  CO_TRY(const auth::Ownership ownership, read_ownership(text));
  bool clashes = false;
  const auto edit = [&](object::BucketSettings& settings) -> Result<> {
    // What the ACL gives others would be taken from them in silence.
    clashes = ownership == auth::Ownership::owner_enforced && !settings.acl.empty();
    if (clashes) return fail(ErrorCode::invalid_request, "the bucket has an ACL");
    settings.ownership = auth::to_text(ownership);
    return done;
  };
  const auto changed = co_await change_settings(call, edit);
  if (clashes) co_return s3::refuse(Code::acl_with_ownership);
  CO_TRY(changed);
  co_return empty(call, 200);
}

Awaitable<Answer> Handler::delete_ownership_controls(Call& call) {
  CO_TRY(co_await change_settings(call, [](object::BucketSettings& settings) -> Result<> {
    settings.ownership.clear();
    return done;
  }));
  co_return empty(call, 204);
}

}  // namespace sluice::s3
