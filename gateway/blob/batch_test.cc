#include <catch2/catch.hpp>

#include "gateway/blob/batch.h"
#include "gateway/blob/client_for_test.h"

namespace sluice::blob::test {
namespace {

constexpr const char* kType = "multipart/mixed; boundary=batch_1";

/// A batch of these requests, as clients write it: the empty line of each is that before the boundary.
std::string batch_of(const std::vector<std::string>& requests) {
  std::string text;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    text += "--batch_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: " +
            std::to_string(i) + "\r\n\r\n" + requests[i] + "\r\n";
  }
  return text + "--batch_1--\r\n";
}

/// A container "box" with blobs a, b and c, and one "other" with d.
struct BoxGateway : Gateway {
  BoxGateway() {
    REQUIRE(put("/box?restype=container").status == 201);
    REQUIRE(put("/other?restype=container").status == 201);
    for (const char* name : {"/box/a", "/box/b", "/box/c", "/other/d"}) REQUIRE(put_blob(name, "x").status == 201);
  }

  std::string removal(const std::string& target) const { return batch_part({"DELETE", target}); }
  Reply submit(const std::vector<std::string>& requests, const std::string& target = "/?comp=batch") {
    return post(target, batch_of(requests), {{"Content-Type", kType}});
  }
};

std::string error_of(std::string_view type, std::string_view body) {
  const auto parsed = parse_batch(type, body, "host");
  return parsed ? "none" : std::string(row_of(parsed.error().code).name);
}

}  // namespace

TEST_CASE("a batch removes blobs, each with a status of its own") {
  BoxGateway gateway;

  const auto reply =
      gateway.submit({gateway.removal("/box/a"), gateway.removal("/box/none"), gateway.removal("/other/d")});

  CHECK(reply.status == 202);
  const std::string boundary = "batchresponse_01234567-89ab-cdef-0000-000000000000";
  CHECK(reply.header("Content-Type") == "multipart/mixed; boundary=" + boundary);
  CHECK(reply.has("--" + boundary +
                  "\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\n"));
  CHECK(reply.has("Content-ID: 1\r\n\r\nHTTP/1.1 404 BlobNotFound\r\n"));
  CHECK(reply.has("x-ms-error-code: BlobNotFound\r\n"));
  CHECK(reply.has("<Code>BlobNotFound</Code>"));
  CHECK(reply.has("Content-ID: 2\r\n\r\nHTTP/1.1 202 Accepted\r\n"));
  CHECK(reply.has("x-ms-request-id: 01234567-89ab-cdef-0000-000000000003\r\nx-ms-version: 2026-04-06\r\n"));
  CHECK(reply.body.ends_with("--" + boundary + "--\r\n"));
  CHECK(reply.context.detail == "1 of 3 failed");
  CHECK(gateway.head("/box/a").code() == "BlobNotFound");
  CHECK(gateway.head("/other/d").code() == "BlobNotFound");
  CHECK(gateway.head("/box/b").status == 200);
}

TEST_CASE("a batch changes tiers") {
  BoxGateway gateway;
  const auto cool = [&](const char* target) {
    return gateway.batch_part({"PUT", target, {{"x-ms-access-tier", "Cool"}}});
  };

  const auto reply =
      gateway.submit({cool("/box/a?comp=tier"), cool("/box/b?comp=tier")}, "/?restype=service&comp=batch");

  CHECK(reply.status == 202);
  CHECK(reply.has("Content-ID: 1\r\n\r\nHTTP/1.1 200 OK\r\n"));
  CHECK(gateway.head("/box/a").header("x-ms-access-tier") == "Cool");
  CHECK(gateway.head("/box/b").header("x-ms-access-tier") == "Cool");
}

TEST_CASE("each request of a batch proves for itself who sends it") {
  BoxGateway gateway;
  const auto forged = [&] {
    std::string text = gateway.removal("/box/a");
    return text.replace(text.find("/box/a"), 6, "/box/b");
  }();
  const auto unsigned_one = gateway.batch_part({.method = "DELETE", .target = "/box/a", .sign = false});
  const auto allowed =
      gateway.batch_part({.method = "DELETE", .target = "/box/c?" + container_sas(gateway, "box", "d"), .sign = false});
  const auto reading =
      gateway.batch_part({.method = "DELETE", .target = "/box/a?" + container_sas(gateway, "box", "r"), .sign = false});

  const auto reply = gateway.submit({forged, unsigned_one, allowed, reading});

  CHECK(reply.status == 202);
  CHECK(reply.has("Content-ID: 0\r\n\r\nHTTP/1.1 403 AuthenticationFailed\r\n"));
  CHECK(reply.has("Content-ID: 1\r\n\r\nHTTP/1.1 401 NoAuthenticationInformation\r\n"));
  CHECK(reply.has("Content-ID: 2\r\n\r\nHTTP/1.1 202 Accepted\r\n"));
  CHECK(reply.has("Content-ID: 3\r\n\r\nHTTP/1.1 403 AuthorizationPermissionMismatch\r\n"));
  CHECK(gateway.head("/box/a").status == 200);
  CHECK(gateway.head("/box/b").status == 200);
  CHECK(gateway.head("/box/c").status == 404);
  CHECK(gateway.anonymous("POST", "/?comp=batch", {{"Content-Type", kType}}, batch_of({allowed})).status == 401);
}

