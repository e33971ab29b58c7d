#include "gateway/s3/cors.h"

#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Headers;
using test::Reply;

std::string rule(const std::string& elements) {
  return "<CORSConfiguration><CORSRule>" + elements + "</CORSRule></CORSConfiguration>";
}

std::string allow(const std::string& origin, const std::string& method, const std::string& more = {}) {
  return rule("<AllowedOrigin>" + origin + "</AllowedOrigin><AllowedMethod>" + method + "</AllowedMethod>" + more);
}

struct WithBucket : Gateway {
  WithBucket() {
    put("/photos");
    put("/photos/a", "bar");
  }
  Reply preflight(const std::string& origin, const std::string& method, const std::string& headers = {}) {
    Headers fields{{"Origin", origin}, {"Access-Control-Request-Method", method}};
    if (!headers.empty()) fields.emplace_back("Access-Control-Request-Headers", headers);
    return send({.method = "OPTIONS", .target = "/photos/a", .headers = std::move(fields), .body = {}, .user = ""});
  }
};

}  // namespace

TEST_CASE("a CORS configuration is given back until it is deleted") {
  WithBucket gateway;
  CHECK(gateway.get("/photos?cors").element("Code") == "NoSuchCORSConfiguration");

  CHECK(gateway.put("/photos?cors", allow("*.example.com", "GET", "<ID>one</ID><MaxAgeSeconds>60</MaxAgeSeconds>"))
            .status == 200);
  const Reply read = gateway.get("/photos?cors");
  CHECK(read.element("AllowedOrigin") == "*.example.com");
  CHECK(read.element("ID") == "one");
  CHECK(read.element("MaxAgeSeconds") == "60");
  CHECK(gateway.put("/photos?cors", read.body).status == 200);

  CHECK(gateway.del("/photos?cors").status == 204);
  CHECK(gateway.get("/photos?cors").status == 404);
}

TEST_CASE("a CORS configuration that cannot be is refused") {
  const auto code = [](const std::string& text) {
    const auto rules = parse_cors(text);
    return rules ? std::string() : std::string(row_of(rules.error().code).name);
  };

  CHECK(code(allow("*", "GET")).empty());
  CHECK(code(allow("*", "PATCH")) == "InvalidRequest");
  CHECK(code(allow("*.*", "GET")) == "InvalidRequest");
  CHECK(code(allow("*", "GET", "<AllowedHeader>x-*-*</AllowedHeader>")) == "InvalidRequest");
  CHECK(code(allow("*", "GET", "<Extra/>")) == "MalformedXML");
  CHECK(code(allow("*", "GET", "<MaxAgeSeconds>soon</MaxAgeSeconds>")) == "MalformedXML");
  CHECK(code(rule("<AllowedOrigin>*</AllowedOrigin>")) == "MalformedXML");
  CHECK(code(rule("<AllowedMethod>GET</AllowedMethod>")) == "MalformedXML");
  CHECK(code("<CORSConfiguration/>") == "MalformedXML");
  CHECK(code("<CORSConfiguration><Rule/></CORSConfiguration>") == "MalformedXML");
}

TEST_CASE("a preflight is answered without a signature, by the first rule that fits") {
  WithBucket gateway;
  gateway.put("/photos?cors", allow("https://*.example.com", "PUT",
                                    "<AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
                                    "<MaxAgeSeconds>60</MaxAgeSeconds>"));

  const Reply allowed = gateway.preflight("https://app.example.com", "PUT", "X-Amz-Date, x-amz-acl");
  CHECK(allowed.status == 200);
  CHECK(allowed.header("Access-Control-Allow-Origin") == "https://app.example.com");
  CHECK(allowed.header("Access-Control-Allow-Credentials") == "true");
  CHECK(allowed.header("Access-Control-Allow-Methods") == "PUT");
  CHECK(allowed.header("Access-Control-Allow-Headers") == "X-Amz-Date, x-amz-acl");
  CHECK(allowed.header("Access-Control-Expose-Headers") == "ETag");
  CHECK(allowed.header("Access-Control-Max-Age") == "60");
  CHECK(allowed.header("Vary") == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");

  for (const Reply& refused :
       {gateway.preflight("http://app.example.com", "PUT"), gateway.preflight("https://app.example.com", "GET"),
        gateway.preflight("https://app.example.com", "PUT", "content-type"),
        gateway.preflight("https://example.com", "PUT")}) {
    CHECK(refused.status == 403);
    CHECK(refused.element("Code") == "AccessForbidden");
    CHECK_FALSE(refused.header("Access-Control-Allow-Origin"));
  }
}

TEST_CASE("a preflight that asks nothing, of no configuration or of no bucket is refused") {
  WithBucket gateway;
  const auto options = [&](const std::string& target, Headers headers) {
    return gateway.send({.method = "OPTIONS", .target = target, .headers = std::move(headers), .body = {}, .user = ""});
  };
  const Headers whole{{"Origin", "http://a"}, {"Access-Control-Request-Method", "GET"}};

  CHECK(options("/photos", {}).status == 400);
  CHECK(options("/photos", {{"Origin", "http://a"}}).status == 400);
  CHECK(options("/photos", whole).element("Code") == "AccessForbidden");
  CHECK(options("/nothing", whole).status == 404);
  CHECK(options("/", whole).status == 403);
}

TEST_CASE("answers tell a page of an allowed origin what it may see, errors too, and others nothing") {
  WithBucket gateway;
  gateway.put("/photos?cors", allow("*", "GET"));
  const auto get = [&](const std::string& target, const std::string& user) {
    return gateway.send(
        {.method = "GET", .target = target, .headers = {{"Origin", "http://a"}}, .body = {}, .user = user});
  };

  CHECK(get("/photos/a", "alice").header("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(get("/photos/a", "alice").header("Access-Control-Allow-Credentials"));
  CHECK(get("/photos/a", "root").header("Access-Control-Allow-Origin") == "*");
  CHECK(get("/photos/missing", "alice").header("Access-Control-Allow-Origin") == "*");
  CHECK(get("/photos/a", "").status == 403);
  CHECK(get("/photos/a", "").header("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(gateway.get("/photos/a").header("Access-Control-Allow-Origin"));
  CHECK_FALSE(gateway.put("/photos/a", "x", {{"Origin", "http://a"}}).header("Access-Control-Allow-Origin"));
}

}  // namespace sluice::s3
