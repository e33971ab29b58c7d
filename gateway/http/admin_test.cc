#include "gateway/http/admin.h"

#include <catch2/catch.hpp>

#include "gateway/http/wire_test.h"

namespace sluice::http {
namespace {

std::string ask(AdminHandler& admin, std::string_view method, std::string_view path) {
  test::Wire wire(admin);
  wire.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  return wire.until_closed();
}

TEST_CASE("a living process is healthy, and ready when it says so") {
  BufferPool pool(1 << 20);
  Metrics metrics(pool);
  bool ready = false;
  AdminHandler admin(metrics, [&] { return ready; });

  CHECK(ask(admin, "GET", "/health").starts_with("HTTP/1.1 200"));
  CHECK(ask(admin, "GET", "/ready?verbose").starts_with("HTTP/1.1 503"));
  ready = true;
  CHECK(ask(admin, "GET", "/ready").starts_with("HTTP/1.1 200"));
  CHECK(ask(admin, "HEAD", "/ready").ends_with("\r\n\r\n"));
}

TEST_CASE("metrics are shown in the text format") {
  BufferPool pool(1 << 20);
  Metrics metrics(pool);
  AdminHandler admin(metrics, [] { return true; });
  const std::string answer = ask(admin, "GET", "/metrics");

  CHECK(answer.find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
  CHECK(answer.find("\n# TYPE sluice_http_connections_open gauge\n") != std::string::npos);
}

TEST_CASE("all else is refused") {
  BufferPool pool(1 << 20);
  Metrics metrics(pool);
  AdminHandler admin(metrics, [] { return true; });

  CHECK(ask(admin, "GET", "/").starts_with("HTTP/1.1 404"));
  CHECK(ask(admin, "PUT", "/health").starts_with("HTTP/1.1 405"));
}

}  // namespace
}  // namespace sluice::http
