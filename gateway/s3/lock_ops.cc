#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/object_lock.h"
#include "gateway/s3/write_body.h"

namespace sluice::s3 {
namespace {

constexpr WriteBody::Rules kDocument{.size_max = 1 << 20, .needs_checksum = true};

}  // namespace

bool Handler::may(const Call& call, std::string_view permission) const {
  if (!call.access) return true;
  Access access = *call.access;
  access.permission = permission;
  return s3::authorize(call.signature.identity, access).has_value();
}

// Whoever may not pass by a retention is refused where there is one, and not before: clients
// send the header with every deletion.
Outcome<object::Bypass> Handler::bypass_of(const Call& call) const {
  TRY(const bool asked, asks_for_bypass(*call.fields));
  const bool may_pass = asked && may(call, "s3:BypassGovernanceRetention");
  return may_pass ? object::Bypass::governance : object::Bypass::no;
}

Outcome<object::Protection> Handler::protection_of(const Call& call) const {
  TRY(const object::Protection protection, read_protection(*call.fields, services_.clock.now()));
  const bool retains = protection.retention.mode != object::RetentionMode::none;
  const bool holds = protection.legal_hold != object::LegalHold::unset;
  if (retains && !may(call, "s3:PutObjectRetention")) return s3::refuse(Code::access_denied);
  if (holds && !may(call, "s3:PutObjectLegalHold")) return s3::refuse(Code::access_denied);
  return protection;
}

// Told to those alone who may ask for it.
void Handler::add_protection(http::ResponseHeader& header, const Call& call, const object::ObjectInfo& info) const {
  if (info.protection.empty()) return;
  if (may(call, "s3:GetObjectRetention")) add_retention(header, info.protection.retention);
  if (may(call, "s3:GetObjectLegalHold")) add_legal_hold(header, info.protection.legal_hold);
}

Awaitable<Answer> Handler::get_object_lock_configuration(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (!bucket.settings.object_lock.enabled) co_return s3::refuse(Code::object_lock_configuration_not_found);
  co_return document(call, lock_document(bucket.settings.object_lock));
}

Awaitable<Answer> Handler::put_object_lock_configuration(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, kDocument));
  CO_TRY(const object::ObjectLock lock, read_lock_configuration(text));
  CO_TRY(co_await change_settings(call, [&](object::BucketSettings& settings) -> Result<> {
    settings.object_lock = lock;
    return done;
  }));
  co_return empty(call, 200);
}

Step<object::Protection> Handler::protection_there(Call& call) {
  CO_TRY(object::OpenOptions options, read_options(call));
  options.range.reset();
  options.part_number.reset();
  options.key_waived = true;
  const object::ObjectName name = call.name();
  const auto found = co_await services_.objects.stat(call.context, name, options);
  if (!found) {
    CO_TRY(Failure failure, co_await explain_read(call, found.error()));
    co_return std::unexpected(std::move(failure));
  }
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  if (!bucket.settings.object_lock.enabled) co_return std::unexpected(Failure(Error{ErrorCode::no_object_lock, {}}));
  co_return found->info.protection;
}

Awaitable<Answer> Handler::get_object_retention(Call& call) {
  CO_TRY(const object::Protection protection, co_await protection_there(call));
  if (protection.retention.mode == object::RetentionMode::none) {
    co_return s3::refuse(Code::no_such_object_lock_configuration);
  }
  co_return document(call, retention_document(protection.retention));
}

Awaitable<Answer> Handler::get_object_legal_hold(Call& call) {
  CO_TRY(const object::Protection protection, co_await protection_there(call));
  if (protection.legal_hold == object::LegalHold::unset) co_return s3::refuse(Code::no_such_object_lock_configuration);
  co_return document(call, legal_hold_document(protection.legal_hold));
}

Step<http::Response> Handler::protect(Call& call, object::ProtectionChange change) {
  CO_TRY(const object::OpenOptions options, read_options(call));
  change.which = options.which;
  change.admit = options.admit;
  const object::ObjectName name = call.name();
  const auto changed = co_await services_.objects.protect(call.context, name, change);
  if (!changed) co_return co_await refuse_read(call, changed.error());
  http::Response response = empty(call, 200);
  add_version(response.header, call, *changed);
  co_return response;
}

Awaitable<Answer> Handler::put_object_retention(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, kDocument));
  object::ProtectionChange change;
  CO_TRY(change.retention, read_retention(text));
  CO_TRY(change.bypass, bypass_of(call));
  co_return co_await protect(call, std::move(change));
}

Awaitable<Answer> Handler::put_object_legal_hold(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, kDocument));
  object::ProtectionChange change;
  CO_TRY(change.legal_hold, read_legal_hold(text));
  co_return co_await protect(call, std::move(change));
}

}  // namespace sluice::s3
