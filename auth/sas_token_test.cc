#include "auth/sas_token.h"

#include <catch2/catch.hpp>
#include <random>

#include "auth/sas_example_for_test.h"
#include "auth/sas_vectors_for_test.h"

namespace sluice::auth::test {
namespace {

const Parameters kService{{"sv", "2022-11-02"}, {"sr", "b"}, {"se", "2026-12-31"}, {"sp", "r"}, {"sig", "AAAA"}};
const Parameters kAccount{{"sv", "2022-11-02"}, {"ss", "b"},  {"srt", "o"},
                          {"se", "2026-12-31"}, {"sp", "rw"}, {"sig", "AAAA"}};
const Parameters kDelegated{{"sv", "2022-11-02"},  {"sr", "b"},    {"se", "2026-12-31"},  {"sp", "r"},
                            {"skoid", "o"},        {"sktid", "t"}, {"ske", "2026-12-31"}, {"sks", "b"},
                            {"skv", "2022-11-02"}, {"sig", "AAAA"}};

std::expected<SasToken, AzureFault> parse(const Parameters& parameters) {
  return parse_sas_token("/c/b?comp=metadata&" + query_of(parameters));
}

Parameters without(Parameters parameters, std::string_view name) {
  std::erase_if(parameters, [name](const auto& parameter) { return parameter.first == name; });
  return parameters;
}

Parameters changed(Parameters parameters, const std::string& name, std::string value) {
  return with(without(std::move(parameters), name), name, std::move(value));
}

TEST_CASE("the kind of a SAS follows from its parameters") {
  CHECK(parse(kService)->kind == SasKind::service);
  CHECK(parse(kAccount)->kind == SasKind::account);
  CHECK(parse(kDelegated)->kind == SasKind::user_delegation);
}

TEST_CASE("a SAS needs its mandatory parameters") {
  for (const std::string_view name : {"sv", "sr", "se", "sp", "sig"}) {
    INFO(name);
    CHECK_FALSE(parse(without(kService, name)).has_value());
  }
  for (const std::string_view name : {"sv", "ss", "srt", "se", "sp", "sig"}) {
    INFO(name);
    CHECK_FALSE(parse(without(kAccount, name)).has_value());
  }
  for (const std::string_view name : {"sv", "sr", "se", "sp", "skoid", "sktid", "ske", "sks", "skv", "sig"}) {
    INFO(name);
    CHECK_FALSE(parse(without(kDelegated, name)).has_value());
  }
}

TEST_CASE("with an identifier, times and permissions may be missing") {
  CHECK(parse({{"sv", "2022-11-02"}, {"sr", "c"}, {"si", "id"}, {"sig", "AAAA"}}).has_value());
  CHECK(refusal(parse(with(kAccount, "si", "id"))) == "si is not supported in this kind and version");
  CHECK(refusal(parse(with(kDelegated, "si", "id"))) == "si is not supported in this kind and version");
}

TEST_CASE("malformed values are refused") {
  const Parameters values{{"sv", "yesterday"},  {"sv", "2012-02-11"}, {"sr", "x"},      {"se", "soon"},
                          {"st", "2026-13-01"}, {"sp", "rz"},         {"sp", "R"},      {"spr", "http"},
                          {"sig", "***"},       {"sig", "AA"},        {"rscc", "a\nb"}, {"ses", std::string("a\0b", 3)},
                          {"si", "a\x7F"},      {"sr", "d"}};
  for (const auto& [name, value] : values) {
    INFO(name << " " << value);
    CHECK_FALSE(parse(changed(kService, name, value)).has_value());
  }
  CHECK_FALSE(parse(changed(kAccount, "ss", "bz")).has_value());
  CHECK_FALSE(parse(changed(kAccount, "srt", "z")).has_value());
  CHECK_FALSE(parse(changed(kAccount, "sp", "e")).has_value());
  CHECK_FALSE(parse(changed(kDelegated, "sks", "q")).has_value());
  CHECK_FALSE(parse_sas_token("/?sv=2022-11-02&sr=b&se=2026-12-31&sp=%zz&sig=AAAA").has_value());
}

TEST_CASE("a repeated parameter is refused, in any spelling") {
  CHECK(refusal(parse(with(kService, "sp", "r"))) == "sp is there twice");
  CHECK(refusal(parse_sas_token("/?" + query_of(kService) + "&s%70=rw")) == "sp is there twice");
}

TEST_CASE("a parameter its version does not sign is refused") {
  for (const auto& [name, value] : Parameters{{"sip", "1.2.3.4"}, {"spr", "https"}, {"ses", "s"}}) {
    INFO(name);
    CHECK_FALSE(parse(with(changed(kService, "sv", "2014-02-14"), name, value)).has_value());
  }
  CHECK_FALSE(parse(with(changed(kService, "sv", "2019-12-12"), "ses", "s")).has_value());
  CHECK_FALSE(parse(with(changed(kDelegated, "sv", "2019-12-12"), "saoid", "s")).has_value());
  CHECK_FALSE(parse(with(kDelegated, "sduoid", "s")).has_value());
  CHECK_FALSE(parse(with(kDelegated, "srh", "x-ms-a")).has_value());
  CHECK_FALSE(parse(with(changed(kService, "sv", "2026-04-06"), "srq", "comp")).has_value());
  CHECK_FALSE(parse(changed(kDelegated, "sv", "2017-11-09")).has_value());
  CHECK_FALSE(parse(changed(kAccount, "sv", "2014-02-14")).has_value());
}

TEST_CASE("snapshots, versions and directories need a version that signs them") {
  CHECK(parse(changed(kService, "sr", "bs")).has_value());
  CHECK(parse(changed(kService, "sr", "bv")).has_value());
  CHECK(parse(with(changed(kService, "sr", "d"), "sdd", "0")).has_value());
  CHECK_FALSE(parse(changed(changed(kService, "sr", "bs"), "sv", "2018-03-28")).has_value());
  CHECK_FALSE(parse(changed(changed(kService, "sr", "bv"), "sv", "2018-03-28")).has_value());
  CHECK_FALSE(parse(with(changed(changed(kService, "sr", "d"), "sv", "2019-12-12"), "sdd", "1")).has_value());
  CHECK_FALSE(parse(with(changed(kService, "sr", "d"), "sdd", "-1")).has_value());
}

TEST_CASE("an account SAS with a resource is still an account SAS") {
  const auto token = parse(with(kAccount, "sr", "b"));
  REQUIRE(token.has_value());
  CHECK(token->sr.empty());
}

TEST_CASE("permissions may come in any order") { CHECK(parse(changed(kService, "sp", "dwr"))->sp == "dwr"); }

TEST_CASE("times are read in every legal form") {
  CHECK(parse_sas_time("2026-01-02") == at("2026-01-02T00:00:00Z"));
  CHECK(parse_sas_time("2026-01-02T03:04Z") == at("2026-01-02T03:04:00Z"));
  CHECK(parse_sas_time("2026-01-02T03:04:05Z")->time_since_epoch() == std::chrono::milliseconds(1767323045000));
  CHECK(parse_sas_time("2026-01-02T03:04:05.1239999Z")->time_since_epoch() == std::chrono::milliseconds(1767323045123));
  CHECK(parse_sas_time("2026-01-02T03:04:05.5Z")->time_since_epoch() == std::chrono::milliseconds(1767323045500));
  CHECK(parse_sas_time("2026-01-02T03:04:05+01:30") == at("2026-01-02T01:34:05Z"));
  CHECK(parse_sas_time("2026-01-01T23:04-04:00") == at("2026-01-02T03:04:00Z"));
}

TEST_CASE("what only looks like a time is none") {
  for (const std::string_view text :
       {"", "2026", "2026-1-2", "2026-02-30", "2026-01-02T", "2026-01-02T03Z", "2026-01-02T03:04", "2026-01-02T24:00Z",
        "2026-01-02T03:60Z", "2026-01-02T03:04:60Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.12345678Z",
        "2026-01-02T03:04:05Zx", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05+1:00", "+026-01-02", "2026-01-02Z"}) {
    INFO(text);
    CHECK_FALSE(parse_sas_time(text).has_value());
  }
}

TEST_CASE("damaged tokens are refused or mean what they say, and never more") {
  std::mt19937 random(20260603);
  for (const SasVector& vector : kSasVectors) {
    for (int round = 0; round < 60; ++round) {
      std::string query(vector.query);
      const std::size_t place = random() % query.size();
      switch (random() % 3) {
        case 0:
          query[place] = static_cast<char>(random());
          break;
        case 1:
          query.erase(place, 1 + random() % 5);
          break;
        default:
          query.insert(place, query.substr(random() % query.size(), 1 + random() % 9));
      }
      if (query == vector.query) continue;
      SasExample example;
      example.target = "/?" + query;
      example.resource = {
          .container = vector.container, .blob = vector.blob, .snapshot = vector.snapshot, .version = vector.version};
      const auto sas = example.verify();
      const auto token = parse_sas_token(example.target);
      // Damage to what is not signed, as an escape's case, may leave a token whole.
      if (!sas) continue;
      const auto whole = parse_sas_token("/?" + std::string(vector.query));
      INFO(vector.name << " " << query);
      CHECK(token->sp == whole->sp);
      CHECK(token->se == whole->se);
      CHECK(token->sr == whole->sr);
      CHECK(token->sip == whole->sip);
    }
  }
}

}  // namespace
}  // namespace sluice::auth::test
