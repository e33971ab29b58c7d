#include "gateway/http/request_parser.h"

#include <array>
#include <cstring>

#include "gateway/core/encoding.h"

namespace sluice::http {
namespace {

constexpr std::size_t kFieldCountMax = 512;

constexpr Refusal kMalformed{400, Fault::malformed_request, "The request is malformed."};
constexpr Refusal kBadLength{400, Fault::malformed_request, "The Content-Length is malformed."};
constexpr Refusal kBadFraming{400, Fault::malformed_request, "The length of the body is ambiguous."};
constexpr Refusal kBadHost{400, Fault::malformed_request, "The request needs exactly one Host field."};
constexpr Refusal kTooManyFields{400, Fault::header_too_large, "The request has too many header fields."};
constexpr Refusal kTargetTooLong{414, Fault::target_too_long, "The request target is too long."};
constexpr Refusal kBadVersion{505, Fault::unsupported_version, "The server speaks HTTP/1.1 and HTTP/1.0."};
constexpr Refusal kBadCoding{501, Fault::unsupported_coding, "The only transfer coding is chunked."};

Method method_of(std::string_view text) {
  struct Name {
    std::string_view text;
    Method method;
  };
  constexpr std::array<Name, 6> kNames{{{"GET", Method::get},
                                        {"HEAD", Method::head},
                                        {"PUT", Method::put},
                                        {"POST", Method::post},
                                        {"DELETE", Method::del},
                                        {"OPTIONS", Method::options}}};
  for (const Name& name : kNames) {
    if (text == name.text) return name.method;
  }
  return Method::other;
}

/// What a method or the name of a field is made of (RFC 9110 5.6.2).
constexpr std::array<bool, 256> make_token_chars() {
  std::array<bool, 256> chars{};
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    chars[static_cast<unsigned char>(c)] = true;
  }
  return chars;
}
constexpr auto kTokenChars = make_token_chars();

constexpr bool begins_method(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Takes a run of token characters off the front of `text`.
std::string_view take_token(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && kTokenChars[static_cast<unsigned char>(text[size])]) ++size;
  const std::string_view token = text.substr(0, size);
  text.remove_prefix(size);
  return token;
}

/// Takes a line and the CRLF that ends it off the front of `text`; nothing if a CR
/// stands anywhere else.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\r');
  if (end == std::string_view::npos || end + 1 == text.size() || text[end + 1] != '\n') return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

/// Is it a request line of some other version of HTTP?
bool has_other_version(std::string_view line) {
  if (line.size() < 9) return false;
  const std::string_view version = line.substr(line.size() - 9);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version == " HTTP/1.1" || version == " HTTP/1.0") return false;
  return version.starts_with(" HTTP/") && digit(version[6]) && version[7] == '.' && digit(version[8]);
}

std::optional<Refusal> read_request_line(std::string_view line, ParsedRequest& request) {
  std::string_view rest = line;
  const std::string_view method = take_token(rest);
  if (method.empty() || !rest.starts_with(' ')) return kMalformed;
  rest.remove_prefix(1);
  const std::string_view target = rest.substr(0, rest.find(' '));
  rest.remove_prefix(target.size());
  if (target.empty() || has_control(target)) return kMalformed;
  if (has_other_version(line)) return kBadVersion;
  if (rest != " HTTP/1.1" && rest != " HTTP/1.0") return kMalformed;
  request.http_1_0 = rest.back() == '0';
  request.header.method = method_of(method);
  request.header.method_text.assign(method);
  request.header.target.assign(target);
  return std::nullopt;
}

/// No control character but the tab, which RFC 9110 5.5 lets stand in a value.
bool is_field_value(std::string_view value) {
  if (!has_control(value)) return true;
  for (const char c : value) {
    if (c != '\t' && has_control({&c, 1})) return false;
  }
  return true;
}

