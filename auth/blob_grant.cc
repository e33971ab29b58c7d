#include "auth/blob_grant.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::auth {
namespace {

// The least each action needs ("Create an account SAS" and "Create a service
// SAS", Azure Storage REST API): any one of the letters. `*` is any letter at
// all, and nothing that no SAS of the kind allows it.
struct Rule {
  BlobAction action;
  std::string_view types;      ///< Any of these in srt.
  std::string_view account;    ///< For an account SAS.
  std::string_view container;  ///< For a SAS of a container or directory.
  std::string_view blob;       ///< For a SAS of a blob.
  std::string_view moment;     ///< For a SAS of a snapshot or version, which is no SAS of the blob itself.
  std::string_view absent;     ///< For every kind, where the blob does not exist yet.
};

using enum BlobAction;

constexpr std::array kRules{
    Rule{list_containers, "s", "l", "", "", "", ""},
    Rule{get_service_properties, "s", "r", "", "", "", ""},
    Rule{set_service_properties, "s", "w", "", "", "", ""},
    Rule{get_account_information, "sco", "*", "r", "r", "r", ""},
    Rule{find_blobs_by_tags, "o", "f", "", "", "", ""},
    Rule{submit_batch, "sco", "*", "", "", "", ""},
    Rule{get_user_delegation_key, "s", "", "", "", "", ""},

    Rule{create_container, "c", "cw", "", "", "", ""},
    Rule{get_container, "c", "r", "", "", "", ""},
    Rule{set_container_metadata, "c", "w", "", "", "", ""},
    Rule{get_container_acl, "c", "", "", "", "", ""},
    Rule{set_container_acl, "c", "", "", "", "", ""},
    Rule{lease_container, "c", "w", "", "", "", ""},
    Rule{break_container_lease, "c", "wd", "", "", "", ""},
    Rule{delete_container, "c", "d", "", "", "", ""},
    Rule{restore_container, "c", "w", "", "", "", ""},
    Rule{list_blobs, "c", "l", "l", "", "", ""},
    Rule{find_blobs_by_tags_in_container, "c", "f", "f", "", "", ""},
    Rule{submit_batch_in_container, "sco", "*", "*", "", "", ""},

    Rule{put_blob, "o", "w", "w", "w", "", "c"},
    Rule{get_blob, "o", "r", "r", "r", "r", ""},
    Rule{set_blob, "o", "w", "w", "w", "", ""},
    Rule{set_blob_tier, "o", "w", "w", "w", "w", ""},
    Rule{get_blob_tags, "o", "t", "t", "t", "t", ""},
    Rule{set_blob_tags, "o", "t", "t", "t", "t", ""},
    Rule{delete_blob, "o", "d", "d", "d", "d", ""},
    Rule{delete_blob_version, "o", "x", "x", "x", "x", ""},
    Rule{delete_blob_permanently, "o", "y", "y", "y", "y", ""},
    Rule{undelete_blob, "o", "w", "w", "w", "", ""},
    Rule{lease_blob, "o", "w", "w", "w", "", ""},
    Rule{break_blob_lease, "o", "wd", "wd", "wd", "", ""},
    Rule{snapshot_blob, "o", "cw", "cw", "cw", "", ""},
    Rule{copy_blob, "o", "w", "w", "w", "", "c"},
    Rule{copy_blob_incrementally, "o", "w", "w", "w", "", "c"},
    Rule{abort_copy, "o", "w", "w", "w", "", ""},
    Rule{put_block, "o", "w", "w", "w", "", ""},
    Rule{put_block_list, "o", "w", "w", "w", "", ""},
    Rule{get_block_list, "o", "r", "r", "r", "r", ""},
    Rule{append_block, "o", "aw", "aw", "aw", "", ""},
    Rule{seal_blob, "o", "w", "w", "w", "", ""},
    Rule{put_page, "o", "w", "w", "w", "", ""},
    Rule{get_page_ranges, "o", "r", "r", "r", "r", ""},
    Rule{query_blob, "o", "r", "r", "r", "r", ""},
    Rule{set_immutability_policy, "o", "i", "i", "i", "i", ""},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    if (static_cast<std::size_t>(kRules[i].action) != i) return false;
  }
  return kRules.size() == static_cast<std::size_t>(set_immutability_policy) + 1;
}
static_assert(is_in_order(), "one rule an action, in their order");

std::unexpected<AzureFault> refuse(BlobAuthFault reason, std::string detail) {
  return std::unexpected(AzureFault{.reason = reason,
                                    .error = {.code = ErrorCode::access_denied, .detail = std::move(detail)},
                                    .string_to_sign = {}});
}

std::string_view letters_for(const Rule& rule, SasScope scope) {
  switch (scope) {
    case SasScope::account:
      return rule.account;
    case SasScope::container:
    case SasScope::directory:
      return rule.container;
    case SasScope::blob:
      return rule.blob;
    case SasScope::snapshot:
    case SasScope::version:
      return rule.moment;
  }
  return {};
}

/// Would the action reach blobs outside the signed directory? A prefix that is the
/// directory's name without a slash also begins its neighbours' names.
bool leaves_directory(BlobAction action, const Grant& grant) {
  if (grant.scope != SasScope::directory) return false;
  return action == find_blobs_by_tags_in_container || (action == list_blobs && !grant.beneath);
}

}  // namespace

std::optional<Permissions> Permissions::parse(std::string_view text, std::string_view known) {
  Permissions permissions;
  for (const char letter : text) {
    if (letter < 'a' || letter > 'z' || !known.contains(letter)) return std::nullopt;
    permissions.bits_ |= 1U << (letter - 'a');
  }
  return permissions;
}

bool Permissions::has_any(std::string_view letters) const {
  return std::ranges::any_of(letters, [this](char letter) { return (bits_ >> (letter - 'a') & 1U) != 0; });
}

std::expected<Allowance, AzureFault> Grant::allows(BlobAction action) const {
  const Rule& rule = kRules[static_cast<std::size_t>(action)];
  if (kind == SasKind::account) {
    if (!services.contains('b')) return refuse(BlobAuthFault::service_mismatch, "SignedServices 'b' is required.");
    if (resource_types.find_first_of(rule.types) == std::string::npos) {
      return refuse(BlobAuthFault::resource_type_mismatch,
                    "SignedResourceTypes '" + std::string(rule.types) + "' is required.");
    }
  }
  const std::string_view letters = letters_for(rule, scope);
  if (letters.empty() || leaves_directory(action, *this)) {
    return refuse(BlobAuthFault::authorization_failure,
                  "No shared access signature of this kind allows the operation.");
  }
  if (letters == "*" ? !permissions.empty() : permissions.has_any(letters)) return Allowance::always;
  const bool moment = scope == SasScope::snapshot || scope == SasScope::version;
  if (!moment && permissions.has_any(rule.absent)) return Allowance::only_if_absent;
  return refuse(BlobAuthFault::permission_mismatch, "SignedPermissions '" + std::string(letters) + "' is required.");
}

}  // namespace sluice::auth
