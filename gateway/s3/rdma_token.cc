#include "gateway/s3/rdma_token.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "gateway/core/encoding.h"

namespace sluice::s3 {
namespace {

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

std::string little_endian(std::uint64_t value, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
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
  Window found{.token = {}, .fields = kDescriptorWidths.size()};
  found.token.window.address = number(fields[0]);
  found.token.window.size = number(fields[1]);
  return found;
}

std::optional<Window> reliable_window(std::string_view digits) {
  const std::uint64_t transport = number(digits.substr(0, 2));
  if (transport > 1) return std::nullopt;
  Window found{.token = {}, .fields = 1};
  ClientWindow& window = found.token.window;
  window.address = little_endian(digits.substr(50, 16));
  window.size = little_endian(digits.substr(66, 16));
  if (transport == 0) return found;
  found.token.transport = RdmaToken::Transport::reliable;
  window.queue_pair = static_cast<std::uint32_t>(little_endian(digits.substr(2, 8)));
  for (std::size_t i = 0; i < window.device.size(); ++i) {
    window.device[i] = static_cast<std::uint8_t>(number(digits.substr(10 + 2 * i, 2)));
  }
  window.key = static_cast<std::uint32_t>(little_endian(digits.substr(42, 8)));
  return found;
}

}  // namespace

std::optional<RdmaToken> parse_rdma_token(std::string_view text) {
  if (text.ends_with(';')) text.remove_suffix(1);
  const auto fields = split(text);
  if (fields.empty() || !std::ranges::all_of(fields, is_hex)) return std::nullopt;
  const auto found = fields[0].size() == kReliableDigits ? reliable_window(fields[0]) : dynamic_window(fields);
  if (!found) return std::nullopt;
  RdmaToken token = found->token;
  ClientWindow& window = token.window;
  if (window.size > UINT64_MAX - window.address) return std::nullopt;
  if (fields.size() == found->fields) return token;

  if (fields.size() != found->fields + 2) return std::nullopt;
  const std::string_view address = fields[found->fields], size = fields[found->fields + 1];
  if (address.size() > kNumberDigitsMax || size.size() > kNumberDigitsMax) return std::nullopt;
  const std::uint64_t begin = number(address), length = number(size);
  if (begin < window.address || length > window.size || begin - window.address > window.size - length) {
    return std::nullopt;
  }
  window.address = begin;
  window.size = length;
  return token;
}

std::string format_rdma_end(const RdmaEnd& end) {
  constexpr std::uint8_t kReliable = 1, kPort = 1;
  std::string bytes;
  bytes += static_cast<char>(kReliable);
  bytes += little_endian(end.queue_pair, 4);
  bytes.append(end.address.begin(), end.address.end());
  bytes.append(4 + 8 + 8, '\0');
  bytes += static_cast<char>(kPort);
  bytes.append(2, '\0');
  return to_hex(bytes);
}

}  // namespace sluice::s3
