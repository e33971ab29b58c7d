#include "gateway/object/lease.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::object {
namespace {

using std::chrono::ceil;
using std::chrono::seconds;

// A random UUID (RFC 9562, version 4).
std::string new_lease_id() {
  auto bytes = random_bytes(16);
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3F) | 0x80);
  auto text = to_hex(bytes);
  for (const std::size_t dash : {20UZ, 16UZ, 12UZ, 8UZ}) text.insert(dash, 1, '-');
  return text;
}

std::unexpected<Error> refuse(ErrorCode code, const char* why) { return fail(code, why); }

Result<LeaseAnswer> acquire(const LeaseRequest& request, UtcTime now, std::optional<Lease>& lease) {
  const auto& duration = request.duration;
  if (duration && (*duration < LeaseRequest::kDurationMin || *duration > LeaseRequest::kDurationMax)) {
    return refuse(ErrorCode::invalid_argument, "a lease lasts 15 to 60 seconds, or has no end");
  }
  const auto state = state_of(lease, now);
  const bool mine = lease && !request.proposed.empty() && lease->id == request.proposed;
  if (state == LeaseState::breaking) {
    return mine ? refuse(ErrorCode::lease_breaking, "acquire") : refuse(ErrorCode::lease_present, "breaking");
  }
  if (state == LeaseState::leased && !mine) return refuse(ErrorCode::lease_present, "leased");
  lease = Lease{.id = request.proposed.empty() ? new_lease_id() : request.proposed,
                .duration = duration,
                .ends = now + duration.value_or(seconds(0)),
                .breaks = {}};
  return LeaseAnswer{lease->id};
}

Result<LeaseAnswer> renew(const LeaseRequest& request, UtcTime now, std::optional<Lease>& lease) {
  if (!lease || lease->id != request.id) return refuse(ErrorCode::lease_id_refused, "renew");
  if (lease->breaks) return refuse(ErrorCode::lease_broken, "renew");
  if (lease->duration) lease->ends = now + *lease->duration;
  return LeaseAnswer{lease->id};
}

Result<LeaseAnswer> change(const LeaseRequest& request, UtcTime now, std::optional<Lease>& lease) {
  if (request.proposed.empty()) return refuse(ErrorCode::invalid_argument, "a change names the lease it makes");
  const auto state = state_of(lease, now);
  if (state != LeaseState::leased && state != LeaseState::breaking) return refuse(ErrorCode::lease_not_held, "change");
  if (lease->id != request.id && lease->id != request.proposed) return refuse(ErrorCode::lease_id_refused, "change");
  if (state == LeaseState::breaking) return refuse(ErrorCode::lease_breaking, "change");
  lease->id = request.proposed;
  return LeaseAnswer{lease->id};
}

Result<LeaseAnswer> release(const LeaseRequest& request, std::optional<Lease>& lease) {
  if (!lease || lease->id != request.id) return refuse(ErrorCode::lease_id_refused, "release");
  lease.reset();
  return LeaseAnswer{};
}

Result<LeaseAnswer> break_off(const LeaseRequest& request, UtcTime now, std::optional<Lease>& lease) {
  const auto& after = request.break_after;
  if (after && (*after < seconds(0) || *after > LeaseRequest::kBreakMax)) {
    return refuse(ErrorCode::invalid_argument, "a break takes 0 to 60 seconds");
  }
  if (!lease) return refuse(ErrorCode::lease_not_held, "break");
  // A break never outlasts the lease, and one under way only gets shorter.
  auto over = now;
  if (state_of(lease, now) == LeaseState::leased) {
    if (lease->duration) over = lease->ends;
    if (after) over = lease->duration ? std::min(lease->ends, now + *after) : now + *after;
  } else if (state_of(lease, now) == LeaseState::breaking) {
    over = after ? std::min(*lease->breaks, now + *after) : *lease->breaks;
  } else if (lease->breaks) {
    over = *lease->breaks;
  }
  lease->breaks = over;
  return LeaseAnswer{lease->id, std::max(seconds(0), ceil<seconds>(over - now))};
}

}  // namespace

LeaseState state_of(const std::optional<Lease>& lease, UtcTime now) {
  if (!lease) return LeaseState::available;
  if (lease->breaks) return now < *lease->breaks ? LeaseState::breaking : LeaseState::broken;
  if (!lease->duration || now < lease->ends) return LeaseState::leased;
  return LeaseState::expired;
}

bool is_locked(const std::optional<Lease>& lease, UtcTime now) {
  const auto state = state_of(lease, now);
  return state == LeaseState::leased || state == LeaseState::breaking;
}

Result<> check_lease(const std::optional<std::string>& given, const std::optional<Lease>& held, UtcTime now) {
  if (!given) return done;
  if (!held) return refuse(ErrorCode::lease_absent, "there is no lease");
  if (held->id != *given) {
    return is_locked(held, now) ? refuse(ErrorCode::lease_mismatch, "another lease is held")
                                : refuse(ErrorCode::lease_absent, "there is no lease");
  }
  if (!is_locked(held, now)) return refuse(ErrorCode::lease_lost, "the lease has ended");
  return done;
}

Result<std::optional<Lease>> check_lease_for_write(const std::optional<std::string>& given,
                                                   const std::optional<Lease>& held, UtcTime now) {
  if (!given && is_locked(held, now)) return refuse(ErrorCode::lease_missing, "a lease is held");
  TRY(check_lease(given, held, now));
  return is_locked(held, now) ? held : std::nullopt;
}

Result<LeaseAnswer> perform(const LeaseRequest& request, UtcTime now, std::optional<Lease>& lease) {
  switch (request.act) {
    case LeaseAct::acquire:
      return acquire(request, now, lease);
    case LeaseAct::renew:
      return renew(request, now, lease);
    case LeaseAct::change:
      return change(request, now, lease);
    case LeaseAct::release:
      return release(request, lease);
    case LeaseAct::break_off:
      return break_off(request, now, lease);
  }
  return refuse(ErrorCode::invalid_argument, "no such act");
}

}  // namespace sluice::object
