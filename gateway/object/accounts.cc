#include "gateway/object/accounts.h"

#include "gateway/object/catalog.h"
#include "gateway/object/retry.h"

namespace sluice::object {

Task<AccountSettings> Accounts::settings(const RequestContext&, const std::string& account) {
  const auto key = account_key(account);
  CO_TRY(const auto row, co_await backend_.index.get(key));
  if (!row) co_return AccountSettings{};
  CO_TRY(auto record, decode_row<AccountRecord>(key, *row));
  co_return std::move(record.settings);
}

Task<AccountSettings> Accounts::change(const RequestContext&, const std::string& account, const Edit& edit) {
  auto attempt = [&] { return change_once(account, edit); };
  co_return co_await retry_conflicts(attempt);
}

Task<AccountSettings> Accounts::change_once(const std::string& account, const Edit& edit) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(auto found, co_await rows.get<AccountRecord>(account_key(account)));
  AccountRecord record = std::move(found).value_or(AccountRecord{});
  CO_TRY(edit(record.settings));
  auto value = record.encode();
  if (value.size() > Index::kValueSizeMax) co_return fail(ErrorCode::metadata_too_large, std::to_string(value.size()));
  transaction->put(account_key(account), std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return std::move(record.settings);
}

}  // namespace sluice::object
