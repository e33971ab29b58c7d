#include "auth/shared_key_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
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

using Names = std::span<const std::string_view>;

void append_head(std::string& text, const SignedRequest& request, Names names, std::string_view date) {
  text.append(request.method).push_back('\n');
  for (const std::string_view name : names) text.append(signed_value(request.fields, name, date)).push_back('\n');
}

std::string head(const SignedRequest& request, Names names, std::string_view date) {
  std::string text;
  append_head(text, request, names, date);
  return text;
}

/// Date as it is signed where a client keeps to the letter: empty beside x-ms-date.
std::string_view signed_date(const Fields& fields) {
  return fields.has(kDateOverride) ? std::string_view{} : fields.get(kDate);
}

Texts heads(const SignedRequest& request, Names names) {
  Texts texts{head(request, names, signed_date(request.fields))};
  // Beside x-ms-date a client "may ignore" Date; some do not.
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

bool is_own(std::string_view name) { return equals_ignoring_case(name.substr(0, kPrefix.size()), kPrefix); }

using Headers = std::vector<Fields::Field>;

/// The x-ms-* headers that are signed, in the order they came.
Headers own_headers(const Fields& fields) {
  const bool keep_empty = speaks(fields, "2016-05-31");
  Headers headers;
  headers.reserve(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Fields::Field field = fields.at(i);
    if (is_own(field.name) && (keep_empty || !field.value.empty())) headers.push_back(field);
  }
  return headers;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

void sort_by_bytes(Headers& headers) {
  std::ranges::sort(headers, [](const Fields::Field& left, const Fields::Field& right) {
    return std::ranges::lexicographical_compare(left.name, right.name, {}, lower, lower);
  });
}

void sort_as_words(Headers& headers) {
  std::ranges::sort(headers, sorts_before_as_word, [](const Fields::Field& field) { return to_lower(field.name); });
}

void append_lower(std::string& text, std::string_view name) {
  const std::size_t begin = text.size();
  text.append(name);
  std::transform(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(),
                 text.begin() + static_cast<std::ptrdiff_t>(begin), lower);
}

void append_lines(std::string& text, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    append_lower(text, name);
    text.append(1, ':').append(value).push_back('\n');
  }
}

std::string lines(const Headers& headers) {
  std::string text;
  append_lines(text, headers);
  return text;
}

std::string folded_lines(const Headers& headers) {
  std::string text;
  for (const auto& [name, value] : headers) {
    append_lower(text, name);
    text.append(1, ':').append(folded(value)).push_back('\n');
  }
  return text;
}

Texts header_texts(const Fields& fields) {
  Headers headers = own_headers(fields);
  Texts texts;
  sort_by_bytes(headers);
  add(texts, lines(headers));
  add(texts, folded_lines(headers));
  sort_as_words(headers);
  add(texts, lines(headers));
  add(texts, folded_lines(headers));
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
  if (target.query.empty()) return {};
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

/// What Shared Key Lite signs of a query.
std::string lite_query(const Target& target) {
  const auto component =
      std::ranges::find_if(target.query, [](const QueryPair& pair) { return equals_ignoring_case(pair.name, "comp"); });
  if (component == target.query.end() || component->value.empty()) return {};
  return std::string("?comp=").append(component->value);
}

constexpr std::string_view kSuffix = "-secondary";

/// What of the path is behind `/account-secondary`, where it begins so.
std::optional<std::string_view> behind_secondary(std::string_view path, const AzureAddress& address) {
  const std::string& name = address.account.name;
  if (!address.secondary || !address.in_path || !path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  if (!path.starts_with(name) || !path.substr(name.size()).starts_with(kSuffix)) return std::nullopt;
  return path.substr(name.size() + kSuffix.size());
}

/// `/account` and the path, as is documented: the account is spelled without its suffix.
void append_path(std::string& text, std::string_view path, const AzureAddress& address) {
  text.append(1, '/').append(address.account.name);
  if (const auto rest = behind_secondary(path, address)) {
    text.append(1, '/').append(address.account.name).append(*rest);
  } else {
    text.append(path.empty() ? std::string_view("/") : path);
  }
}

/// In a secondary address the account is spelled with or without its suffix, whichever the
/// client took it for.
Texts resource_paths(std::string_view raw_path, const AzureAddress& address) {
  Texts texts(1);
  append_path(texts.front(), raw_path, address);
  if (!address.secondary) return texts;
  std::string spelled = "/" + address.account.name;
  if (!address.in_path) spelled += kSuffix;
  add(texts, spelled.append(raw_path.empty() ? std::string_view("/") : raw_path));
  return texts;
}

/// One text of everything, the documented one but for the query.
std::string usual_text(const SignedRequest& request, Names names, const AzureAddress& address, const Target& target) {
  constexpr std::size_t kUsualSize = 512;
  std::string text;
  text.reserve(kUsualSize);
  append_head(text, request, names, signed_date(request.fields));
  Headers headers = own_headers(request.fields);
  sort_by_bytes(headers);
  append_lines(text, headers);
  append_path(text, target.path, address);
  return text;
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
    if (fields.has(name) && fields.count(name) > 1) return to_lower(name);
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = fields.at(i).name;
    if (is_own(name) && fields.position(name, i + 1) != fields.size()) return to_lower(name);
  }
  return {};
}

SharedKeyTexts shared_key_texts(const SignedRequest& request, const AzureAddress& address) {
  const Target target(request.target);
  SharedKeyTexts texts{.heads = heads(request, kSigned), .headers = header_texts(request.fields), .resources = {}};
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

SharedKeyTexts shared_key_lite_texts(const SignedRequest& request, const AzureAddress& address) {
  const Target target(request.target);
  SharedKeyTexts texts{.heads = heads(request, kSignedLite),
                       .headers = header_texts(request.fields),
                       .resources = resource_paths(target.path, address)};
  const std::string query = lite_query(target);
  for (std::string& resource : texts.resources) resource.append(query);
  return texts;
}

std::string usual_shared_key_text(const SignedRequest& request, const AzureAddress& address) {
  constexpr QueryReading kAsItIs{.plus_is_space = false, .leave_out_empty = false};
  const Target target(request.target);
  return usual_text(request, kSigned, address, target).append(canonical_query(target, kAsItIs));
}

std::string usual_shared_key_lite_text(const SignedRequest& request, const AzureAddress& address) {
  const Target target(request.target);
  return usual_text(request, kSignedLite, address, target).append(lite_query(target));
}

}  // namespace sluice::auth
