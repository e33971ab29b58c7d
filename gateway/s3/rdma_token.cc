#include "gateway/s3/rdma_token.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "gateway/core/encoding.h"
#include "gateway/s3/headers.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kToken = "x-amz-rdma-token";
constexpr std::array<std::size_t, 7> kDescriptorWidths = {16, 8, 8, 4, 6, 1, 32};
constexpr std::size_t kReliableDigits = 88, kNumberDigitsMax = 16, kFieldsMax = kDescriptorWidths.size() + 2;

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

/// Up to 16 digits.
std::uint64_t number(std::string_view digits) {
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

/// As number(), of bytes in little-endian order.
std::uint64_t little_endian(std::string_view digits) {
  std::uint64_t value = 0;
  for (std::size_t at = digits.size(); at > 0; at -= 2) value = value << 8 | number(digits.substr(at - 2, 2));
  return value;
}

/// The fields between colons; none where there are too many.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> fields;
  while (fields.size() < kFieldsMax) {
    const auto colon = text.find(':');
    fields.push_back(text.substr(0, colon));
    if (colon == text.npos) return fields;
    text.remove_prefix(colon + 1);
  }
  return {};
}

/// The memory, and how many of the fields say it.
struct Window {
  RdmaToken token;
  std::size_t fields = 0;
};

std::optional<Window> dynamic_window(const std::vector<std::string_view>& fields) {
  if (fields.size() < kDescriptorWidths.size()) return std::nullopt;
  for (std::size_t i = 0; i < kDescriptorWidths.size(); ++i) {
    if (fields[i].size() != kDescriptorWidths[i]) return std::nullopt;
  }
  if (fields[5] != "0" && fields[5] != "1") return std::nullopt;
  return Window{{RdmaToken::Transport::dynamic, number(fields[0]), number(fields[1])}, kDescriptorWidths.size()};
}

std::optional<Window> reliable_window(std::string_view digits) {
  const std::uint64_t transport = number(digits.substr(0, 2));
  if (transport > 1) return std::nullopt;
  const auto kind = transport == 0 ? RdmaToken::Transport::dynamic : RdmaToken::Transport::reliable;
  return Window{{kind, little_endian(digits.substr(50, 16)), little_endian(digits.substr(66, 16))}, 1};
}

}  // namespace

std::optional<RdmaToken> parse_rdma_token(std::string_view text) {
  if (text.ends_with(';')) text.remove_suffix(1);
  const auto fields = split(text);
  if (fields.empty() || !std::ranges::all_of(fields, is_hex)) return std::nullopt;
  const auto window = fields[0].size() == kReliableDigits ? reliable_window(fields[0]) : dynamic_window(fields);
  if (!window) return std::nullopt;
  RdmaToken token = window->token;
  if (token.size > UINT64_MAX - token.address) return std::nullopt;
  if (fields.size() == window->fields) return token;

  if (fields.size() != window->fields + 2) return std::nullopt;
  const std::string_view address = fields[window->fields], size = fields[window->fields + 1];
  if (address.size() > kNumberDigitsMax || size.size() > kNumberDigitsMax) return std::nullopt;
  const std::uint64_t begin = number(address), length = number(size);
  if (begin < token.address || length > token.size || begin - token.address > token.size - length) return std::nullopt;
  token.address = begin;
  token.size = length;
  return token;
}

Outcome<> check_rdma(const Call& call) {
  if (!call.fields->has(kToken)) return {};
  if (!parse_rdma_token(joined(*call.fields, kToken))) {
    return std::unexpected(Failure(Code::invalid_argument, "The x-amz-rdma-token header is not an RDMA token.")
                               .with("ArgumentName", std::string(kToken)));
  }
  const http::RequestHeader& header = call.request.header;
  const Operation operation = call.row->operation;
  const bool takes_bytes = operation == Operation::put_object || operation == Operation::upload_part;
  const bool has_body = header.chunked || header.content_length.value_or(0) != 0;
  if (operation != Operation::get_object && (!takes_bytes || has_body)) return {};
  return std::unexpected(Failure(Code::not_implemented,
                                 "Objects are not transferred over RDMA here. Send the request again over HTTP, "
                                 "without x-amz-rdma-token.")
                             .with("Header", std::string(kToken)));
}

}  // namespace sluice::s3
