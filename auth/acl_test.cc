#include "auth/acl.h"

#include <catch2/catch.hpp>

namespace sluice::auth {
namespace {

Identity of(const std::string& account) {
  User user;
  user.account = account;
  return {std::make_shared<const User>(user)};
}

const Identity kNobody;

}  // namespace

TEST_CASE("an ACL gives an account what its grants come to together") {
  const Acl acl{.grants = {{Grantee::account, "bob", Permission::read},
                           {Grantee::account, "bob", Permission::write_acp},
                           {Grantee::account, "eve", Permission::full_control}}};

  CHECK(acl.allows(of("bob"), Permission::read));
  CHECK(acl.allows(of("bob"), Permission::write_acp));
  CHECK_FALSE(acl.allows(of("bob"), Permission::write));
  CHECK_FALSE(acl.allows(of("bob"), Permission::read_acp));
  CHECK(acl.allows(of("eve"), Permission::read_acp));
  CHECK_FALSE(acl.allows(of("alice"), Permission::read));
  CHECK_FALSE(acl.allows(kNobody, Permission::read));
  CHECK_FALSE(acl.is_public());
}

TEST_CASE("grants to groups are for everybody, or for whoever signed") {
  const Acl everybody{.grants = {{Grantee::everybody, {}, Permission::read}}};
  const Acl authenticated{.grants = {{Grantee::authenticated, {}, Permission::read}}};
  const Acl logs{.grants = {{Grantee::log_delivery, {}, Permission::write}}};

  CHECK(everybody.allows(kNobody, Permission::read));
  CHECK(everybody.allows(of("bob"), Permission::read));
  CHECK_FALSE(everybody.allows(kNobody, Permission::write));
  CHECK_FALSE(authenticated.allows(kNobody, Permission::read));
  CHECK(authenticated.allows(of("bob"), Permission::read));
  CHECK_FALSE(logs.allows(of("bob"), Permission::write));
  CHECK(everybody.is_public());
  CHECK(authenticated.is_public());
  CHECK_FALSE(logs.is_public());
}

TEST_CASE("what is given to the public can be ignored") {
  const Acl acl{.grants = {{Grantee::everybody, {}, Permission::read},
                           {Grantee::authenticated, {}, Permission::read},
                           {Grantee::account, "bob", Permission::read}}};

  CHECK_FALSE(acl.allows(kNobody, Permission::read, true));
  CHECK_FALSE(acl.allows(of("eve"), Permission::read, true));
  CHECK(acl.allows(of("bob"), Permission::read, true));
}

TEST_CASE("an account of an empty name is not the anonymous one") {
  const Acl acl{.grants = {{Grantee::account, "", Permission::full_control}}};

  CHECK_FALSE(acl.allows(kNobody, Permission::read));
}

TEST_CASE("a canned ACL stands for grants, those to groups first") {
  const auto grants = [](std::string_view name) { return canned_acl(name, "bob", "alice")->grants; };
  const AclGrant owner{Grantee::account, "bob", Permission::full_control};
  const AclGrant public_read{Grantee::everybody, {}, Permission::read};

  CHECK(grants("private") == std::vector{owner});
  CHECK(grants("public-read") == std::vector{public_read, owner});
  CHECK(grants("public-read-write") == std::vector{public_read, {Grantee::everybody, {}, Permission::write}, owner});
  CHECK(grants("authenticated-read") == std::vector<AclGrant>{{Grantee::authenticated, {}, Permission::read}, owner});
  CHECK(grants("bucket-owner-read") == std::vector<AclGrant>{owner, {Grantee::account, "alice", Permission::read}});
  CHECK(grants("bucket-owner-full-control") ==
        std::vector<AclGrant>{owner, {Grantee::account, "alice", Permission::full_control}});
  CHECK(canned_acl("bucket-owner-read", "bob", "bob") == private_acl("bob"));
  CHECK_FALSE(canned_acl("public", "bob", "bob"));
  CHECK_FALSE(canned_acl("", "bob", "bob"));
}

TEST_CASE("an ACL is kept as it was given, and an empty one is not the same as none") {
  const Acl acl{.grants = {{Grantee::everybody, {}, Permission::read},
                           {Grantee::account, std::string(300, 'b'), Permission::write_acp},
                           {Grantee::account, std::string("a\0b", 3), Permission::full_control}}};

  CHECK(decode_acl(encode(acl)) == acl);
  CHECK(decode_acl(encode(Acl{})) == Acl{});
  CHECK_FALSE(encode(Acl{}).empty());
}

TEST_CASE("bytes that are no ACL are told") {
  const std::string sound = encode(Acl{.grants = {{Grantee::account, "bob", Permission::read}}});

  CHECK_FALSE(decode_acl(""));
  CHECK_FALSE(decode_acl("private"));
  for (std::size_t size = 2; size < sound.size(); ++size) CHECK_FALSE(decode_acl(sound.substr(0, size)));
  CHECK_FALSE(decode_acl(sound + "x"));
  CHECK_FALSE(decode_acl(std::string("\1\7\1\0\0", 5)));
  CHECK_FALSE(decode_acl(std::string("\1\0\3\0\0", 5)));
}

TEST_CASE("permissions and groups have the names of the API") {
  CHECK(parse_permission("WRITE_ACP") == Permission::write_acp);
  CHECK_FALSE(parse_permission("write_acp"));
  CHECK(to_text(Permission::full_control) == "FULL_CONTROL");
  CHECK(parse_group("http://acs.amazonaws.com/groups/global/AllUsers") == Grantee::everybody);
  CHECK_FALSE(parse_group("http://acs.amazonaws.com/groups/global/Allusers"));
  CHECK(group_uri(Grantee::account).empty());
}

}  // namespace sluice::auth
