#include "auth/policy_condition.h"

#include <catch2/catch.hpp>

namespace sluice::auth {
namespace {

using Values = std::vector<std::string>;

bool holds(std::string_view condition_operator, std::string_view key, const Values& values,
           const std::vector<Fact>& facts) {
  return PolicyCondition::parse(condition_operator, key, values, true).value().holds(facts);
}

bool is_known(std::string_view condition_operator, std::string_view key = "s3:prefix", const Values& values = {"x"}) {
  return PolicyCondition::parse(condition_operator, key, values, true).has_value();
}

bool restricts(std::string_view condition_operator, std::string_view key, const Values& values) {
  return PolicyCondition::parse(condition_operator, key, values, true).value().restricts();
}

std::vector<Fact> prefix(const std::string& text) { return {{"s3:prefix", text}}; }

const std::vector<Fact> kNone;

}  // namespace

TEST_CASE("strings are compared, with any of the values") {
  CHECK(holds("StringEquals", "s3:prefix", {"a", "home/"}, prefix("home/")));
  CHECK_FALSE(holds("StringEquals", "s3:prefix", {"a", "home/*"}, prefix("home/x")));
  CHECK(holds("StringLike", "s3:prefix", {"home/*"}, prefix("home/x")));
  CHECK_FALSE(holds("StringLike", "s3:prefix", {"home/*"}, prefix("Home/x")));
  CHECK(holds("StringEqualsIgnoreCase", "s3:prefix", {"HOME"}, prefix("home")));
}

TEST_CASE("a negated operator holds where none of the values is meant") {
  CHECK_FALSE(holds("StringNotEquals", "s3:prefix", {"a", "b"}, prefix("b")));
  CHECK(holds("StringNotEquals", "s3:prefix", {"a", "b"}, prefix("c")));
  CHECK_FALSE(holds("StringNotLike", "s3:prefix", {"a*"}, prefix("abc")));
  CHECK_FALSE(holds("StringNotEqualsIgnoreCase", "s3:prefix", {"A"}, prefix("a")));
}

TEST_CASE("a key that a request does not have fails a condition, but for a negated one") {
  CHECK_FALSE(holds("StringEquals", "s3:prefix", {""}, kNone));
  CHECK_FALSE(holds("StringLike", "s3:prefix", {"*"}, kNone));
  CHECK_FALSE(holds("NumericLessThan", "s3:max-keys", {"10"}, kNone));
  CHECK_FALSE(holds("Bool", "aws:SecureTransport", {"false"}, kNone));
  CHECK_FALSE(holds("IpAddress", "aws:SourceIp", {"0.0.0.0/0"}, kNone));
  CHECK(holds("StringNotEquals", "s3:prefix", {"a"}, kNone));
  CHECK(holds("NotIpAddress", "aws:SourceIp", {"10.0.0.0/8"}, kNone));
}

TEST_CASE("IfExists lets what is not there pass, and nothing else") {
  CHECK(holds("StringEqualsIfExists", "s3:prefix", {"a"}, kNone));
  CHECK(holds("StringEqualsIfExists", "s3:prefix", {"a"}, prefix("a")));
  CHECK_FALSE(holds("StringEqualsIfExists", "s3:prefix", {"a"}, prefix("b")));
  CHECK(holds("StringLikeIfExists", "aws:Referer", {"http://www.example.com/*"}, kNone));
}

TEST_CASE("Null asks whether a key is there") {
  CHECK(holds("Null", "s3:x-amz-server-side-encryption", {"true"}, kNone));
  CHECK_FALSE(holds("Null", "s3:x-amz-server-side-encryption", {"false"}, kNone));
  CHECK_FALSE(holds("Null", "s3:prefix", {"true"}, prefix("")));
  CHECK(holds("Null", "s3:prefix", {"false"}, prefix("")));
}

TEST_CASE("numbers are compared as numbers") {
  const std::vector<Fact> keys{{"s3:max-keys", "9"}};

  CHECK(holds("NumericLessThanEquals", "s3:max-keys", {"10"}, keys));
  CHECK(holds("NumericLessThan", "s3:max-keys", {"10"}, keys));
  CHECK_FALSE(holds("NumericLessThan", "s3:max-keys", {"9"}, keys));
  CHECK(holds("NumericEquals", "s3:max-keys", {"9.0"}, keys));
  CHECK_FALSE(holds("NumericNotEquals", "s3:max-keys", {"9"}, keys));
  CHECK(holds("NumericGreaterThan", "s3:max-keys", {"8"}, keys));
  CHECK(holds("NumericGreaterThanEquals", "s3:max-keys", {"9"}, keys));
  CHECK_FALSE(holds("NumericLessThan", "s3:max-keys", {"10"}, {{"s3:max-keys", "many"}}));
}

TEST_CASE("dates are compared, written either way") {
  const std::vector<Fact> now{{"aws:currenttime", "2026-01-02T03:04:05Z"}};

  CHECK(holds("DateGreaterThan", "aws:CurrentTime", {"2026-01-01T00:00:00Z"}, now));
  CHECK_FALSE(holds("DateLessThan", "aws:CurrentTime", {"2026-01-02"}, now));
  CHECK(holds("DateLessThanEquals", "aws:CurrentTime", {"1767323045"}, now));
  CHECK(holds("DateEquals", "aws:CurrentTime", {"2026-01-02T03:04:05Z"}, now));
  CHECK(holds("NumericGreaterThan", "aws:EpochTime", {"1767323044"}, {{"aws:epochtime", "1767323045"}}));
}

TEST_CASE("truth is compared in any case") {
  CHECK(holds("Bool", "aws:SecureTransport", {"false"}, {{"aws:securetransport", "false"}}));
  CHECK(holds("Bool", "aws:SecureTransport", {"TRUE"}, {{"aws:securetransport", "true"}}));
  CHECK_FALSE(holds("Bool", "aws:SecureTransport", {"true"}, {{"aws:securetransport", "false"}}));
}

TEST_CASE("addresses lie within networks, of both versions") {
  const std::vector<Fact> from{{"aws:sourceip", "54.240.143.188"}};
  const std::vector<Fact> from6{{"aws:sourceip", "2001:db8:1234:5678::1"}};

  CHECK(holds("IpAddress", "aws:SourceIp", {"54.240.143.0/24"}, from));
  CHECK(holds("IpAddress", "aws:SourceIp", {"54.240.143.188"}, from));
  CHECK_FALSE(holds("IpAddress", "aws:SourceIp", {"54.240.143.188/31"}, {{"aws:sourceip", "54.240.143.190"}}));
  CHECK(holds("IpAddress", "aws:SourceIp", {"54.240.143.188/31"}, {{"aws:sourceip", "54.240.143.189"}}));
  CHECK_FALSE(holds("NotIpAddress", "aws:SourceIp", {"54.240.143.0/24"}, from));
  CHECK(holds("IpAddress", "aws:SourceIp", {"2001:db8:1234::/48"}, from6));
  CHECK_FALSE(holds("IpAddress", "aws:SourceIp", {"2001:db8:1235::/48", "0.0.0.0/0"}, from6));
  CHECK(holds("IpAddress", "aws:SourceIp", {"::/0"}, from));
  CHECK_FALSE(holds("IpAddress", "aws:SourceIp", {"0.0.0.0/0"}, {{"aws:sourceip", "unknown"}}));
}

TEST_CASE("keys of several values are asked for any or for all of them") {
  const std::vector<Fact> tags{{"s3:requestobjecttagkeys", "owner"}, {"s3:requestobjecttagkeys", "colour"}};

  CHECK(holds("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", {"owner"}, tags));
  CHECK_FALSE(holds("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", {"owner"}, tags));
  CHECK(holds("ForAllValues:StringLike", "s3:RequestObjectTagKeys", {"o*", "c*"}, tags));
  CHECK(holds("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", {"owner"}, kNone));
  CHECK_FALSE(holds("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", {"owner"}, kNone));
}

TEST_CASE("a value may be a variable") {
  const std::vector<Fact> facts{{"s3:prefix", "home/alice"}, {"aws:username", "alice"}};

  CHECK(holds("StringLike", "s3:prefix", {"home/${aws:username}"}, facts));
  CHECK_FALSE(holds("StringEquals", "s3:prefix", {"home/bob"}, facts));
}

TEST_CASE("an operator, key or value that is not known is refused") {
  CHECK(is_known("StringEquals"));
  CHECK_FALSE(is_known("StringEqual"));
  CHECK_FALSE(is_known("stringequals"));
  CHECK_FALSE(is_known("NullIfExists", "s3:prefix", {"true"}));
  CHECK_FALSE(is_known("IfExists"));
  CHECK_FALSE(is_known(""));
  CHECK_FALSE(is_known("ForSomeValues:StringEquals"));
  CHECK_FALSE(is_known(":StringEquals"));
  CHECK_FALSE(is_known("ForAnyValue:"));
  CHECK_FALSE(is_known("BinaryEquals"));
  CHECK_FALSE(is_known("StringEquals", "s3:signatureAge"));
  CHECK_FALSE(is_known("StringEquals", "s3:prefix", {}));
  CHECK_FALSE(is_known("StringEquals", "s3:prefix", {"${aws:nonsense}"}));
  CHECK_FALSE(is_known("NumericEquals", "s3:max-keys", {"ten"}));
  CHECK_FALSE(is_known("NumericEquals", "s3:max-keys", {"10 "}));
  CHECK_FALSE(is_known("Bool", "aws:SecureTransport", {"yes"}));
  CHECK_FALSE(is_known("DateLessThan", "aws:CurrentTime", {"tomorrow"}));
  for (const char* network : {"10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.1/", "fe80::1%eth0", "*", ""}) {
    CHECK_FALSE(is_known("IpAddress", "aws:SourceIp", {network}));
  }
}

TEST_CASE("only fixed callers and addresses keep the public out") {
  CHECK(restricts("IpAddress", "aws:SourceIp", {"10.0.0.0/32"}));
  CHECK(restricts("IpAddress", "aws:SourceIp", {"203.0.113.0/8"}));
  CHECK(restricts("StringEquals", "aws:PrincipalAccount", {"acme"}));
  CHECK_FALSE(restricts("IpAddress", "aws:SourceIp", {"10.0.0.1", "0.0.0.0/0"}));
  CHECK_FALSE(restricts("IpAddress", "aws:SourceIp", {"2001::/16"}));
  CHECK_FALSE(restricts("NotIpAddress", "aws:SourceIp", {"10.0.0.0/32"}));
  CHECK_FALSE(restricts("IpAddressIfExists", "aws:SourceIp", {"10.0.0.0/32"}));
  CHECK_FALSE(restricts("StringLike", "aws:PrincipalAccount", {"ac*"}));
  CHECK_FALSE(restricts("StringEquals", "s3:prefix", {"home"}));
  CHECK_FALSE(restricts("StringEquals", "aws:Referer", {"http://example.com/"}));
  CHECK_FALSE(restricts("ForAllValues:StringEquals", "aws:userid", {"x"}));
}

}  // namespace sluice::auth
