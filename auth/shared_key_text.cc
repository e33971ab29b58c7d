#include "auth/shared_key_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "auth/target.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kPrefix = "x-ms-";
constexpr std::string_view kDate = "Date";
constexpr std::string_view kDateOverride = "x-ms-date";
constexpr std::string_view kLength = "Content-Length";

// The standard fields in the order they are signed.
constexpr std::array<std::string_view, 11> kSigned{
    "Content-Encoding",  "Content-Language", kLength,         "Content-MD5",         "Content-Type", kDate,
    "If-Modified-Since", "If-Match",         "If-None-Match", "If-Unmodified-Since", "Range"};
constexpr std::array<std::string_view, 3> kSignedLite{"Content-MD5", "Content-Type", kDate};

void add(Texts& texts, std::string text) {
  if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
}

/// Is the request of version `version` or a later one? Those of a batch name none: no batch is older.
bool speaks(const Fields& fields, std::string_view version) {
  const auto own = fields.find("x-ms-version");
  return !own || *own >= version;
}

std::string_view signed_value(const Fields& fields, std::string_view name, std::string_view date) {
  if (name == kDate) return date;
  const std::string_view value = fields.get(name);
  if (name == kLength && value == "0" && speaks(fields, "2015-02-21")) return {};
  return value;
}

template <std::size_t size>
std::string head(const SignedRequest& request, const std::array<std::string_view, size>& names, std::string_view date) {
  std::string text(request.method);
  text.push_back('\n');
  for (const std::string_view name : names) text.append(signed_value(request.fields, name, date)).push_back('\n');
  return text;
}

template <std::size_t size>
Texts heads(const SignedRequest& request, const std::array<std::string_view, size>& names, Readings readings) {
  Texts texts;
  // Beside x-ms-date a client "may ignore" Date; some do not.
  if (request.fields.has(kDateOverride)) texts.push_back(head(request, names, {}));
  if (readings == Readings::usual && !texts.empty()) return texts;
  add(texts, head(request, names, request.fields.get(kDate)));
  return texts;
}

/// RFC 2616 4.2: linear whitespace folded to one space, but not in a quoted string.
std::string folded(std::string_view value) {
  std::string text;
  bool quoted = false;
  for (const char c : value) {
    if (c == '"') quoted = !quoted;
    const bool space = !quoted && (c == ' ' || c == '\t');
    if (space && text.ends_with(' ')) continue;
    text.push_back(space ? ' ' : c);
  }
  return text;
}

struct Header {
  std::string name;  ///< Lower case.
  std::string_view value;
};

std::vector<Header> canonical_headers(const Fields& fields) {
  const bool keep_empty = speaks(fields, "2016-05-31");
  std::vector<Header> headers;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    if (!equals_ignoring_case(name.substr(0, kPrefix.size()), kPrefix)) continue;
    if (value.empty() && !keep_empty) continue;
    headers.push_back({.name = to_lower(name), .value = value});
  }
  return headers;
}

std::string lines(const std::vector<Header>& headers, bool fold) {
  std::string text;
  for (const auto& [name, value] : headers) {
    text.append(name).append(1, ':').append(fold ? folded(value) : value).append(1, '\n');
  }
  return text;
}

Texts header_texts(const Fields& fields, Readings readings) {
  std::vector<Header> headers = canonical_headers(fields);
  Texts texts;
  std::ranges::sort(headers, {}, &Header::name);
  add(texts, lines(headers, false));
  if (readings == Readings::usual) return texts;
  add(texts, lines(headers, true));
  std::ranges::sort(headers, sorts_before_as_word, &Header::name);
  add(texts, lines(headers, false));
  add(texts, lines(headers, true));
  return texts;
}

/// Where clients read a query differently.
struct QueryReading {
  bool plus_is_space;
  bool leave_out_empty;
};

std::string decoded(std::string_view raw, QueryReading reading) {
  std::string text(raw);
  if (reading.plus_is_space) std::ranges::replace(text, '+', ' ');
  auto bytes = percent_decode(text);
  return bytes ? *std::move(bytes) : text;
}

