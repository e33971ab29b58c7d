#include "gateway/object/info.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <limits>

#include "gateway/core/encoding.h"
#include "gateway/object/ids.h"
#include "gateway/object/outline.h"

namespace sluice::object {

namespace {

void append_tag(std::string& text, std::string_view md5, std::uint32_t count) {
  append_hex(text, md5);
  if (count != 0) text.append("-").append(std::to_string(count));
}

}  // namespace

Tiering Tiering::at(UtcTime now) const {
  if (awaited == Tier::none || now < due) return *this;
  return {.tier = awaited, .changed = due};
}

std::string ObjectInfo::content_tag() const {
  std::string tag;
  tag.reserve(md5.size() * 2);
  append_tag(tag, md5, part_count + block_count);
  return tag;
}

void ObjectOutline::append_content_tag(std::string& text) const { append_tag(text, md5, part_count + block_count); }

std::string ObjectInfo::revision_tag() const { return object::revision_tag(last_revision()); }

std::string revision_tag(std::uint64_t revision) {
  std::array<char, sizeof("0x0123456789ABCDEF")> text{};
  std::snprintf(text.data(), text.size(), "0x%016" PRIX64, revision);
  return text.data();
}

std::string to_text(VersionId version) {
  if (version == VersionId::null) return "null";
  std::array<char, sizeof("0123456789abcdef")> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, static_cast<std::uint64_t>(version));
  return text.data();
}

std::optional<VersionId> parse_version(std::string_view text) {
  if (text == "null") return VersionId::null;
  constexpr std::size_t kDigits = 16;
  if (text.size() != kDigits) return std::nullopt;
  std::uint64_t revision = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), revision, 16);
  const VersionId version{revision};
  if (error != std::errc{} || end != text.end() || to_text(version) != text) return std::nullopt;
  return version;
}

std::string revision_time(std::uint64_t revision) {
  // What is beyond any clock is damage, and must not overflow.
  const auto count = std::min<std::uint64_t>(revision, std::numeric_limits<std::int64_t>::max());
  const std::chrono::sys_time<RevisionTicks> ticks(RevisionTicks(static_cast<std::int64_t>(count)) - kRevisionEpoch);
  const auto day = std::chrono::floor<std::chrono::days>(ticks);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<RevisionTicks> clock(ticks - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%07dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text.data();
}

std::optional<std::uint64_t> parse_revision_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.0000000Z";
  if (text.size() != kForm.size()) return std::nullopt;
  std::array<int, 7> numbers{};
  std::size_t field = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (digit != (kForm[i] == '0') || (!digit && text[i] != kForm[i])) return std::nullopt;
    if (!digit) {
      ++field;
      continue;
    }
    numbers[field] = numbers[field] * 10 + (text[i] - '0');
  }
  const auto [year, month, day, hours, minutes, seconds, fraction] = numbers;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hours > 23 || minutes > 59 || seconds > 59) return std::nullopt;
  const auto ticks = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hours) +
                     std::chrono::minutes(minutes) + std::chrono::seconds(seconds) + RevisionTicks(fraction) +
                     kRevisionEpoch;
  return ticks.count() < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(ticks.count()));
}

std::string PartInfo::content_tag() const { return to_hex(md5); }

Result<> check_not_following(const ObjectInfo& info) {
  if (!info.following || info.snapshot != 0) return done;
  return fail(ErrorCode::kind_mismatch, "it follows another object, and is read by its snapshots alone");
}

}  // namespace sluice::object
