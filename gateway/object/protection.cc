#include "gateway/object/protection.h"

#include <chrono>

namespace sluice::object {

Retention ObjectLock::initial(UtcTime now) const {
  if (mode == RetentionMode::none) return {};
  if (years == 0) return {mode, now + std::chrono::days(days)};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  // There may be no 29th of February then; the day after the 28th stands for it.
  const std::chrono::sys_days then(std::chrono::year_month_day(day) + std::chrono::years(years));
  return {mode, then + (now - day)};
}

Result<> check_unprotected(const Protection& protection, UtcTime now, Bypass bypass) {
  if (protection.legal_hold == LegalHold::on) return fail(ErrorCode::held, "a legal hold is on");
  const auto& retention = protection.retention;
  const bool passed = bypass == Bypass::governance && retention.mode == RetentionMode::governance;
  if (retention.holds(now) && !passed) return fail(ErrorCode::retained, "a retention lasts");
  return done;
}

Result<> check_retention(const Retention& from, const Retention& to, UtcTime now, Bypass bypass) {
  if (to.mode != RetentionMode::none && to.until <= now) {
    return fail(ErrorCode::invalid_argument, "The retain until date must be in the future!");
  }
  const bool is_kept = to.mode == from.mode && to.until >= from.until;
  const bool passed = bypass == Bypass::governance && from.mode == RetentionMode::governance;
  if (from.holds(now) && !is_kept && !passed) return fail(ErrorCode::retained, "a retention cannot be made less firm");
  return done;
}

Result<> check_protectable(const Protection& wanted, const ObjectLock& lock) {
  if (wanted.empty() || lock.enabled) return done;
  return fail(ErrorCode::no_object_lock, "the bucket has no object lock");
}

}  // namespace sluice::object
