#include "gateway/object/name.h"

#include <catch2/catch.hpp>

namespace sluice::object {
namespace {

bool is_bucket_name(std::string_view name) { return check_bucket_name(name).has_value(); }

}  // namespace

TEST_CASE("a bucket's name is 3 to 63 of a-z 0-9 dot and dash") {
  CHECK(is_bucket_name("abc"));
  CHECK(is_bucket_name("my.photos-2026"));
  CHECK(is_bucket_name(std::string(63, 'a')));
  CHECK_FALSE(is_bucket_name("ab"));
  CHECK_FALSE(is_bucket_name(std::string(64, 'a')));
  CHECK_FALSE(is_bucket_name("Photos"));
  CHECK_FALSE(is_bucket_name("my_photos"));
  CHECK_FALSE(is_bucket_name(std::string_view("a\0c", 3)));
}

TEST_CASE("a bucket's name has sound labels between its dots") {
  CHECK_FALSE(is_bucket_name("-abc"));
  CHECK_FALSE(is_bucket_name("abc-"));
  CHECK_FALSE(is_bucket_name("abc."));
  CHECK_FALSE(is_bucket_name("a..c"));
  CHECK_FALSE(is_bucket_name("a.-c"));
  CHECK_FALSE(is_bucket_name("a-.c"));
}

TEST_CASE("a bucket's name is neither an IP address nor reserved") {
  CHECK_FALSE(is_bucket_name("192.168.5.4"));
  CHECK(is_bucket_name("192.168.5"));
  CHECK(is_bucket_name("192.168.5.4a"));
  CHECK_FALSE(is_bucket_name("xn--bucket"));
  CHECK_FALSE(is_bucket_name("sthree-bucket"));
  CHECK_FALSE(is_bucket_name("bucket-s3alias"));
  CHECK_FALSE(is_bucket_name("bucket--ol-s3"));
}

TEST_CASE("a key is 1 to 1024 bytes of UTF-8, and none of them is special") {
  CHECK(check_key("a"));
  CHECK(check_key("../..//a/"));
  CHECK(check_key(std::string_view("a\0b", 3)));
  CHECK(check_key(std::string(1024, 'k')));
  CHECK(check_key(std::string(1025, 'k')).error().code == ErrorCode::key_too_long);
  CHECK(check_key("").error().code == ErrorCode::invalid_argument);
  CHECK(check_key("\xC3").error().code == ErrorCode::invalid_argument);
}

TEST_CASE("a bucket's name with a NUL in it names no bucket") {
  CHECK(check_name({std::string("a\0b", 3), "key"}).error().code == ErrorCode::no_such_bucket);
  CHECK(check_name({"", "key"}).error().code == ErrorCode::no_such_bucket);
}

}  // namespace sluice::object
