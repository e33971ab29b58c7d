#include "gateway/blob/operation.h"

#include <catch2/catch.hpp>
#include <set>

namespace sluice::blob {
namespace {

const std::vector<std::string> kDomains{"sluice.test"};

Target target_of(const std::string& raw, const std::string& host = "127.0.0.1:10000") {
  const auto target = parse_target(raw, host, kDomains);
  REQUIRE(target);
  return *target;
}

std::string name_of(http::Method method, const std::string& raw,
                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  Fields fields;
  for (const auto& [name, value] : headers) fields.add(name, value);
  const auto row = find_operation(method, target_of(raw), fields);
  return row ? std::string((*row)->name) : std::string(row_of(row.error().code).name);
}

using enum http::Method;

TEST_CASE("a path names account, container and blob") {
  const Target target = target_of("/alpha/photos/a%20b/c?comp=metadata");

  CHECK(target.account == "alpha");
  CHECK(target.in_path);
  CHECK(target.scope == Scope::blob);
  CHECK(target.container == "photos");
  CHECK(target.blob == "a b/c");
  CHECK(target.query.get("comp") == "metadata");
}

TEST_CASE("a host of account.blob.domain names the account") {
  const Target target = target_of("/photos/a", "alpha.blob.sluice.test:10000");

  CHECK(target.account == "alpha");
  CHECK_FALSE(target.in_path);
  CHECK(target.container == "photos");
  CHECK(target.blob == "a");
  CHECK(target_of("/alpha/photos/a", "alpha.blob.elsewhere").account == "alpha");
}

TEST_CASE("the secondary address is told apart in both styles") {
  CHECK(target_of("/alpha-secondary/photos/a").secondary);
  CHECK(target_of("/alpha-secondary/photos/a").account == "alpha");
  CHECK(target_of("/photos/a", "alpha-secondary.blob.sluice.test").secondary);
  CHECK_FALSE(target_of("/alpha/photos/a").secondary);
}

TEST_CASE("a name alone is a container where restype says so, and else a blob of the root container") {
  CHECK(target_of("/alpha/photos?restype=container").scope == Scope::container);
  CHECK(target_of("/alpha/photos?restype=account&comp=properties").scope == Scope::container);
  CHECK(target_of("/alpha/photos").scope == Scope::blob);
  CHECK(target_of("/alpha/photos").container == "$root");
  CHECK(target_of("/alpha/photos").blob == "photos");
  CHECK(target_of("/alpha").scope == Scope::account);
  CHECK(target_of("/alpha/?comp=list").scope == Scope::account);
}

TEST_CASE("a path that is none is refused") {
  CHECK(parse_target("alpha", "h", kDomains).error().code == Code::invalid_uri);
  CHECK(parse_target("/alpha/%zz", "h", kDomains).error().code == Code::invalid_uri);
  CHECK(parse_target("/alpha/c/%ff", "h", kDomains).error().code == Code::invalid_resource_name);
  CHECK(parse_target("/alpha/c/" + std::string(1025, 'a'), "h", kDomains).error().code == Code::invalid_resource_name);
}

TEST_CASE("an operation is found by method, comp and restype") {
  CHECK(name_of(get, "/a/c/b") == "GetBlob");
  CHECK(name_of(head, "/a/c/b") == "GetBlobProperties");
  CHECK(name_of(get, "/a/?comp=list") == "ListContainers");
  CHECK(name_of(get, "/a/c?restype=container&comp=list") == "ListBlobs");
  CHECK(name_of(get, "/a/c?comp=LIST&restype=Container") == "ListBlobs");
  CHECK(name_of(put, "/a/c?restype=container") == "CreateContainer");
  CHECK(name_of(put, "/a/c/b?comp=blocklist") == "PutBlockList");
  CHECK(name_of(get, "/a/c/b?comp=blocklist") == "GetBlockList");
  CHECK(name_of(del, "/a/c/b?comp=immutabilityPolicies") == "DeleteBlobImmutabilityPolicy");
}

TEST_CASE("a header tells apart what one address means") {
  CHECK(name_of(put, "/a/c/b", {{"x-ms-blob-type", "BlockBlob"}}) == "PutBlob");
  CHECK(name_of(put, "/a/c/b", {{"x-ms-blob-type", "AppendBlob"}}) == "CreateAppendBlob");
  CHECK(name_of(put, "/a/c/b", {{"x-ms-copy-source", "x"}}) == "CopyBlob");
  CHECK(name_of(put, "/a/c/b", {{"x-ms-copy-source", "x"}, {"x-ms-blob-type", "BlockBlob"}}) == "PutBlobFromURL");
  CHECK(name_of(put, "/a/c/b", {{"x-ms-copy-source", "x"}, {"x-ms-requires-sync", "true"}}) == "CopyBlobFromURL");
  CHECK(name_of(put, "/a/c/b?comp=block", {{"x-ms-copy-source", "x"}}) == "PutBlockFromURL");
  CHECK(name_of(put, "/a/c/b?comp=lease", {{"x-ms-lease-action", "Acquire"}}) == "AcquireBlobLease");
}

TEST_CASE("what is no operation never falls through to a plain one") {
  CHECK(name_of(put, "/a/c/b") == "MissingRequiredHeader");
  CHECK(name_of(put, "/a/c/b", {{"x-ms-blob-type", "Other"}}) == "InvalidHeaderValue");
  CHECK(name_of(put, "/a/c/b?comp=lease") == "MissingRequiredHeader");
  CHECK(name_of(put, "/a/c/b?comp=nothing") == "InvalidQueryParameterValue");
  CHECK(name_of(get, "/a/c/b?comp=nothing") == "InvalidQueryParameterValue");
  CHECK(name_of(get, "/a/c/?comp=list") == "InvalidQueryParameterValue");
  CHECK(name_of(post, "/a/c/b") == "UnsupportedHttpVerb");
  CHECK(name_of(get, "/a/c/b?restype=service") == "InvalidQueryParameterValue");
  CHECK(name_of(get, "/a/") == "MissingRequiredQueryParameter");
}

TEST_CASE("each operation of the service's interface has its row") {
  std::set<std::string_view> names;
  for (const OperationRow& row : operations()) names.insert(row.name);

  for (const char* name : {"ListContainers",
                           "GetBlobServiceProperties",
                           "SetBlobServiceProperties",
                           "GetBlobServiceStats",
                           "GetAccountInformation",
                           "GetUserDelegationKey",
                           "FindBlobsByTags",
                           "SubmitBatch",
                           "CreateContainer",
                           "GetContainerProperties",
                           "SetContainerMetadata",
                           "GetContainerACL",
                           "SetContainerACL",
                           "DeleteContainer",
                           "RestoreContainer",
                           "RenameContainer",
                           "AcquireContainerLease",
                           "RenewContainerLease",
                           "ChangeContainerLease",
                           "ReleaseContainerLease",
                           "BreakContainerLease",
                           "ListBlobs",
                           "FindBlobsByTagsInContainer",
                           "PutBlob",
                           "PutBlobFromURL",
                           "GetBlob",
                           "GetBlobProperties",
                           "SetBlobProperties",
                           "SetBlobMetadata",
                           "GetBlobTags",
                           "SetBlobTags",
                           "AcquireBlobLease",
                           "RenewBlobLease",
                           "ChangeBlobLease",
                           "ReleaseBlobLease",
                           "BreakBlobLease",
                           "SnapshotBlob",
                           "CopyBlob",
                           "CopyBlobFromURL",
                           "AbortCopyBlob",
                           "DeleteBlob",
                           "UndeleteBlob",
                           "SetBlobTier",
                           "SetBlobExpiry",
                           "SetBlobImmutabilityPolicy",
                           "DeleteBlobImmutabilityPolicy",
                           "SetBlobLegalHold",
                           "QueryBlobContents",
                           "PutBlock",
                           "PutBlockFromURL",
                           "PutBlockList",
                           "GetBlockList",
                           "CreateAppendBlob",
                           "AppendBlock",
                           "AppendBlockFromURL",
                           "AppendBlobSeal",
                           "CreatePageBlob",
                           "PutPage",
                           "ClearPage",
                           "PutPageFromURL",
                           "GetPageRanges",
                           "IncrementalCopyBlob"}) {
    CAPTURE(name);
    CHECK(names.contains(name));
  }
}

TEST_CASE("a header that would be ignored is refused") {
  const auto check = [](const std::string& header, const std::string& name) {
    Fields fields;
    fields.add(header, "x");
    for (const OperationRow& row : operations()) {
      if (row.name == name) return check_headers(fields, row).has_value();
    }
    return false;
  };

  CHECK(check("x-ms-meta-a", "PutBlob"));
  CHECK(check("X-Ms-Blob-Content-Type", "PutBlob"));
  CHECK(check("x-ms-version", "PutBlob"));
  CHECK_FALSE(check("x-ms-structured-body", "GetBlobProperties"));
  CHECK(check("x-ms-encryption-key", "GetBlob"));
  CHECK(check("x-ms-encryption-key", "PutBlock"));
  CHECK(check("x-ms-encryption-key", "AppendBlock"));
  CHECK(check("x-ms-encryption-key", "PutPage"));
  CHECK(check("x-ms-source-encryption-key", "PutPageFromURL"));
  CHECK_FALSE(check("x-ms-encryption-key", "AppendBlobSeal"));
  CHECK_FALSE(check("x-ms-encryption-key", "GetPageRanges"));
  CHECK_FALSE(check("x-ms-encryption-key", "CopyBlob"));
  CHECK_FALSE(check("x-ms-encryption-scope", "PutBlob"));
  CHECK_FALSE(check("x-ms-never-heard-of", "PutBlob"));
  CHECK(check("x-ms-never-heard-of", "GetBlob"));
}

}  // namespace
}  // namespace sluice::blob
