#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/client_memory.h"

namespace sluice::s3 {

inline constexpr std::string_view kRdmaToken = "x-amz-rdma-token";
inline constexpr std::string_view kRdmaReply = "x-amz-rdma-reply";

/// The memory that a client of S3 over RDMA offers in x-amz-rdma-token for the object's bytes.
struct RdmaToken {
  /// How its queue pair is reached: dynamically connected, or by a connection made before.
  enum class Transport : std::uint8_t { dynamic, reliable };
  Transport transport = Transport::dynamic;
  ClientWindow window{};  ///< Of dynamic transport: address and size alone.
  friend bool operator==(const RdmaToken&, const RdmaToken&) = default;
};

/// Nothing if it is no token. Both kinds that clients send are known, in hexadecimal:
///
/// - cuObject's `ADDRESS:SIZE:RKEY:LID:DCTN:G:GID` of 16, 8, 8, 4, 6, 1 and 32 digits, G being 0 or 1;
/// - hipObject's 44 bytes, 88 digits, little-endian: transport, queue pair (4), GID (16), rkey (4),
///   address (8), size (8), port, LID (2).
///
/// `:ADDRESS:SIZE` may follow, up to 16 digits each: a transfer within that memory, which does not
/// reach beyond it. A `;` may end it. (versitygw's cumiddleware/cuobj.go, NIXL's RDMA_PROTOCOL.md,
/// hipObject's interop.rst.)
std::optional<RdmaToken> parse_rdma_token(std::string_view text);

/// The second kind, of a reliable connection's end, without memory.
std::string format_rdma_end(const RdmaEnd& end);

}  // namespace sluice::s3
