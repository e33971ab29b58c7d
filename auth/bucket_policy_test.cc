#include "auth/bucket_policy.h"

#include <catch2/catch.hpp>

namespace sluice::auth {
namespace {

Identity of(const std::string& account, const std::string& name = "worker") {
  User user;
  user.account = account;
  user.name = name;
  return {std::make_shared<const User>(user)};
}

const Identity kNobody;

/// A request to the bucket amzn-s3-demo-bucket.
struct Ask {
  Identity identity = of("bob");
  std::string permission = "s3:GetObject";
  std::string key = "key";
  std::vector<Fact> facts{};
  std::string bucket = "amzn-s3-demo-bucket";
};

BucketPolicy policy(std::string_view text, std::string_view bucket = "amzn-s3-demo-bucket") {
  auto parsed = BucketPolicy::parse(text, bucket);
  if (!parsed) FAIL(parsed.error());
  return *std::move(parsed);
}

Effect ask(const BucketPolicy& policy, const Ask& ask) {
  return policy.evaluate({.identity = ask.identity,
                          .permission = ask.permission,
                          .resource = {.bucket = ask.bucket, .key = ask.key},
                          .facts = ask.facts});
}

/// A policy of one statement, of which `rest` replaces or adds elements.
std::string statement(const std::string& rest, const std::string& effect = "Allow",
                      const std::string& principal = R"("Principal": "*")") {
  return R"({"Version": "2012-10-17", "Statement": [{"Effect": ")" + effect + R"(", )" + principal + ", " + rest +
         "}]}";
}

const std::string kGet = R"("Action": "s3:GetObject", "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*")";

std::string fault(std::string_view text) {
  const auto parsed = BucketPolicy::parse(text, "amzn-s3-demo-bucket");
  return parsed ? "none" : parsed.error();
}

}  // namespace

// The policies of "Examples of Amazon S3 bucket policies", Amazon S3 User Guide, with
// accounts of this gateway for AWS's numbers.

TEST_CASE("AWS example: public read of every object") {
  const BucketPolicy read = policy(R"({
    "Version": "2012-10-17",
    "Statement": [{
      "Sid": "AddPublicReadCannedAcl", "Effect": "Allow", "Principal": "*",
      "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::amzn-s3-demo-bucket/*"]
    }]})");

  CHECK(ask(read, {.identity = kNobody}) == Effect::allow);
  CHECK(ask(read, {}) == Effect::allow);
  CHECK(ask(read, {.permission = "s3:PutObject"}) == Effect::none);
  CHECK(ask(read, {.permission = "s3:GetObjectVersion"}) == Effect::none);
  CHECK(ask(read, {.permission = "s3:GetObject", .key = ""}) == Effect::none);
  CHECK(read.is_public());
  CHECK_FALSE(read.asks_object());
}

