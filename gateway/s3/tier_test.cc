#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"
#include "tests/support/run_task.h"

namespace sluice::s3 {
namespace {

using test::Gateway;

struct WithKey : Gateway {
  WithKey() {
    REQUIRE(put("/b00").status == 200);
    REQUIRE(put("/b00/a", "text").status == 200);
  }
  void set_tier(object::Tier tier) {
    RequestContext context;
    const object::Objects::Pace pace{.normal = std::chrono::hours(1), .urgent = std::chrono::hours(1)};
    REQUIRE(sluice::test::run(objects().set_tier(context, {"b00", "a"}, {}, {.tier = tier}, pace)));
  }
};

}  // namespace

TEST_CASE("an object that is not archived is of the standard class, whatever its tier") {
  WithKey gateway;
  gateway.set_tier(object::Tier::cool);

  CHECK(gateway.get("/b00/a").body == "text");
  CHECK_FALSE(gateway.head("/b00/a").header("x-amz-storage-class"));
  CHECK(gateway.get("/b00?list-type=2").element("StorageClass") == "STANDARD");
}

TEST_CASE("an archived object is told of as GLACIER, not read, and replaced by a put") {
  WithKey gateway;
  gateway.set_tier(object::Tier::archive);

  const auto refused = gateway.get("/b00/a");
  CHECK(refused.status == 403);
  CHECK(refused.element("Code") == "InvalidObjectState");
  CHECK(gateway.get("/b00/a", {{"Range", "bytes=0-1"}}).status == 403);
  CHECK(gateway.put("/b00/c", "", {{"x-amz-copy-source", "b00/a"}}).element("Code") == "InvalidObjectState");
  CHECK(gateway.head("/b00/a").header("x-amz-storage-class") == "GLACIER");
  CHECK_FALSE(gateway.head("/b00/a").header("x-amz-restore"));
  CHECK(gateway.get("/b00").element("StorageClass") == "GLACIER");
  CHECK(gateway.get("/b00?list-type=2").element("StorageClass") == "GLACIER");
  gateway.set_tier(object::Tier::hot);
  CHECK(gateway.head("/b00/a").header("x-amz-restore") == "ongoing-request=\"true\"");

  REQUIRE(gateway.put("/b00/a", "new").status == 200);
  CHECK(gateway.get("/b00/a").body == "new");
  CHECK_FALSE(gateway.head("/b00/a").header("x-amz-storage-class"));
}

}  // namespace sluice::s3
