#include "auth/canonical_request.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kHexUpper = "0123456789ABCDEF";

constexpr std::array<bool, 256> make_unreserved() {
  std::array<bool, 256> unreserved{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")) {
    unreserved[static_cast<unsigned char>(c)] = true;
  }
  return unreserved;
}
constexpr auto kUnreserved = make_unreserved();

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Spelling {
  bool keep_slash = false;
  Plus plus = Plus::literal;
};

// Decodes once and encodes once, so that a character signs the same whether its
// sender escaped it or not. Dots and slashes are never folded: S3 keys hold them.
bool append_encoded(std::string& out, std::string_view raw, Spelling spelling) {
  while (!raw.empty()) {
    const auto is_plain = [&](char c) {
      return kUnreserved[static_cast<unsigned char>(c)] || (c == '/' && spelling.keep_slash);
    };
    const auto plain = static_cast<std::size_t>(std::ranges::find_if_not(raw, is_plain) - raw.begin());
    out.append(raw.substr(0, plain));
    raw.remove_prefix(plain);
    if (raw.empty()) break;

    char c = raw.front();
    std::size_t size = 1;
    if (c == '%') {
      if (raw.size() < 3) return false;
      const int high = hex_digit(raw[1]);
      const int low = hex_digit(raw[2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high << 4 | low);
      size = 3;
    } else if (c == '+' && spelling.plus == Plus::space) {
      c = ' ';
    }
    raw.remove_prefix(size);
    if (is_plain(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      const std::array<char, 3> escape{'%', kHexUpper[byte >> 4], kHexUpper[byte & 15]};
      out.append(escape.data(), escape.size());
    }
  }
  return true;
}

/// One parameter, encoded: where its name and value lie in a text.
struct EncodedPair {
  std::string_view name, value;
};

bool append_query(std::string& out, const SignedParts& parts) {
  if (parts.target.query.empty()) return true;
  std::size_t size = 0;
  for (const auto& [name, value] : parts.target.query) size += 3 * (name.size() + value.size());
  std::string text;
  text.reserve(size);  // The views below rely on it.
  std::vector<EncodedPair> pairs;
  pairs.reserve(parts.target.query.size());
  for (const auto& [name, value] : parts.target.query) {
    if (parts.presigned && name == "X-Amz-Signature") continue;
    const std::size_t begin = text.size();
    if (!append_encoded(text, name, {.plus = parts.plus})) return false;
    const std::size_t middle = text.size();
    if (!append_encoded(text, value, {.plus = parts.plus})) return false;
    const std::string_view all = text;
    pairs.push_back({.name = all.substr(begin, middle - begin), .value = all.substr(middle)});
  }
  std::ranges::sort(pairs, {}, [](const EncodedPair& pair) { return std::tie(pair.name, pair.value); });
  for (const auto& [name, value] : pairs) out.append(name).append(1, '=').append(value).append(1, '&');
  if (!pairs.empty()) out.pop_back();
  return true;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Without the spaces around it, and each run of them inside as one.
void append_folded(std::string& out, std::string_view value) {
  value = trim(value);
  for (;;) {
    const auto size = static_cast<std::size_t>(std::ranges::find_if(value, is_blank) - value.begin());
    out.append(value.substr(0, size));
    if (size == value.size()) return;
    out.push_back(' ');
    value = trim(value.substr(size));
  }
}

/// Takes the next name off the front of `names`.
std::string_view next_name(std::string_view& names) {
  const std::string_view name = names.substr(0, names.find(';'));
  names.remove_prefix(std::min(names.size(), name.size() + 1));
  return name;
}

void append_headers(std::string& out, const Fields& fields, std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = next_name(names);
    out.append(name).push_back(':');
    bool first = true;
    for (std::size_t i = fields.position(name, 0); i < fields.size(); i = fields.position(name, i + 1)) {
      if (!first) out.push_back(',');
      append_folded(out, fields.at(i).value);
      first = false;
    }
    out.push_back('\n');
  }
}

}  // namespace

std::optional<std::string> canonical_request(const SignedParts& parts) {
  std::string text;
  text.reserve(1024);
  text.append(parts.method).push_back('\n');
  if (!append_encoded(text, parts.target.path, {.keep_slash = true})) return std::nullopt;
  text.push_back('\n');
  if (!append_query(text, parts)) return std::nullopt;
  text.push_back('\n');
  append_headers(text, parts.fields, parts.signed_headers);
  text.append(1, '\n').append(parts.signed_headers).append(1, '\n').append(parts.payload_hash);
  return text;
}

bool is_signed(std::string_view signed_headers, std::string_view name) {
  while (!signed_headers.empty()) {
    const std::string_view listed = next_name(signed_headers);
    if (listed.size() == name.size() && equals_ignoring_case(listed, name)) return true;
  }
  return false;
}

std::string headers_not_signed(const Fields& fields, std::string_view signed_headers) {
  constexpr std::string_view kPrefix = "x-amz-";
  std::string missing;
  if (!is_signed(signed_headers, "host")) missing = "host";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = fields.at(i).name;
    if (name.size() < kPrefix.size() || !equals_ignoring_case(name.substr(0, kPrefix.size()), kPrefix)) continue;
    if (is_signed(signed_headers, name)) continue;
    if (!missing.empty()) missing += ", ";
    missing += to_lower(name);
  }
  return missing;
}

}  // namespace sluice::auth
