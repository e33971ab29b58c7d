#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"

namespace sluice::blob {
namespace {

using test::Gateway;
using test::Reply;

TEST_CASE("metadata and properties are replaced whole, each without the other") {
  Gateway gateway;
  REQUIRE(gateway.put("/photos?restype=container").status == 201);
  const Reply put = gateway.put_blob("/photos/a", std::string(5000, 'x'),
                                     {{"x-ms-blob-content-type", "image/png"}, {"x-ms-meta-a", "1"}});

  const Reply described = gateway.put("/photos/a?comp=metadata", "", {{"x-ms-meta-b", "2"}});
  CHECK(described.status == 200);
  CHECK(described.header("ETag") != put.header("ETag"));
  CHECK(gateway.get("/photos/a").header("Content-Type") == "image/png");
  CHECK(gateway.put("/photos/a?comp=properties", "", {{"x-ms-blob-content-language", "en"}}).status == 200);

  const Reply got = gateway.get("/photos/a");
  CHECK(got.body == std::string(5000, 'x'));
  CHECK(got.header("Content-Type") == "application/octet-stream");
  CHECK(got.header("Content-Language") == "en");
  CHECK(got.header("x-ms-meta-b") == "2");
  CHECK_FALSE(got.header("x-ms-meta-a"));
  CHECK(gateway.get("/photos/a?comp=metadata").header("x-ms-meta-b") == "2");
  CHECK(gateway.put("/photos/a?comp=metadata", "", {{"If-Match", "\"0x1\""}}).code() == "ConditionNotMet");
  CHECK(gateway.put("/photos/none?comp=metadata").code() == "BlobNotFound");
  CHECK(gateway.put("/photos/a?comp=properties", "", {{"x-ms-blob-content-length", "512"}}).code() ==
        "InvalidBlobType");
}

}  // namespace
}  // namespace sluice::blob
