#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "gateway/core/result.h"

namespace sluice {

/// How a device is addressed: for RDMA over Ethernet an IP address, an IPv4 one mapped into IPv6.
using RdmaAddress = std::array<std::uint8_t, 16>;

/// One end of a reliable connection between two devices, as the other end needs to know it.
struct RdmaEnd {
  RdmaAddress address{};
  std::uint32_t queue_pair = 0;    ///< 24 bits.
  std::uint32_t first_packet = 0;  ///< The number of the first packet that it sends; 24 bits.
  std::uint32_t mtu = 0;           ///< Of its packets, in bytes: 256, 512, 1024, 2048 or 4096.
  friend bool operator==(const RdmaEnd&, const RdmaEnd&) = default;
};

/// A part of a client's memory, and the end of the connection that reaches it.
struct ClientWindow {
  RdmaAddress device{};
  std::uint32_t queue_pair = 0;
  std::uint32_t key = 0;  ///< What its device gave it for the memory: the rkey.
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  friend bool operator==(const ClientWindow&, const ClientWindow&) = default;
};

/// Moves bytes between staging memory of its own and one client's window. One caller at a
/// time. The memory and the place among all transfers are given back with it.
///
/// read() and write() fail with unavailable where the client's device refuses or does not
/// answer in time; the connection is gone then, and no byte is moved by it any more.
class MemoryTransfer {
 public:
  virtual ~MemoryTransfer() = default;

  /// What read() fills and write() empties, from its beginning.
  virtual std::span<std::byte> staging() = 0;

  /// Fetches `length` bytes from `offset` of the window, which they must be within.
  virtual Task<> read(std::uint64_t offset, std::size_t length) = 0;
  /// Stores `length` bytes at `offset` of the window, which they must be within. Returns once
  /// they are in the client's memory.
  virtual Task<> write(std::uint64_t offset, std::size_t length) = 0;
};

/// The memory of clients, as this process reaches it: by reliable connections that they
/// asked for. No client reaches ours. Safe for concurrent use.
class ClientMemory {
 public:
  virtual ~ClientMemory() = default;

  /// Makes our end of a connection to `client` for `owner`, in place of an earlier one to the
  /// same end. The MTU of the answer is that of both. Fails with invalid_argument where there
  /// can be no such end, unavailable where the device makes no more, and busy where there are too many.
  virtual Task<RdmaEnd> connect(std::string owner, RdmaEnd client) = 0;

  /// Begins to move bytes by the connection that this owner asked for. Fails with
  /// invalid_request where there is none, and busy where too much is under way; nothing waits.
  virtual Task<std::unique_ptr<MemoryTransfer>> begin(std::string owner, ClientWindow window) = 0;
};

}  // namespace sluice