std::string canonical_query(const Target& target, QueryReading reading) {
  std::map<std::string, std::vector<std::string>> parameters;
  for (const auto& [name, value] : target.query) {
    if (value.empty() && reading.leave_out_empty) continue;
    parameters[to_lower(decoded(name, reading))].push_back(decoded(value, reading));
  }
  std::string text;
  for (auto& [name, values] : parameters) {
    text.append(1, '\n').append(name);
    char separator = ':';
    std::ranges::sort(values);
    for (const std::string& value : values) text.append(1, std::exchange(separator, ',')).append(value);
  }
  return text;
}

/// `/account` and the path. In a secondary address the account is spelled with or
/// without its suffix, whichever the client took it for.
Texts resource_paths(std::string_view raw_path, const AzureAddress& address) {
  constexpr std::string_view kSuffix = "-secondary";
  const std::string account = "/" + address.account.name;
  const std::string path(raw_path.empty() ? "/" : raw_path);
  Texts texts{account + path};
  if (!address.secondary) return texts;
  const std::string secondary = account + std::string(kSuffix);
  if (!address.in_path) {
    add(texts, secondary + path);
  } else if (path.starts_with(secondary)) {
    texts.insert(texts.begin(), account + account + path.substr(secondary.size()));
  }
  return texts;
}

// Each character's place in the sort of words; what is missing has none.
constexpr std::string_view kWordOrder = "!#$%&*.^_`|~+0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kMinor = "'-";

std::string major_places(std::string_view name) {
  std::string places;
  for (const char c : name) {
    const std::size_t place = kWordOrder.find(c);
    if (place != std::string_view::npos) places.push_back(static_cast<char>(place));
  }
  return places;
}

/// 0 past the end, 1 and more for the minor characters, and last what is none.
std::size_t minor_place(std::string_view name, std::size_t i) {
  if (i >= name.size()) return 0;
  const std::size_t place = kMinor.find(name[i]);
  return place == std::string_view::npos ? kMinor.size() + 1 : place + 1;
}

}  // namespace

bool sorts_before_as_word(std::string_view left, std::string_view right) {
  const std::string left_places = major_places(left);
  const std::string right_places = major_places(right);
  if (left_places != right_places) return left_places < right_places;
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const std::size_t left_place = minor_place(left, i);
    const std::size_t right_place = minor_place(right, i);
    if (left_place == right_place) continue;
    // Of two names equal but for these, the one that has a minor character first is the later.
    if (left_place > kMinor.size()) return true;
    if (right_place > kMinor.size()) return false;
    return left_place < right_place;
  }
  return false;
}

std::string repeated_signed_field(const Fields& fields) {
  for (const std::string_view name : kSigned) {
    if (fields.count(name) > 1) return std::string(name);
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = fields.at(i).name;
    if (equals_ignoring_case(name.substr(0, kPrefix.size()), kPrefix)) names.push_back(to_lower(name));
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::adjacent_find(names);
  return repeated == names.end() ? std::string() : *repeated;
}

SharedKeyTexts shared_key_texts(const SignedRequest& request, const AzureAddress& address, Readings readings) {
  const Target target(request.target);
  SharedKeyTexts texts{
      .heads = heads(request, kSigned, readings), .headers = header_texts(request.fields, readings), .resources = {}};
  if (readings == Readings::usual) {
    constexpr QueryReading kAsItIs{.plus_is_space = false, .leave_out_empty = false};
    texts.resources.push_back(resource_paths(target.path, address).front() + canonical_query(target, kAsItIs));
    return texts;
  }
  Texts queries;
  for (const bool leave_out_empty : {false, true}) {
    for (const bool plus_is_space : {false, true}) {
      add(queries, canonical_query(target, {.plus_is_space = plus_is_space, .leave_out_empty = leave_out_empty}));
    }
  }
  for (const std::string& path : resource_paths(target.path, address)) {
    for (const std::string& query : queries) add(texts.resources, path + query);
  }
  return texts;
}

SharedKeyTexts shared_key_lite_texts(const SignedRequest& request, const AzureAddress& address, Readings readings) {
  const Target target(request.target);
  SharedKeyTexts texts{.heads = heads(request, kSignedLite, readings),
                       .headers = header_texts(request.fields, readings),
                       .resources = resource_paths(target.path, address)};
  const auto component =
      std::ranges::find_if(target.query, [](const QueryPair& pair) { return equals_ignoring_case(pair.name, "comp"); });
  if (component == target.query.end() || component->value.empty()) return texts;
  for (std::string& resource : texts.resources) resource.append("?comp=").append(component->value);
  return texts;
}

}  // namespace sluice::auth
