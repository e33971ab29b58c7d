#include <chrono>
#include <optional>
#include <string_view>

#include "auth/sas_token.h"

namespace sluice::auth {
namespace {

/// What is left of a text while it is read from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Exactly `count` digits.
  std::optional<int> number(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::sys_days> read_day(Reader& text) {
  const auto year = text.number(4);
  if (!year || !text.take('-')) return std::nullopt;
  const auto month = text.number(2);
  if (!month || !text.take('-')) return std::nullopt;
  const auto day = text.number(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  return date.ok() ? std::optional<std::chrono::sys_days>(date) : std::nullopt;
}

/// `hh:mm`
std::optional<std::chrono::minutes> read_minutes(Reader& text) {
  const auto hours = text.number(2);
  if (!hours || *hours > 23 || !text.take(':')) return std::nullopt;
  const auto minutes = text.number(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
}

/// `ss`, perhaps with decimals; what is below a millisecond is left out.
std::optional<std::chrono::milliseconds> read_seconds(Reader& text) {
  const auto seconds = text.number(2);
  if (!seconds || *seconds > 59) return std::nullopt;
  std::chrono::milliseconds time = std::chrono::seconds(*seconds);
  if (!text.take('.')) return time;
  if (!text.at_digit()) return std::nullopt;
  int unit = 100;
  for (int digits = 0; text.at_digit(); ++digits, unit /= 10) {
    if (digits == 7) return std::nullopt;
    time += std::chrono::milliseconds(*text.number(1) * unit);
  }
  return time;
}

/// `Z`, or how far ahead of UTC the time is.
std::optional<std::chrono::minutes> read_zone(Reader& text) {
  if (text.take('Z')) return std::chrono::minutes(0);
  const bool ahead = text.take('+');
  if (!ahead && !text.take('-')) return std::nullopt;
  const auto offset = read_minutes(text);
  if (!offset) return std::nullopt;
  return ahead ? *offset : -*offset;
}

}  // namespace

std::optional<UtcTime> parse_sas_time(std::string_view raw) {
  Reader text(raw);
  const auto day = read_day(text);
  if (!day) return std::nullopt;
  UtcTime time = *day;
  if (text.done()) return time;

  if (!text.take('T')) return std::nullopt;
  const auto minutes = read_minutes(text);
  if (!minutes) return std::nullopt;
  time += *minutes;
  if (text.take(':')) {
    const auto seconds = read_seconds(text);
    if (!seconds) return std::nullopt;
    time += *seconds;
  }
  const auto zone = read_zone(text);
  if (!zone || !text.done()) return std::nullopt;
  return time - *zone;
}

}  // namespace sluice::auth