TEST_CASE("a batch is of one operation, one account, and the container it is sent to") {
  BoxGateway gateway;
  const auto a = gateway.removal("/box/a");

  CHECK(gateway.submit({a, gateway.removal("/other/d")}, "/box?restype=container&comp=batch").code() == "InvalidInput");
  CHECK(gateway.submit({a, gateway.batch_part({.method = "DELETE", .target = "/box/a", .account = "beta"})}).code() ==
        "InvalidInput");
  CHECK(gateway.submit({a, gateway.batch_part({"PUT", "/box/a?comp=tier", {{"x-ms-access-tier", "Cool"}}})}).code() ==
        "AllBatchSubRequestsShouldBeSameApi");
  CHECK(gateway.submit({gateway.batch_part({"DELETE", "/box?restype=container"})}).code() == "InvalidInput");
  CHECK(gateway.submit({gateway.batch_part({"PUT", "/box/a?comp=metadata"})}).code() == "InvalidInput");
  CHECK(gateway.head("/box/a").status == 200);

  CHECK(gateway.submit({a}, "/box?restype=container&comp=batch").status == 202);
  CHECK(gateway.submit({gateway.removal("/other/d")}, "?restype=container&comp=batch").status == 202);
  CHECK(gateway.head("/box/a").status == 404);
}

TEST_CASE("what a request of a batch asks besides is done or refused") {
  BoxGateway gateway;
  REQUIRE(gateway.put("/box/a?comp=snapshot").status == 201);

  const auto reply = gateway.submit({gateway.removal("/box/a"),
                                     gateway.batch_part({"DELETE", "/box/a", {{"x-ms-delete-snapshots", "include"}}}),
                                     gateway.batch_part({"DELETE", "/box/b", {{"x-ms-range", "bytes=0-1"}}}),
                                     gateway.batch_part({"DELETE", "/box/c", {{"If-Match", "\"0x1\""}}})});

  CHECK(reply.has("HTTP/1.1 409 SnapshotsPresent"));
  CHECK(reply.has("Content-ID: 1\r\n\r\nHTTP/1.1 202 Accepted"));
  CHECK(reply.has("HTTP/1.1 400 UnsupportedHeader"));
  CHECK(reply.has("HTTP/1.1 412 ConditionNotMet"));
}

TEST_CASE("the body of a batch is as it should be, or refused whole") {
  const std::string one = "DELETE /alpha/box/a HTTP/1.1\r\nContent-Length: 0\r\n";
  const std::string good = batch_of({one});
  const auto changed = [&](std::string_view what, const std::string& into) {
    std::string text = good;
    return text.replace(text.find(what), what.size(), into);
  };

  CHECK(error_of(kType, good) == "none");
  CHECK(error_of("multipart/mixed; boundary=\"batch_1\"", good) == "none");
  CHECK(error_of(kType, changed("Length: 0\r\n", "Length: 0\r\n\r\n\r\n")) == "none");
  CHECK(error_of("multipart/form-data; boundary=batch_1", good) == "InvalidHeaderValue");
  CHECK(error_of("multipart/mixed", good) == "InvalidHeaderValue");
  CHECK(error_of("multipart/mixed; boundary=", good) == "InvalidHeaderValue");
  CHECK(error_of("multipart/mixed; boundary=other", good) == "InvalidInput");
  CHECK(error_of(kType, "") == "InvalidInput");
  CHECK(error_of(kType, "--batch_1--\r\n") == "InvalidInput");
  CHECK(error_of(kType, good.substr(0, good.size() - 6)) == "InvalidInput");
  CHECK(error_of(kType, good + "more") == "InvalidInput");
  CHECK(error_of(kType, changed("Content-ID: 0", "Content-Id0")) == "InvalidInput");
  CHECK(error_of(kType, changed("application/http", "text/plain")) == "InvalidInput");
  CHECK(error_of(kType, changed("HTTP/1.1", "HTTP/1.0")) == "InvalidInput");
  CHECK(error_of(kType, changed("DELETE /alpha", "DELETE alpha")) == "InvalidInput");
  CHECK(error_of(kType, changed("Length: 0", "Length: 3")) == "InvalidInput");
  CHECK(error_of(kType, changed("Length: 0\r\n", "Length: 0\r\n\r\nabc")) == "InvalidInput");
  CHECK(error_of(kType, changed("Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n")) == "InvalidInput");
  CHECK(error_of(kType, changed("Content-Length: 0\r\n", "Host: other\r\n")) == "InvalidInput");
  CHECK(error_of(kType, changed("Content-Length: 0\r\n", "Bad Name: x\r\n")) == "InvalidInput");
  CHECK(error_of(kType, changed("Content-Length: 0\r\n", "A: \x01\r\n")) == "InvalidInput");
  std::string twice = batch_of({one, one});
  CHECK(error_of(kType, twice.replace(twice.find("ID: 1"), 5, "ID: 0")) == "InvalidInput");
  CHECK(error_of(kType, batch_of(std::vector<std::string>(256, one))) == "none");
  CHECK(error_of(kType, batch_of(std::vector<std::string>(257, one))) == "ExceedsMaxBatchRequestCount");
}

TEST_CASE("a batch of more than 4 MiB is refused unread") {
  BoxGateway gateway;

  const auto reply = gateway.post("/?comp=batch", std::string((4 << 20) + 1, 'x'), {{"Content-Type", kType}});

  CHECK(reply.status == 413);
  CHECK(reply.code() == "RequestBodyTooLarge");
}

}  // namespace sluice::blob::test
