#pragma once

#include <optional>
#include <vector>

#include "backends/rdma/identity.h"

namespace sluice::rdma {

/// The writer's view of one open extent: where the next run goes, and how far it is
/// acknowledged. Pure.
///
/// The rule (docs/rdma.md): what lies below the durable length of *every* member is
/// acknowledged, and nothing else is until the extent is sealed.
class AppendWindow {
 public:
  AppendWindow(std::size_t member_count, Pages capacity) : durable_(member_count), capacity_(capacity) {}

  /// The page of the next run, `count` pages long; nothing if it does not fit or the
  /// window is closed.
  std::optional<Pages> reserve(Pages count);

  /// The member says that everything below `end` is durable there.
  void durable(std::size_t member, Pages end);

  /// No more is reserved: the extent is full, or going to be sealed.
  void close() { closed_ = true; }
  bool closed() const { return closed_; }

  /// The end of what every member has.
  Pages acknowledged() const;
  Pages next() const { return next_; }

 private:
  std::vector<Pages> durable_;
  Pages capacity_;
  Pages next_ = 0;
  bool closed_ = false;
};

}  // namespace sluice::rdma
