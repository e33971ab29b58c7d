#pragma once

#include <functional>
#include <memory>

#include "backends/rdma/control.h"

namespace sluice::test {

/// A control store that a test can make somebody silent in.
class ControlFixture {
 public:
  virtual ~ControlFixture() = default;
  virtual rdma::Control& control() = 0;
  /// Another process's way to the same truth.
  virtual rdma::Control& other() = 0;
  /// Waits until `who`, which nobody keeps any more, is not alive.
  virtual void silence(const rdma::Uuid& who) = 0;
};

using MakeControl = std::function<std::unique_ptr<ControlFixture>()>;

/// The cases every Control must pass, as sections of the calling TEST_CASE.
void check_control_contract(const MakeControl& make);

}  // namespace sluice::test
