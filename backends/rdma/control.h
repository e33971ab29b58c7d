#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/rdma/seal.h"
#include "gateway/core/result.h"

namespace sluice::rdma {

/// A disk of the cluster, and where its node listens.
struct NodeAddress {
  Uuid incarnation;
  std::string host;
  std::string port;
  std::string zone;
};

/// A record, and what compare-and-set compares.
struct VersionedRecord {
  ExtentRecord record;
  std::uint64_t revision = 0;
};

struct NumberedRecord {
  ExtentNumber extent{};
  VersionedRecord versioned;
};

/// What the cluster has agreed on. Every implementation is linearizable: whoever reads
/// after a set() has returned sees it. Fails with unavailable when the truth cannot be
/// reached, and then a set() may have happened or not. Safe for concurrent use.
class Control {
 public:
  virtual ~Control() = default;

  virtual Task<std::vector<NodeAddress>> nodes() = 0;

  /// A number never given before, with this record.
  virtual Task<ExtentNumber> create(ExtentRecord record) = 0;
  virtual Task<std::optional<VersionedRecord>> find(ExtentNumber extent) = 0;
  /// False, and nothing done, if the record is not at `revision` any more.
  virtual Task<bool> set(ExtentNumber extent, std::uint64_t revision, ExtentRecord record) = 0;
  virtual Task<bool> erase(ExtentNumber extent, std::uint64_t revision) = 0;
  /// In ascending order, from `first` on, at most `count`.
  virtual Task<std::vector<NumberedRecord>> list(ExtentNumber first, std::size_t count) = 0;

  /// A run of a gateway begins or ends. While it is live nobody else seals or collects its extents.
  virtual Task<> enter(Uuid writer) = 0;
  virtual Task<> leave(Uuid writer) = 0;
  virtual Task<bool> is_live(Uuid writer) = 0;
};

}  // namespace sluice::rdma
