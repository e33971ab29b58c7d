#pragma once

#include <prometheus/registry.h>

#include <cstdint>
#include <map>
#include <string>

namespace prometheus {
class Gauge;
}

namespace sluice {

/// Figures without labels in a registry, each made when it is first set. Of one thread;
/// the registry must outlive it.
class Gauges {
 public:
  explicit Gauges(prometheus::Registry& registry) : registry_(registry) {}

  void set(const char* name, const char* help, std::uint64_t value);

 private:
  prometheus::Registry& registry_;
  std::map<std::string, prometheus::Gauge*> gauges_;
};

}  // namespace sluice
