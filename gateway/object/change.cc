#include "gateway/object/in_place.h"
#include "gateway/object/objects.h"
#include "gateway/object/retry.h"

namespace sluice::object {

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

Task<ObjectInfo> Objects::change_once(const ObjectName& name, const ChangeOptions& options, const Edit& edit) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  const auto now = clock_.now();
  CO_TRY(auto state, co_await claim_state(rows, name, options.which, options.conditions, now));
  CO_TRY(edit(state.record.info));
  if (options.revises) revise(state.record, now);
  CO_TRY(auto value, encode_object(state.record));
  transaction->put(state.key, std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return std::move(state.record.info);
}

}  // namespace sluice::object
