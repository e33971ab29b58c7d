#include "gateway/blob/explain.h"

#include "gateway/blob/headers.h"

namespace sluice::blob {

Outcome<object::Conditions> put_conditions(const Call& call) {
  TRY(object::Conditions conditions, write_conditions(call.fields()));
  conditions.keeps_tier = true;
  conditions.kept_until = call.kept_until;
  if (call.only_if_absent) conditions.if_none_match = object::TagCondition{.any = true};
  return conditions;
}

/// The answer for `error`, which a read came to.
Failure explain_read(const Error& error, const object::Conditions& conditions) {
  // "Specifying conditional headers": If-None-Match: * of a read cannot hold.
  if (error.code == ErrorCode::not_modified && conditions.if_none_match && conditions.if_none_match->any) {
    return Failure(Code::unsatisfiable_condition);
  }
  if (error.code == ErrorCode::no_such_object && conditions.if_match) return Failure(Code::condition_not_met);
  return error;
}

/// The answer for `error`, which putting a blob came to.
Failure explain_put(const Call& call, const Error& error, const object::Conditions& conditions) {
  const bool absent = conditions.if_none_match && conditions.if_none_match->any;
  if (error.code == ErrorCode::precondition_failed && absent) {
    return Failure(call.only_if_absent ? Code::unauthorized_blob_overwrite : Code::blob_already_exists);
  }
  if (error.code == ErrorCode::no_such_object && conditions.if_match) return Failure(Code::condition_not_met);
  return error;
}

}  // namespace sluice::blob
