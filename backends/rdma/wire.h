#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backends/rdma/identity.h"
#include "gateway/core/result.h"

namespace sluice::rdma {

/// The messages between gateways and extent nodes, as values and as bytes:
/// docs/rdma.md. Pure; every number is little-endian, every frame has a checksum.

/// Of every frame, and the lowest version of the protocol that is spoken.
inline constexpr std::uint16_t kWireVersion = 1;
/// The highest: what version_of() says to be of it is sent to nobody who speaks less.
inline constexpr std::uint16_t kWireVersionMax = 2;
inline constexpr std::size_t kFrameSizeMax = 256;
inline constexpr std::size_t kFrameHeadSize = 24;
inline constexpr std::size_t kFrameSizeAt = 16;  ///< Where a frame has its own size, in 32 bits.

using Nonce = std::array<std::uint8_t, 32>;
using Mac = std::array<std::uint8_t, 32>;  ///< HMAC-SHA256.

/// Memory of the sender that the receiver may read or write until it has answered.
struct RemoteMemory {
  std::uint64_t address = 0;
  std::uint64_t key = 0;
  std::uint32_t size = 0;
  friend bool operator==(const RemoteMemory&, const RemoteMemory&) = default;
};

/// One replica: an extent on one formatting of one disk. A disk that was replaced
/// or formatted anew has another incarnation, and refuses.
struct Replicated {
  Uuid incarnation;
  ExtentNumber extent{};
  friend bool operator==(const Replicated&, const Replicated&) = default;
};

/// A stored run: where it begins in its extent, how long it is, its CRC32C.
struct Run {
  Pages page = 0;
  std::uint32_t length = 0;
  std::uint32_t crc32c = 0;
  friend bool operator==(const Run&, const Run&) = default;
};

/// The first message of a connection, from the gateway.
struct Hello {
  std::uint16_t version_min = kWireVersion;
  std::uint16_t version_max = kWireVersionMax;
  Uuid cluster;
  Nonce nonce{};
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// The node's answer: the highest version that both speak, its own challenge, and that it knows the secret.
struct Challenge {
  std::uint16_t version = kWireVersion;
  Uuid incarnation;
  Nonce nonce{};
  Mac mac{};
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

/// That the gateway knows the secret too. Nothing else is heard before it.
struct Proof {
  Mac mac{};
  friend bool operator==(const Proof&, const Proof&) = default;
};

/// Pull a run out of `from` and make it durable at its page, which must be the next.
struct Append {
  Replicated replica;
  Epoch epoch{};
  Run run;
  RemoteMemory from;
  friend bool operator==(const Append&, const Append&) = default;
};

/// Push `length` bytes of a run, from `offset`, into `to`.
struct Read {
  Replicated replica;
  Run run;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  RemoteMemory to;
  friend bool operator==(const Read&, const Read&) = default;
};

/// Shut out lower epochs, for good, and say how much is durable.
struct Fence {
  Replicated replica;
  Epoch epoch{};
  friend bool operator==(const Fence&, const Fence&) = default;
};

/// The extent is `pages` long for ever; what lies behind was never acknowledged.
struct Seal {
  Replicated replica;
  Epoch epoch{};
  Pages pages = 0;
  friend bool operator==(const Seal&, const Seal&) = default;
};

/// Nobody needs the run at this page any more.
struct Release {
  Replicated replica;
  Pages page = 0;
  friend bool operator==(const Release&, const Release&) = default;
};

/// Push the runs at and behind `page` into `to`, as encoded by encode_runs().
struct List {
  Replicated replica;
  Pages page = 0;
  RemoteMemory to;
  friend bool operator==(const List&, const List&) = default;
};

/// How is the disk?
struct Status {
  friend bool operator==(const Status&, const Status&) = default;
};

/// Why a request was refused; the numbers are of the wire.
enum class Refusal : std::uint16_t {
  none = 0,
  unauthenticated = 1,
  wrong_incarnation = 2,
  fenced = 3,
  out_of_order = 4,  ///< An append that is not at the extent's end.
  sealed = 5,
  no_such_run = 6,
  corrupt = 7,  ///< Stored bytes, or those pulled, do not match their checksum.
  out_of_space = 8,
  invalid = 9,
  io = 10,
};

/// The answer to everything but Hello. What `value` means depends on the request:
/// Append, AppendLacking, Fence: the pages that are durable from the extent's beginning. Release:
/// the runs still there. List, Inspect: the page to go on from, or 0. Status: free slabs.
/// Patch: 1 if all of the run is right now.
/// To a Fence `size` is 1 if the node is certain that never more was durable; to a Status it
/// is all slabs (0: a node that does not say it).
struct Reply {
  Refusal refusal = Refusal::none;
  std::uint64_t value = 0;
  std::uint32_t size = 0;    ///< Bytes pushed.
  std::uint32_t crc32c = 0;  ///< Of those bytes.
  friend bool operator==(const Reply&, const Reply&) = default;
};

/// As List, of a sealed extent, but goes on behind headers that cannot be read: as encoded by encode_survey().
struct Inspect {
  Replicated replica;
  Pages page = 0;
  RemoteMemory to;
  friend bool operator==(const Inspect&, const Inspect&) = default;
};

/// Push the header of the run at `page` into `to`, as the page that it is on the disk.
struct Describe {
  Replicated replica;
  Pages page = 0;
  RemoteMemory to;
  friend bool operator==(const Describe&, const Describe&) = default;
};

inline constexpr std::size_t kBlocksMax = 16;  ///< Of a run.

/// CRC32C of each block of a run; zero behind its last.
struct BlockSums {
  std::array<std::uint32_t, kBlocksMax> sums{};
  friend bool operator==(const BlockSums&, const BlockSums&) = default;
};

/// As Append, of a run that *lacks* bytes: those of some blocks are not what their checksums say.
struct AppendLacking {
  Replicated replica;
  Epoch epoch{};
  Run run;
  BlockSums blocks;
  RemoteMemory from;
  friend bool operator==(const AppendLacking&, const AppendLacking&) = default;
};

/// Pull the bytes of a run of a sealed extent out of `from`, and take the blocks that are right in place of those that
/// are not.
struct Patch {
  Replicated replica;
  Run run;
  RemoteMemory from;
  friend bool operator==(const Patch&, const Patch&) = default;
};

/// In the order of their numbers on the wire, which start at 1.
using Message = std::variant<Hello, Challenge, Proof, Append, Read, Fence, Seal, Release, List, Status, Reply, Inspect,
                             Describe, AppendLacking, Patch>;

/// The version from which on there are runs that lack bytes.
inline constexpr std::uint16_t kLackingSpoken = 2;

/// The version from which on there is such a message.
std::uint16_t version_of(const Message& message);

/// A message and the number its answer repeats.
struct Envelope {
  std::uint64_t request = 0;
  Message message;
};

/// At most kFrameSizeMax bytes.
std::string encode(const Envelope& envelope);

/// Fails with invalid_request for everything that encode() cannot have made.
Result<Envelope> decode(std::span<const std::byte> frame);

inline constexpr std::size_t kListedRunSize = 12;

/// The payload of a List: kListedRunSize bytes a run.
std::string encode_runs(std::span<const Run> runs);
Result<std::vector<Run>> decode_runs(std::string_view bytes);

}  // namespace sluice::rdma
