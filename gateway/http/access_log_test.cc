#include "gateway/http/access_log.h"

#include <catch2/catch.hpp>
#include <map>

#include "gateway/http/wire_test.h"

namespace sluice::http {
namespace {

/// Keeps the fields of the last line.
class LastLine : public Log {
 public:
  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    ++count;
    values.clear();
    values["event"] = event;
    for (const LogField& field : fields) {
      if (const auto* text = std::get_if<std::string_view>(&field.value)) values[std::string(field.name)] = *text;
      if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
        values[std::string(field.name)] = std::to_string(*number);
      }
    }
  }
  std::map<std::string, std::string> values;
  int count = 0;
};

TEST_CASE("no secret of a query is shown") {
  CHECK(printable_target("/b/k?X-Amz-Date=1&X-Amz-Signature=abc&x=y") == "/b/k?X-Amz-Date=1&X-Amz-Signature=...&x=y");
  CHECK(printable_target("/b/k?x-amz-security-token=abc") == "/b/k?x-amz-security-token=...");
  CHECK(printable_target("/b?sv=1&sig=abc%3D") == "/b?sv=1&sig=...");
  CHECK(printable_target("/b?AWSAccessKeyId=A&Signature=abc") == "/b?AWSAccessKeyId=A&Signature=...");
  CHECK(printable_target("/b?X%2DAmz-Signature=abc") == "/b?X%2DAmz-Signature=...");
  CHECK(printable_target("/b?s%69g=abc") == "/b?s%69g=...");
  CHECK(printable_target("/b?%zz=abc") == "/b?%zz=...");
}

TEST_CASE("all else of a target is shown as it came") {
  CHECK(printable_target("/sig=abc") == "/sig=abc");
  CHECK(printable_target("/b?") == "/b?");
  CHECK(printable_target("/b?a&&b=c&") == "/b?a&&b=c&");
  CHECK(printable_target("/b?signed=1&sig") == "/b?signed=1&sig");
  CHECK(printable_target("/" + std::string(5000, 'x')).size() == 2048);
}

TEST_CASE("a request is one line") {
  LastLine log;
  test::FunctionHandler handler([](RequestContext& context, const Request&) -> Awaitable<Response> {
    context.operation = "GetObject";
    context.error_code = "NoSuchKey";
    context.bucket = "photos";
    context.key = "cat";
    context.principal = "ann";
    co_return test::response_of("!", 404);
  });
  test::Wire wire(handler, {}, &log);
  wire.send("GET /photos/cat?X-Amz-Signature=secret HTTP/1.1\r\nHost: h\r\nUser-Agent: boto\r\n\r\n");
  wire.run_until([&] { return log.count == 1; });

  CHECK(log.values["event"] == "request");
  CHECK(log.values["method"] == "GET");
  CHECK(log.values["target"] == "/photos/cat?X-Amz-Signature=...");
  CHECK(log.values["operation"] == "GetObject");
  CHECK(log.values["error_code"] == "NoSuchKey");
  CHECK(log.values["bucket"] == "photos");
  CHECK(log.values["key"] == "cat");
  CHECK(log.values["user"] == "ann");
  CHECK(log.values["status"] == "404");
  CHECK(log.values["remote"] == "192.0.2.1");
  CHECK(log.values["user_agent"] == "boto");
  CHECK(log.values["outcome"] == "complete");
  CHECK(log.values["id"].size() == 16);
}

TEST_CASE("the log of requests can be left out") {
  LastLine log;
  test::Echo echo;
  test::Wire wire(echo, {}, &log);
  wire.scope.logs_access = false;
  wire.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  wire.until_closed();

  CHECK(log.count == 0);
}

}  // namespace
}  // namespace sluice::http
