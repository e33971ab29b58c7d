#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "gateway/blob/service_properties.h"
#include "gateway/core/clock.h"

namespace sluice::blob {

/// The properties of accounts as they were read, or set here, a few seconds ago: every request
/// asks for them. Good where no other process sets them. Safe for concurrent use.
class ServiceCache {
 public:
  static constexpr std::chrono::seconds kAgeMax{5};

  explicit ServiceCache(const Clock& clock) : clock_(clock) {}

  /// Null: they have to be read.
  std::shared_ptr<const ServiceProperties> find(const std::string& account) const;
  void put(const std::string& account, std::shared_ptr<const ServiceProperties> properties);

 private:
  struct Known {
    std::shared_ptr<const ServiceProperties> properties;
    UtcTime read;
  };
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;  ///< No larger than there are accounts.
};

}  // namespace sluice::blob
