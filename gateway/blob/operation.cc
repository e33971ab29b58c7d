#include "gateway/blob/operation.h"

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/object/name.h"

namespace sluice::blob {
namespace {

using auth::BlobAction;
using enum Operation;
constexpr auto kAccount = Scope::account;
constexpr auto kContainer = Scope::container;
constexpr auto kBlob = Scope::blob;
constexpr auto kGet = http::Method::get;
constexpr auto kHead = http::Method::head;
constexpr auto kPut = http::Method::put;
constexpr auto kPost = http::Method::post;
constexpr auto kDelete = http::Method::del;

constexpr std::string_view kType = "x-ms-blob-type";
constexpr std::string_view kCopySource = "x-ms-copy-source";
constexpr std::string_view kLeaseAction = "x-ms-lease-action";
constexpr std::string_view kPageWrite = "x-ms-page-write";

constexpr Groups kProtection = group::kPolicy | group::kHold;
constexpr Groups kDescription = group::kMetadata | group::kContent | group::kTags | group::kIfTags | kProtection;
constexpr Groups kBody = group::kChecksum;
/// What requests about a blob as it is depend on.
constexpr Groups kOnBlob = group::kLease | group::kIfTags;
constexpr Groups kCopy = group::kMetadata | group::kSource | group::kTags | group::kLease | group::kSourceLease |
                         group::kIfTags | kProtection;
constexpr Groups kRead = group::kStructured | group::kRange | group::kRangeDigest | kOnBlob | group::kKey;
constexpr Groups kPages = group::kRange | group::kSequence | kOnBlob;
constexpr Groups kLeaseActs = group::kLease | group::kLeaseAct;
constexpr Groups kBlobLeaseActs = kLeaseActs | group::kIfTags;

/// What a row is selected by, besides its scope and method.
struct Selector {
  std::string_view comp = {};
  std::string_view restype = {};
  std::string_view header = {};
  std::string_view value = {};
};

constexpr OperationRow row(std::string_view name, Scope scope, http::Method method, Selector selector,
                           Operation operation, BlobAction action, Groups honours = 0) {
  return {name,           scope,     method, selector.comp, selector.restype, selector.header,
          selector.value, operation, action, honours};
}

constexpr OperationRow refused(std::string_view name, Scope scope, http::Method method, Selector selector,
                               BlobAction action) {
  return row(name, scope, method, selector, not_implemented, action);
}

// Rows of one scope, method and comp stand together: the first whose header fits is
// meant, so those that ask for none come last.
constexpr OperationRow kOperations[] = {
    row("GetBlob", kBlob, kGet, {}, get_blob, BlobAction::get_blob, kRead),
    row("GetBlobProperties", kBlob, kHead, {}, get_blob_properties, BlobAction::get_blob, kOnBlob | group::kKey),
    row("CopyBlobFromURL", kBlob, kPut, {.header = "x-ms-requires-sync", .value = "true"}, copy_blob,
        BlobAction::copy_blob, kCopy | group::kTier | group::kSourceDigest | group::kSourceTags),
    row("PutBlobFromURL", kBlob, kPut, {.header = kCopySource, .value = kType}, put_blob_from_url, BlobAction::put_blob,
        kDescription | group::kType | group::kSourceProperties | group::kSource | group::kSourceDigest | group::kLease |
            group::kSourceTags | group::kTier | group::kKey | group::kSourceKey),
    row("CopyBlob", kBlob, kPut, {.header = kCopySource}, copy_blob, BlobAction::copy_blob,
        kCopy | group::kTier | group::kRehydrate | group::kSealing),
    row("PutBlob", kBlob, kPut, {.header = kType, .value = "BlockBlob"}, put_blob, BlobAction::put_blob,
        kDescription | kBody | group::kStructured | group::kType | group::kTier | group::kLease | group::kKey),
    row("CreateAppendBlob", kBlob, kPut, {.header = kType, .value = "AppendBlob"}, create_append_blob,
        BlobAction::put_blob, kDescription | group::kType | group::kLease | group::kKey),
    row("CreatePageBlob", kBlob, kPut, {.header = kType, .value = "PageBlob"}, create_page_blob, BlobAction::put_blob,
        kDescription | group::kType | group::kPageSize | group::kSequenceNumber | group::kLease | group::kKey),
    row("DeleteBlob", kBlob, kDelete, {}, delete_blob, BlobAction::delete_blob, group::kSnapshots | kOnBlob),

    row("PutBlockFromURL", kBlob, kPut, {.comp = "block", .header = kCopySource}, put_block_from_url,
        BlobAction::put_block,
        group::kSource | group::kSourceDigest | group::kSourceRange | group::kLease | group::kKey | group::kSourceKey),
    row("PutBlock", kBlob, kPut, {.comp = "block"}, put_block, BlobAction::put_block,
        kBody | group::kStructured | group::kLease | group::kKey),
    row("PutBlockList", kBlob, kPut, {.comp = "blocklist"}, put_block_list, BlobAction::put_block_list,
        kDescription | kBody | group::kTier | group::kLease | group::kKey),
    row("GetBlockList", kBlob, kGet, {.comp = "blocklist"}, get_block_list, BlobAction::get_block_list, kOnBlob),

    row("AppendBlockFromURL", kBlob, kPut, {.comp = "appendblock", .header = kCopySource}, append_block_from_url,
        BlobAction::append_block,
        group::kSource | group::kSourceDigest | group::kSourceRange | group::kAppend | kOnBlob | group::kKey |
            group::kSourceKey),
    row("AppendBlock", kBlob, kPut, {.comp = "appendblock"}, append_block, BlobAction::append_block,
        kBody | group::kStructured | group::kAppend | kOnBlob | group::kKey),
    row("AppendBlobSeal", kBlob, kPut, {.comp = "seal"}, seal_blob, BlobAction::seal_blob,
        group::kAppend | group::kLease),

    row("PutPageFromURL", kBlob, kPut, {.comp = "page", .header = kCopySource}, put_page_from_url, BlobAction::put_page,
        kPages | group::kPageWrite | group::kSource | group::kSourceDigest | group::kSourceRange | group::kKey |
            group::kSourceKey),
    row("PutPage", kBlob, kPut, {.comp = "page", .header = kPageWrite, .value = "update"}, put_page,
        BlobAction::put_page, kPages | kBody | group::kStructured | group::kKey),
    row("ClearPage", kBlob, kPut, {.comp = "page", .header = kPageWrite, .value = "clear"}, clear_page,
        BlobAction::put_page, kPages | group::kKey),
    row("GetPageRanges", kBlob, kGet, {.comp = "pagelist"}, get_page_ranges, BlobAction::get_page_ranges,
        group::kRange | kOnBlob),
    row("IncrementalCopyBlob", kBlob, kPut, {.comp = "incrementalcopy", .header = kCopySource}, copy_blob_incrementally,
        BlobAction::copy_blob_incrementally, group::kIfTags),

    row("ResizePageBlob", kBlob, kPut, {.comp = "properties", .header = "x-ms-blob-content-length"}, resize_page_blob,
        BlobAction::put_page, kOnBlob | group::kKey),
    row("UpdateSequenceNumber", kBlob, kPut, {.comp = "properties", .header = "x-ms-sequence-number-action"},
        update_sequence_number, BlobAction::put_page, group::kSequenceNumber | kOnBlob),
    row("SetBlobProperties", kBlob, kPut, {.comp = "properties"}, set_blob_properties, BlobAction::set_blob,
        group::kContent | kOnBlob | group::kKey),
    row("SetBlobMetadata", kBlob, kPut, {.comp = "metadata"}, set_blob_metadata, BlobAction::set_blob,
        group::kMetadata | kOnBlob | group::kKey),
    row("GetBlobMetadata", kBlob, kGet, {.comp = "metadata"}, get_blob_metadata, BlobAction::get_blob,
        kOnBlob | group::kKey),
    row("GetBlobMetadata", kBlob, kHead, {.comp = "metadata"}, get_blob_metadata, BlobAction::get_blob,
        kOnBlob | group::kKey),
    row("GetBlobTags", kBlob, kGet, {.comp = "tags"}, get_blob_tags, BlobAction::get_blob_tags,
        kOnBlob | group::kTagged),
    row("SetBlobTags", kBlob, kPut, {.comp = "tags"}, set_blob_tags, BlobAction::set_blob_tags,
        kBody | kOnBlob | group::kTagged),
    row("SetBlobTier", kBlob, kPut, {.comp = "tier"}, set_blob_tier, BlobAction::set_blob_tier,
        group::kTier | group::kRehydrate | kOnBlob),
    refused("SetBlobExpiry", kBlob, kPut, {.comp = "expiry"}, BlobAction::set_blob),
    row("AbortCopyBlob", kBlob, kPut, {.comp = "copy"}, abort_copy, BlobAction::abort_copy,
        group::kCopyAction | group::kLease),
    row("SnapshotBlob", kBlob, kPut, {.comp = "snapshot"}, snapshot_blob, BlobAction::snapshot_blob,
        group::kMetadata | kOnBlob | group::kKey),
    row("UndeleteBlob", kBlob, kPut, {.comp = "undelete"}, undelete_blob, BlobAction::undelete_blob),
    refused("QueryBlobContents", kBlob, kPost, {.comp = "query"}, BlobAction::query_blob),
    row("SetBlobImmutabilityPolicy", kBlob, kPut, {.comp = "immutabilityPolicies"}, set_immutability_policy,
        BlobAction::set_immutability_policy, group::kPolicy),
    row("DeleteBlobImmutabilityPolicy", kBlob, kDelete, {.comp = "immutabilityPolicies"}, delete_immutability_policy,
        BlobAction::set_immutability_policy),
    row("SetBlobLegalHold", kBlob, kPut, {.comp = "legalhold"}, set_legal_hold, BlobAction::set_immutability_policy,
        group::kHold),
    row("BreakBlobLease", kBlob, kPut, {.comp = "lease", .header = kLeaseAction, .value = "break"}, lease_blob,
        BlobAction::break_blob_lease, kBlobLeaseActs),
    row("AcquireBlobLease", kBlob, kPut, {.comp = "lease", .header = kLeaseAction, .value = "acquire"}, lease_blob,
        BlobAction::lease_blob, kBlobLeaseActs),
    row("RenewBlobLease", kBlob, kPut, {.comp = "lease", .header = kLeaseAction, .value = "renew"}, lease_blob,
        BlobAction::lease_blob, kBlobLeaseActs),
    row("ChangeBlobLease", kBlob, kPut, {.comp = "lease", .header = kLeaseAction, .value = "change"}, lease_blob,
        BlobAction::lease_blob, kBlobLeaseActs),
    row("ReleaseBlobLease", kBlob, kPut, {.comp = "lease", .header = kLeaseAction, .value = "release"}, lease_blob,
        BlobAction::lease_blob, kBlobLeaseActs),
    row("GetAccountInformation", kBlob, kGet, {.comp = "properties", .restype = "account"}, get_account_information,
        BlobAction::get_account_information),
    row("GetAccountInformation", kBlob, kHead, {.comp = "properties", .restype = "account"}, get_account_information,
        BlobAction::get_account_information),

    row("CreateContainer", kContainer, kPut, {}, create_container, BlobAction::create_container,
        group::kMetadata | group::kPublicAccess | group::kLock),
    row("GetContainerProperties", kContainer, kGet, {}, get_container, BlobAction::get_container, group::kLease),
    row("GetContainerProperties", kContainer, kHead, {}, get_container, BlobAction::get_container, group::kLease),
    row("DeleteContainer", kContainer, kDelete, {}, delete_container, BlobAction::delete_container, group::kLease),
    row("GetContainerMetadata", kContainer, kGet, {.comp = "metadata"}, get_container, BlobAction::get_container,
        group::kLease),
    row("GetContainerMetadata", kContainer, kHead, {.comp = "metadata"}, get_container, BlobAction::get_container,
        group::kLease),
    row("SetContainerMetadata", kContainer, kPut, {.comp = "metadata"}, set_container_metadata,
        BlobAction::set_container_metadata, group::kMetadata | group::kLease),
    row("GetContainerACL", kContainer, kGet, {.comp = "acl"}, get_container_acl, BlobAction::get_container_acl,
        group::kLease),
    row("GetContainerACL", kContainer, kHead, {.comp = "acl"}, get_container_acl, BlobAction::get_container_acl,
        group::kLease),
    row("SetContainerACL", kContainer, kPut, {.comp = "acl"}, set_container_acl, BlobAction::set_container_acl,
        group::kPublicAccess | group::kLease),
    row("ListBlobs", kContainer, kGet, {.comp = "list"}, list_blobs, BlobAction::list_blobs),
    row("FindBlobsByTagsInContainer", kContainer, kGet, {.comp = "blobs"}, find_blobs_by_tags,
        BlobAction::find_blobs_by_tags_in_container),
    row("SubmitBatch", kContainer, kPost, {.comp = "batch"}, submit_batch, BlobAction::submit_batch_in_container),
    refused("RestoreContainer", kContainer, kPut, {.comp = "undelete"}, BlobAction::restore_container),
    refused("RenameContainer", kContainer, kPut, {.comp = "rename"}, BlobAction::restore_container),
    row("BreakContainerLease", kContainer, kPut, {.comp = "lease", .header = kLeaseAction, .value = "break"},
        lease_container, BlobAction::break_container_lease, kLeaseActs),
    row("AcquireContainerLease", kContainer, kPut, {.comp = "lease", .header = kLeaseAction, .value = "acquire"},
        lease_container, BlobAction::lease_container, kLeaseActs),
    row("RenewContainerLease", kContainer, kPut, {.comp = "lease", .header = kLeaseAction, .value = "renew"},
        lease_container, BlobAction::lease_container, kLeaseActs),
    row("ChangeContainerLease", kContainer, kPut, {.comp = "lease", .header = kLeaseAction, .value = "change"},
        lease_container, BlobAction::lease_container, kLeaseActs),
    row("ReleaseContainerLease", kContainer, kPut, {.comp = "lease", .header = kLeaseAction, .value = "release"},
        lease_container, BlobAction::lease_container, kLeaseActs),
    row("GetAccountInformation", kContainer, kGet, {.comp = "properties", .restype = "account"},
        get_account_information, BlobAction::get_account_information),
    row("GetAccountInformation", kContainer, kHead, {.comp = "properties", .restype = "account"},
        get_account_information, BlobAction::get_account_information),

    row("ListContainers", kAccount, kGet, {.comp = "list"}, list_containers, BlobAction::list_containers),
    row("GetBlobServiceProperties", kAccount, kGet, {.comp = "properties", .restype = "service"},
        get_service_properties, BlobAction::get_service_properties),
    row("SetBlobServiceProperties", kAccount, kPut, {.comp = "properties", .restype = "service"},
        set_service_properties, BlobAction::set_service_properties),
    row("GetBlobServiceStats", kAccount, kGet, {.comp = "stats", .restype = "service"}, get_service_stats,
        BlobAction::get_service_properties),
    row("GetAccountInformation", kAccount, kGet, {.comp = "properties", .restype = "account"}, get_account_information,
        BlobAction::get_account_information),
    row("GetAccountInformation", kAccount, kHead, {.comp = "properties", .restype = "account"}, get_account_information,
        BlobAction::get_account_information),
    row("GetUserDelegationKey", kAccount, kPost, {.comp = "userdelegationkey", .restype = "service"},
        get_user_delegation_key, BlobAction::get_user_delegation_key),
    row("FindBlobsByTags", kAccount, kGet, {.comp = "blobs"}, find_blobs_by_tags, BlobAction::find_blobs_by_tags),
    row("SubmitBatch", kAccount, kPost, {.comp = "batch"}, submit_batch, BlobAction::submit_batch),
    row("SubmitBatch", kAccount, kPost, {.comp = "batch", .restype = "service"}, submit_batch,
        BlobAction::submit_batch),
    // @azure/storage-blob takes an account in the path for a container.
    row("SubmitBatch", kAccount, kPost, {.comp = "batch", .restype = "container"}, submit_batch,
        BlobAction::submit_batch),
};

constexpr OperationRow kPreflight =
    row("PreflightBlobRequest", kBlob, http::Method::options, {}, preflight, BlobAction::get_blob);

// Headers of every request, or that say nothing of what is to be done.
constexpr std::string_view kAlways[] = {
    "x-ms-version",   "x-ms-date",         "x-ms-client-request-id",   "x-ms-return-client-request-id",
    "x-ms-useragent", "x-ms-command-name", "x-ms-parent-operation-id",
};

struct HeaderRow {
  std::string_view name;  ///< With a hyphen at its end: all that begin so.
  Groups group;           ///< 0: no operation honours it.
};
constexpr HeaderRow kHeaders[] = {
    {"x-ms-meta-", group::kMetadata},
    {"x-ms-blob-type", group::kType},
    {"x-ms-blob-public-access", group::kPublicAccess},
    {"x-ms-blob-content-length", group::kPageSize},
    {"x-ms-blob-sequence-number", group::kSequenceNumber},
    {"x-ms-sequence-number-action", 0},
    {"x-ms-if-sequence-number-", group::kSequence},
    {"x-ms-page-write", group::kPageWrite},
    {"x-ms-previous-snapshot-url", 0},
    {"x-ms-blob-content-", group::kContent},
    {"x-ms-blob-condition-", group::kAppend},
    {"x-ms-blob-cache-control", group::kContent},
    {"x-ms-range", group::kRange},
    {"x-ms-range-get-content-md5", group::kRangeDigest},
    {"x-ms-range-get-content-crc64", group::kRangeDigest},
    {"x-ms-content-crc64", group::kChecksum},
    {"x-ms-delete-snapshots", group::kSnapshots},
    {"x-ms-copy-source-authorization", 0},
    {"x-ms-copy-source-blob-properties", group::kSourceProperties},
    {"x-ms-copy-source-tag-option", group::kSourceTags},
    {"x-ms-copy-source", group::kSource},
    {"x-ms-source-if-", group::kSource},
    {"x-ms-source-range", group::kSourceRange},
    {"x-ms-source-content-", group::kSourceDigest},
    {"x-ms-copy-action", group::kCopyAction},
    {"x-ms-requires-sync", group::kCopyAction},
    {"x-ms-access-tier", group::kTier},
    {"x-ms-rehydrate-priority", group::kRehydrate},
    {"x-ms-tags", group::kTags},
    {"x-ms-if-tags", group::kIfTags},
    {"x-ms-lease-id", group::kLease},
    {"x-ms-lease-", group::kLeaseAct},
    {"x-ms-proposed-lease-id", group::kLeaseAct},
    {"x-ms-source-lease-id", group::kSourceLease},
    {"x-ms-encryption-scope", 0},
    {"x-ms-encryption-", group::kKey},
    {"x-ms-source-encryption-", group::kSourceKey},
    {"x-ms-structured-", group::kStructured},
    {"x-ms-blob-if-", group::kTagged},
    {"x-ms-seal-blob", group::kSealing},
    {"x-ms-immutability-policy-", group::kPolicy},
    {"x-ms-legal-hold", group::kHold},
    {"x-ms-immutable-storage-with-versioning-enabled", group::kLock},
};

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

const HeaderRow* find_header(std::string_view name) {
  for (const HeaderRow& known : kHeaders) {
    if (known.name.ends_with('-') ? begins_with(name, known.name) : equals_ignoring_case(name, known.name)) {
      return &known;
    }
  }
  return nullptr;
}

/// Writes that no condition is understood for.
constexpr Operation kUnconditional[] = {
    create_container, put_block,    put_block_from_url,     abort_copy,
    undelete_blob,    submit_batch, set_service_properties, get_user_delegation_key,
};
constexpr std::string_view kConditionNames[] = {"if-match", "if-none-match", "if-modified-since",
                                                "if-unmodified-since"};

bool reads(const OperationRow& row) { return row.method == kGet || row.method == kHead; }

/// The account that host style puts in front of `.blob.` and one of `domains`.
std::string_view account_of_host(std::string_view host, std::span<const std::string> domains) {
  constexpr std::string_view kService = ".blob.";
  const auto dot = host.find('.');
  if (dot == host.npos || !begins_with(host.substr(dot), kService)) return {};
  const auto parsed = http::parse_host(host);
  if (!parsed || parsed->is_address || parsed->name.size() < dot + kService.size()) return {};
  const std::string_view name = parsed->name;
  const std::string_view domain = name.substr(dot + kService.size());
  const bool known =
      std::ranges::any_of(domains, [&](const std::string& one) { return equals_ignoring_case(one, domain); });
  return known ? name.substr(0, dot) : std::string_view{};
}

void set_account(Target& target, std::string_view name) {
  constexpr std::string_view kSecondary = "-secondary";
  target.secondary = name.ends_with(kSecondary);
  if (target.secondary) name.remove_suffix(kSecondary.size());
  target.account = to_lower(name);
}

/// What lies behind the account: `container`, `container/blob`, or `blob` alone.
Outcome<> set_resource(Target& target, std::string_view path) {
  if (path.empty()) return {};
  const auto slash = path.find('/');
  auto first = percent_decode(path.substr(0, slash));
  if (!first) return refuse(Code::invalid_uri);
  const std::string_view rest = slash == path.npos ? std::string_view{} : path.substr(slash + 1);
  const std::string_view restype = target.query.get("restype");
  const bool names_container = equals_ignoring_case(restype, "container") || equals_ignoring_case(restype, "account");
  if (rest.empty() && (names_container || slash != path.npos)) {
    target.scope = kContainer;
    target.container = *std::move(first);
    return {};
  }
  target.scope = kBlob;
  if (rest.empty()) {
    target.container = kRootContainer;
    target.blob = *std::move(first);
  } else {
    auto blob = percent_decode(rest);
    if (!blob) return refuse(Code::invalid_uri);
    target.container = *std::move(first);
    target.blob = *std::move(blob);
  }
  if (!object::check_key(target.blob)) return refuse(Code::invalid_resource_name);
  return {};
}

bool fits(const OperationRow& row, const Fields& fields) {
  if (row.header.empty()) return true;
  const auto found = fields.find(row.header);
  if (!found) return false;
  // A value that is the name of a header: that one must be there too.
  if (row.value.starts_with("x-ms-")) return fields.has(row.value);
  return row.value.empty() || equals_ignoring_case(*found, row.value);
}

bool asks_for(const OperationRow& row, const Target& target) {
  if (row.scope != target.scope || !equals_ignoring_case(row.comp, target.query.get("comp"))) return false;
  const std::string_view restype = target.query.get("restype");
  if (target.scope == kContainer && row.restype.empty()) return equals_ignoring_case(restype, "container");
  return equals_ignoring_case(row.restype, restype);
}

/// Why none of the rows fits.
std::unexpected<Failure> explain(http::Method method, const Target& target, const Fields& fields) {
  const OperationRow* asked = nullptr;
  for (const OperationRow& row : kOperations) {
    if (!asks_for(row, target)) continue;
    if (asked == nullptr || row.method == method) asked = &row;
  }
  const std::string_view comp = target.query.get("comp");
  if (asked == nullptr) {
    const std::string_view restype = target.query.get("restype");
    if (target.scope != kBlob && comp.empty() && restype.empty()) return missing_parameter("restype");
    return comp.empty() ? invalid_parameter("restype", restype) : invalid_parameter("comp", comp);
  }
  if (asked->method != method) return refuse(Code::unsupported_http_verb);
  // Only a header is wanting.
  const std::string_view name = target.scope == kBlob && comp.empty() ? kType : asked->header;
  const auto value = fields.find(name);
  return value ? invalid_header(name, *value) : missing_header(name);
}

}  // namespace

std::span<const OperationRow> operations() { return kOperations; }

Outcome<Target> parse_target(std::string_view raw, std::string_view host, std::span<const std::string> domains) {
  Target target;
  const auto [whole, query] = http::split_target(raw);
  auto parsed = http::parse_query(query, http::Plus::literal);
  if (!parsed) return refuse(Code::invalid_uri);
  target.query = *std::move(parsed);
  std::string_view path = whole;
  if (!path.starts_with('/')) return refuse(Code::invalid_uri);
  path.remove_prefix(1);

  if (const auto named = account_of_host(host, domains); !named.empty()) {
    set_account(target, named);
  } else {
    const auto slash = path.find('/');
    target.in_path = true;
    const auto name = percent_decode(path.substr(0, slash));
    if (!name) return refuse(Code::invalid_uri);
    set_account(target, *name);
    path = slash == path.npos ? std::string_view{} : path.substr(slash + 1);
  }
  TRY(set_resource(target, path));
  return target;
}

Outcome<const OperationRow*> find_operation(http::Method method, const Target& target, const Fields& fields) {
  if (method == http::Method::options) return &kPreflight;
  for (const OperationRow& row : kOperations) {
    if (row.method == method && asks_for(row, target) && fits(row, fields)) return &row;
  }
  return explain(method, target, fields);
}

Outcome<> check_headers(const Fields& fields, const OperationRow& row) {
  const bool has_condition =
      std::ranges::any_of(kConditionNames, [&](std::string_view one) { return fields.has(one); });
  if (has_condition && std::ranges::find(kUnconditional, row.operation) != std::end(kUnconditional)) {
    return refuse(Code::condition_headers_not_supported);
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = fields.at(i).name;
    if (!begins_with(name, "x-ms-")) continue;
    const bool is_common =
        std::ranges::any_of(kAlways, [&](std::string_view one) { return equals_ignoring_case(one, name); });
    if (is_common || equals_ignoring_case(name, row.header)) continue;
    const HeaderRow* known = find_header(name);
    if (known == nullptr && reads(row)) continue;
    if (known != nullptr && (known->group & row.honours) != 0) continue;
    return std::unexpected(Failure(Code::unsupported_header, "This server does not do what the header " +
                                                                 std::string(name) + " asks of " +
                                                                 std::string(row.name) + ".")
                               .with("HeaderName", std::string(name)));
  }
  return {};
}

}  // namespace sluice::blob
