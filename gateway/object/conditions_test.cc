#include "gateway/object/conditions.h"

#include <catch2/catch.hpp>

namespace sluice::object {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::chrono::sys_seconds kModified{seconds(1'767'225'600)};

ObjectInfo info() {
  ObjectInfo info;
  info.md5 = std::string(16, '\x11');
  info.revision = 0x1234;
  info.modified = kModified + milliseconds(250);
  return info;
}

const std::string kTag(32, '1');

TagCondition tags(std::vector<std::string> list) { return {.any = false, .tags = std::move(list)}; }
TagCondition any() { return {.any = true, .tags = {}}; }

ErrorCode read_error(const Conditions& conditions) { return check_read(conditions, info()).error().code; }
bool reads(const Conditions& conditions) { return check_read(conditions, info()).has_value(); }

}  // namespace

TEST_CASE("an object has a tag for its content and one for its revision") {
  auto object = info();
  CHECK(object.content_tag() == kTag);
  CHECK(object.revision_tag() == "0x0000000000001234");

  object.part_count = 3;

  CHECK(object.content_tag() == kTag + "-3");
}

TEST_CASE("a read is checked against either tag") {
  CHECK(reads({tags({kTag}), {}, {}, {}}));
  CHECK(reads({tags({"other", "0x0000000000001234"}), {}, {}, {}}));
  CHECK(reads({any(), {}, {}, {}}));
  CHECK(read_error({tags({"other"}), {}, {}, {}}) == ErrorCode::precondition_failed);
  CHECK(reads({{}, tags({"other"}), {}, {}}));
  CHECK(read_error({{}, tags({kTag}), {}, {}}) == ErrorCode::not_modified);
  CHECK(read_error({{}, any(), {}, {}}) == ErrorCode::not_modified);
}

TEST_CASE("dates are compared at whole seconds") {
  CHECK(read_error({{}, {}, kModified, {}}) == ErrorCode::not_modified);
  CHECK(reads({{}, {}, kModified - seconds(1), {}}));
  CHECK(reads({{}, {}, {}, kModified}));
  CHECK(read_error({{}, {}, {}, kModified - seconds(1)}) == ErrorCode::precondition_failed);
}

TEST_CASE("a tag condition silences the date condition of its kind") {
  CHECK(reads({tags({kTag}), {}, {}, kModified - seconds(1)}));
  CHECK(reads({{}, tags({"other"}), kModified, {}}));
}

TEST_CASE("a failed If-Match comes before a hit of If-None-Match") {
  CHECK(read_error({tags({"other"}), tags({kTag}), {}, {}}) == ErrorCode::precondition_failed);
}

TEST_CASE("the source of a copy is never merely unmodified") {
  CHECK(check_source({{}, any(), {}, {}}, info()).error().code == ErrorCode::precondition_failed);
  CHECK(check_source({{}, {}, kModified, {}}, info()).error().code == ErrorCode::precondition_failed);
  CHECK(check_source({tags({kTag}), {}, {}, {}}, info()));
}

TEST_CASE("a write over nothing fails only where a tag must match") {
  CHECK(check_write({}, std::nullopt));
  CHECK(check_write({{}, any(), {}, {}}, std::nullopt));
  CHECK(check_write({any(), {}, {}, {}}, std::nullopt).error().code == ErrorCode::no_such_object);
}

TEST_CASE("a write over an object is checked against it") {
  CHECK(check_write({tags({kTag}), {}, {}, {}}, info()));
  CHECK(check_write({tags({"other"}), {}, {}, {}}, info()).error().code == ErrorCode::precondition_failed);
  CHECK(check_write({{}, any(), {}, {}}, info()).error().code == ErrorCode::precondition_failed);
  CHECK(check_write({{}, tags({"other"}), {}, {}}, info()));
}

}  // namespace sluice::object
