#include "gateway/object/info.h"

#include <catch2/catch.hpp>

#include "gateway/object/ids.h"

namespace sluice::object {

TEST_CASE("a version's name is read back, and nothing else is one") {
  const auto revision = new_revision(UtcTime(std::chrono::milliseconds(1'767'323'045'123)));

  CHECK(parse_version(to_text(VersionId{revision})) == VersionId{revision});
  CHECK(to_text(VersionId::null) == "null");
  CHECK(parse_version("null") == VersionId::null);
  CHECK_FALSE(parse_version(""));
  CHECK_FALSE(parse_version("0000000000000000"));
  CHECK_FALSE(parse_version("08DE000000000001"));
  CHECK_FALSE(parse_version("08de00000000000"));
  CHECK_FALSE(parse_version("08de0000000000011"));
  CHECK_FALSE(parse_version("+8de000000000001"));
}

TEST_CASE("a revision is a time of seven decimals, and is read back from it") {
  const UtcTime now(std::chrono::milliseconds(1'767'323'045'123));
  const auto revision = new_revision(now);

  const auto text = revision_time(revision);

  CHECK(text.substr(0, 23) == "2026-01-02T03:04:05.123");
  CHECK(text.size() == 28);
  CHECK(parse_revision_time(text) == revision);
  CHECK(revision_time(revision + 1) > text);
}

TEST_CASE("what is no time of seven decimals is no revision") {
  CHECK_FALSE(parse_revision_time("2026-01-02T03:04:05.123456Z"));
  CHECK_FALSE(parse_revision_time("2026-13-02T03:04:05.1234567Z"));
  CHECK_FALSE(parse_revision_time("2026-01-02T24:04:05.1234567Z"));
  CHECK_FALSE(parse_revision_time("2026-01-02 03:04:05.1234567Z"));
  CHECK_FALSE(parse_revision_time("2026-01-02T03:04:05.12345-7Z"));
  CHECK(parse_revision_time("0001-01-01T00:00:00.0000000Z") == 0);
  CHECK(revision_time(UINT64_MAX).size() < 40);
}

}  // namespace sluice::object
