#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::rdma {

/// Into how many data fragments an extent is cut, and how many parity fragments are made of them: any
/// `data` of all are enough to have everything.
struct Scheme {
  std::uint8_t data = 0;
  std::uint8_t parity = 0;

  std::size_t count() const { return std::size_t{data} + parity; }
  friend bool operator==(const Scheme&, const Scheme&) = default;
};

/// "4+2", and back; only of the schemes there are: 4+2 and 6+3.
std::string to_text(const Scheme& scheme);
std::optional<Scheme> scheme_of(std::string_view text);

/// The same range of one fragment; data fragments come first, parity fragments behind them.
struct KnownPart {
  std::size_t fragment = 0;
  std::span<const std::byte> bytes;
};
struct WantedPart {
  std::size_t fragment = 0;
  std::span<std::byte> bytes;
};

/// Makes the `wanted` parts of the `known` ones: parity of data, or whatever is lost of what is left.
/// Exactly `scheme.data` different ones are known, none of the wanted is among them, and all are as long.
/// The code is a Cauchy Reed-Solomon code over GF(2^8) (docs/rdma.md): a stored format. Pure.
void make_parts(const Scheme& scheme, std::span<const KnownPart> known, std::span<const WantedPart> wanted);

}  // namespace sluice::rdma
