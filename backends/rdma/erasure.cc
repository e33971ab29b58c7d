#include "backends/rdma/erasure.h"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <cassert>
#include <vector>

namespace sluice::rdma {
namespace {

constexpr Scheme kSchemes[] = {{4, 2}, {6, 3}};
constexpr std::size_t kTableSize = 32;  // Of one coefficient, as ISA-L wants them.

using Matrix = std::vector<unsigned char>;

// A row says what a fragment is of the data fragments. Any `data` rows of it can be inverted.
Matrix all_rows(const Scheme& scheme) {
  Matrix rows(scheme.count() * scheme.data);
  gf_gen_cauchy1_matrix(rows.data(), static_cast<int>(scheme.count()), scheme.data);
  return rows;
}

// What the data fragments are of the known ones.
Matrix inverse_of(const Matrix& rows, const Scheme& scheme, std::span<const KnownPart> known) {
  Matrix chosen;
  for (const KnownPart& part : known) {
    const auto row = rows.begin() + static_cast<std::ptrdiff_t>(part.fragment * scheme.data);
    chosen.insert(chosen.end(), row, row + scheme.data);
  }
  Matrix inverse(chosen.size());
  [[maybe_unused]] const int singular = gf_invert_matrix(chosen.data(), inverse.data(), scheme.data);
  assert(singular == 0);
  return inverse;
}

// What each wanted fragment is of the known ones.
Matrix coefficients(const Scheme& scheme, std::span<const KnownPart> known, std::span<const WantedPart> wanted) {
  const std::size_t k = scheme.data;
  const Matrix rows = all_rows(scheme), inverse = inverse_of(rows, scheme, known);
  Matrix made(wanted.size() * k, 0);
  for (std::size_t n = 0; n < wanted.size(); ++n) {
    for (std::size_t column = 0; column < k; ++column) {
      for (std::size_t j = 0; j < k; ++j) {
        made[n * k + column] ^= gf_mul(rows[wanted[n].fragment * k + j], inverse[j * k + column]);
      }
    }
  }
  return made;
}

}  // namespace

std::string to_text(const Scheme& scheme) { return std::to_string(scheme.data) + "+" + std::to_string(scheme.parity); }

std::optional<Scheme> scheme_of(std::string_view text) {
  const auto* const found =
      std::ranges::find_if(kSchemes, [text](const Scheme& scheme) { return to_text(scheme) == text; });
  return found == std::end(kSchemes) ? std::nullopt : std::optional(*found);
}

void make_parts(const Scheme& scheme, std::span<const KnownPart> known, std::span<const WantedPart> wanted) {
  assert(known.size() == scheme.data);
  if (wanted.empty()) return;
  const std::size_t length = wanted.front().bytes.size();
  Matrix rows = coefficients(scheme, known, wanted);
  Matrix tables(kTableSize * rows.size());
  ec_init_tables(scheme.data, static_cast<int>(wanted.size()), rows.data(), tables.data());
  std::vector<unsigned char*> from, into;
  for (const KnownPart& part : known) {
    assert(part.bytes.size() == length);
    // ISA-L only reads these.
    from.push_back(reinterpret_cast<unsigned char*>(const_cast<std::byte*>(part.bytes.data())));
  }
  for (const WantedPart& part : wanted) {
    assert(part.bytes.size() == length);
    into.push_back(reinterpret_cast<unsigned char*>(part.bytes.data()));
  }
  ec_encode_data(static_cast<int>(length), scheme.data, static_cast<int>(wanted.size()), tables.data(), from.data(),
                 into.data());
}

}  // namespace sluice::rdma
