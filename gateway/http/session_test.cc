#include "gateway/http/session.h"

#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>

#include "gateway/http/wire_test.h"
#include "tests/support/memory_backend.h"

namespace sluice::http {
namespace {

using std::chrono_literals::operator""s;
using test::Echo;
using test::FunctionHandler;
using test::PieceSource;
using test::response_of;
using test::Wire;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

FunctionHandler answering(const std::function<Response()>& make) {
  return FunctionHandler([make](RequestContext&, const Request&) -> Awaitable<Response> { co_return make(); });
}

/// Everything the client gets from one request until the connection ends.
std::string whole_answer(Handler& handler, std::string_view request) {
  Wire wire(handler);
  wire.send(request);
  return wire.until_closed();
}

TEST_CASE("a request is answered with its length, and the connection lives on") {
  Echo echo;
  Wire wire(echo);

  wire.send(kGet);
  const std::string head = wire.until("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(head.find("Date: ") != std::string::npos);
  CHECK(head.find("Connection:") == std::string::npos);
  CHECK(wire.until("GET /a") == "GET /a");

  wire.send(kGet);
  wire.until("GET /a");
  CHECK_FALSE(wire.served());
}

TEST_CASE("pipelined requests are answered in their order") {
  Echo echo;
  Wire wire(echo);

  wire.send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      "\r\nPUT /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  wire.until_closed();

  CHECK(echo.heard == std::vector<std::string>{"GET /1", "PUT /2 abc", "PUT /3 de", "GET /4"});
}

TEST_CASE("an answer to HEAD has the length of the content and no content") {
  auto handler = answering([] {
    auto response = response_of(std::make_unique<PieceSource>(std::vector<std::string>{"never"}), 1234);
    return response;
  });
  const std::string answer = whole_answer(handler, "HEAD /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

  CHECK(answer.find("Content-Length: 1234\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("204 and 304 carry no content, and keep the connection in step") {
  unsigned status = 204;
  auto handler = answering([&] { return response_of("must not be seen", status); });
  Wire wire(handler);

  wire.send(kGet);
  const std::string no_content = wire.until("\r\n\r\n");
  CHECK(no_content.find("Content-Length") == std::string::npos);
  status = 304;
  wire.send(kGet);
  const std::string not_modified = wire.until("\r\n\r\n");
  status = 200;
  wire.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

  CHECK(no_content.starts_with("HTTP/1.1 204"));
  CHECK(not_modified.starts_with("HTTP/1.1 304"));
  CHECK(wire.until_closed().starts_with("HTTP/1.1 200"));
}

TEST_CASE("Connection: close is honoured and said") {
  Echo echo;
  const std::string answer = whole_answer(echo, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("HTTP/1.0 closes after one answer") {
  Echo echo;
  CHECK(whole_answer(echo, "GET /a HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nGET /a"));
}

TEST_CASE("HTTP/1.0 stays where the client asks for it") {
  Echo echo;
  Wire wire(echo);

  wire.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(wire.until("GET /a").find("Connection: keep-alive\r\n") != std::string::npos);
  wire.send("GET /b HTTP/1.0\r\n\r\n");
  CHECK(wire.until_closed().ends_with("GET /b"));
}

TEST_CASE("a body of unknown length goes out in chunks") {
  auto handler = answering([] {
    return response_of(std::make_unique<PieceSource>(std::vector<std::string>{"hello", "0123456789abcdef"}), {});
  });
  const std::string answer = whole_answer(handler, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

  CHECK(answer.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"));
}

TEST_CASE("an empty body of unknown length is one last chunk") {
  auto handler = answering([] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{}), {}); });
  const std::string answer = whole_answer(handler, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

  CHECK(answer.ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST_CASE("to HTTP/1.0 a body of unknown length ends with the connection") {
  auto handler = answering(
      [] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{"hello", " you"}), {}); });
  const std::string answer = whole_answer(handler, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

  CHECK(answer.find("Transfer-Encoding") == std::string::npos);
  CHECK(answer.ends_with("\r\n\r\nhello you"));
}

TEST_CASE("content and body follow one another") {
  auto handler = answering([] {
    auto response = response_of(std::make_unique<PieceSource>(std::vector<std::string>{"b", "c"}), 3);
    response.content = Chunk::of("a");
    return response;
  });
  CHECK(whole_answer(handler, "GET /a HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nabc"));
}

TEST_CASE("a large body arrives whole") {
  const std::string large(5 << 20, 'x');
  auto handler = answering(
      [&] { return response_of(std::make_unique<sluice::test::StringSource>(large, 300'000), large.size()); });
  const std::string answer = whole_answer(handler, "GET /a HTTP/1.0\r\n\r\n");

  CHECK(answer.substr(answer.find("\r\n\r\n") + 4) == large);
}

TEST_CASE("a body that fails on the way cuts the connection") {
  auto handler = answering(
      [] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{"aaa", "bbb"}, true), 9); });
  Wire wire(handler);
  wire.send(kGet);
  const std::string answer = wire.until_closed();

  CHECK(answer.find("Content-Length: 9") != std::string::npos);
  CHECK_FALSE(answer.ends_with("0\r\n\r\n"));
  CHECK(wire.was_reset());
}

TEST_CASE("a chunked body that fails on the way never gets its last chunk") {
  auto handler =
      answering([] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{"aaa"}, true), {}); });
  Wire wire(handler);
  wire.send(kGet);

  CHECK_FALSE(wire.until_closed().ends_with("0\r\n\r\n"));
  CHECK(wire.was_reset());
}

TEST_CASE("a body shorter than declared cuts the connection") {
  auto handler =
      answering([] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{"aaa", "bbb"}), 7); });
  Wire wire(handler);
  wire.send(kGet);
  wire.until_closed();

  CHECK(wire.was_reset());
}

TEST_CASE("no byte beyond the declared length is sent") {
  auto handler =
      answering([] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{"aaa", "bbb"}), 5); });
  Wire wire(handler);
  wire.send(kGet);
  const std::string answer = wire.until_closed();

