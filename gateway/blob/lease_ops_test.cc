#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"

namespace sluice::blob {
namespace {

using test::Gateway;
using test::Headers;

const std::string kA = "aaaaaaaa-0000-4000-8000-000000000000";
const std::string kB = "bbbbbbbb-0000-4000-8000-000000000000";

test::Reply lease(Gateway& gateway, const std::string& target, const std::string& act, Headers headers) {
  headers.emplace_back("x-ms-lease-action", act);
  return gateway.put(target + (target.find('?') == target.npos ? "?" : "&") + "comp=lease", {}, std::move(headers));
}

void make_blob(Gateway& gateway) {
  REQUIRE(gateway.put("/box?restype=container").status == 201);
  REQUIRE(gateway.put_blob("/box/key", "text").status == 201);
}

}  // namespace

TEST_CASE("a blob's lease is acquired, shown, renewed, changed, broken and released") {
  Gateway gateway;
  make_blob(gateway);
  const auto etag = gateway.head("/box/key").header("ETag");

  const auto acquired =
      lease(gateway, "/box/key", "acquire",
            {{"x-ms-lease-duration", "15"}, {"x-ms-proposed-lease-id", "{AAAAAAAA-0000-4000-8000-000000000000}"}});
  CHECK(acquired.status == 201);
  CHECK(acquired.header("x-ms-lease-id") == kA);
  CHECK(acquired.header("ETag") == etag);
  const auto shown = gateway.head("/box/key");
  CHECK(shown.header("x-ms-lease-state") == "leased");
  CHECK(shown.header("x-ms-lease-status") == "locked");
  CHECK(shown.header("x-ms-lease-duration") == "fixed");
  CHECK(gateway.get("/box?restype=container&comp=list").element("LeaseState") == "leased");
  CHECK(lease(gateway, "/box/key", "renew", {{"x-ms-lease-id", kA}}).status == 200);
  const auto changed = lease(gateway, "/box/key", "change", {{"x-ms-lease-id", kA}, {"x-ms-proposed-lease-id", kB}});
  CHECK(changed.status == 200);
  CHECK(changed.header("x-ms-lease-id") == kB);
  const auto broken = lease(gateway, "/box/key", "break", {{"x-ms-lease-break-period", "10"}});
  CHECK(broken.status == 202);
  CHECK(broken.header("x-ms-lease-time") == "10");
  CHECK(gateway.head("/box/key").header("x-ms-lease-state") == "breaking");
  CHECK(lease(gateway, "/box/key", "release", {{"x-ms-lease-id", kB}}).status == 200);
  CHECK(gateway.head("/box/key").header("x-ms-lease-state") == "available");
}

TEST_CASE("what a lease refuses has the service's codes") {
  Gateway gateway;
  make_blob(gateway);
  CHECK(lease(gateway, "/box/none", "acquire", {{"x-ms-lease-duration", "-1"}}).code() == "BlobNotFound");
  CHECK(lease(gateway, "/box/key", "acquire", {}).code() == "MissingRequiredHeader");
  CHECK(lease(gateway, "/box/key", "acquire", {{"x-ms-lease-duration", "14"}}).code() == "InvalidHeaderValue");
  CHECK(lease(gateway, "/box/key", "steal", {}).code() == "InvalidHeaderValue");
  CHECK(lease(gateway, "/box/key", "renew", {{"x-ms-lease-id", "no guid"}}).code() == "InvalidHeaderValue");
  CHECK(lease(gateway, "/box/key", "break", {}).code() == "LeaseNotPresentWithLeaseOperation");
  REQUIRE(
      lease(gateway, "/box/key", "acquire", {{"x-ms-lease-duration", "-1"}, {"x-ms-proposed-lease-id", kA}}).status ==
      201);

  CHECK(lease(gateway, "/box/key", "acquire", {{"x-ms-lease-duration", "-1"}}).code() == "LeaseAlreadyPresent");
  CHECK(lease(gateway, "/box/key", "renew", {{"x-ms-lease-id", kB}}).code() == "LeaseIdMismatchWithLeaseOperation");
  const auto refused = gateway.put_blob("/box/key", "new");
  CHECK(refused.status == 412);
  CHECK(refused.code() == "LeaseIdMissing");
  CHECK(gateway.put_blob("/box/key", "new", {{"x-ms-lease-id", kB}}).code() == "LeaseIdMismatchWithBlobOperation");
  CHECK(gateway.put_blob("/box/other", "new", {{"x-ms-lease-id", kB}}).code() == "LeaseNotPresentWithBlobOperation");
  CHECK(gateway.get("/box/key", {{"x-ms-lease-id", kB}}).code() == "LeaseIdMismatchWithBlobOperation");
  CHECK(gateway.del("/box/key").code() == "LeaseIdMissing");
  CHECK(gateway.put_blob("/box/key", "new", {{"x-ms-lease-id", kA}}).status == 201);
  CHECK(gateway.get("/box/key").body == "new");

  REQUIRE(lease(gateway, "/box/key", "break", {{"x-ms-lease-break-period", "30"}}).status == 202);
  CHECK(lease(gateway, "/box/key", "change", {{"x-ms-lease-id", kA}, {"x-ms-proposed-lease-id", kB}}).code() ==
        "LeaseIsBreakingAndCannotBeChanged");
  CHECK(lease(gateway, "/box/key", "acquire", {{"x-ms-lease-duration", "-1"}, {"x-ms-proposed-lease-id", kA}}).code() ==
        "LeaseIsBreakingAndCannotBeAcquired");
  CHECK(lease(gateway, "/box/key", "renew", {{"x-ms-lease-id", kA}}).code() == "LeaseIsBrokenAndCannotBeRenewed");
  gateway.clock().set(gateway.clock().now() + std::chrono::seconds(30));
  CHECK(gateway.put_blob("/box/key", "new", {{"x-ms-lease-id", kA}}).code() == "LeaseLost");
  CHECK(gateway.del("/box/key").status == 202);
}

TEST_CASE("a leased container is deleted only by the lease's holder, its leased blobs with it") {
  Gateway gateway;
  make_blob(gateway);
  const std::string box = "/box?restype=container";
  REQUIRE(lease(gateway, "/box/key", "acquire", {{"x-ms-lease-duration", "-1"}}).status == 201);
  REQUIRE(lease(gateway, box, "acquire", {{"x-ms-lease-duration", "-1"}, {"x-ms-proposed-lease-id", kA}}).status ==
          201);

  CHECK(gateway.head(box).header("x-ms-lease-state") == "leased");
  CHECK(gateway.head(box).header("x-ms-lease-duration") == "infinite");
  CHECK(gateway.get("/?comp=list").element("LeaseState") == "leased");
  CHECK(gateway.get(box, {{"x-ms-lease-id", kB}}).code() == "LeaseIdMismatchWithContainerOperation");
  CHECK(gateway.put(box + "&comp=metadata", {}, {{"x-ms-meta-a", "b"}}).status == 200);
  CHECK(gateway.put(box + "&comp=metadata", {}, {{"x-ms-meta-a", "b"}, {"x-ms-lease-id", kB}}).code() ==
        "LeaseIdMismatchWithContainerOperation");
  CHECK(gateway.del(box).code() == "LeaseIdMissing");
  CHECK(gateway.get("/box/key").status == 200);
  CHECK(gateway.del(box, {{"x-ms-lease-id", kB}}).code() == "LeaseIdMismatchWithContainerOperation");
  CHECK(gateway.del(box, {{"x-ms-lease-id", kA}}).status == 202);
  CHECK(gateway.get("/box/key").code() == "ContainerNotFound");
}

TEST_CASE("every write of a leased blob needs its lease") {
  Gateway gateway;
  make_blob(gateway);
  REQUIRE(gateway.put_blob("/box/source", "other").status == 201);
  REQUIRE(
      lease(gateway, "/box/key", "acquire", {{"x-ms-lease-duration", "-1"}, {"x-ms-proposed-lease-id", kA}}).status ==
      201);
  const std::string block = "/box/key?comp=block&blockid=YWFh";
  const std::string list = "<BlockList><Latest>YWFh</Latest></BlockList>";
  const std::string source = "http://127.0.0.1:10000/alpha/box/source";

  CHECK(gateway.put(block, "block").code() == "LeaseIdMissing");
  CHECK(gateway.put(block + "&x=y", "block", {{"x-ms-lease-id", kB}}).code() == "LeaseIdMismatchWithBlobOperation");
  CHECK(gateway.put(block, "", {{"x-ms-copy-source", source}}).code() == "LeaseIdMissing");
  CHECK(gateway.put(block, "block", {{"x-ms-lease-id", kA}}).status == 201);
  CHECK(gateway.put("/box/key?comp=blocklist", list).code() == "LeaseIdMissing");
  CHECK(gateway.put("/box/key?comp=metadata", "", {{"x-ms-meta-a", "b"}}).code() == "LeaseIdMissing");
  CHECK(gateway.put("/box/key?comp=properties", "").code() == "LeaseIdMissing");
  CHECK(gateway.put("/box/key", "", {{"x-ms-copy-source", source}}).code() == "LeaseIdMissing");
  CHECK(gateway.get("/box/key").body == "text");

  CHECK(gateway.put("/box/key?comp=blocklist", list, {{"x-ms-lease-id", kA}}).status == 201);
  CHECK(gateway.get("/box/key").body == "block");
  CHECK(gateway.put("/box/key?comp=metadata", "", {{"x-ms-meta-a", "b"}, {"x-ms-lease-id", kA}}).status == 200);
  CHECK(gateway.put("/box/key?comp=properties", "", {{"x-ms-lease-id", kA}}).status == 200);
  CHECK(gateway.put("/box/key", "", {{"x-ms-copy-source", source}, {"x-ms-lease-id", kA}}).status == 202);
  CHECK(gateway.head("/box/key").header("x-ms-lease-state") == "leased");
  CHECK(gateway.get("/box/key?comp=blocklist", {{"x-ms-lease-id", kB}}).code() == "LeaseIdMismatchWithBlobOperation");
}

TEST_CASE("the lease of a copy's source is checked where it is named") {
  Gateway gateway;
  make_blob(gateway);
  REQUIRE(
      lease(gateway, "/box/key", "acquire", {{"x-ms-lease-duration", "-1"}, {"x-ms-proposed-lease-id", kA}}).status ==
      201);
  const std::string source = "http://127.0.0.1:10000/alpha/box/key";

  CHECK(gateway.put("/box/a", "", {{"x-ms-copy-source", source}, {"x-ms-source-lease-id", kB}}).status == 412);
  CHECK(gateway.put("/box/a", "", {{"x-ms-copy-source", source}, {"x-ms-source-lease-id", kA}}).status == 202);
  CHECK(gateway.put("/box/b", "", {{"x-ms-copy-source", source}}).status == 202);
  CHECK(gateway.head("/box/b").header("x-ms-lease-state") == "available");
}

}  // namespace sluice::blob
