#include "gateway/blob/retention.h"

#include "gateway/blob/headers.h"
#include "gateway/core/encoding.h"
#include "gateway/http/field.h"

namespace sluice::blob {
namespace {

using object::LegalHold;
using object::Retention;
using object::RetentionMode;

constexpr std::string_view kMode = "x-ms-immutability-policy-mode";

// An unlocked policy is what S3 calls governance, a locked one compliance.
std::string_view to_text(RetentionMode mode) { return mode == RetentionMode::compliance ? "locked" : "unlocked"; }

Outcome<RetentionMode> read_mode(const Fields& fields) {
  const auto text = fields.find(kMode);
  if (!text || equals_ignoring_case(*text, "unlocked")) return RetentionMode::governance;
  if (equals_ignoring_case(*text, "locked")) return RetentionMode::compliance;
  return invalid_header(kMode, *text);
}

}  // namespace

Outcome<object::Protection> read_protection(const Fields& fields, UtcTime now) {
  object::Protection protection;
  if (const auto text = fields.find(kRetainedUntil)) {
    const auto until = http::parse_http_date(*text);
    if (!until || *until <= now) return invalid_header(kRetainedUntil, *text);
    TRY(protection.retention.mode, read_mode(fields));
    protection.retention.until = *until;
  } else if (fields.has(kMode)) {
    return missing_header(kRetainedUntil);
  }
  if (const auto text = fields.find(kLegalHold)) {
    const auto truth = parse_truth(*text);
    if (!truth) return invalid_header(kLegalHold, *text);
    protection.legal_hold = *truth ? LegalHold::on : LegalHold::off;
  }
  return protection;
}

void add_protection(http::ResponseHeader& header, const object::Protection& protection) {
  const auto& [mode, until] = protection.retention;
  if (mode != RetentionMode::none) {
    header.add(kRetainedUntil, http_date(until));
    header.add(kMode, to_text(mode));
  }
  const auto hold = protection.legal_hold;
  if (hold != LegalHold::unset) header.add(kLegalHold, hold == LegalHold::on ? "true" : "false");
}

void write_retention(xml::Writer& xml, const Retention& retention) {
  if (retention.mode == RetentionMode::none) return;
  xml.element("ImmutabilityPolicyUntilDate", http_date(retention.until));
  xml.element("ImmutabilityPolicyMode", to_text(retention.mode));
}

void write_legal_hold(xml::Writer& xml, LegalHold hold) {
  if (hold != LegalHold::unset) xml.element("LegalHold", hold == LegalHold::on);
}

}  // namespace sluice::blob
