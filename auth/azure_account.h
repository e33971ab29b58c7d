#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/hmac_key.h"
#include "auth/identity.h"

namespace sluice::auth {

/// The published account of Azure's development tools: every client knows its
/// key, so it is only good on loopback.
inline constexpr std::string_view kDevelopmentAccountName = "devstoreaccount1";
inline constexpr std::string_view kDevelopmentAccountKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// One key of an account, ready to sign with.
class AccountKey {
 public:
  AccountKey(std::string raw) : raw_(std::move(raw)), hmac_(raw_) {}

  const std::string& raw() const { return raw_; }
  const HmacKey& hmac() const { return hmac_; }

  friend bool operator==(const AccountKey& left, const AccountKey& right) { return left.raw_ == right.raw_; }

 private:
  std::string raw_;
  HmacKey hmac_;
};

/// One Azure storage account, as clients of the Blob protocol name it.
struct AzureAccount {
  std::string name;              ///< 3 to 24 of a-z and 0-9.
  std::vector<AccountKey> keys;  ///< One or two, decoded. Each proves; the first also issues.
  std::string owner;             ///< Whose buckets its containers are (User::account); empty: `name`.
  Identity identity;             ///< Who acts with its keys; set by AzureAccounts where it is anonymous.
};

/// An account whose keys are base64, as configured. Throws std::invalid_argument
/// with a sentence for the operator; it never repeats a key.
AzureAccount azure_account(std::string name, const std::vector<std::string>& base64_keys, std::string owner = {});

/// The storage accounts by name, fixed at construction. Safe for concurrent use.
class AzureAccounts {
 public:
  /// The least a decoded key may have, in bytes.
  static constexpr std::size_t kKeySizeMin = 32;

  /// Throws std::invalid_argument for a malformed or repeated name, no key or
  /// more than two, or a key below kKeySizeMin.
  explicit AzureAccounts(std::vector<AzureAccount> accounts);

  /// The account of that name, or null. Lives as long as this.
  const AzureAccount* find(std::string_view name) const;

 private:
  std::map<std::string, AzureAccount, std::less<>> accounts_;
};

/// Is `signature` the raw HMAC-SHA256 of `message` under one of the keys? In a
/// time that depends on the lengths alone.
bool is_signed_by(const AzureAccount& account, std::string_view message, std::string_view signature);

}  // namespace sluice::auth
