#include "gateway/http/response_head.h"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include "gateway/http/field.h"

namespace sluice::http {
namespace {

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

void append_number(std::string& text, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), end);
}

}  // namespace

const std::string& date_now() {
  thread_local std::time_t second = -1;
  thread_local std::string date;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    date = format_http_date(std::chrono::sys_seconds(std::chrono::seconds(now)));
    second = now;
  }
  return date;
}

ResponsePlan plan_response(const Response& response, Method method, bool http_1_0) {
  const unsigned status = response.header.status();
  ResponsePlan plan{.length = response.content_length};
  if (!plan.length && !response.body) plan.length = response.content.size();
  // RFC 9110 8.6: a 204 never has a length, a 304 only that of the GET's content.
  if (status == 204 || status == 304) {
    plan.has_body = false;
    if (status == 204 || plan.length == 0U) plan.length.reset();
  }
  if (method == Method::head) plan.has_body = false;
  if (plan.has_body && !plan.length) plan.delimiter = http_1_0 ? Delimiter::close : Delimiter::chunks;
  return plan;
}

void render_head(const ResponseHeader& header, const ResponsePlan& plan, KeepAlive keep_alive, std::string& text) {
  text.assign("HTTP/1.1 ");
  append_number(text, header.status());
  text.append(" ").append(reason_of(header.status())).append("\r\n");
  text.append(header.lines());
  if (plan.length) {
    text.append("Content-Length: ");
    append_number(text, *plan.length);
    text.append("\r\n");
  } else if (plan.delimiter == Delimiter::chunks) {
    text.append("Transfer-Encoding: chunked\r\n");
  }
  text.append("Date: ").append(date_now()).append("\r\nServer: Sluice\r\n");
  if (keep_alive == KeepAlive::no) text.append("Connection: close\r\n");
  if (keep_alive == KeepAlive::yes_said) text.append("Connection: keep-alive\r\n");
  text.append("\r\n");
}

}  // namespace sluice::http
