#include <algorithm>

#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/core/encoding.h"
#include "gateway/object/leases.h"

namespace sluice::blob {
namespace {

using object::LeaseAct;

struct ActRow {
  std::string_view word;
  LeaseAct act;
  unsigned status;
};
constexpr ActRow kActs[] = {
    {"acquire", LeaseAct::acquire, 201}, {"renew", LeaseAct::renew, 200},     {"change", LeaseAct::change, 200},
    {"release", LeaseAct::release, 200}, {"break", LeaseAct::break_off, 202},
};

/// The operation's row was found by the word, so there is one.
const ActRow& act_of(const Call& call) {
  const auto row = std::ranges::find(kActs, to_lower(call.row->value), &ActRow::word);
  return row == std::end(kActs) ? kActs[0] : *row;
}

Outcome<std::string> required_id(const Fields& fields, std::string_view name) {
  TRY(auto id, read_lease_id(fields, name));
  if (!id) return missing_header(name);
  return *std::move(id);
}

/// -1, or seconds. Whether they are too many or too few is the object layer's to say.
Outcome<std::optional<std::chrono::seconds>> read_duration(const Fields& fields) {
  constexpr std::string_view kName = "x-ms-lease-duration";
  const auto text = fields.find(kName);
  if (!text) return missing_header(kName);
  if (*text == "-1") return std::nullopt;
  const auto seconds = parse_decimal(*text);
  using Request = object::LeaseRequest;
  if (!seconds || *seconds < static_cast<std::uint64_t>(Request::kDurationMin.count()) ||
      *seconds > static_cast<std::uint64_t>(Request::kDurationMax.count())) {
    return invalid_header(kName, *text);
  }
  return std::chrono::seconds(*seconds);
}

Outcome<std::optional<std::chrono::seconds>> read_break_period(const Fields& fields) {
  constexpr std::string_view kName = "x-ms-lease-break-period";
  const auto text = fields.find(kName);
  if (!text) return std::nullopt;
  const auto seconds = parse_decimal(*text);
  if (!seconds || *seconds > static_cast<std::uint64_t>(object::LeaseRequest::kBreakMax.count())) {
    return invalid_header(kName, *text);
  }
  return std::chrono::seconds(*seconds);
}

/// "Lease Blob", "Lease Container", Azure Storage REST API.
Outcome<object::LeaseRequest> read_request(const Fields& fields, LeaseAct act) {
  object::LeaseRequest request;
  request.act = act;
  if (act == LeaseAct::acquire) {
    TRY(request.duration, read_duration(fields));
    TRY(auto proposed, read_lease_id(fields, "x-ms-proposed-lease-id"));
    request.proposed = std::move(proposed).value_or(std::string());
  } else if (act == LeaseAct::break_off) {
    TRY(request.break_after, read_break_period(fields));
  } else {
    TRY(request.id, required_id(fields, "x-ms-lease-id"));
    if (act == LeaseAct::change) {
      TRY(request.proposed, required_id(fields, "x-ms-proposed-lease-id"));
    }
  }
  return request;
}

Failure explain(const Error& error, LeaseAct act) {
  const bool changes = error.code == ErrorCode::lease_breaking && act == LeaseAct::change;
  return changes ? Failure(Code::lease_is_breaking_and_cannot_be_changed) : Failure(error);
}

void add_answer(http::ResponseHeader& header, const object::LeaseAnswer& lease, LeaseAct act) {
  if (act == LeaseAct::break_off) {
    header.add("x-ms-lease-time", std::to_string(lease.remaining.count()));
  } else if (act != LeaseAct::release) {
    header.add("x-ms-lease-id", lease.id);
  }
}

}  // namespace

Awaitable<Answer> Handler::lease_blob(Call& call) {
  const ActRow& row = act_of(call);
  CO_TRY(const object::LeaseRequest request, read_request(call.fields(), row.act));
  CO_TRY(object::Conditions conditions, write_conditions(call.fields()));
  conditions.lease.reset();
  const object::ObjectName name = call.name();
  const auto done_act = co_await services_.leases.perform(call.context, name, conditions, request);
  if (!done_act) co_return std::unexpected(explain(done_act.error(), row.act));
  http::Response response = empty(row.status);
  add_change(response.header, done_act->info.modified, done_act->info.revision_tag());
  add_answer(response.header, done_act->lease, row.act);
  co_return response;
}

Awaitable<Answer> Handler::lease_container(Call& call) {
  const ActRow& row = act_of(call);
  CO_TRY(const object::LeaseRequest request, read_request(call.fields(), row.act));
  CO_TRY(object::Conditions conditions, write_conditions(call.fields()));
  conditions.lease.reset();
  const auto done_act = co_await services_.leases.perform(call.context, call.target.container, conditions, request);
  if (!done_act) co_return std::unexpected(explain(done_act.error(), row.act));
  http::Response response = empty(row.status);
  add_change(response.header, done_act->info.modified, done_act->info.revision_tag());
  add_answer(response.header, done_act->lease, row.act);
  co_return response;
}

}  // namespace sluice::blob
