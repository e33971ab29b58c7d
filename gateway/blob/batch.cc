#include "gateway/blob/batch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kBoundaryMax = 70;  // RFC 2046 5.1.1
constexpr std::size_t kFieldsMax = 100;
constexpr std::size_t kContentIdMax = 100;

std::unexpected<Failure> malformed(std::string what) {
  return refuse(Code::invalid_input, "The batch is malformed: " + std::move(what) + ".");
}

bool is_token(std::string_view text) {
  // RFC 9110 5.6.2
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return plain || std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

/// Takes a line off the front of `text`; nothing: there is no line end.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find(kLineEnd);
  if (end == text.npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + kLineEnd.size());
  return line;
}

/// Takes header fields off the front of `text`, and the empty line behind them.
Outcome<Fields> take_fields(std::string_view& text) {
  Fields fields;
  for (;;) {
    const auto line = take_line(text);
    if (!line) return malformed("a header has no end");
    if (line->empty()) return fields;
    const auto colon = line->find(':');
    if (colon == line->npos || !is_token(line->substr(0, colon))) return malformed("a header field has no name");
    const auto value = trim(line->substr(colon + 1));
    if (has_control(value)) return malformed("a header field holds control characters");
    if (fields.size() == kFieldsMax) return malformed("a header has too many fields");
    fields.add(line->substr(0, colon), value);
  }
}

Outcome<std::string> boundary_of(std::string_view content_type) {
  const auto wrong = [&] { return invalid_header("Content-Type", content_type); };
  const auto semicolon = content_type.find(';');
  if (semicolon == content_type.npos ||
      !equals_ignoring_case(trim(content_type.substr(0, semicolon)), "multipart/mixed"))
    return wrong();
  constexpr std::string_view kName = "boundary=";
  std::string_view parameter = trim(content_type.substr(semicolon + 1));
  if (!equals_ignoring_case(parameter.substr(0, kName.size()), kName)) return wrong();
  parameter.remove_prefix(kName.size());
  const bool quoted = parameter.size() >= 2 && parameter.front() == '"' && parameter.back() == '"';
  if (quoted) parameter = parameter.substr(1, parameter.size() - 2);
  if (parameter.size() > kBoundaryMax || !is_token(parameter)) return wrong();
  return std::string(parameter);
}

http::Method method_of(std::string_view name) {
  if (name == "DELETE") return http::Method::del;
  return name == "PUT" ? http::Method::put : http::Method::other;
}

Outcome<> parse_request_line(std::string_view line, http::RequestHeader& header) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == line.npos || first == last || line.substr(last + 1) != "HTTP/1.1") {
    return malformed("a part does not begin with a request line");
  }
  header.method_text = line.substr(0, first);
  header.method = method_of(header.method_text);
  header.target = line.substr(first + 1, last - first - 1);
  const bool plain = std::ranges::all_of(header.target, [](char c) { return c > ' ' && c < '\x7F'; });
  if (!is_token(header.method_text) || !plain || !header.target.starts_with('/')) {
    return malformed("the request line of a part is not well formed");
  }
  return {};
}

/// What stands behind the header of a part and its empty line: nothing may.
bool is_empty(std::string_view text) { return text.find_first_not_of(kLineEnd) == text.npos; }

Outcome<Subrequest> parse_part(std::string_view text, std::string_view host) {
  TRY(const Fields about, take_fields(text));
  Subrequest part{.content_id = std::string(about.get("Content-ID")), .header = {}};
  if (part.content_id.empty() || part.content_id.size() > kContentIdMax) return malformed("a part has no Content-ID");
  if (!equals_ignoring_case(about.get("Content-Type"), "application/http")) {
    return malformed("a part is not of application/http");
  }
  const auto line = take_line(text);
  if (!line) return malformed("a part holds no request");
  TRY(parse_request_line(*line, part.header));
  TRY(const Fields fields, take_fields(text));
  const auto own_host = fields.find("Host");
  if (own_host && !equals_ignoring_case(*own_host, host)) return malformed("a part is for another host");
  const bool has_body = !is_empty(text) || fields.has("Transfer-Encoding") ||
                        (fields.has("Content-Length") && fields.get("Content-Length") != "0");
  if (has_body) return malformed("a part has a body");
  part.header.content_length = 0;
  if (!own_host) part.header.fields.add("Host", host);
  for (std::size_t i = 0; i < fields.size(); ++i) part.header.fields.add(fields.at(i).name, fields.at(i).value);
  return part;
}

}  // namespace

Outcome<std::vector<Subrequest>> parse_batch(std::string_view content_type, std::string_view body,
                                             std::string_view host) {
  TRY(const std::string boundary, boundary_of(content_type));
  const std::string delimiter = "--" + boundary;
  if (!body.starts_with(delimiter)) return malformed("it does not begin with its boundary");
  body.remove_prefix(delimiter.size());
  std::vector<Subrequest> parts;
  // Each turn begins behind a boundary.
  while (!body.starts_with("--")) {
    if (!body.starts_with(kLineEnd)) return malformed("something stands behind a boundary");
    body.remove_prefix(kLineEnd.size());
    const auto end = body.find(std::string(kLineEnd) + delimiter);
    if (end == body.npos) return malformed("its last boundary is missing");
    if (parts.size() == kBatchCountMax) return refuse(Code::batch_too_long);
    // The line end before a boundary is the boundary's; some writers mean it as the empty line of the header too.
    TRY(Subrequest part, parse_part(std::string(body.substr(0, end)).append(kLineEnd).append(kLineEnd), host));
    if (std::ranges::find(parts, part.content_id, &Subrequest::content_id) != parts.end()) {
      return malformed("two parts have one Content-ID");
    }
    parts.push_back(std::move(part));
    body.remove_prefix(end + kLineEnd.size() + delimiter.size());
  }
  if (!is_empty(body.substr(2))) return malformed("something stands behind its last boundary");
  if (parts.empty()) return malformed("it holds no request");
  return parts;
}

void BatchAnswers::add(std::string_view content_id, const http::Response& response, std::string_view error_code) {
  text_.append("--").append(boundary_).append(kLineEnd);
  text_.append("Content-Type: application/http\r\nContent-ID: ").append(content_id).append("\r\n\r\n");
  const unsigned status = response.header.status();
  std::string_view reason = error_code;
  if (reason.empty()) reason = status == 202 ? "Accepted" : "OK";
  text_.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason).append(kLineEnd);
  text_.append(response.header.lines());
  if (!response.content.empty()) {
    text_.append("Content-Length: ").append(std::to_string(response.content.size())).append(kLineEnd);
  }
  text_.append(kLineEnd);
  if (!response.content.empty()) text_.append(response.content.text()).append(kLineEnd);
}

std::string BatchAnswers::take() {
  text_.append("--").append(boundary_).append("--\r\n");
  return std::exchange(text_, {});
}

}  // namespace sluice::blob
