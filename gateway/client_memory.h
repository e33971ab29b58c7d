#pragma once

#include <memory>

#include "gateway/config.h"
#include "gateway/core/client_memory.h"
#include "gateway/core/log.h"

namespace sluice {

/// The memory of clients of S3 over RDMA; null where the configuration has it off. Throws
/// std::invalid_argument and std::runtime_error with a sentence for the operator. `log` must
/// outlive it.
std::unique_ptr<ClientMemory> open_client_memory(const Config& config, Log& log);

}  // namespace sluice
