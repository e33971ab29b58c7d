#include "gateway/http/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

#include "gateway/core/encoding.h"

namespace sluice::http {
namespace {

namespace beast = boost::beast;
using beast::http::verb;

constexpr std::size_t kFieldCountMax = 512;

constexpr Refusal kMalformed{400, Fault::malformed_request, "The request is malformed."};
constexpr Refusal kBadLength{400, Fault::malformed_request, "The Content-Length is malformed."};
constexpr Refusal kBadFraming{400, Fault::malformed_request, "The length of the body is ambiguous."};
constexpr Refusal kBadHost{400, Fault::malformed_request, "The request needs exactly one Host field."};
constexpr Refusal kTooManyFields{400, Fault::header_too_large, "The request has too many header fields."};
constexpr Refusal kTargetTooLong{414, Fault::target_too_long, "The request target is too long."};
constexpr Refusal kBadVersion{505, Fault::unsupported_version, "The server speaks HTTP/1.1 and HTTP/1.0."};
constexpr Refusal kBadCoding{501, Fault::unsupported_coding, "The only transfer coding is chunked."};

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

Method method_of(verb method) {
  switch (method) {
    case verb::get:
      return Method::get;
    case verb::head:
      return Method::head;
    case verb::put:
      return Method::put;
    case verb::post:
      return Method::post;
    case verb::delete_:
      return Method::del;
    case verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

constexpr bool begins_method(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Gives the fields as Beast finds them straight to a RequestHeader.
class Collector : public beast::http::basic_parser<true> {
 public:
  explicit Collector(ParsedRequest& request) : request_(request) {}

  bool too_many_fields() const { return request_.header.fields.size() > kFieldCountMax; }

 private:
  using Error = beast::error_code;
  using Text = beast::string_view;

  void on_request_impl(verb method, Text text, Text target, int version, Error&) override {
    request_.header.method = method_of(method);
    request_.header.method_text.assign(text.data(), text.size());
    request_.header.target.assign(target.data(), target.size());
    request_.http_1_0 = version == 10;
  }
  void on_field_impl(beast::http::field, Text name, Text value, Error& error) override {
    request_.header.fields.add(view(name), view(value));
    if (too_many_fields()) error = beast::http::error::header_limit;
  }
  void on_response_impl(int, Text, int, Error&) override {}
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  std::size_t on_body_impl(Text, Error&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, Error&) override { return 0; }
  void on_finish_impl(Error&) override {}

  ParsedRequest& request_;
};

/// Is the first line a request line of some other version of HTTP?
bool has_other_version(std::string_view block) {
  const std::string_view line = block.substr(0, block.find('\r'));
  if (line.size() < 9) return false;
  const std::string_view version = line.substr(line.size() - 9);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version == " HTTP/1.1" || version == " HTTP/1.0") return false;
  return version.starts_with(" HTTP/") && digit(version[6]) && version[7] == '.' && digit(version[8]);
}

std::optional<Refusal> refusal_of(const beast::error_code& error, const Collector& parser, std::string_view block) {
  using beast::http::error;
  if (parser.too_many_fields()) return kTooManyFields;
  if (error == beast::http::error::bad_version && has_other_version(block)) return kBadVersion;
  if (error == beast::http::error::bad_content_length || error == beast::http::error::multiple_content_length) {
    return kBadLength;
  }
  if (error == beast::http::error::bad_transfer_encoding) return kBadFraming;
  return kMalformed;
}

// RFC 9112 6.1 and 6.3: a body framed in two ways is how requests are smuggled.
std::optional<Refusal> frame_body(ParsedRequest& request) {
  RequestHeader& header = request.header;
  header.content_length.reset();
  header.chunked = false;
  const auto coding = header.fields.find("Transfer-Encoding");
  const auto length = header.fields.find("Content-Length");
  if (coding) {
    if (length || request.http_1_0) return kBadFraming;
    if (header.fields.count("Transfer-Encoding") != 1 || !equals_ignoring_case(*coding, "chunked")) return kBadCoding;
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
  Collector parser(request);
  parser.header_limit(static_cast<std::uint32_t>(block.size() + 1));
  parser.body_limit(boost::none);
  beast::error_code error;
  const std::size_t used = parser.put(boost::asio::const_buffer(block.data(), block.size()), error);
  if (error) return refusal_of(error, parser, block);
  if (used != block.size() || !parser.is_header_done()) return kMalformed;

  request.keep_alive = parser.keep_alive();
  if (request.header.target.size() > target_size_max) return kTargetTooLong;
  const std::size_t host_count = request.header.fields.count("Host");
  if (host_count > 1 || (host_count == 0 && !request.http_1_0)) return kBadHost;  // RFC 9112 3.2
  if (auto refusal = frame_body(request)) return refusal;
  request.expects_continue = expects_continue(request);
  return std::nullopt;
}

}  // namespace sluice::http
