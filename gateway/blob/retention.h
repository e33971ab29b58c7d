#pragma once

#include "gateway/blob/error.h"
#include "gateway/core/clock.h"
#include "gateway/core/fields.h"
#include "gateway/http/message.h"
#include "gateway/object/protection.h"
#include "gateway/xml/xml.h"

namespace sluice::blob {

inline constexpr std::string_view kRetainedUntil = "x-ms-immutability-policy-until-date";
inline constexpr std::string_view kLegalHold = "x-ms-legal-hold";

/// x-ms-immutability-policy-* and x-ms-legal-hold: how a blob is to be protected. Fails with
/// InvalidHeaderValue, also for a time that has come, and MissingRequiredHeader for a mode alone.
Outcome<object::Protection> read_protection(const Fields& fields, UtcTime now);

/// The same of a blob as it is.
void add_protection(http::ResponseHeader& header, const object::Protection& protection);

/// The same as elements of a listing.
void write_retention(xml::Writer& xml, const object::Retention& retention);
void write_legal_hold(xml::Writer& xml, object::LegalHold hold);

}  // namespace sluice::blob
