#include "auth/credentials.h"

#include <stdexcept>

namespace sluice::auth {

Credentials::Credentials(std::vector<User> users) {
  for (User& user : users) {
    if (user.access_key.empty()) throw std::invalid_argument("user " + user.name + " has no access key");
    if (user.secret_key.empty()) throw std::invalid_argument("user " + user.name + " has no secret key");
    std::string access_key = user.access_key;
    const auto [place, added] = users_.try_emplace(std::move(access_key), nullptr);
    if (!added) throw std::invalid_argument("two users have the access key " + place->first);
    place->second = std::make_shared<const User>(std::move(user));
  }
}

std::shared_ptr<const User> Credentials::find(std::string_view access_key) const {
  const auto found = users_.find(access_key);
  return found == users_.end() ? nullptr : found->second;
}

}  // namespace sluice::auth
