#include "gateway/http/field.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "gateway/core/encoding.h"

namespace sluice::http {
namespace {

namespace chrono = std::chrono;

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a date from left to right; one thing that does not fit spoils it all.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  void literal(std::string_view text) {
    if (!rest_.starts_with(text)) return spoil();
    rest_.remove_prefix(text.size());
  }

  unsigned name(std::span<const std::string_view> names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!rest_.starts_with(names[i])) continue;
      rest_.remove_prefix(names[i].size());
      return static_cast<unsigned>(i);
    }
    spoil();
    return 0;
  }

  unsigned number(std::size_t digit_count) {
    const auto value = parse_decimal(rest_.substr(0, digit_count));
    if (rest_.size() < digit_count || !value) {
      spoil();
      return 0;
    }
    rest_.remove_prefix(digit_count);
    return static_cast<unsigned>(*value);
  }

  /// asctime fills a day of one digit up with a space.
  unsigned padded_day() {
    if (!rest_.starts_with(' ')) return number(2);
    rest_.remove_prefix(1);
    return number(1);
  }

  chrono::seconds time_of_day() {
    const unsigned hour = number(2);
    literal(":");
    const unsigned minute = number(2);
    literal(":");
    const unsigned second = number(2);
    if (hour > 23 || minute > 59 || second > 60) spoil();
    return chrono::hours(hour) + chrono::minutes(minute) + chrono::seconds(second);
  }

  std::optional<chrono::sys_seconds> finish(chrono::year_month_day date, chrono::seconds time) const {
    if (!good_ || !rest_.empty() || !date.ok()) return std::nullopt;
    return chrono::sys_days(date) + time;
  }

 private:
  void spoil() { good_ = false; }

  std::string_view rest_;
  bool good_ = true;
};

chrono::year_month_day date_of(unsigned year, unsigned month_index, unsigned day) {
  return {chrono::year(static_cast<int>(year)), chrono::month(month_index + 1), chrono::day(day)};
}

std::optional<chrono::sys_seconds> parse_imf_fixdate(std::string_view text) {
  DateReader reader(text);
  reader.name(kDays);
  reader.literal(", ");
  const unsigned day = reader.number(2);
  reader.literal(" ");
  const unsigned month = reader.name(kMonths);
  reader.literal(" ");
  const unsigned year = reader.number(4);
  reader.literal(" ");
  const auto time = reader.time_of_day();
  reader.literal(" GMT");
  return reader.finish(date_of(year, month, day), time);
}

unsigned full_year(unsigned two_digits, chrono::sys_seconds now) {
  const chrono::year_month_day today(chrono::floor<chrono::days>(now));
  const auto this_year = static_cast<unsigned>(static_cast<int>(today.year()));
  const unsigned year = this_year / 100 * 100 + two_digits;
  return year > this_year + 50 ? year - 100 : year;
}

std::optional<chrono::sys_seconds> parse_rfc850(std::string_view text, chrono::sys_seconds now) {
  DateReader reader(text);
  reader.name(kLongDays);
  reader.literal(", ");
  const unsigned day = reader.number(2);
  reader.literal("-");
  const unsigned month = reader.name(kMonths);
  reader.literal("-");
  const unsigned year = full_year(reader.number(2), now);
  reader.literal(" ");
  const auto time = reader.time_of_day();
  reader.literal(" GMT");
  return reader.finish(date_of(year, month, day), time);
}

std::optional<chrono::sys_seconds> parse_asctime(std::string_view text) {
  DateReader reader(text);
  reader.name(kDays);
  reader.literal(" ");
  const unsigned month = reader.name(kMonths);
  reader.literal(" ");
  const unsigned day = reader.padded_day();
  reader.literal(" ");
  const auto time = reader.time_of_day();
  reader.literal(" ");
  const unsigned year = reader.number(4);
  return reader.finish(date_of(year, month, day), time);
}

std::optional<std::uint64_t> parse_position(std::string_view digits) {
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return parse_decimal(digits).value_or(std::numeric_limits<std::uint64_t>::max());
}

}  // namespace

std::string format_http_date(chrono::sys_seconds time) {
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  std::string text = "Day, 00 Mon 0000 00:00:00 GMT";
  const auto put = [&](std::size_t last, unsigned number) {
    for (; number != 0; number /= 10) text[last--] = static_cast<char>('0' + number % 10);
  };
  kDays[chrono::weekday(day).c_encoding()].copy(&text[0], 3);
  put(6, static_cast<unsigned>(date.day()));
  kMonths[static_cast<unsigned>(date.month()) - 1].copy(&text[8], 3);
  put(15, static_cast<unsigned>(static_cast<int>(date.year())) % 10000);
  put(18, static_cast<unsigned>(clock.hours().count()));
  put(21, static_cast<unsigned>(clock.minutes().count()));
  put(24, static_cast<unsigned>(clock.seconds().count()));
  return text;
}

std::optional<chrono::sys_seconds> parse_http_date(std::string_view text, chrono::sys_seconds now) {
  text = trim(text);
  if (text.size() > 3 && text[3] == ',') return parse_imf_fixdate(text);
  if (text.size() > 3 && text[3] == ' ') return parse_asctime(text);
  return parse_rfc850(text, now);
}

std::optional<RangeSpec> parse_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes=";
  text = trim(text);
  if (!equals_ignoring_case(text.substr(0, kUnit.size()), kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;

  const std::string_view before = text.substr(0, dash);
  const std::string_view after = text.substr(dash + 1);
  const RangeSpec range{parse_position(before), parse_position(after)};
  const bool well_formed = (before.empty() || range.first) && (after.empty() || range.last);
  if (!well_formed || (!range.first && !range.last)) return std::nullopt;
  if (range.first && range.last && *range.first > *range.last) return std::nullopt;
  return range;
}

EntityTags parse_entity_tags(std::string_view text) {
  EntityTags result;
  while (!text.empty()) {
    text = trim(text);
    if (text.starts_with(',')) {
      text.remove_prefix(1);
      continue;
    }
    if (text.starts_with("W/")) text.remove_prefix(2);
    const bool quoted = text.starts_with('"');
    if (quoted) text.remove_prefix(1);
    const std::size_t end = std::min(text.find(quoted ? '"' : ','), text.size());
    const std::string_view tag = quoted ? text.substr(0, end) : trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (tag == "*" && !quoted) {
      result.any = true;
    } else if (quoted || !tag.empty()) {
      result.tags.emplace_back(tag);
    }
  }
  return result;
}

}  // namespace sluice::http
