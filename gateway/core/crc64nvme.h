#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// One way of computing CRC-64/NVME (NVM Command Set Specification, 64b CRC:
/// reflected 0x9A6C9329AC4BC9B5, initial and final inversion). `before` is the
/// CRC of what precedes; both give the same answer for every input.
std::uint64_t crc64nvme_by_table(std::string_view bytes, std::uint64_t before);
std::uint64_t crc64nvme_by_clmul(std::string_view bytes, std::uint64_t before);  ///< Needs PCLMULQDQ.

}  // namespace sluice