TEST_CASE("AWS example: another account uploads only what the bucket's owner controls") {
  const BucketPolicy upload = policy(R"({
    "Version": "2012-10-17",
    "Statement": [{
      "Sid": "PolicyForAllowUploadWithACL", "Effect": "Allow",
      "Principal": {"AWS": "bob"}, "Action": "s3:PutObject",
      "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*",
      "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    }]})");
  const std::vector<Fact> full{{"s3:x-amz-acl", "bucket-owner-full-control"}};

  CHECK(ask(upload, {.permission = "s3:PutObject", .facts = full}) == Effect::allow);
  CHECK(ask(upload, {.permission = "s3:PutObject"}) == Effect::none);
  CHECK(ask(upload, {.identity = of("eve"), .permission = "s3:PutObject", .facts = full}) == Effect::none);
  CHECK(ask(upload, {.identity = kNobody, .permission = "s3:PutObject", .facts = full}) == Effect::none);
  CHECK_FALSE(upload.is_public());
}

TEST_CASE("AWS example: nothing without TLS") {
  const BucketPolicy secure = policy(R"({
    "Version": "2012-10-17",
    "Statement": [{
      "Sid": "RestrictToTLSRequestsOnly", "Action": "s3:*", "Effect": "Deny",
      "Resource": ["arn:aws:s3:::amzn-s3-demo-bucket", "arn:aws:s3:::amzn-s3-demo-bucket/*"],
      "Condition": {"Bool": {"aws:SecureTransport": "false"}}, "Principal": "*"
    }]})");

  CHECK(ask(secure, {.facts = {{"aws:securetransport", "false"}}}) == Effect::deny);
  CHECK(ask(secure, {.permission = "s3:ListBucket", .key = "", .facts = {{"aws:securetransport", "false"}}}) ==
        Effect::deny);
  CHECK(ask(secure, {.facts = {{"aws:securetransport", "true"}}}) == Effect::none);
  CHECK_FALSE(secure.is_public());
}

TEST_CASE("AWS example: one network, but for one address of it") {
  const BucketPolicy network = policy(R"({
    "Version": "2012-10-17", "Id": "PolicyId2",
    "Statement": [{
      "Sid": "AllowIPmix", "Effect": "Allow", "Principal": "*", "Action": "s3:*",
      "Resource": ["arn:aws:s3:::amzn-s3-demo-bucket", "arn:aws:s3:::amzn-s3-demo-bucket/*"],
      "Condition": {
        "IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:DB8:1234:5678::/64"]},
        "NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678:ABCD::/80"]}
      }}]})");
  const auto from = [&](const char* address) { return ask(network, {.facts = {{"aws:sourceip", address}}}); };

  CHECK(from("192.0.2.99") == Effect::allow);
  CHECK(from("192.0.3.99") == Effect::none);
  CHECK(from("2001:db8:1234:5678::1") == Effect::allow);
  CHECK(from("2001:db8:1234:5678:abcd::1") == Effect::none);
  CHECK_FALSE(network.is_public());
}

TEST_CASE("AWS example: links from one site only") {
  const BucketPolicy referer = policy(R"({
    "Version": "2012-10-17", "Id": "HTTP referer policy example",
    "Statement": [{
      "Sid": "Allow only GET requests originating from www.example.com and example.com.",
      "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
      "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*",
      "Condition": {"StringLike": {"aws:Referer": ["http://www.example.com/*", "http://example.com/*"]}}
    }]})");

  CHECK(ask(referer, {.facts = {{"aws:referer", "http://www.example.com/page"}}}) == Effect::allow);
  CHECK(ask(referer, {.facts = {{"aws:referer", "http://evil.example/"}}}) == Effect::none);
  CHECK(ask(referer, {}) == Effect::none);
  CHECK(referer.is_public());
}

