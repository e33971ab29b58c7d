#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::local {

/// CRC32C as RocksDB's own code has it, by the table: `bytes` behind others whose CRC is `before`.
using RocksCrc32c = std::uint32_t (*)(std::uint32_t before, const char* bytes, std::size_t size);

/// Debian builds RocksDB for every x86-64 there is, and so without the instruction for CRC32C: it goes by a
/// table there, over each byte of the log and of blob files. The program therefore has a `rocksdb::crc32c::Extend`
/// of its own, which RocksDB calls instead, as its calls of it go by the dynamic symbol table: the same function,
/// by ISA-L. Where a RocksDB should call its own all the same, that is slower and nothing else.
///
/// Asking what stands behind the symbol is also what links it.
RocksCrc32c crc32c_that_rocks_calls();

/// The one that it would call otherwise; null if it has none.
RocksCrc32c crc32c_of_rocks();

}  // namespace sluice::local
