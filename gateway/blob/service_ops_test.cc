#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"

namespace sluice::blob::test {
namespace {

constexpr const char* kProperties = "/?restype=service&comp=properties";

struct BoxGateway : Gateway {
  BoxGateway() {
    REQUIRE(put("/box?restype=container").status == 201);
    REQUIRE(put_blob("/box/cat", "meow", {{"x-ms-meta-mood", "good"}}).status == 201);
  }

  Reply set(const std::string& inside, const std::string& account = "alpha") {
    return send({.method = "PUT",
                 .target = kProperties,
                 .body = "<StorageServiceProperties>" + inside + "</StorageServiceProperties>",
                 .account = account});
  }
  void allow(const std::string& origins, const std::string& methods, const std::string& headers = "",
             const std::string& exposed = "") {
    const auto reply =
        set("<Cors><CorsRule><AllowedOrigins>" + origins + "</AllowedOrigins><AllowedMethods>" + methods +
            "</AllowedMethods><AllowedHeaders>" + headers + "</AllowedHeaders><ExposedHeaders>" + exposed +
            "</ExposedHeaders><MaxAgeInSeconds>60</MaxAgeInSeconds></CorsRule></Cors>");
    REQUIRE(reply.status == 202);
  }
  Reply ask(const std::string& origin, const std::string& method, const std::string& headers = "",
            const std::string& target = "/box/cat") {
    Headers all{{"Origin", origin}, {"Access-Control-Request-Method", method}};
    if (!headers.empty()) all.emplace_back("Access-Control-Request-Headers", headers);
    return anonymous("OPTIONS", target, all);
  }
};

}  // namespace

TEST_CASE("the properties of a service are each account's own, and stay as they were set") {
  BoxGateway gateway;
  CHECK_FALSE(gateway.get(kProperties).has("<Enabled>true</Enabled>"));

  CHECK(gateway.set("<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></DeleteRetentionPolicy>").status ==
        202);

  CHECK(gateway.get(kProperties).has("<Enabled>true</Enabled><Days>7</Days>"));
  CHECK_FALSE(gateway.send({.method = "GET", .target = kProperties, .account = "beta"}).has("<Days>7</Days>"));
  CHECK(gateway.set("<DeleteRetentionPolicy><Enabled>true</Enabled></DeleteRetentionPolicy>").code() ==
        "MissingRequiredXmlNode");
  CHECK(gateway.set("<StaticWebsite><Enabled>true</Enabled></StaticWebsite>").status == 501);
  CHECK(gateway.get(kProperties).has("<Days>7</Days>"));
  CHECK(gateway.anonymous("PUT", kProperties).status == 401);
  CHECK(gateway.put("/box?restype=service&comp=properties").status == 400);
}

TEST_CASE("what is set through one gateway holds for the next request through another") {
  BoxGateway gateway;
  const Ask question{.method = "OPTIONS",
                     .target = "/box/cat",
                     .headers = {{"Origin", "https://a.example"}, {"Access-Control-Request-Method", "GET"}},
                     .sign = false,
                     .by_peer = true};
  const Ask removal{.method = "DELETE", .target = "/box/cat", .by_peer = true};
  CHECK(gateway.send(question).status == 403);

  gateway.allow("https://a.example", "GET");
  CHECK(gateway.send(question).status == 200);
  REQUIRE(gateway.set("<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></DeleteRetentionPolicy>").status ==
          202);
  CHECK(gateway.send(removal).status == 202);

  CHECK(gateway.put("/box/cat?comp=undelete").status == 200);
  CHECK(gateway.get("/box/cat").body == "meow");
}

TEST_CASE("a version that is set for a service is that of requests without one") {
  BoxGateway gateway;
  REQUIRE(gateway.put("/box?restype=container&comp=acl", "", {{"x-ms-blob-public-access", "blob"}}).status == 200);
  REQUIRE(gateway.set("<DefaultServiceVersion>2020-10-02</DefaultServiceVersion>").status == 202);

  const auto plain = gateway.send({.method = "GET", .target = "/box/cat", .sign = false, .versioned = false});
  CHECK(plain.body == "meow");
  CHECK(plain.header("x-ms-version") == "2020-10-02");
  CHECK(gateway.get("/box/cat").header("x-ms-version") == "2026-04-06");
  CHECK(gateway.get(kProperties).element("DefaultServiceVersion") == "2020-10-02");
}

TEST_CASE("a preflight is answered by the first rule that allows what it asks, and by no signature") {
  BoxGateway gateway;
  CHECK(gateway.ask("https://app.example", "GET").code() == "CorsPreflightFailure");
  gateway.allow("https://app.example,https://*.sub.example", "GET,PUT", "x-ms-*,content-type");

  const auto allowed = gateway.ask("https://app.example", "PUT", "X-MS-Date, content-type");
  CHECK(allowed.status == 200);
  CHECK(allowed.header("Access-Control-Allow-Origin") == "https://app.example");
  CHECK(allowed.header("Access-Control-Allow-Methods") == "PUT");
  CHECK(allowed.header("Access-Control-Allow-Headers") == "X-MS-Date, content-type");
  CHECK(allowed.header("Access-Control-Max-Age") == "60");
  CHECK(allowed.header("Access-Control-Allow-Credentials") == "true");
  CHECK(allowed.header("Vary") == "Origin");
  CHECK(gateway.ask("https://one.sub.example", "GET").status == 200);
  CHECK(gateway.ask("https://app.example", "GET", "", "/none/there").status == 200);
  CHECK(gateway.ask("https://other.example", "GET").code() == "CorsPreflightFailure");
  CHECK(gateway.ask("https://other.example", "GET").status == 403);
  CHECK(gateway.ask("https://app.example", "DELETE").code() == "CorsPreflightFailure");
  CHECK(gateway.ask("https://app.example", "GET", "authorization").code() == "CorsPreflightFailure");
  CHECK(gateway.anonymous("OPTIONS", "/box/cat").code() == "MissingRequiredHeader");
  CHECK(gateway.anonymous("OPTIONS", "/box/cat", {{"Origin", "https://app.example"}}).code() ==
        "MissingRequiredHeader");
}

TEST_CASE("an answer tells the page that asked what it may see") {
  BoxGateway gateway;
  const Headers from{{"Origin", "https://app.example"}};
  CHECK_FALSE(gateway.get("/box/cat", from).header("Access-Control-Allow-Origin"));
  CHECK_FALSE(gateway.get("/box/cat", from).header("Vary"));
  gateway.allow("https://app.example", "GET", "", "x-ms-meta-*,etag,content-length");

  const auto seen = gateway.get("/box/cat", from);
  CHECK(seen.body == "meow");
  CHECK(seen.header("Access-Control-Allow-Origin") == "https://app.example");
  CHECK(seen.header("Access-Control-Allow-Credentials") == "true");
  CHECK(seen.header("Access-Control-Expose-Headers") == "ETag,x-ms-meta-mood,Content-Length");
  CHECK(seen.header("Vary") == "Origin");
  CHECK(gateway.get("/box/none", from).header("Access-Control-Allow-Origin") == "https://app.example");
  CHECK_FALSE(gateway.put_blob("/box/dog", "woof", from).header("Access-Control-Allow-Origin"));
  const auto other = gateway.get("/box/cat", {{"Origin", "https://other.example"}});
  CHECK_FALSE(other.header("Access-Control-Allow-Origin"));
  CHECK(other.header("Vary") == "Origin");
  CHECK(gateway.get("/box/cat").header("Vary") == "Origin");

  gateway.allow("*", "GET");
  CHECK(gateway.get("/box/cat", from).header("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(gateway.get("/box/cat", from).header("Access-Control-Allow-Credentials"));
  CHECK_FALSE(gateway.get("/box/cat").header("Vary"));
}

}  // namespace sluice::blob::test
