#include "gateway/s3/object_lock.h"

#include <algorithm>
#include <array>

#include "gateway/core/encoding.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

using object::LegalHold;
using object::RetentionMode;

constexpr std::string_view kMode = "x-amz-object-lock-mode";
constexpr std::string_view kUntil = "x-amz-object-lock-retain-until-date";
constexpr std::string_view kHold = "x-amz-object-lock-legal-hold";
constexpr std::string_view kBypass = "x-amz-bypass-governance-retention";

struct ModeName {
  RetentionMode mode;
  std::string_view text;
};
constexpr std::array<ModeName, 2> kModes{
    {{RetentionMode::governance, "GOVERNANCE"}, {RetentionMode::compliance, "COMPLIANCE"}}};

std::optional<RetentionMode> parse_mode(std::string_view text) {
  const auto* const found = std::ranges::find(kModes, text, &ModeName::text);
  return found == kModes.end() ? std::nullopt : std::optional(found->mode);
}

std::string_view to_text(RetentionMode mode) {
  const auto* const found = std::ranges::find(kModes, mode, &ModeName::mode);
  return found == kModes.end() ? std::string_view{} : found->text;
}

std::optional<LegalHold> parse_hold(std::string_view text) {
  if (text == "ON") return LegalHold::on;
  if (text == "OFF") return LegalHold::off;
  return std::nullopt;
}

std::string_view to_text(LegalHold hold) { return hold == LegalHold::on ? "ON" : "OFF"; }

std::string exact_time(UtcTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto ms = std::to_string((time - seconds).count());
  // 2026-01-01T00:00:00.000Z, with the milliseconds there are.
  std::string text = iso_time(time);
  text.replace(text.size() - 1 - ms.size(), ms.size(), ms);
  return text;
}

/// Takes `count` digits and what follows them, if that is `then` (0: nothing).
std::optional<int> take_number(std::string_view& text, std::size_t count, char then) {
  const std::size_t size = count + (then == 0 ? 0 : 1);
  if (text.size() < size || (then != 0 && text[count] != then)) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(size);
  return number;
}

/// A fraction of a second, to the millisecond.
std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return std::chrono::milliseconds(0);
  text.remove_prefix(1);
  const auto size = std::min(text.find_first_not_of("0123456789"), text.size());
  if (size == 0) return std::nullopt;
  int ms = 0;
  for (std::size_t i = 0; i < 3; ++i) ms = ms * 10 + (i < size ? text[i] - '0' : 0);
  text.remove_prefix(size);
  return std::chrono::milliseconds(ms);
}

/// `Z`, nothing, or an offset: `+01:00`, `+0100`.
std::optional<std::chrono::minutes> take_zone(std::string_view text) {
  if (text.empty() || text == "Z") return std::chrono::minutes(0);
  const int sign = text[0] == '+' ? 1 : -1;
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  std::string digits(text.substr(1));
  std::erase(digits, ':');
  std::string_view rest = digits;
  const auto hours = take_number(rest, 2, 0);
  const auto minutes = take_number(rest, 2, 0);
  if (!hours || !minutes || !rest.empty() || *hours > 14 || *minutes > 59) return std::nullopt;
  return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

std::unexpected<Failure> invalid(std::string_view name, std::string_view value, std::string message) {
  return std::unexpected(Failure(Code::invalid_argument, std::move(message))
                             .with("ArgumentName", std::string(name))
                             .with("ArgumentValue", std::string(value)));
}

Outcome<std::uint32_t> read_period(std::string_view text, std::uint32_t most) {
  const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  const bool is_negative = text.size() > 1 && text[0] == '-' && text.find_first_not_of("0123456789", 1) == text.npos;
  if (!is_number && !is_negative) return refuse(Code::malformed_xml);
  const auto number = parse_decimal(text);
  if (!number || *number == 0) {
    return refuse(Code::invalid_retention_period, "Default retention period must be a positive integer value.");
  }
  if (*number > most) return refuse(Code::invalid_retention_period, "Default retention period is too large.");
  return static_cast<std::uint32_t>(*number);
}

Outcome<> read_default(const XmlElement& element, object::ObjectLock& lock) {
  std::optional<RetentionMode> mode;
  for (const XmlElement& child : element.children()) {
    if (child.name() == "Mode") {
      mode = parse_mode(child.text());
    } else if (child.name() == "Days") {
      TRY(lock.days, read_period(child.text(), object::ObjectLock::kDaysMax));
    } else if (child.name() == "Years") {
      TRY(lock.years, read_period(child.text(), object::ObjectLock::kYearsMax));
    } else {
      return refuse(Code::malformed_xml);
    }
  }
  if (!mode || (lock.days == 0) == (lock.years == 0)) return refuse(Code::malformed_xml);
  lock.mode = *mode;
  return {};
}

}  // namespace