// A name ends with its colon: a space between the two is how requests are smuggled (RFC 9112 5.1).
std::optional<Refusal> read_fields(std::string_view lines, Fields& fields) {
  for (;;) {
    const auto line = take_line(lines);
    if (!line) return kMalformed;
    if (line->empty()) break;
    std::string_view rest = *line;
    const std::string_view name = take_token(rest);
    if (name.empty() || !rest.starts_with(':')) return kMalformed;
    const std::string_view value = trim(rest.substr(1));
    if (!is_field_value(value)) return kMalformed;
    if (fields.size() == kFieldCountMax) return kTooManyFields;
    fields.add(name, value);
  }
  if (!lines.empty()) return kMalformed;
  return std::nullopt;
}

/// Does a Connection field hold `option`?
bool has_connection_option(const Fields& fields, std::string_view option) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto [name, list] = fields.at(i);
    if (!equals_ignoring_case(name, "Connection")) continue;
    while (!list.empty()) {
      const std::string_view item = list.substr(0, list.find(','));
      if (equals_ignoring_case(trim(item), option)) return true;
      list.remove_prefix(std::min(list.size(), item.size() + 1));
    }
  }
  return false;
}

// RFC 9112 6.1 and 6.3: a body framed in two ways is how requests are smuggled.
std::optional<Refusal> frame_body(ParsedRequest& request) {
  RequestHeader& header = request.header;
  header.content_length.reset();
  header.chunked = false;
  const auto coding = header.fields.find("Transfer-Encoding");
  const auto length = header.fields.find("Content-Length");
  if (coding) {
    if (length || request.http_1_0 || header.fields.count("Transfer-Encoding") != 1) return kBadFraming;
    if (!equals_ignoring_case(*coding, "chunked")) return kBadCoding;
    header.chunked = true;
  } else if (length) {
    if (header.fields.count("Content-Length") != 1) return kBadLength;
    header.content_length = parse_decimal(*length);
    if (!header.content_length) return kBadLength;
  }
  return std::nullopt;
}

// RFC 9110 10.1.1 lets a server answer 417 to an expectation it does not know, or
// ignore it; S3 ignores it.
bool expects_continue(const ParsedRequest& request) {
  if (request.http_1_0) return false;
  const auto expect = request.header.fields.find("Expect");
  if (!expect || !equals_ignoring_case(*expect, "100-continue")) return false;
  // Also for a body declared empty: some clients wait for 100 even then.
  return request.header.chunked || request.header.content_length.has_value();
}

}  // namespace

HeaderScanner::Found HeaderScanner::scan(std::string_view bytes) {
  if (bytes.empty()) return Found::more;
  if (!begins_method(bytes[0])) return Found::malformed;
  for (;;) {
    if (line_ != 0 && line_ < bytes.size() && is_blank(bytes[line_])) return Found::malformed;
    const void* found = at_ < bytes.size() ? std::memchr(bytes.data() + at_, '\n', bytes.size() - at_) : nullptr;
    if (found == nullptr) break;
    const auto feed = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (bytes[feed - 1] != '\r') return Found::malformed;
    const bool empty_line = feed == line_ + 1;
    line_ = at_ = feed + 1;
    if (empty_line) return Found::end;
  }
  at_ = bytes.size();
  return Found::more;
}

std::optional<Refusal> parse_request(std::string_view block, std::size_t target_size_max, ParsedRequest& request) {
  request.header.fields.clear();
  const auto line = take_line(block);
  if (!line) return kMalformed;
  if (auto refusal = read_request_line(*line, request)) return refusal;
  if (auto refusal = read_fields(block, request.header.fields)) return refusal;

  const Fields& fields = request.header.fields;
  request.keep_alive =
      request.http_1_0 ? has_connection_option(fields, "keep-alive") : !has_connection_option(fields, "close");
  if (request.header.target.size() > target_size_max) return kTargetTooLong;
  const std::size_t host_count = request.header.fields.count("Host");
  if (host_count > 1 || (host_count == 0 && !request.http_1_0)) return kBadHost;  // RFC 9112 3.2
  if (auto refusal = frame_body(request)) return refusal;
  request.expects_continue = expects_continue(request);
  return std::nullopt;
}

}  // namespace sluice::http
