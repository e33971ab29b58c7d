#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"

namespace sluice::auth {

/// The users by access key, fixed at construction. Safe for concurrent use.
class Credentials {
 public:
  /// Throws std::invalid_argument for a repeated or empty access key, or an empty secret.
  explicit Credentials(std::vector<User> users);

  /// The user of an access key, or null.
  std::shared_ptr<const User> find(std::string_view access_key) const;

 private:
  std::map<std::string, std::shared_ptr<const User>, std::less<>> users_;
};

}  // namespace sluice::auth
