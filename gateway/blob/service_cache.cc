#include "gateway/blob/service_cache.h"

namespace sluice::blob {

std::shared_ptr<const ServiceProperties> ServiceCache::find(const std::string& account) const {
  const UtcTime now = clock_.now();
  const std::scoped_lock lock(mutex_);
  const auto found = known_.find(account);
  const bool is_fresh = found != known_.end() && now >= found->second.read && now - found->second.read <= kAgeMax;
  return is_fresh ? found->second.properties : nullptr;
}

void ServiceCache::put(const std::string& account, std::shared_ptr<const ServiceProperties> properties) {
  const UtcTime now = clock_.now();
  const std::scoped_lock lock(mutex_);
  known_[account] = {.properties = std::move(properties), .read = now};
}

}  // namespace sluice::blob
