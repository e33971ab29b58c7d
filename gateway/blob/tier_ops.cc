#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"

namespace sluice::blob {

object::Tiering Handler::copied_tier(const object::ObjectInfo& source, object::Objects::TierChoice choice) const {
  const UtcTime now = services_.clock.now();
  if (!source.is_archived(now)) return {.tier = choice.tier};
  const auto wait = choice.urgent ? options_.rehydration.urgent : options_.rehydration.normal;
  return {.tier = object::Tier::archive, .awaited = choice.tier, .due = now + wait, .urgent = choice.urgent};
}

Awaitable<Answer> Handler::set_blob_tier(Call& call) {
  if (!call.fields().has("x-ms-access-tier")) co_return missing_header("x-ms-access-tier");
  object::Objects::TierChoice choice;
  CO_TRY(choice.tier, read_tier(call.fields()));
  CO_TRY(choice.urgent, read_urgency(call.fields()));
  object::ChangeOptions options;
  CO_TRY(options.which, read_which(call.query()));
  CO_TRY(options.conditions, write_conditions(call.fields()));
  const object::ObjectName name = call.name();
  CO_TRY(const object::ObjectInfo changed,
         co_await services_.objects.set_tier(call.context, name, options, choice, options_.rehydration));
  // "Set Blob Tier", Azure Storage REST API: 202 where the blob is yet to come back.
  co_return empty(changed.tiering.awaited == object::Tier::none ? 200 : 202);
}

}  // namespace sluice::blob
