#pragma once

#include <functional>
#include <string>

#include "gateway/core/backend.h"
#include "gateway/core/context.h"
#include "gateway/core/result.h"
#include "gateway/object/info.h"

namespace sluice::object {

/// What the accounts of a deployment are set to. Whether there is such an account is for
/// others to know. Safe for concurrent use.
class Accounts {
 public:
  explicit Accounts(Backend backend) : backend_(backend) {}

  /// All unset, where nothing ever was set.
  Task<AccountSettings> settings(const RequestContext& context, const std::string& account);

  /// Changes the settings in one commit, and tells what they are then: `edit` is called with them
  /// as they are, again where another change came in between, and its failure is the answer. Fails
  /// with metadata_too_large where they outgrow a row.
  using Edit = std::function<Result<>(AccountSettings&)>;
  Task<AccountSettings> change(const RequestContext& context, const std::string& account, const Edit& edit);

 private:
  Task<AccountSettings> change_once(const std::string& account, const Edit& edit);

  Backend backend_;
};

}  // namespace sluice::object
