#include "auth/date.h"

#include <algorithm>
#include <array>

#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// `text` as a number, if it is digits alone.
std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

struct Parts {
  std::optional<unsigned> year, month, day, hour, minute, second;
};

std::optional<std::chrono::sys_seconds> moment(const Parts& parts) {
  if (!parts.year || !parts.month || !parts.day || !parts.hour || !parts.minute || !parts.second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*parts.year)),
                                         std::chrono::month(*parts.month), std::chrono::day(*parts.day)};
  if (!date.ok() || *parts.hour > 23 || *parts.minute > 59 || *parts.second > 59) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*parts.hour) + std::chrono::minutes(*parts.minute) +
         std::chrono::seconds(*parts.second);
}

/// A text of that size, and the time it stands for.
template <std::size_t size>
struct Known {
  std::array<char, size> text{};
  std::chrono::sys_seconds time;

  bool is(std::string_view other) const { return other == std::string_view(text.data(), size); }
  void keep(std::string_view other, std::chrono::sys_seconds meaning) {
    std::ranges::copy(other, text.begin());
    time = meaning;
  }
};

std::optional<std::chrono::sys_seconds> read_rfc1123(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  text = trim(text.substr(comma + 1));
  // RFC 2822 3.3 lets the day have one digit.
  const std::size_t day_size = text.find(' ');
  if (day_size != 1 && day_size != 2) return std::nullopt;
  const auto day = digits(text.substr(0, day_size));
  text.remove_prefix(day_size);
  if (text.size() < 18 || text[0] != ' ' || text[4] != ' ' || text[9] != ' ' || text[12] != ':' || text[15] != ':') {
    return std::nullopt;
  }
  const std::string_view zone = trim(text.substr(18));
  if (zone != "GMT" && zone != "UTC" && zone != "+0000" && zone != "-0000") return std::nullopt;
  const auto* const month = std::ranges::find(kMonths, text.substr(1, 3));
  if (month == kMonths.end()) return std::nullopt;
  return moment({.year = digits(text.substr(5, 4)),
                 .month = static_cast<unsigned>(month - kMonths.begin()) + 1,
                 .day = day,
                 .hour = digits(text.substr(10, 2)),
                 .minute = digits(text.substr(13, 2)),
                 .second = digits(text.substr(16, 2))});
}

void append(std::string& text, unsigned value, std::size_t width) {
  text.append(width, '0');
  for (auto digit = text.rbegin(); width != 0; ++digit, --width, value /= 10) {
    *digit = static_cast<char>('0' + value % 10);
  }
}

struct Separators {
  std::string_view date, time;
};

std::string to_iso(std::chrono::sys_seconds time, Separators separators) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text;
  text.reserve(20);
  append(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  text.append(separators.date);
  append(text, static_cast<unsigned>(date.month()), 2);
  text.append(separators.date);
  append(text, static_cast<unsigned>(date.day()), 2);
  text.push_back('T');
  append(text, static_cast<unsigned>(clock.hours().count()), 2);
  text.append(separators.time);
  append(text, static_cast<unsigned>(clock.minutes().count()), 2);
  text.append(separators.time);
  append(text, static_cast<unsigned>(clock.seconds().count()), 2);
  text.push_back('Z');
  return text;
}

}  // namespace

// Requests of one second all carry the same text: the last one is remembered.
std::optional<std::chrono::sys_seconds> parse_iso_basic(std::string_view text) {
  thread_local Known<16> known;
  if (text.size() != known.text.size() || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  if (known.is(text)) return known.time;
  const auto time = moment({.year = digits(text.substr(0, 4)),
                            .month = digits(text.substr(4, 2)),
                            .day = digits(text.substr(6, 2)),
                            .hour = digits(text.substr(9, 2)),
                            .minute = digits(text.substr(11, 2)),
                            .second = digits(text.substr(13, 2))});
  if (time) known.keep(text, *time);
  return time;
}

std::optional<std::chrono::sys_seconds> parse_rfc1123(std::string_view text) {
  thread_local Known<29> known;  // Mon, 02 Jan 2026 03:04:05 GMT
  if (known.is(text)) return known.time;
  const auto time = read_rfc1123(text);
  if (time && text.size() == known.text.size()) known.keep(text, *time);
  return time;
}

std::string to_iso_basic(std::chrono::sys_seconds time) { return to_iso(time, {.date = "", .time = ""}); }
std::string to_iso_extended(std::chrono::sys_seconds time) { return to_iso(time, {.date = "-", .time = ":"}); }

}  // namespace sluice::auth
