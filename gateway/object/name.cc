#include "gateway/object/name.h"

#include <algorithm>
#include <array>

#include "gateway/core/encoding.h"

namespace sluice::object {
namespace {

constexpr std::size_t kBucketNameMin = 3;
constexpr std::size_t kBucketNameMax = 63;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool looks_like_ip(std::string_view name) {
  int fields = 0;
  while (true) {
    const auto dot = name.find('.');
    const auto field = name.substr(0, dot);
    if (field.empty() || field.size() > 3 || !parse_decimal(field)) return false;
    ++fields;
    if (dot == std::string_view::npos) return fields == 4;
    name.remove_prefix(dot + 1);
  }
}

bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 3> kPrefixes = {"xn--", "sthree-", "amzn-s3-demo-"};
  constexpr std::array<std::string_view, 5> kSuffixes = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
  return std::ranges::any_of(kPrefixes, [&](auto prefix) { return name.starts_with(prefix); }) ||
         std::ranges::any_of(kSuffixes, [&](auto suffix) { return name.ends_with(suffix); });
}

// A label between dots neither starts nor ends with a dash, and is not empty.
bool labels_are_sound(std::string_view name) {
  return name.find("..") == std::string_view::npos && name.find(".-") == std::string_view::npos &&
         name.find("-.") == std::string_view::npos;
}

}  // namespace

Result<> check_bucket_name(std::string_view name) {
  const bool sized = name.size() >= kBucketNameMin && name.size() <= kBucketNameMax;
  const bool spelled = std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-'; });
  if (!sized || !spelled) return fail(ErrorCode::invalid_bucket_name, std::string(name));
  const bool framed = is_letter_or_digit(name.front()) && is_letter_or_digit(name.back());
  if (!framed || !labels_are_sound(name) || looks_like_ip(name) || is_reserved(name)) {
    return fail(ErrorCode::invalid_bucket_name, std::string(name));
  }
  return done;
}

bool is_special_bucket(std::string_view name) { return name == "$root" || name == "$web" || name == "$logs"; }

Result<> check_key(std::string_view key) {
  if (key.empty()) return fail(ErrorCode::invalid_argument, "an object key is not empty");
  if (key.size() > kKeySizeMax) return fail(ErrorCode::key_too_long, std::to_string(key.size()));
  if (!is_utf8(key)) return fail(ErrorCode::invalid_argument, "an object key is UTF-8");
  return done;
}

Result<> check_name(const ObjectName& name) {
  if (!may_be_bucket(name.bucket)) return fail(ErrorCode::no_such_bucket);
  return check_key(name.key);
}

bool may_be_bucket(std::string_view name) {
  return !name.empty() && name.size() <= kBucketNameMax && name.find('\0') == std::string_view::npos;
}

}  // namespace sluice::object
