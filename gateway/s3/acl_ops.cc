#include "gateway/s3/acl.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/write_body.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 1 << 20;
constexpr std::string_view kToBucketOwner = "bucket-owner-full-control";

std::unexpected<Failure> no_acls() { return refuse(Code::acl_not_supported); }

}  // namespace

/// The ACL a request gives by header or body.
Step<auth::Acl> Handler::acl_of(Call& call, const AclOwners& owners) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  const bool by_header = declares_acl(*call.fields);
  if (text.empty() && !by_header)
    co_return s3::refuse(Code::invalid_request, "Your request was missing a required ACL.");
  if (!text.empty() && by_header) {
    co_return s3::refuse(Code::invalid_request, "An ACL is given by header or by body, not by both.");
  }
  if (by_header) co_return read_acl(*call.fields, owners, options_.display_names);
  co_return read_acl(text, owners.owner, options_.display_names);
}

Awaitable<Answer> Handler::get_bucket_acl(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(const auth::Acl acl, stored_acl(bucket.settings.acl, bucket.owner));
  co_return document(call, acl_document(bucket.owner, acl, options_.display_names));
}

Awaitable<Answer> Handler::put_bucket_acl(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(const auth::Acl acl, co_await acl_of(call, {bucket.owner, bucket.owner}));
  const auto keep = [&](object::BucketSettings& settings) -> Result<> {
    settings.acl = to_store(acl, bucket.owner);
    return done;
  };
  CO_TRY(check_acl(call, bucket, acl));
  CO_TRY(co_await services_.buckets.change(call.context, bucket.name, keep));
  co_return http::Response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
}

Awaitable<Answer> Handler::get_object_acl(Call& call) {
  CO_TRY(object::OpenOptions options, read_options(call));
  options.key_waived = true;
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  auto found = co_await services_.objects.stat(call.context, call.name(), options);
  if (!found) co_return co_await refuse_read(call, found.error());
  CO_TRY(const auth::BucketRules rules, rules_of(bucket, policies_));
  const std::string& owner = rules.has_acls() ? found->info.owner : bucket.owner;
  const std::string_view stored = rules.has_acls() ? std::string_view(found->info.acl) : std::string_view{};
  CO_TRY(const auth::Acl acl, stored_acl(stored, owner));
  co_return document(call, acl_document(owner, acl, options_.display_names));
}

Awaitable<Answer> Handler::put_object_acl(Call& call) {
  CO_TRY(object::OpenOptions options, read_options(call));
  options.key_waived = true;
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  // Who may not, or asks for what is not there, is told before the body is asked for.
  auto found = co_await services_.objects.stat(call.context, call.name(), options);
  if (!found) co_return co_await refuse_read(call, found.error());
  const std::string owner = found->info.owner;
  CO_TRY(const auth::Acl acl, co_await acl_of(call, {owner, bucket.owner}));
  CO_TRY(check_acl(call, bucket, acl));
  const auto change = [&](const object::ObjectInfo& info) -> Result<std::string> {
    if (options.admit) {
      TRY(options.admit(info));
    }
    // The object was replaced meanwhile by another's: what was read is not about that one.
    if (info.owner != owner) return fail(ErrorCode::access_denied, "the object changed hands");
    return to_store(acl, owner);
  };
  CO_TRY(co_await services_.objects.set_acl(call.context, call.name(), change, options.which));
  co_return http::Response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
}

/// May such an ACL be given in this bucket?
Outcome<> Handler::check_acl(const Call& call, const object::BucketInfo& bucket, const auth::Acl& acl) {
  TRY(const auth::BucketRules rules, rules_of(bucket, policies_));
  if (!rules.has_acls() && call.fields->get("x-amz-acl") != kToBucketOwner) return no_acls();
  if (rules.block.block_acls && acl.is_public()) {
    return s3::refuse(Code::access_denied, "A public ACL is prevented by the bucket's public access block.");
  }
  return {};
}

/// Whose a new object is, and with what ACL. An object that root or nobody puts is the
/// bucket owner's, so that its reader need not be told of them.
Step<Handler::Placement> Handler::place(Call& call) {
  const auth::Identity& identity = call.signature.identity;
  const bool for_bucket = identity.anonymous() || identity.user->root;
  const bool declares = declares_acl(*call.fields);
  if (for_bucket && !declares) co_return Placement{};
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(const auth::BucketRules rules, rules_of(bucket, policies_));
  const bool gives_away =
      rules.ownership == auth::Ownership::owner_preferred && call.fields->get("x-amz-acl") == kToBucketOwner;
  Placement placement;
  if (!for_bucket && rules.has_acls() && !gives_away) placement.owner = call.account();
  if (!declares) co_return placement;
  const std::string& owner = placement.owner.empty() ? bucket.owner : placement.owner;
  CO_TRY(const auth::Acl acl, read_acl(*call.fields, {owner, bucket.owner}, options_.display_names));
  CO_TRY(check_acl(call, bucket, acl));
  if (rules.has_acls()) placement.acl = to_store(acl, owner);
  co_return placement;
}

}  // namespace sluice::s3
