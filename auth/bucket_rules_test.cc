#include "auth/bucket_rules.h"

#include <catch2/catch.hpp>

namespace sluice::auth {
namespace {

Identity of(const std::string& account, Access access = Access::read_write, bool root = false) {
  User user;
  user.name = "worker";
  user.account = account;
  user.access = access;
  user.root = root;
  return {std::make_shared<const User>(user)};
}

const Identity kNobody;
const Identity kOwner = of("alice");

BucketRules rules() {
  BucketRules rules;
  rules.owner = "alice";
  return rules;
}

BucketRules with_acl(std::string_view canned) {
  BucketRules given = rules();
  given.acl = canned_acl(canned, "alice", "alice");
  return given;
}

BucketRules with_policy(const std::string& effect, const std::string& action, const std::string& principal = "*") {
  BucketRules given = rules();
  auto parsed = BucketPolicy::parse(R"({"Statement": [{"Effect": ")" + effect + R"(", "Principal": {"AWS": ")" +
                                        principal + R"("}, "Action": ")" + action +
                                        R"(", "Resource": ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"]}]})",
                                    "photos");
  given.policy = std::make_shared<const BucketPolicy>(std::move(parsed).value());
  return given;
}

struct Thing {
  std::string owner;
  std::string acl{};
};

bool may(const Identity& identity, std::string_view permission, const BucketRules& bucket,
         const std::optional<Thing>& thing = std::nullopt) {
  const bool reads = permission.starts_with("s3:Get") || permission.starts_with("s3:List");
  const PolicyQuestion question{
      .identity = identity, .permission = permission, .resource = {.bucket = "photos", .key = "key"}, .facts = {}};
  const ObjectRules object{.owner = thing ? std::string_view(thing->owner) : std::string_view{},
                           .acl = thing ? std::string_view(thing->acl) : std::string_view{}};
  const auto answer =
      authorize(question, reads ? Action::read_object : Action::write_object, bucket, thing ? &object : nullptr);
  if (!answer) CHECK(answer.error().code == ErrorCode::access_denied);
  return answer.has_value();
}

std::string canned(std::string_view name, std::string_view owner) { return encode(*canned_acl(name, owner, "alice")); }

}  // namespace

TEST_CASE("without rules a bucket and what is in it are its owner's") {
  CHECK(may(kOwner, "s3:ListBucket", rules()));
  CHECK(may(kOwner, "s3:PutBucketPolicy", rules()));
  CHECK(may(kOwner, "s3:GetObject", rules(), Thing{"alice"}));
  CHECK_FALSE(may(of("bob"), "s3:GetObject", rules(), Thing{"alice"}));
  CHECK_FALSE(may(of("bob"), "s3:PutObject", rules()));
  CHECK_FALSE(may(kNobody, "s3:GetObject", rules(), Thing{"alice"}));
  CHECK_FALSE(may(kNobody, "s3:GetObject", rules(), Thing{""}));
}

TEST_CASE("an object is its own owner's, not the bucket's") {
  CHECK(may(of("bob"), "s3:GetObject", rules(), Thing{"bob"}));
  CHECK(may(of("bob"), "s3:PutObjectAcl", rules(), Thing{"bob"}));
  CHECK_FALSE(may(kOwner, "s3:GetObject", rules(), Thing{"bob"}));
  CHECK(may(kOwner, "s3:GetObject", rules(), Thing{"bob", canned("bucket-owner-read", "bob")}));
  CHECK_FALSE(may(kOwner, "s3:GetObjectAcl", rules(), Thing{"bob", canned("bucket-owner-read", "bob")}));
  CHECK(may(kOwner, "s3:GetObjectAcl", rules(), Thing{"bob", canned("bucket-owner-full-control", "bob")}));
  CHECK(may(kOwner, "s3:DeleteObject", rules()));
}

TEST_CASE("root may do everything, whatever the rules say") {
  const Identity root = of("ops", Access::read_only, true);

  CHECK(may(root, "s3:PutObject", with_policy("Deny", "s3:*")));
  CHECK(may(root, "s3:GetObject", rules(), Thing{"bob"}));
}

TEST_CASE("a bucket's ACL gives what AWS maps it to") {
  CHECK(may(kNobody, "s3:ListBucket", with_acl("public-read")));
  CHECK(may(kNobody, "s3:ListBucketMultipartUploads", with_acl("public-read")));
  CHECK_FALSE(may(kNobody, "s3:PutObject", with_acl("public-read")));
  CHECK_FALSE(may(kNobody, "s3:GetObject", with_acl("public-read"), Thing{"alice"}));
  CHECK_FALSE(may(kNobody, "s3:GetBucketAcl", with_acl("public-read-write")));
  CHECK(may(kNobody, "s3:PutObject", with_acl("public-read-write")));
  CHECK(may(kNobody, "s3:DeleteObject", with_acl("public-read-write")));
  CHECK_FALSE(may(kNobody, "s3:DeleteObjectVersion", with_acl("public-read-write")));
  CHECK_FALSE(may(kNobody, "s3:PutObjectTagging", with_acl("public-read-write"), Thing{"alice"}));
  CHECK_FALSE(may(kNobody, "", with_acl("public-read-write")));
  CHECK_FALSE(may(kNobody, "s3:ListBucket", with_acl("authenticated-read")));
  CHECK(may(of("bob"), "s3:ListBucket", with_acl("authenticated-read")));
}

