#include "auth/address_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace sluice::auth {

std::optional<IpAddress> parse_address(std::string_view raw) {
  const std::string text(raw.substr(0, raw.find('%')));
  IpAddress address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  std::array<unsigned char, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) != 1) return std::nullopt;
  address[10] = address[11] = 0xFF;
  std::ranges::copy(v4, address.begin() + 12);
  return address;
}

std::optional<AddressRange> parse_address_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_address(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_address(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return AddressRange{.first = *first, .last = *last};
}

}  // namespace sluice::auth
