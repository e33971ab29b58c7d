#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/retention.h"

namespace sluice::blob {

// A shared access signature says apart whether its holder may protect blobs.
Outcome<object::Protection> Handler::protection_of(const Call& call) const {
  TRY(const object::Protection protection, read_protection(call.fields(), services_.clock.now()));
  const bool may_protect = !call.grant || call.grant->permissions.has_any("i");
  if (!protection.empty() && !may_protect) return blob::refuse(Code::authorization_permission_mismatch);
  return protection;
}

Step<object::ObjectInfo> Handler::protect(Call& call, object::ProtectionChange change) {
  CO_TRY(change.which, read_which(call.query()));
  CO_TRY(change.conditions, write_conditions(call.fields()));
  // Whoever may set a policy may shorten one that is unlocked, or delete it.
  change.bypass = object::Bypass::governance;
  const object::ObjectName name = call.name();
  CO_TRY(const object::ObjectInfo changed, co_await services_.objects.protect(call.context, name, change));
  co_return changed;
}

Awaitable<Answer> Handler::set_immutability_policy(Call& call) {
  if (!call.fields().has(kRetainedUntil)) co_return missing_header(kRetainedUntil);
  CO_TRY(const object::Protection wanted, read_protection(call.fields(), services_.clock.now()));
  object::ProtectionChange change;
  change.retention = wanted.retention;
  CO_TRY(const object::ObjectInfo changed, co_await protect(call, std::move(change)));
  http::Response response = empty(200);
  add_protection(response.header, {.retention = changed.protection.retention});
  co_return response;
}

Awaitable<Answer> Handler::delete_immutability_policy(Call& call) {
  object::ProtectionChange change;
  change.retention.emplace();
  CO_TRY(co_await protect(call, std::move(change)));
  co_return empty(200);
}

Awaitable<Answer> Handler::set_legal_hold(Call& call) {
  if (!call.fields().has(kLegalHold)) co_return missing_header(kLegalHold);
  CO_TRY(const object::Protection wanted, read_protection(call.fields(), services_.clock.now()));
  object::ProtectionChange change;
  change.legal_hold = wanted.legal_hold;
  CO_TRY(const object::ObjectInfo changed, co_await protect(call, std::move(change)));
  http::Response response = empty(200);
  add_protection(response.header, {.legal_hold = changed.protection.legal_hold});
  co_return response;
}

}  // namespace sluice::blob
