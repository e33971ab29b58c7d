#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "gateway/core/client_memory.h"
#include "gateway/core/log.h"
#include "gateway/verbs/port.h"

namespace sluice::verbs {

struct DeviceOptions {
  PortName port;
  std::size_t memory_size = 64 << 20;       ///< Of staging: a MiB a transfer.
  std::size_t connections_max = 256;        ///< Beyond, one that moves nothing, for longest, is given up.
  std::chrono::milliseconds timeout{5000};  ///< Of one operation, of at most a MiB.
};

/// Clients' memory by reliable connections of one RDMA device. A thread of its own waits for the
/// device and hears all completions; another makes connections, which may have to wait for the
/// network. Callers on I/O threads only sleep.
///
/// A connection of which an operation fails or takes too long is destroyed, with all that it has
/// under way: only then is it certain that the device touches none of that memory any more.
class Device final : public ClientMemory {
 public:
  /// Throws std::runtime_error with a sentence for the operator. `log` must outlive this.
  Device(const DeviceOptions& options, Log& log);
  /// Ends all connections. Nobody may be calling; transfers may still be there, and fail.
  ~Device() override;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Task<RdmaEnd> connect(std::string owner, RdmaEnd client) override;
  Task<std::unique_ptr<MemoryTransfer>> begin(std::string owner, ClientWindow window) override;

 private:
  class Work;
  class Transfer;
  std::shared_ptr<Work> work_;
};

}  // namespace sluice::verbs
