#include <algorithm>

#include "gateway/object/in_place.h"
#include "gateway/object/objects.h"
#include "gateway/object/retry.h"

namespace sluice::object {
namespace {

Result<Tiering> changed_tier(const Tiering& before, Objects::TierChoice choice, Objects::Pace pace, UtcTime now) {
  const Tiering tiering = before.at(now);
  const bool returns = tiering.awaited != Tier::none;
  if (returns && tiering.awaited != choice.tier) return fail(ErrorCode::returning);
  if (returns && (tiering.urgent || !choice.urgent)) return tiering;
  if (tiering.tier != Tier::archive || choice.tier == Tier::archive) {
    const bool stays = tiering.tier == choice.tier;
    return stays ? tiering : Tiering{.tier = choice.tier, .changed = now};
  }
  Tiering back = tiering;
  back.awaited = choice.tier;
  back.urgent = choice.urgent;
  const auto due = now + (choice.urgent ? pace.urgent : pace.normal);
  back.due = returns ? std::min(due, tiering.due) : due;
  return back.at(now);
}

}  // namespace

Task<> Objects::set_acl(const RequestContext& context, const ObjectName& name, const AclChange& change,
                        const Which& which) {
  const Edit edit = [&](ObjectInfo& info) -> Result<> {
    TRY(info.acl, change(info));
    return done;
  };
  const ChangeOptions options{.which = which};
  CO_TRY(co_await this->change(context, name, options, edit));
  co_return done;
}

Task<ObjectInfo> Objects::change(const RequestContext&, const ObjectName& name, const ChangeOptions& options,
                                 const Edit& edit) {
  CO_TRY(check_name(name));
  auto attempt = [&] { return change_once(name, options, edit); };
  co_return co_await retry_conflicts(attempt);
}

Task<ObjectInfo> Objects::set_tier(const RequestContext& context, const ObjectName& name, const ChangeOptions& options,
                                   TierChoice choice, Pace pace) {
  const Edit edit = [&](ObjectInfo& info) -> Result<> {
    if (info.kind != ObjectKind::block) return fail(ErrorCode::kind_mismatch, name.key);
    TRY(info.tiering, changed_tier(info.tiering, choice, pace, clock_.now()));
    return done;
  };
  co_return co_await change(context, name, options, edit);
}

Task<ObjectInfo> Objects::change_once(const ObjectName& name, const ChangeOptions& options, const Edit& edit) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  const auto now = clock_.now();
  CO_TRY(auto state, co_await claim_state(rows, name, options.which, options.conditions, now));
  if (options.revises) {
    CO_TRY(check_unprotected(state.record.info.protection, now));
  }
  CO_TRY(edit(state.record.info));
  if (options.revises) revise(state.record, now);
  CO_TRY(auto value, encode_object(state.record));
  transaction->put(state.key, std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return std::move(state.record.info);
}

}  // namespace sluice::object
