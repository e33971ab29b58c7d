#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace sluice::auth {

/// An IP address; IPv4 ones are mapped into IPv6 (RFC 4291 2.5.5.2), so that both compare.
using IpAddress = std::array<unsigned char, 16>;

/// Nothing if `text` is not an address. A zone (`%eth0`) is left out.
std::optional<IpAddress> parse_address(std::string_view text);

/// The addresses from one to another, both included.
struct AddressRange {
  IpAddress first{};
  IpAddress last{};
  bool contains(const IpAddress& address) const { return first <= address && address <= last; }
};

/// `168.1.5.65` or `168.1.5.60-168.1.5.70`; nothing if it is neither.
std::optional<AddressRange> parse_address_range(std::string_view text);

}  // namespace sluice::auth
