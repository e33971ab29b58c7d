#pragma once

#include <optional>
#include <vector>

#include "backends/rdma/erasure.h"
#include "backends/rdma/identity.h"
#include "backends/rdma/wire.h"

namespace sluice::rdma {

/// How far an extent is in its life; the numbers are stored. One that is coded has its length as a sealed one
/// has, and is kept in a stripe instead of on members.
enum class ExtentState : std::uint8_t { open = 1, sealing = 2, sealed = 3, coded = 4 };

/// A part of a stripe: an extent of its own, on one disk. Its record never changes once it is sealed.
struct Fragment {
  ExtentNumber extent{};
  Uuid disk;
  friend bool operator==(const Fragment&, const Fragment&) = default;
};

/// Extents that are coded together (striping.h). It has a number and a record as extents have, but no bytes.
struct Stripe {
  struct Place {
    ExtentNumber extent{};
    Pages pages = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

  Scheme scheme;
  std::vector<Place> places;        ///< As many as data fragments: what is in which.
  std::vector<Fragment> fragments;  ///< Data before parity; none while they are made.
  friend bool operator==(const Stripe&, const Stripe&) = default;
};

/// One of the fragments of a stripe.
struct StripePlace {
  ExtentNumber stripe{};
  std::uint8_t index = 0;
  friend bool operator==(const StripePlace&, const StripePlace&) = default;
};

/// What the cluster has agreed on about an extent. Changed only by comparing and
/// setting it in the control store.
struct ExtentRecord {
  ExtentState state = ExtentState::open;
  Epoch epoch{1};
  Uuid writer;                ///< The run of a gateway that may append while it is open.
  std::vector<Uuid> members;  ///< The disk incarnations that have it; once sealed: all of it, as each has said.
  /// Disks that may have some of it, and keep what they have, but do not count: members that had not all of it
  /// when it was sealed, and disks it is being copied to. Theirs may be the only good copy of a run.
  std::vector<Uuid> partial{};
  Pages pages = 0;             ///< Its length, once sealed; before, a length that it has at least.
  std::uint64_t sealed_s = 0;  ///< When it was sealed, in seconds since 1970; 0: not known.
  /// Of a coded extent, which has no members: where it is. Of a fragment, which has one: what it was made to be,
  /// and its stripe's record says whether it is.
  std::optional<StripePlace> place{};
  /// Runs of a sealed extent that some copies may lack bytes of: they were whole on no disk that was there. In the
  /// order of their pages. While there are any, disks that may have them stay among the partial ones.
  std::vector<Run> lost{};
  std::optional<Stripe> stripe{};  ///< Of a stripe, which has no members; sealed once its fragments are known.
  friend bool operator==(const ExtentRecord&, const ExtentRecord&) = default;
};

/// Whether it has its length for good.
bool is_final(const ExtentRecord& record);

/// Whether it is, or was, appended to by a gateway, and is on its members: no stripe, and in none.
bool is_replicated(const ExtentRecord& record);
/// Whether it is, or was made to be, a fragment of a stripe.
bool is_fragment(const ExtentRecord& record);

/// Whether the disk must keep what it has of the extent with this record; null: there is none.
bool counts_on(const ExtentRecord* record, const Uuid& disk);

/// The record of a seal that begins: nobody's earlier seal can end any more. The extent
/// must not be final. `acknowledged`: the length that is known to be acknowledged.
ExtentRecord begin_seal(const ExtentRecord& record, Pages acknowledged = 0);

/// One attempt to seal an extent, by whoever does it. Pure.
///
/// The rule (docs/rdma.md): fence every member. Of those that saw the extent grow, the smallest
/// durable length is the extent's. If only such answer as restarted since, it takes two of them, and
/// the greatest of their lengths counts: who has less may have lost what was acknowledged. Members
/// are those that have the length.
class Sealing {
 public:
  /// `begun` is a record of begin_seal() that has been set.
  explicit Sealing(ExtentRecord begun) : begun_(std::move(begun)), answers_(begun_.members.size()) {}

  Epoch epoch() const { return begun_.epoch; }
  const ExtentRecord& begun() const { return begun_; }

  /// The member is fenced at epoch(), and this much is durable there; `certain`: never was
  /// more (Replica::is_certain).
  void fenced(std::size_t member, Pages durable, bool certain) { answers_.at(member) = {durable, certain}; }
  /// The member's disk is of the cluster no more: it will never answer.
  void gone(std::size_t member);

  bool possible() const;  ///< Enough have answered.
  bool complete() const;  ///< All have that ever will.

  /// What to set in place of begun(), and only of that. Needs possible().
  ExtentRecord sealed() const;

 private:
  struct Answer {
    Pages durable = 0;
    bool certain = false;
  };

  std::optional<Pages> length() const;

  ExtentRecord begun_;
  std::vector<std::optional<Answer>> answers_;
  std::size_t gone_ = 0;
};

}  // namespace sluice::rdma
