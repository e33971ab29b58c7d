#include "gateway/client_memory.h"

#include <stdexcept>

#if SLUICE_HAS_VERBS
#include "gateway/verbs/device.h"
#endif

namespace sluice {

std::unique_ptr<ClientMemory> open_client_memory(const Config& config, [[maybe_unused]] Log& log) {
  if (config.s3_rdma.empty()) return nullptr;
#if SLUICE_HAS_VERBS
  const auto port = verbs::parse_port_name(config.s3_rdma);
  if (!port) throw std::invalid_argument("s3-rdma: write DEVICE or DEVICE:GID, not '" + config.s3_rdma + "'");
  return std::make_unique<verbs::Device>(verbs::DeviceOptions{.port = *port, .memory_size = config.s3_rdma_memory_size},
                                         log);
#else
  throw std::invalid_argument("s3-rdma: this program was built without libibverbs");
#endif
}

}  // namespace sluice
