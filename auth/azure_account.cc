#include "auth/azure_account.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789";

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
  throw std::invalid_argument(std::string("azure account '").append(name).append("': ").append(why));
}

void validate(const AzureAccount& account) {
  if (account.name.size() < 3 || account.name.size() > 24 ||
      account.name.find_first_not_of(kNameCharacters) != std::string::npos) {
    refuse(account.name, "a name is 3 to 24 lower-case letters and digits");
  }
  if (account.keys.empty() || account.keys.size() > 2) refuse(account.name, "it needs one or two keys");
  for (const AccountKey& key : account.keys) {
    if (key.raw().size() < AzureAccounts::kKeySizeMin) refuse(account.name, "a key needs 32 bytes or more");
  }
}

std::shared_ptr<const User> user_of(const AzureAccount& account) {
  User user;
  user.name = account.name;
  user.account = account.owner;
  user.display_name = account.owner;
  return std::make_shared<const User>(std::move(user));
}

}  // namespace

AzureAccount azure_account(std::string name, const std::vector<std::string>& base64_keys, std::string owner) {
  AzureAccount account{.name = std::move(name), .keys = {}, .owner = std::move(owner), .identity = {}};
  for (const std::string& text : base64_keys) {
    auto key = from_base64(text);
    if (!key) refuse(account.name, "a key is not base64");
    account.keys.emplace_back(*std::move(key));
  }
  validate(account);
  return account;
}

AzureAccounts::AzureAccounts(std::vector<AzureAccount> accounts) {
  for (AzureAccount& account : accounts) {
    validate(account);
    if (account.owner.empty()) account.owner = account.name;
    if (account.identity.anonymous()) account.identity.user = user_of(account);
    std::string name = account.name;
    const auto [at, added] = accounts_.emplace(std::move(name), std::move(account));
    if (!added) refuse(at->first, "it is there twice");
  }
}

const AzureAccount* AzureAccounts::find(std::string_view name) const {
  const auto found = accounts_.find(name);
  return found == accounts_.end() ? nullptr : &found->second;
}

bool is_signed_by(const AzureAccount& account, std::string_view message, std::string_view signature) {
  bool matches = false;
  for (const AccountKey& key : account.keys) {
    // Not `||`: which of the keys matched must not show in the time taken.
    matches |= constant_time_equal(key.hmac().sign(message).view(), signature);
  }
  return matches;
}

}  // namespace sluice::auth