TEST_CASE("an object's ACL gives what AWS maps it to") {
  const Thing readable{"alice", canned("public-read", "alice")};
  Acl acp{.grants = {{Grantee::account, "bob", Permission::write_acp}}};

  CHECK(may(kNobody, "s3:GetObject", rules(), readable));
  CHECK_FALSE(may(kNobody, "s3:GetObjectAcl", rules(), readable));
  CHECK_FALSE(may(kNobody, "s3:GetObjectTagging", rules(), readable));
  CHECK_FALSE(may(kNobody, "s3:GetObject", rules()));
  CHECK(may(of("bob"), "s3:PutObjectAcl", rules(), Thing{"alice", encode(acp)}));
  CHECK_FALSE(may(of("bob"), "s3:GetObject", rules(), Thing{"alice", encode(acp)}));
  CHECK_FALSE(may(kNobody, "s3:GetObject", rules(), Thing{"alice", "garbage"}));
}

TEST_CASE("whoever only reads is not let write by anybody's rules") {
  CHECK_FALSE(may(of("bob", Access::read_only), "s3:PutObject", with_acl("public-read-write")));
  CHECK(may(of("bob", Access::read_only), "s3:ListBucket", with_acl("public-read-write")));
}

TEST_CASE("a policy allows others, and denies its owner too") {
  CHECK(may(kNobody, "s3:GetObject", with_policy("Allow", "s3:GetObject"), Thing{"alice"}));
  CHECK(may(of("bob"), "s3:PutObject", with_policy("Allow", "s3:PutObject", "bob")));
  CHECK_FALSE(may(of("eve"), "s3:PutObject", with_policy("Allow", "s3:PutObject", "bob")));
  CHECK_FALSE(may(kOwner, "s3:GetObject", with_policy("Deny", "s3:GetObject"), Thing{"alice"}));
  CHECK_FALSE(may(of("bob"), "s3:GetObject", with_policy("Deny", "s3:GetObject"), Thing{"bob"}));
}

TEST_CASE("a policy's Deny goes over an ACL") {
  BucketRules both = with_policy("Deny", "s3:ListBucket");
  both.acl = canned_acl("public-read", "alice", "alice");

  CHECK_FALSE(may(of("bob"), "s3:ListBucket", both));
}

TEST_CASE("a policy's Allow says nothing of objects that others own") {
  CHECK_FALSE(may(kNobody, "s3:GetObject", with_policy("Allow", "s3:GetObject"), Thing{"bob"}));
  CHECK_FALSE(may(kOwner, "s3:GetObject", with_policy("Allow", "s3:GetObject"), Thing{"bob"}));
}

TEST_CASE("no policy shuts its bucket's owner out of the policy") {
  const BucketRules shut = with_policy("Deny", "s3:*");

  CHECK(may(kOwner, "s3:DeleteBucketPolicy", shut));
  CHECK(may(kOwner, "s3:GetBucketPolicy", shut));
  CHECK_FALSE(may(kOwner, "s3:PutBucketAcl", shut));
  CHECK_FALSE(may(of("bob"), "s3:DeleteBucketPolicy", shut));
}

TEST_CASE("where ownership is enforced there are no ACLs, and all is the bucket owner's") {
  BucketRules enforced = with_acl("public-read-write");
  enforced.ownership = Ownership::owner_enforced;

  CHECK_FALSE(may(kNobody, "s3:ListBucket", enforced));
  CHECK_FALSE(may(kNobody, "s3:GetObject", enforced, Thing{"bob", canned("public-read", "bob")}));
  CHECK_FALSE(may(of("bob"), "s3:GetObject", enforced, Thing{"bob"}));
  CHECK(may(kOwner, "s3:GetObject", enforced, Thing{"bob"}));
  CHECK_FALSE(enforced.is_public());
}

TEST_CASE("public ACLs can be ignored") {
  BucketRules ignoring = with_acl("public-read");
  ignoring.block.ignore_acls = true;

  CHECK_FALSE(may(of("bob"), "s3:ListBucket", ignoring));
  CHECK_FALSE(may(of("bob"), "s3:GetObject", ignoring, Thing{"alice", canned("public-read", "alice")}));
  CHECK(may(kOwner, "s3:ListBucket", ignoring));
  CHECK_FALSE(ignoring.is_public());
}

TEST_CASE("a public policy can be restricted to the bucket's owner, one that is not stays") {
  BucketRules restricted = with_policy("Allow", "s3:GetObject");
  restricted.block.restrict_buckets = true;
  BucketRules named = with_policy("Allow", "s3:GetObject", "bob");
  named.block.restrict_buckets = true;

  CHECK_FALSE(may(kNobody, "s3:GetObject", restricted, Thing{"alice"}));
  CHECK_FALSE(may(of("bob"), "s3:GetObject", restricted, Thing{"alice"}));
  CHECK(may(kOwner, "s3:GetObject", restricted, Thing{"alice"}));
  CHECK(may(of("bob"), "s3:GetObject", named, Thing{"alice"}));
}

TEST_CASE("rules are public by their ACL or their policy") {
  CHECK(with_acl("public-read").is_public());
  CHECK(with_acl("authenticated-read").is_public());
  CHECK_FALSE(with_acl("private").is_public());
  CHECK(with_policy("Allow", "s3:GetObject").is_public());
  CHECK_FALSE(with_policy("Allow", "s3:GetObject", "bob").is_public());
  CHECK_FALSE(rules().is_public());
}

TEST_CASE("settings are kept as text and read back") {
  const PublicAccessBlock block{.block_acls = true, .restrict_buckets = true};

  CHECK(encode(block) == "1001");
  CHECK(decode_public_access_block("1001") == block);
  CHECK_FALSE(decode_public_access_block("100"));
  CHECK_FALSE(decode_public_access_block("1002"));
  CHECK(parse_ownership(to_text(Ownership::owner_enforced)) == Ownership::owner_enforced);
  CHECK(parse_ownership("ObjectWriter") == Ownership::object_writer);
  CHECK_FALSE(parse_ownership(""));
  CHECK(to_text(Ownership::unset).empty());
}

}  // namespace sluice::auth