  CHECK(wire.was_reset());
  CHECK(answer.find('b', answer.find("\r\n\r\n")) == std::string::npos);
}

TEST_CASE("an error at the very end of a body keeps its last piece back") {
  auto handler = answering(
      [] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{"aaa", "bbb"}, true), 6); });
  Wire wire(handler);
  wire.send(kGet);
  const std::string answer = wire.until_closed();

  CHECK(wire.was_reset());
  CHECK(answer.find('b', answer.find("\r\n\r\n")) == std::string::npos);
}

TEST_CASE("a body that fails before its first byte is still an error response") {
  auto handler =
      answering([] { return response_of(std::make_unique<PieceSource>(std::vector<std::string>{}, true), 6); });
  Wire wire(handler);
  wire.send(kGet);

  CHECK(wire.until("\r\n\r\n").starts_with("HTTP/1.1 500"));
}

TEST_CASE("an exception of the handler is a 500 and the end of the connection") {
  FunctionHandler handler([](RequestContext&, const Request&) -> Awaitable<Response> {
    throw std::runtime_error("a bug");
    co_return response_of("");
  });
  Wire wire(handler);
  wire.send(kGet);

  CHECK(wire.until_closed().starts_with("HTTP/1.1 500"));
}

TEST_CASE("an exception of a body's source cuts the connection") {
  class Throwing : public BodySource {
    Task<Chunk> read() override {
      if (++count_ == 2) throw std::bad_alloc();
      co_return Chunk::of("aaa");
    }
    int count_ = 0;
  };
  auto handler = answering([] { return response_of(std::make_unique<Throwing>(), 9); });
  Wire wire(handler);
  wire.send(kGet);
  wire.until_closed();

  CHECK(wire.was_reset());
  wire.until_served();
  CHECK_FALSE(wire.threw());
}

TEST_CASE("every request has an id of its own") {
  std::vector<std::string> ids;
  FunctionHandler handler([&](RequestContext& context, const Request&) -> Awaitable<Response> {
    ids.push_back(context.request_id);
    context.bucket = "left over";
    co_return response_of("!");
  });
  Wire wire(handler);
  wire.send(kGet);
  wire.until("!");
  wire.send(kGet);
  wire.until("!");

  REQUIRE(ids.size() == 2);
  CHECK(ids[0].size() == 16);
  CHECK(ids[0] != ids[1]);
}

TEST_CASE("nothing of one request's context is left for the next") {
  std::vector<std::string> before;
  FunctionHandler handler([&](RequestContext& context, const Request&) -> Awaitable<Response> {
    before.push_back(context.bucket + context.key + context.principal + std::string(context.operation));
    context.bucket = context.key = context.principal = "x";
    context.operation = "X";
    co_return response_of("!");
  });
  Wire wire(handler);
  wire.send(kGet);
  wire.until("!");
  wire.send(kGet);
  wire.until("!");

  CHECK(before == std::vector<std::string>{"", ""});
}