std::optional<UtcTime> parse_iso_time(std::string_view text) {
  const auto year = take_number(text, 4, '-');
  const auto month = year ? take_number(text, 2, '-') : std::nullopt;
  const auto day = month ? take_number(text, 2, 'T') : std::nullopt;
  const auto hour = day ? take_number(text, 2, ':') : std::nullopt;
  const auto minute = hour ? take_number(text, 2, ':') : std::nullopt;
  const auto second = minute ? take_number(text, 2, 0) : std::nullopt;
  const auto fraction = second ? take_fraction(text) : std::nullopt;
  const auto zone = fraction ? take_zone(text) : std::nullopt;
  if (!zone || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return UtcTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + *fraction - *zone;
}

bool declares_protection(const Fields& fields) { return fields.has(kMode) || fields.has(kUntil) || fields.has(kHold); }

Outcome<object::Protection> read_protection(const Fields& fields, UtcTime now) {
  object::Protection protection;
  const auto mode = fields.find(kMode);
  const auto until = fields.find(kUntil);
  if (mode.has_value() != until.has_value()) {
    return refuse(Code::invalid_argument,
                  "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied");
  }
  if (mode) {
    const auto parsed = parse_mode(*mode);
    if (!parsed) return invalid(kMode, *mode, "Unknown wormMode directive.");
    const auto time = parse_iso_time(*until);
    if (!time) return invalid(kUntil, *until, "The retain until date must be provided in ISO 8601 format");
    if (*time <= now) return invalid(kUntil, *until, "The retain until date must be in the future!");
    protection.retention = {*parsed, *time};
  }
  if (const auto hold = fields.find(kHold)) {
    const auto parsed = parse_hold(*hold);
    if (!parsed) return invalid(kHold, *hold, "Legal Hold must be either of 'ON' or 'OFF'");
    protection.legal_hold = *parsed;
  }
  return protection;
}

Outcome<bool> asks_for_bypass(const Fields& fields) {
  const auto text = fields.find(kBypass);
  if (!text || equals_ignoring_case(*text, "false")) return false;
  if (equals_ignoring_case(*text, "true")) return true;
  return invalid(kBypass, *text, "The bypass of governance retention is either true or false.");
}

void add_retention(http::ResponseHeader& header, const object::Retention& retention) {
  if (retention.mode == RetentionMode::none) return;
  header.add(kMode, to_text(retention.mode));
  header.add(kUntil, exact_time(retention.until));
}

void add_legal_hold(http::ResponseHeader& header, LegalHold hold) {
  if (hold != LegalHold::unset) header.add(kHold, to_text(hold));
}

Outcome<object::ObjectLock> read_lock_configuration(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "ObjectLockConfiguration"));
  object::ObjectLock lock;
  for (const XmlElement& element : document.root().children()) {
    if (element.name() == "ObjectLockEnabled" && element.text() == "Enabled") {
      lock.enabled = true;
      continue;
    }
    const auto rule = element.children();
    if (element.name() != "Rule" || rule.size() != 1 || rule.front().name() != "DefaultRetention") {
      return refuse(Code::malformed_xml);
    }
    TRY(read_default(rule.front(), lock));
  }
  if (!lock.enabled) return refuse(Code::malformed_xml);
  return lock;
}

std::string lock_document(const object::ObjectLock& lock) {
  XmlWriter xml;
  xml.open_root("ObjectLockConfiguration");
  xml.element("ObjectLockEnabled", "Enabled");
  if (lock.mode != RetentionMode::none) {
    xml.open("Rule");
    xml.open("DefaultRetention");
    xml.element("Mode", to_text(lock.mode));
    if (lock.days != 0) xml.element("Days", std::uint64_t{lock.days});
    if (lock.years != 0) xml.element("Years", std::uint64_t{lock.years});
    xml.close();
    xml.close();
  }
  xml.close();
  return xml.take();
}

Outcome<object::Retention> read_retention(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "Retention"));
  if (document.root().children().empty()) return object::Retention{};
  std::optional<RetentionMode> mode;
  std::optional<UtcTime> until;
  for (const XmlElement& element : document.root().children()) {
    if (element.name() == "Mode") {
      mode = parse_mode(element.text());
    } else if (element.name() == "RetainUntilDate") {
      until = parse_iso_time(element.text());
    } else {
      return refuse(Code::malformed_xml);
    }
  }
  if (!mode || !until) return refuse(Code::malformed_xml);
  return object::Retention{*mode, *until};
}

std::string retention_document(const object::Retention& retention) {
  XmlWriter xml;
  xml.open_root("Retention");
  xml.element("Mode", to_text(retention.mode));
  xml.element("RetainUntilDate", exact_time(retention.until));
  xml.close();
  return xml.take();
}

Outcome<LegalHold> read_legal_hold(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "LegalHold"));
  const auto hold = parse_hold(document.root().text_of("Status").value_or(""));
  if (!hold || document.root().children().size() != 1) return refuse(Code::malformed_xml);
  return *hold;
}

std::string legal_hold_document(LegalHold hold) {
  XmlWriter xml;
  xml.open_root("LegalHold");
  xml.element("Status", to_text(hold));
  xml.close();
  return xml.take();
}

}  // namespace sluice::s3
