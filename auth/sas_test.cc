#include "auth/sas.h"

#include <catch2/catch.hpp>

#include "auth/sas_example_for_test.h"
#include "auth/sas_vectors_for_test.h"
#include "auth/user_delegation.h"

namespace sluice::auth::test {
namespace {

SasExample example_of(const SasVector& vector) {
  SasExample example;
  example.target = "/?" + std::string(vector.query);
  example.resource = {
      .container = vector.container, .blob = vector.blob, .snapshot = vector.snapshot, .version = vector.version};
  example.fields.add("X-Ms-Blob-Type", "BlockBlob");
  example.fields.add("x-ms-meta-a", "two  words");
  example.bearer_oid = "dddddddd-0000-0000-0000-000000000000";
  example.bearer_tid = "eeeeeeee-0000-0000-0000-000000000000";
  return example;
}

const SasVector& vector_named(std::string_view name) {
  for (const SasVector& vector : kSasVectors) {
    if (vector.name == name) return vector;
  }
  throw std::invalid_argument("no such vector");
}

TEST_CASE("what the vendor's libraries sign is verified, in every form and version") {
  for (const SasVector& vector : kSasVectors) {
    INFO(vector.name);
    const auto sas = example_of(vector).verify();
    CHECK(refusal(sas).empty());
  }
}

TEST_CASE("what the vendor's libraries sign under another key is refused with the string they signed") {
  for (const SasVector& vector : kSasVectors) {
    INFO(vector.name);
    SasExample example = example_of(vector);
    for (AccountKey& key : example.account.keys) {
      std::string other = key.raw();
      other.front() = static_cast<char>(~other.front());
      key = AccountKey(std::move(other));
    }
    const auto sas = example.verify();
    REQUIRE_FALSE(sas.has_value());
    CHECK(sas.error().error.code == ErrorCode::signature_mismatch);
    CHECK(sas.error().reason == BlobAuthFault::authentication_failed);
    // The library signs the root directory by another name than the one we show.
    if (std::string_view(vector.name) != "root directory") CHECK(sas.error().string_to_sign == vector.string_to_sign);
  }
}

TEST_CASE("a version newer than any known is read as the newest known") {
  SasExample example;
  example.with_blob_sas({{"sv", "2099-01-01"}, {"sr", "b"}, {"se", "2026-12-31"}, {"sp", "r"}});

  CHECK(refusal(example.verify()).empty());
  CHECK(example.grant()->version == "2099-01-01");
}

TEST_CASE("any change to a signed parameter is refused") {
  for (const std::string_view change : {"sp=rw", "se=2027-12-31", "st=2026-01-01", "sv=2023-11-03", "sr=c", "rsct=a"}) {
    INFO(change);
    Parameters parameters = with(with(blob_parameters(), "st", "2026-02-02"), "rsct", "text/plain");
    SasExample example;
    example.with_blob_sas(parameters);
    const std::string name(change.substr(0, change.find('=') + 1));
    const std::size_t begin = example.target.find(name);
    example.target.replace(begin, example.target.find('&', begin) - begin, change);
    CHECK(example.verify().error().error.code == ErrorCode::signature_mismatch);
  }
}

TEST_CASE("a signature for one blob is none for another, nor for its container") {
  SasExample example;
  example.with_blob_sas(blob_parameters());
  REQUIRE(example.verify().has_value());

  example.resource.blob = "dog.jpg";
  CHECK(example.verify().error().error.code == ErrorCode::signature_mismatch);
  example.resource.blob = "";
  CHECK_FALSE(example.verify().has_value());
  example.resource.container = "";
  CHECK_FALSE(example.verify().has_value());
  example.resource = {.container = "other", .blob = "cat.jpg", .snapshot = {}, .version = {}};
  CHECK(example.verify().error().error.code == ErrorCode::signature_mismatch);
}

TEST_CASE("a signature for a snapshot or version is none for the blob or for another") {
  SasExample snapshot = example_of(vector_named("snapshot 2026-04-06"));
  SasExample version = example_of(vector_named("version 2020-12-06"));
  CHECK(snapshot.grant()->scope == SasScope::snapshot);
  CHECK(version.grant()->scope == SasScope::version);

  snapshot.resource.snapshot = "";
  version.resource.version = "";
  CHECK(refusal(snapshot.verify()) == "the signature is for a snapshot, not for the blob");
  CHECK(refusal(version.verify()) == "the signature is for a version, not for the blob");
  snapshot.resource.snapshot = "2026-01-05T00:00:00.1234568Z";
  version.resource.version = "2026-01-06T00:00:00.7654322Z";
  CHECK(snapshot.verify().error().error.code == ErrorCode::signature_mismatch);
  CHECK(version.verify().error().error.code == ErrorCode::signature_mismatch);
}

TEST_CASE("a signature for a directory covers what lies in it") {
  SasExample example = example_of(vector_named("directory 2020-12-06"));
  CHECK(example.grant()->directory == "d1/d2");
  CHECK(example.grant()->beneath);

  example.resource.blob = "d1/d2";
  CHECK(example.verify().has_value());
  CHECK_FALSE(example.grant()->beneath);
  example.resource.blob = "d1/d2x";
  CHECK(example.verify().error().error.code == ErrorCode::signature_mismatch);
  example.resource.blob = "d1/d3/file";
  CHECK(example.verify().error().error.code == ErrorCode::signature_mismatch);
  example.resource.blob = "d1";
  CHECK(refusal(example.verify()) == "the signature is for a directory the blob is not in");
}

TEST_CASE("a SAS has its time") {
  SasExample example;
  example.with_blob_sas(with(blob_parameters("2026-06-04T00:00:00Z"), "st", "2026-06-03T00:00:00Z"));
  CHECK(example.grant().has_value());

  example.clock.set(at("2026-06-02T23:59:59Z"));
  CHECK(example.grant().error().error.code == ErrorCode::request_expired);
  CHECK(example.grant().error().reason == BlobAuthFault::authentication_failed);
  example.clock.set(at("2026-06-03T00:00:00Z"));
  CHECK(example.grant().has_value());
  example.clock.set(at("2026-06-03T23:59:59.999Z"));
  CHECK(example.grant().has_value());
  example.clock.set(at("2026-06-04T00:00:00Z"));
  CHECK(refusal(example.grant()) ==
        "Signature not valid in the specified time frame: Start [2026-06-03T00:00:00Z] - "
        "Expiry [2026-06-04T00:00:00Z] - Current [2026-06-04T00:00:00Z]");
}

TEST_CASE("times are signed as they are written, in any legal form") {
  for (const std::string_view form : {"2026-06-04", "2026-06-04T00:00Z", "2026-06-04T00:00:00Z",
                                      "2026-06-04T00:00:00.0000000Z", "2026-06-04T02:00:00+02:00"}) {
    INFO(form);
    SasExample example;
    example.with_blob_sas(blob_parameters(std::string(form)));
    CHECK(example.grant().has_value());
    example.clock.set(at("2026-06-04T00:00:00Z"));
    CHECK(example.grant().error().error.code == ErrorCode::request_expired);
  }
}

TEST_CASE("a start at or after the expiry is refused") {
  SasExample example;
  example.with_blob_sas(with(blob_parameters("2026-06-04"), "st", "2026-06-04"));
  CHECK(refusal(example.grant()) == "se must be after st");
}

TEST_CASE("a SAS can be for certain addresses") {
  SasExample example;
  example.with_blob_sas(with(blob_parameters(), "sip", "10.0.0.1-10.0.0.9"));
  CHECK(example.verify().has_value());

  example.remote_address = "::ffff:10.0.0.9";
  CHECK(example.verify().has_value());
  for (const char* const other : {"10.0.0.0", "10.0.0.10", "11.0.0.5", "::1", "", "unknown"}) {
    INFO(other);
    example.remote_address = other;
    CHECK(example.verify().error().reason == BlobAuthFault::source_ip_mismatch);
  }
}

TEST_CASE("a SAS can be for https alone") {
  SasExample example;
  example.with_blob_sas(with(blob_parameters(), "spr", "https"));
  CHECK(example.verify().has_value());

  example.secure = false;
  CHECK(example.verify().error().reason == BlobAuthFault::protocol_mismatch);
  example.with_blob_sas(with(blob_parameters(), "spr", "https,http"));
  CHECK(example.verify().has_value());
}

TEST_CASE("a SAS without a good signature learns nothing of addresses, protocols and times") {
  SasExample example;
  example.with_blob_sas(with(with(blob_parameters("2020-01-01"), "sip", "1.1.1.1"), "spr", "https"));
  example.secure = false;
  example.account.keys = {std::string(64, 'x')};
  CHECK(example.verify().error().error.code == ErrorCode::signature_mismatch);
}

// ---- stored access policies

Parameters policy_parameters() { return {{"sv", "2022-11-02"}, {"sr", "b"}, {"si", "all"}}; }

TEST_CASE("a SAS takes from its stored access policy what it does not say itself") {
  SasExample example;
  example.with_blob_sas(policy_parameters());
  CHECK(example.verify()->policy_id() == "all");

  const StoredAccessPolicy policy{
      .start = "2026-01-01T00:00:00.0000000Z", .expiry = "2026-07-01T00:00:00.0000000Z", .permissions = "rd"};
  const auto grant = example.grant(&policy);

  REQUIRE(grant.has_value());
  CHECK(grant->allows(BlobAction::delete_blob).has_value());
  CHECK_FALSE(grant->allows(BlobAction::put_block).has_value());
  example.clock.set(at("2026-07-01"));
  CHECK(example.grant(&policy).error().error.code == ErrorCode::request_expired);
  example.clock.set(at("2025-07-01"));
  CHECK(example.grant(&policy).error().error.code == ErrorCode::request_expired);
}

TEST_CASE("each half may come from the other side") {
  SasExample example;
  const StoredAccessPolicy permissions{.start = {}, .expiry = {}, .permissions = "r"};
  example.with_blob_sas(with(policy_parameters(), "se", "2026-12-31"));
  CHECK(example.grant(&permissions).has_value());

  const StoredAccessPolicy expiry{.start = {}, .expiry = "2026-12-31", .permissions = {}};
  example.with_blob_sas(with(policy_parameters(), "sp", "r"));
  CHECK(example.grant(&expiry).has_value());
}

TEST_CASE("a field may be in the SAS or in its policy, not in both and not in neither") {
  SasExample example;
  const StoredAccessPolicy policy{.start = "2026-01-01", .expiry = "2026-12-31", .permissions = "r"};
  for (const auto& [name, value] : Parameters{{"sp", "r"}, {"se", "2026-12-31"}, {"st", "2026-01-01"}}) {
    INFO(name);
    example.with_blob_sas(with(policy_parameters(), name, value));
    CHECK(refusal(example.grant(&policy)) ==
          "Access policy fields can be associated with signature or SAS identifier but not both");
  }

  example.with_blob_sas(policy_parameters());
  const StoredAccessPolicy timeless{.start = {}, .expiry = {}, .permissions = "r"};
  const StoredAccessPolicy powerless{.start = {}, .expiry = "2026-12-31", .permissions = {}};
  CHECK(refusal(example.grant(&timeless)) == "se is mandatory");
  CHECK(refusal(example.grant(&powerless)) == "sp is mandatory");
}

TEST_CASE("without its policy a SAS grants nothing") {
  SasExample example;
  example.with_blob_sas(with(with(policy_parameters(), "sp", "r"), "se", "2026-12-31"));
  CHECK(refusal(example.grant(nullptr)) == "si names no stored access policy of the container");
}

TEST_CASE("a policy that cannot be read grants nothing") {
  SasExample example;
  example.with_blob_sas(policy_parameters());
  const StoredAccessPolicy when{.start = {}, .expiry = "tomorrow", .permissions = "r"};
  const StoredAccessPolicy what{.start = {}, .expiry = "2026-12-31", .permissions = "rq"};
  CHECK_FALSE(example.grant(&when).has_value());
  CHECK_FALSE(example.grant(&what).has_value());
}

TEST_CASE("a SAS without an identifier takes nothing from a policy") {
  SasExample example;
  example.with_blob_sas(blob_parameters());
  CHECK_FALSE(example.verify()->policy_id().has_value());

  const StoredAccessPolicy policy{.start = {}, .expiry = {}, .permissions = "rwdl"};
  CHECK_FALSE(example.grant(&policy)->allows(BlobAction::delete_blob).has_value());
}

// ---- what a grant carries

TEST_CASE("signed response headers come with the grant") {
  const auto grant = example_of(vector_named("blob with everything 2026-04-06")).grant();

  REQUIRE(grant.has_value());
  CHECK(grant->overrides.cache_control == "no-cache, max-age=5");
  CHECK(grant->overrides.content_disposition == "attachment; filename=\"a+b c.txt\"");
  CHECK(grant->overrides.content_encoding == "gzip");
  CHECK(grant->overrides.content_language == "de-DE");
  CHECK(grant->overrides.content_type == "text/plain; charset=utf-8");
  CHECK(grant->encryption_scope == "scope1");
  CHECK(grant->version == "2026-04-06");
}

TEST_CASE("response headers that are not signed have no effect") {
  SasExample old = example_of(vector_named("blob with everything 2012-02-12"));
  old.target += "&rsct=text%2Fhtml";
  CHECK(old.grant()->overrides.content_type.empty());

  SasExample account = example_of(vector_named("account 2020-12-06"));
  account.target += "&rscd=attachment";
  CHECK(account.grant()->overrides.content_disposition.empty());
}

TEST_CASE("a space in a parameter may be written as a plus, and a plus of the signature as itself") {
  SasExample example;
  example.with_blob_sas(with(blob_parameters(), "rscd", "attachment; filename=a b"));
  for (std::size_t at = 0; (at = example.target.find("%20")) != std::string::npos;) example.target.replace(at, 3, "+");
  for (std::size_t at = 0; (at = example.target.find("%2B")) != std::string::npos;) example.target.replace(at, 3, "+");

  CHECK(example.grant()->overrides.content_disposition == "attachment; filename=a b");
}

// ---- user delegation

TEST_CASE("a delegated SAS tells whose key signed it") {
  const auto grant = example_of(vector_named("delegated blob with everything 2020-12-06")).grant();

  REQUIRE(grant.has_value());
  CHECK(grant->kind == SasKind::user_delegation);
  CHECK(grant->oid == "11111111-2222-3333-4444-555555555555");
  CHECK(grant->authorized_oid == "aaaaaaaa-0000-0000-0000-000000000000");
  CHECK(grant->correlation_id == "cccccccc-0000-0000-0000-000000000000");
}

TEST_CASE("a delegated SAS ends with its key, whatever its own expiry") {
  SasExample example = example_of(vector_named("delegated container 2020-12-06"));
  example.clock.set(at("2026-06-07T11:59:59Z"));
  CHECK(example.verify().has_value());

  example.clock.set(at("2026-06-07T12:00:00Z"));
  CHECK(example.verify().error().error.code == ErrorCode::request_expired);
  example.clock.set(at("2026-05-31T23:59:59Z"));
  CHECK(example.verify().error().error.code == ErrorCode::request_expired);
}

TEST_CASE("no part of a delegation key's name can be changed") {
  for (const std::string_view change :
       {"skoid=11111111-2222-3333-4444-555555555556", "sktid=6", "skt=2026-05-01T00%3A00%3A00Z",
        "ske=2026-12-07T12%3A00%3A00Z", "skv=2021-12-02"}) {
    INFO(change);
    SasExample example = example_of(vector_named("delegated container 2020-12-06"));
    const std::size_t begin = example.target.find(change.substr(0, change.find('=') + 1));
    example.target.replace(begin, example.target.find('&', begin) - begin, change);
    CHECK(example.verify().error().error.code == ErrorCode::signature_mismatch);
  }
}

TEST_CASE("a delegated SAS for a certain user needs that user's bearer token") {
  SasExample example = example_of(vector_named("delegated blob with everything 2025-07-05"));
  CHECK(example.verify().has_value());

  example.bearer_oid = "";
  CHECK_FALSE(example.verify().has_value());
  example.bearer_oid = "dddddddd-0000-0000-0000-000000000001";
  CHECK_FALSE(example.verify().has_value());
  example.bearer_oid = "dddddddd-0000-0000-0000-000000000000";
  example.bearer_tid = "";
  CHECK_FALSE(example.verify().has_value());
}

TEST_CASE("headers and parameters a SAS names must be as they were signed") {
  const SasVector& vector = vector_named("delegated blob with everything 2026-04-06");
  SasExample header = example_of(vector);
  header.fields.clear();
  header.fields.add("x-ms-blob-type", "PageBlob");
  header.fields.add("x-ms-meta-a", "two  words");
  CHECK(header.verify().error().error.code == ErrorCode::signature_mismatch);

  SasExample repeated = example_of(vector);
  repeated.fields.add("x-ms-blob-type", "PageBlob");
  CHECK(refusal(repeated.verify()) == "a signed header or parameter is there twice");

  SasExample parameter = example_of(vector);
  parameter.target.replace(parameter.target.find("comp=block"), 10, "comp=lease");
  CHECK(parameter.verify().error().error.code == ErrorCode::signature_mismatch);

  SasExample second = example_of(vector);
  second.target += "&comp=lease";
  CHECK(refusal(second.verify()) == "a signed header or parameter is there twice");
}

TEST_CASE("a SAS that asks for a check of POSIX rights is refused") {
  const auto key = delegation_key(sluiceaccount().keys.front().raw(), "sluiceaccount",
                                  {.oid = "o",
                                   .tid = "t",
                                   .start = "2026-06-01",
                                   .expiry = "2026-06-07",
                                   .service = "b",
                                   .version = "2022-11-02",
                                   .delegated_tid = {}});
  Parameters parameters = blob_parameters();
  for (const auto& [name, value] : Parameters{{"skoid", "o"},
                                              {"sktid", "t"},
                                              {"skt", "2026-06-01"},
                                              {"ske", "2026-06-07"},
                                              {"sks", "b"},
                                              {"skv", "2022-11-02"}}) {
    parameters = with(parameters, name, value);
  }
  const SasSubject subject{.account = "sluiceaccount",
                           .resource = "/blob/sluiceaccount/photos/cat.jpg",
                           .moment = {},
                           .headers = {},
                           .query = {}};
  SasExample example;
  example.target = "/?" + signed_query(parameters, subject, key);
  CHECK(refusal(example.verify()).empty());

  example.target = "/?" + signed_query(with(parameters, "suoid", "somebody"), subject, key);
  CHECK(example.verify().error().reason == BlobAuthFault::authorization_failure);
}

}  // namespace
}  // namespace sluice::auth::test