TEST_CASE("a connection that never says anything is closed") {
  Echo echo;
  Wire wire(echo, {.header_timeout = 30s});
  wire.run_until([&] { return wire.deadlines.count() == 1; });
  wire.settle();

  wire.tick(30);
  wire.settle();
  CHECK_FALSE(wire.served());
  wire.tick(1);
  wire.until_served();
  CHECK(wire.until_closed().empty());
}

TEST_CASE("an idle connection is closed after its time") {
  Echo echo;
  Wire wire(echo, {.idle_timeout = 75s});
  wire.send(kGet);
  wire.until("GET /a");
  wire.settle();

  wire.tick(76);
  CHECK(wire.until_closed().empty());
}

TEST_CASE("a header that comes byte by byte has one time-out in all") {
  Echo echo;
  Wire wire(echo, {.header_timeout = 30s});
  for (int second = 0; second < 31 && !wire.served(); ++second) {
    wire.send(kGet.substr(static_cast<std::size_t>(second) % 20, 1) == "\r" ? "x" : "G");
    wire.settle();
    wire.tick(1);
  }
  wire.until_served();

  CHECK(wire.until_closed().empty());
  CHECK(echo.heard.empty());
}

TEST_CASE("while too many wait for memory, new requests are refused at once, and served again afterwards") {
  Echo echo;
  Wire wire(echo, {.memory_waiters_max = 1});
  std::vector<Chunk> held;
  const auto take = [&]() -> Awaitable<> {
    auto chunk = co_await wire.pool.acquire();
    if (chunk) held.push_back(*std::move(chunk));
  };
  for (std::size_t i = 0; i < wire.pool.capacity_chunks() + 2; ++i) {
    boost::asio::co_spawn(wire.io.get_executor(), take, boost::asio::detached);
  }
  wire.settle();
  REQUIRE(wire.pool.waiting() == 2);

  wire.send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  const std::string refusal = wire.until("\r\n\r\n");
  CHECK(refusal.starts_with("HTTP/1.1 503 "));
  CHECK(refusal.find("Connection: close") == std::string::npos);
  CHECK(echo.heard.empty());
  wire.until("rate.\n");

  held.clear();
  wire.settle();
  held.clear();
  wire.send(kGet);
  CHECK(wire.until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

/// Answers GET at once, from memory; the rest as Echo.
class AtOnce : public Echo {
 public:
  explicit AtOnce(std::string answer) : answer_(std::move(answer)) {}
  std::optional<Response> answer_at_once(RequestContext&, const Request& request) override {
    if (request.header.method != Method::get) return std::nullopt;
    ++count;
    return response_of(answer_ + std::to_string(count));
  }
  int count = 0;

 private:
  std::string answer_;
};

TEST_CASE("answers made at once keep their place among the others") {
  AtOnce handler("now");
  Wire wire(handler);

  wire.send(std::string(kGet) + std::string(kGet) + "PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
            std::string(kGet) + "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string all = wire.until_closed();

  CHECK(handler.heard == std::vector<std::string>{"PUT /2 abc"});
  const auto place = [&](std::string_view text) { return all.find(text); };
  CHECK(place("now1") < place("now2"));
  CHECK(place("now2") < place("PUT /2 abc"));
  CHECK(place("PUT /2 abc") < place("now3"));
  CHECK(place("now3") < place("now4"));
  CHECK(all.ends_with("now4"));
}

TEST_CASE("an answer made at once reaches a client that has sent all it will") {
  AtOnce handler("now");
  Wire wire(handler);
  wire.send(kGet);
  wire.finish();
  CHECK(wire.until_closed().ends_with("now1"));
}

TEST_CASE("an answer made at once and too long for the socket goes out whole") {
  const std::string large(16 << 20, 'x');
  AtOnce handler(large);
  Wire wire(handler);
  wire.send(kGet);
  CHECK(wire.until("x1").size() > large.size());
  wire.send(kGet);
  CHECK(wire.until("x2").size() > large.size());
  CHECK_FALSE(wire.served());
}

TEST_CASE("a client that leaves before an answer made at once harms nobody") {
  AtOnce handler(std::string(16 << 20, 'x'));
  Wire wire(handler);
  wire.send(kGet);
  wire.settle();
  wire.close();
  wire.until_served();
  CHECK_FALSE(wire.threw());
}

TEST_CASE("a client that takes nothing of an answer made at once is given up") {
  AtOnce handler(std::string(64 << 20, 'x'));
  Wire wire(handler, {.progress_timeout = 60s});
  wire.stop_reading();
  wire.send(kGet);
  wire.run_until([&] { return handler.count == 1; });
  wire.settle();
  CHECK_FALSE(wire.served());
  wire.tick(62);
  wire.until_served();
}

TEST_CASE("what an answer at once throws is told by the handler") {
  class Throwing : public Echo {
    std::optional<Response> answer_at_once(RequestContext&, const Request&) override { throw std::runtime_error("no"); }
  } handler;
  Wire wire(handler);
  wire.send(kGet);
  wire.until("GET /a");
  CHECK(handler.heard.size() == 1);
}

TEST_CASE("a client that takes nothing of its answer is given up") {
  const std::string large(64 << 20, 'x');
  std::size_t pulled = 0;
  class Counting : public sluice::test::StringSource {
   public:
    Counting(const std::string& text, std::size_t& pulled) : StringSource(text, 1 << 20), pulled_(pulled) {}
    Task<Chunk> read() override {
      ++pulled_;
      return StringSource::read();
    }
    std::size_t& pulled_;
  };
  auto handler = answering([&] { return response_of(std::make_unique<Counting>(large, pulled), large.size()); });
  SessionOptions options{.progress_timeout = 60s};
  BufferPool pool(1 << 20);
  Metrics metrics(pool);
  Deadlines deadlines;
  RequestIds ids;
  Outbox outbox;
  PagePipe pipe;
  NullLog log;
  const std::atomic<bool> draining = false;
  boost::asio::io_context io(1);
  const SessionScope scope{.handler = handler,
                           .protocol = "test",
                           .options = options,
                           .pool = pool,
                           .log = log,
                           .metrics = metrics.add_shard(),
                           .deadlines = deadlines,
                           .ids = ids,
                           .outbox = outbox,
                           .pipe = pipe,
                           .draining = draining};
  using boost::asio::ip::tcp;
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  tcp::socket client(io);
  client.connect(acceptor.local_endpoint());
  TcpSocket socket(io.get_executor());
  acceptor.accept(socket);
  bool served = false;
  boost::asio::co_spawn(io.get_executor(), serve(std::move(socket), "", scope),
                        [&](const std::exception_ptr&) { served = true; });

  boost::asio::write(client, boost::asio::buffer(kGet));
  while (pulled == 0 || io.poll() != 0) io.poll();
  CHECK_FALSE(served);
  for (int i = 0; i < 61; ++i) deadlines.tick();
  io.run_for(20s);

  CHECK(served);
  CHECK(pulled < 64);
}

TEST_CASE("while the server drains, answers end the connection") {
  Echo echo;
  Wire wire(echo);
  wire.send(kGet.substr(0, 10));
  wire.settle();
  wire.draining = true;
  wire.send(kGet.substr(10));

  CHECK(wire.until_closed().find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("a drain ends idle connections at once and others not") {
  Echo echo;
  Wire idle(echo);
  idle.send(kGet);
  idle.until("GET /a");
  Wire busy(echo);
  busy.send("GET");
  for (Wire* wire : {&idle, &busy}) {
    wire->settle();
    wire->draining = true;
    wire->deadlines.expire_idle();
  }
  idle.until_served();
  busy.settle();
  CHECK_FALSE(busy.served());

  busy.send(kGet.substr(3));
  CHECK(busy.until_closed().ends_with("GET /a"));
}

TEST_CASE("requests are counted with what they moved") {
  FunctionHandler handler([](RequestContext& context, const Request&) -> Awaitable<Response> {
    context.operation = "GetThing";
    co_return response_of("!", 404);
  });
  Wire wire(handler);
  wire.send(kGet);
  wire.until("!");
  wire.run_until([&] { return wire.metrics.text().find("GetThing") != std::string::npos; });

  const std::string text = wire.metrics.text();
  CHECK(text.find(R"(sluice_http_requests_total{protocol="test",operation="GetThing",class="4xx"} 1)") !=
        std::string::npos);
  CHECK(text.find(R"(sluice_http_received_bytes_total{protocol="test",operation="GetThing"} )" +
                  std::to_string(kGet.size())) != std::string::npos);
  CHECK(text.find("sluice_http_requests_in_flight 0") != std::string::npos);
}

}  // namespace
}  // namespace sluice::http
