#include "gateway/gauges.h"

#include <prometheus/gauge.h>

namespace sluice {

void Gauges::set(const char* name, const char* help, std::uint64_t value) {
  auto& gauge = gauges_[name];
  if (gauge == nullptr) gauge = &prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add({});
  gauge->Set(static_cast<double>(value));
}

}  // namespace sluice
