#pragma once

#include <optional>
#include <vector>

#include "backends/rdma/identity.h"

namespace sluice::rdma {

/// How far an extent is in its life; the numbers are stored.
enum class ExtentState : std::uint8_t { open = 1, sealing = 2, sealed = 3 };

/// What the cluster has agreed on about an extent. Changed only by comparing and
/// setting it in the control store.
struct ExtentRecord {
  ExtentState state = ExtentState::open;
  Epoch epoch{1};
  Uuid writer;                ///< The run of a gateway that may append while it is open.
  std::vector<Uuid> members;  ///< The disk incarnations that have it.
  Pages pages = 0;            ///< Its length, once sealed.
  friend bool operator==(const ExtentRecord&, const ExtentRecord&) = default;
};

/// The record of a seal that begins: nobody's earlier seal can end any more. The extent
/// must not be sealed.
ExtentRecord begin_seal(const ExtentRecord& record);

/// One attempt to seal an extent, by whoever does it. Pure.
///
/// The rule (docs/rdma.md): fence every member; of those that answered, at least one,
/// the smallest durable length is the extent's, and they are its members.
class Sealing {
 public:
  /// `begun` is a record of begin_seal() that has been set.
  explicit Sealing(ExtentRecord begun) : begun_(std::move(begun)), durable_(begun_.members.size()) {}

  Epoch epoch() const { return begun_.epoch; }
  const ExtentRecord& begun() const { return begun_; }

  /// The member is fenced at epoch(), and this much is durable there.
  void fenced(std::size_t member, Pages durable) { durable_.at(member) = durable; }

  bool possible() const;  ///< At least one has answered.
  bool complete() const;  ///< All have.

  /// What to set in place of begun(), and only of that. Needs possible().
  ExtentRecord sealed() const;

 private:
  ExtentRecord begun_;
  std::vector<std::optional<Pages>> durable_;
};

}  // namespace sluice::rdma
