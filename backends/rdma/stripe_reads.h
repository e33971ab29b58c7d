#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "backends/rdma/node_client.h"
#include "backends/rdma/striping.h"

namespace sluice::rdma {

class Cluster;
struct RunPlace;

/// Reads of what is in stripes. What a fragment's disk does not give, or not soon, is made of the same part
/// of others (a *degraded* read). Of the fabric's thread, and gone with its cluster.
class StripeReads {
 public:
  explicit StripeReads(Cluster& cluster) : cluster_(cluster) {}

  /// Bytes of a run of a coded extent, checked against the checksums of its blocks, or its own. Fails with corrupt
  /// where the record does not have that run.
  Task<Chunk> read(ExtentRecord coded, RunPlace place, Run run, ByteRange range);

  /// A range of what a fragment has, from wherever it comes. Behind the fragment's end all is zero.
  Task<std::string> range_of(const Stripe& stripe, std::size_t fragment, ByteRange range);

  /// A part of a fragment, from its own disk and nowhere else.
  Task<Chunk> stored(Stripe stripe, FragmentPart part);

 private:
  Task<Chunk> part_of(Stripe stripe, FragmentPart part);
  Task<Chunk> made(Stripe stripe, FragmentPart part);
  Task<Run> window_at(const Fragment& fragment, Pages window, std::uint32_t length);
  bool is_suspect(const Uuid& disk) const;

  Cluster& cluster_;
  std::unordered_map<ExtentId, std::uint32_t> checksums_;  ///< Of windows. A fragment's never change.
};

}  // namespace sluice::rdma
