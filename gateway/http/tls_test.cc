#include "gateway/http/tls.h"

#include <catch2/catch.hpp>

#include "gateway/http/certificate_test.h"

namespace sluice::http {
namespace {

TEST_CASE("a certificate and its key make a context") {
  const test::Directory directory;
  test::make_certificate("a", directory.file("cert"), directory.file("key"));
  TlsContext tls(directory.file("cert"), directory.file("key"));
  const auto before = tls.current();

  test::make_certificate("b", directory.file("cert"), directory.file("key"));
  CHECK(tls.reload());
  CHECK(tls.current() != before);
}

TEST_CASE("broken files keep the context there is") {
  const test::Directory directory;
  test::make_certificate("a", directory.file("cert"), directory.file("key"));
  test::make_certificate("b", directory.file("other cert"), directory.file("other key"));
  TlsContext tls(directory.file("cert"), directory.file("key"));
  const auto before = tls.current();

  std::filesystem::copy_file(directory.file("other key"), directory.file("key"),
                             std::filesystem::copy_options::overwrite_existing);
  const auto mismatched = tls.reload();
  test::overwrite(directory.file("cert"), "not a certificate");
  const auto broken = tls.reload();
  std::filesystem::remove(directory.file("cert"));
  const auto missing = tls.reload();

  CHECK(mismatched.error().code == ErrorCode::invalid_argument);
  CHECK(broken.error().detail.find("cert") != std::string::npos);
  CHECK_FALSE(missing);
  CHECK(tls.current() == before);
}

TEST_CASE("without a certificate there is no start") {
  CHECK_THROWS_AS(TlsContext("/nonexistent/cert", "/nonexistent/key"), std::runtime_error);
}

}  // namespace
}  // namespace sluice::http