TEST_CASE("AWS example: a folder for each user") {
  const BucketPolicy home = policy(R"({
    "Version": "2012-10-17",
    "Statement": [
      {"Sid": "AllowObjects", "Effect": "Allow", "Principal": {"AWS": "acme"}, "Action": ["s3:GetObject", "s3:PutObject"],
       "Resource": ["arn:aws:s3:::amzn-s3-demo-bucket/home/${aws:username}/*"]},
      {"Sid": "AllowList", "Effect": "Allow", "Principal": {"AWS": "acme"}, "Action": "s3:ListBucket",
       "Resource": ["arn:aws:s3:::amzn-s3-demo-bucket"],
       "Condition": {"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}}}
    ]})");
  const Identity alice = of("acme", "alice");
  const std::vector<Fact> name{{"aws:username", "alice"}};
  const auto list = [&](const std::string& prefix) {
    return ask(home, {.identity = alice,
                      .permission = "s3:ListBucket",
                      .key = "",
                      .facts = {{"aws:username", "alice"}, {"s3:prefix", prefix}}});
  };

  CHECK(ask(home, {.identity = alice, .key = "home/alice/a", .facts = name}) == Effect::allow);
  CHECK(ask(home, {.identity = alice, .key = "home/bob/a", .facts = name}) == Effect::none);
  CHECK(list("") == Effect::allow);
  CHECK(list("home/alice/x") == Effect::allow);
  CHECK(list("home/bob/") == Effect::none);
}

TEST_CASE("AWS example: objects by their tags") {
  const BucketPolicy tags = policy(R"({
    "Version": "2012-10-17",
    "Statement": [{
      "Principal": {"AWS": "arn:aws:iam::acme:user/Dave"}, "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*",
      "Condition": {"StringEquals": {"s3:ExistingObjectTag/environment": "production"}}
    }]})");

  CHECK(ask(tags, {.identity = of("acme", "Dave"), .facts = {{"s3:existingobjecttag/environment", "production"}}}) ==
        Effect::allow);
  CHECK(ask(tags, {.identity = of("acme", "Dave"), .facts = {{"s3:existingobjecttag/environment", "test"}}}) ==
        Effect::none);
  CHECK(ask(tags, {.identity = of("acme", "Eve"), .facts = {{"s3:existingobjecttag/environment", "production"}}}) ==
        Effect::none);
  CHECK(tags.asks_object());
}

TEST_CASE("AWS example: uploads must be encrypted") {
  const BucketPolicy encrypted = policy(R"({
    "Version": "2012-10-17", "Id": "PutObjectPolicy",
    "Statement": [
      {"Sid": "DenyIncorrect", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
       "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*",
       "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}},
      {"Sid": "DenyMissing", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
       "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*",
       "Condition": {"Null": {"s3:x-amz-server-side-encryption": true}}}
    ]})");
  const auto put = [&](std::vector<Fact> facts) {
    return ask(encrypted, {.permission = "s3:PutObject", .facts = std::move(facts)});
  };

  CHECK(put({{"s3:x-amz-server-side-encryption", "AES256"}}) == Effect::none);
  CHECK(put({{"s3:x-amz-server-side-encryption", "aws:kms"}}) == Effect::deny);
  CHECK(put({}) == Effect::deny);
}

TEST_CASE("Deny goes over Allow, in either order") {
  const auto joined = [](std::string first, std::string_view second) { return first.append(",").append(second); };

  const std::string allow = R"({"Effect": "Allow", "Principal": "*", )" + kGet + "}";
  const std::string deny = R"({"Effect": "Deny", "Principal": {"AWS": "bob"}, )" + kGet + "}";

  for (const std::string& list : {joined(allow, deny), joined(deny, allow)}) {
    const BucketPolicy both = policy(R"({"Statement": [)" + list + "]}");
    CHECK(ask(both, {}) == Effect::deny);
    CHECK(ask(both, {.identity = of("eve")}) == Effect::allow);
  }
}

