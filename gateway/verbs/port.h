#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/client_memory.h"
#include "gateway/core/result.h"
#include "gateway/verbs/verbs.h"

namespace sluice::verbs {

/// `DEVICE` or `DEVICE:GID`, as the operator names the port.
struct PortName {
  std::string device;
  std::optional<std::uint32_t> gid;  ///< The number of its address; without it, one is chosen.
  friend bool operator==(const PortName&, const PortName&) = default;
};
/// Nothing if it is none.
std::optional<PortName> parse_port_name(std::string_view text);

/// Port 1 of an opened device, on Ethernet (RoCE version 2). What makes connections is safe for
/// concurrent use.
class Port {
 public:
  /// Throws std::runtime_error with a sentence for the operator.
  explicit Port(const PortName& name);

  ibv_context* context() const { return context_.get(); }
  ibv_pd* domain() const { return domain_.get(); }
  const RdmaAddress& address() const { return address_; }
  int completions_max() const { return attributes_.max_cqe; }

  /// A queue pair connected to `client`, of which `ours` is told the end: it sends, and answers
  /// nothing. Its operations complete on `completions`; at most `operations_max` at a time.
  /// May wait for the network to find the client. Fails as ClientMemory::connect().
  Result<Owned<ibv_qp>> connect(const RdmaEnd& client, RdmaEnd& ours, ibv_cq* completions,
                                std::uint32_t operations_max) const;

 private:
  void choose_address(const PortName& name);

  Owned<ibv_context> context_;
  Owned<ibv_pd> domain_;
  ibv_device_attr attributes_{};
  ibv_port_attr port_{};
  std::uint8_t gid_index_ = 0;
  RdmaAddress address_{};
};

}  // namespace sluice::verbs
