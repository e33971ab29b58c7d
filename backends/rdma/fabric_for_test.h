#pragma once

#include <cstdlib>

#include "backends/rdma/fabric.h"

namespace sluice::rdma {

/// What tests run over: libfabric's tcp on loopback, or where they are told so, another
/// provider (SLUICE_TEST_PROVIDER) at its address (SLUICE_TEST_HOST).
inline FabricOptions fabric_for_test() {
  const char* const provider = std::getenv("SLUICE_TEST_PROVIDER");
  const char* const host = std::getenv("SLUICE_TEST_HOST");
  return {.provider = provider != nullptr ? provider : "tcp", .host = host != nullptr ? host : "127.0.0.1"};
}

}  // namespace sluice::rdma