TEST_CASE("NotAction, NotResource and NotPrincipal mean all others") {
  const BucketPolicy not_action =
      policy(statement(R"("NotAction": "s3:Delete*", "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*")"));
  const BucketPolicy not_resource =
      policy(statement(R"("Action": "s3:GetObject", "NotResource": "arn:aws:s3:::amzn-s3-demo-bucket/private/*")"));
  const BucketPolicy not_principal = policy(statement(kGet, "Deny", R"("NotPrincipal": {"AWS": "bob"})"));

  CHECK(ask(not_action, {.permission = "s3:PutObject"}) == Effect::allow);
  CHECK(ask(not_action, {.permission = "s3:DeleteObject"}) == Effect::none);
  CHECK(ask(not_resource, {.key = "public/a"}) == Effect::allow);
  CHECK(ask(not_resource, {.key = "private/a"}) == Effect::none);
  CHECK(ask(not_principal, {}) == Effect::none);
  CHECK(ask(not_principal, {.identity = of("eve")}) == Effect::deny);
  CHECK(ask(not_principal, {.identity = kNobody}) == Effect::deny);
}

TEST_CASE("actions are compared in any case, resources in theirs") {
  const BucketPolicy shouted =
      policy(statement(R"("Action": "S3:GETobject*", "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/A*")"));

  CHECK(ask(shouted, {.key = "A"}) == Effect::allow);
  CHECK(ask(shouted, {.permission = "s3:GetObjectAcl", .key = "A"}) == Effect::allow);
  CHECK(ask(shouted, {.key = "a"}) == Effect::none);
}

TEST_CASE("principals are accounts, users of them, or everybody") {
  const auto by = [](const std::string& principal, const Identity& identity) {
    const BucketPolicy one = policy(statement(kGet, "Allow", R"("Principal": )" + principal));
    return ask(one, {.identity = identity}) == Effect::allow;
  };

  CHECK(by(R"({"AWS": "*"})", kNobody));
  CHECK(by(R"({"AWS": "acme"})", of("acme")));
  CHECK(by(R"({"AWS": "arn:aws:iam::acme:root"})", of("acme", "anyone")));
  CHECK(by(R"({"CanonicalUser": "acme"})", of("acme")));
  CHECK(by(R"({"AWS": ["eve", "arn:aws:iam::acme:user/dev/Dave"]})", of("acme", "Dave")));
  CHECK(by(R"({"AWS": "arn:aws:iam:::user/acme"})", of("acme")));
  CHECK_FALSE(by(R"({"AWS": "arn:aws:iam::acme:user/Dave"})", of("acme", "Eve")));
  CHECK_FALSE(by(R"({"AWS": "arn:aws:iam::acme:user/Dave"})", of("other", "Dave")));
  CHECK_FALSE(by(R"({"AWS": "acme"})", kNobody));
  CHECK_FALSE(by(R"({"Service": "logging.s3.amazonaws.com"})", of("acme")));
}

TEST_CASE("a policy of the old version has no variables") {
  const BucketPolicy old = policy(
      R"({"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
          "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/${aws:username}"}})");

  CHECK(ask(old, {.key = "${aws:username}"}) == Effect::allow);
  CHECK(ask(old, {.key = "alice", .facts = {{"aws:username", "alice"}}}) == Effect::none);
}

TEST_CASE("resources of other buckets are refused, and patterns that mean this one too are not") {
  const auto of_resource = [](const std::string& resource) {
    return fault(statement(R"("Action": "s3:ListBucket", "Resource": ")" + resource + R"(")"));
  };

  CHECK(of_resource("arn:aws:s3:::*") == "none");
  CHECK(of_resource("arn:aws:s3:::*/*") == "none");
  CHECK(of_resource("arn:aws:s3:::amzn-s3-demo-*") == "none");
  CHECK(of_resource("*") == "none");
  CHECK(of_resource("arn:aws:s3:::other/*") != "none");
  CHECK(of_resource("arn:aws:s3:::amzn-s3-demo-bucket2") != "none");
  CHECK(of_resource("amzn-s3-demo-bucket/*") != "none");
  CHECK(of_resource("arn:aws:sns:::amzn-s3-demo-bucket") != "none");
  CHECK(of_resource("arn:aws:s3:::amzn-s3-demo-bucket/${aws:nonsense}") != "none");
}

TEST_CASE("whatever is not understood wholly is refused") {
  const std::string rest = kGet + R"(, )";

  CHECK(fault("") != "none");
  CHECK(fault("[]") != "none");
  CHECK(fault("{") != "none");
  CHECK(fault("{}") != "none");
  CHECK(fault(R"({"Statement": []})") != "none");
  CHECK(fault(R"({"Statement": "Allow"})") != "none");
  CHECK(fault(R"({"Version": "2026-01-01", "Statement": [{"Effect": "Allow", "Principal": "*", )" + kGet + "}]}") !=
        "none");
  CHECK(fault(R"({"Extra": 1, "Statement": [{"Effect": "Allow", "Principal": "*", )" + kGet + "}]}") != "none");
  CHECK(fault(statement(kGet)) == "none");
  CHECK(fault(statement(kGet, "Maybe")) != "none");
  CHECK(fault(statement(kGet, "Allow", R"("Principal": {"AWS": "acme", "Federated": "x"})")) != "none");
  CHECK(fault(statement(kGet, "Allow", R"("Principal": "acme")")) != "none");
  CHECK(fault(statement(kGet, "Allow", R"("Principal": {"AWS": "ac*"})")) != "none");
  CHECK(fault(statement(kGet, "Allow", R"("Principal": {"AWS": "arn:aws:iam::acme:role/x"})")) != "none");
  CHECK(fault(statement(kGet, "Allow", R"("Principal": {"AWS": []})")) != "none");
  CHECK(fault(statement(kGet, "Allow", R"("NotPrincipal": {"AWS": "acme"})")) != "none");
  CHECK(fault(statement(kGet, "Deny", R"("Principal": "*", "NotPrincipal": {"AWS": "acme"})")) != "none");
  CHECK(fault(statement(rest + R"("NotAction": "s3:PutObject")")) != "none");
  CHECK(fault(statement(rest + R"("Conditions": {})")) != "none");
  CHECK(fault(statement(rest + R"("Condition": [])")) != "none");
  CHECK(fault(statement(rest + R"("Condition": {"StringEquals": "s3:prefix"})")) != "none");
  CHECK(fault(statement(rest + R"("Condition": {"StringEqual": {"s3:prefix": "a"}})")) != "none");
  CHECK(fault(statement(rest + R"("Condition": {"StringEquals": {"s3:Prefixes": "a"}})")) != "none");
  CHECK(fault(statement(rest + R"("Condition": {"StringEquals": {"s3:prefix": {"a": 1}}})")) != "none");
  CHECK(fault(statement(R"("Action": "s3:GetObjects", "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*")")) != "none");
  CHECK(fault(statement(R"("Action": "ec2:*", "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*")")) != "none");
  CHECK(fault(statement(R"("Action": [], "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*")")) != "none");
  CHECK(fault(statement(R"("Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*")")) != "none");
  CHECK(fault(statement(R"("Action": "s3:GetObject")")) != "none");
}

TEST_CASE("an element that stands twice is refused: only one of them would count") {
  CHECK(fault(R"({"Statement": [{"Effect": "Deny", "Effect": "Allow", "Principal": "*", )" + kGet + "}]}") != "none");
  CHECK(fault(statement(kGet + R"(, "Condition": {"Bool": {"aws:SecureTransport": "true"},
                                                   "Bool": {"aws:SecureTransport": "false"}})")) != "none");
}

TEST_CASE("a policy is 20 KiB at most, however it is nested") {
  CHECK(fault(statement(kGet) + std::string(BucketPolicy::kSizeMax, ' ')) != "none");
  CHECK(fault(std::string(BucketPolicy::kSizeMax, '[')) != "none");
  std::string nested = R"({"Statement": )";
  nested.append(9000, '[').append(9000, ']').append("}");
  CHECK(fault(nested) != "none");
}

TEST_CASE("a policy is public if it lets everybody do anything") {
  const auto is_public = [](const std::string& text) { return policy(text).is_public(); };

  CHECK(is_public(statement(kGet)));
  CHECK(is_public(statement(kGet + R"(, "Condition": {"StringEquals": {"s3:prefix": "a"}})")));
  CHECK_FALSE(is_public(statement(kGet, "Deny")));
  CHECK_FALSE(is_public(statement(kGet, "Allow", R"("Principal": {"AWS": "acme"})")));
  CHECK_FALSE(is_public(statement(kGet + R"(, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}})")));
  CHECK(is_public(statement(kGet, "Allow", R"("Principal": {"AWS": ["acme", "*"]})")));
}

}  // namespace sluice::auth
