#include "gateway/http/server.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "gateway/http/certificate_test.h"
#include "gateway/http/wire_test.h"

namespace sluice::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using test::FunctionHandler;
using test::response_of;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

template <class Condition>
bool comes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// A server on two threads, and what it needs.
struct Running {
  explicit Running(Handler& handler, const ServerOptions& options = {.thread_count = 2}, TlsContext* tls = nullptr)
      : server(options, pool, log, metrics) {
    Listener listener{.endpoint = *parse_endpoint("127.0.0.1:0"), .handler = &handler, .tls = tls, .protocol = "test"};
    endpoint = server.listen(listener).value();
  }
  NullLog log;
  BufferPool pool{4 * BufferPool::kChunkSize};
  Metrics metrics{pool};
  Server server;
  Endpoint endpoint;
};

/// One blocking client.
struct Client {
  explicit Client(const Endpoint& endpoint) { socket.connect(endpoint); }
  void send(std::string_view text) { asio::write(socket, asio::buffer(text)); }
  std::string until(std::string_view mark) {
    const std::size_t size = asio::read_until(socket, asio::dynamic_buffer(received), std::string(mark));
    std::string taken = received.substr(0, size);
    received.erase(0, size);
    return taken;
  }
  /// Everything up to the end of the connection.
  std::string rest() {
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(received), error);
    return std::exchange(received, {});
  }
  asio::io_context io;
  tcp::socket socket{io};
  std::string received;
};

FunctionHandler hello() {
  return FunctionHandler(
      [](RequestContext&, const Request&) -> Awaitable<Response> { co_return response_of("hello"); });
}

TEST_CASE("addresses are read") {
  CHECK(parse_endpoint("127.0.0.1:80") == Endpoint(asio::ip::make_address("127.0.0.1"), 80));
  CHECK(parse_endpoint("[::1]:80") == Endpoint(asio::ip::make_address("::1"), 80));
  CHECK(parse_endpoint(":80") == Endpoint(tcp::v4(), 80));
  CHECK(parse_endpoint("*:0") == Endpoint(tcp::v4(), 0));
  for (const auto* bad :
       {"", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "host:80", "[127.0.0.1]:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_endpoint(bad));
  }
}

TEST_CASE("connections are served on every thread, over IPv4 and IPv6") {
  auto handler = hello();
  Running running(handler);
  const auto v6 =
      running.server.listen({.endpoint = *parse_endpoint("[::1]:0"), .handler = &handler, .protocol = "test"});
  running.server.start();

  for (int i = 0; i < 20; ++i) {
    Client client(running.endpoint);
    client.send(kGet);
    CHECK(client.until("hello").starts_with("HTTP/1.1 200"));
  }
  if (v6) {
    Client client(*v6);
    client.send(kGet);
    CHECK(client.until("hello").starts_with("HTTP/1.1 200"));
  }
  CHECK(running.metrics.text().find("sluice_http_connections_accepted_total 2") != std::string::npos);
}

TEST_CASE("an address that cannot be had is an error") {
  auto handler = hello();
  Running running(handler);
  const auto refused =
      running.server.listen({.endpoint = *parse_endpoint("192.0.2.1:80"), .handler = &handler, .protocol = "test"});

  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.find("192.0.2.1:80") != std::string::npos);
}

TEST_CASE("beyond the bound, connections are closed at once") {
  auto handler = hello();
  Running running(handler, {.thread_count = 1, .connection_count_max = 2});
  running.server.start();
  Client first(running.endpoint), second(running.endpoint);
  for (Client* client : {&first, &second}) {
    client->send(kGet);
    client->until("hello");
  }
  Client third(running.endpoint);
  CHECK(third.rest().empty());
  CHECK(running.metrics.text().find("sluice_http_connections_refused_total 1") != std::string::npos);

  first.socket.close();
  REQUIRE(comes_true([&] { return running.server.connection_count() < 2; }));
  Client fourth(running.endpoint);
  fourth.send(kGet);
  fourth.until("hello");
}

TEST_CASE("a thousand idle connections hold no memory of the pool") {
  raise_file_limit(4096);
  auto handler = hello();
  Running running(handler);
  running.server.start();
  std::vector<std::unique_ptr<Client>> clients;
  clients.reserve(1000);
  for (int i = 0; i < 1000; ++i) clients.push_back(std::make_unique<Client>(running.endpoint));
  REQUIRE(comes_true([&] { return running.server.connection_count() == 1000; }));

  CHECK(running.pool.used_chunks() == 0);
  clients.front()->send(kGet);
  clients.front()->until("hello");
  clients.clear();
  CHECK(comes_true([&] { return running.server.connection_count() == 0; }));
}

/// Answers `/slow` only when told to leave.
class Slow : public Handler {
 public:
  Awaitable<Response> handle(RequestContext&, const Request& request) override {
    if (request.header.target == "/slow") {
      entered = true;
      const Executor executor = co_await asio::this_coro::executor;
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>
          timer(executor);
      while (!leave) {
        timer.expires_after(1ms);
        co_await timer.async_wait(use_task);
      }
    }
    co_return response_of("hello");
  }
  std::atomic<bool> entered = false, leave = false;
};

TEST_CASE("a drain lets requests end, ends idle connections, and takes no more") {
  Slow handler;
  auto admin = hello();
  Running running(handler);
  const auto admin_endpoint = running.server.listen({.endpoint = *parse_endpoint("127.0.0.1:0"),
                                                     .handler = &admin,
                                                     .protocol = "admin",
                                                     .serves_while_draining = true});
  running.server.start();
  Client idle(running.endpoint), busy(running.endpoint);
  idle.send(kGet);
  idle.until("hello");
  busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(comes_true([&] { return handler.entered.load(); }));

  bool drained = false;
  std::thread draining([&] { drained = running.server.drain(20s); });
  CHECK(idle.rest().empty());
  CHECK(running.server.draining());
  boost::system::error_code refused;
  idle.socket = tcp::socket(idle.io);
  idle.socket.connect(running.endpoint, refused);
  CHECK((refused || idle.rest().empty()));
  Client late(*admin_endpoint);
  late.send(kGet);
  CHECK(late.until("hello").starts_with("HTTP/1.1 200"));

  handler.leave = true;
  const std::string answer = busy.rest();
  busy.socket.close();
  draining.join();

  CHECK(drained);
  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("a drain that takes too long says so, and what still waits goes with the server") {
  Slow handler;
  Running running(handler);
  running.server.start();
  Client stuck(running.endpoint);
  stuck.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(comes_true([&] { return handler.entered.load(); }));

  CHECK_FALSE(running.server.drain(0ms));
}

TEST_CASE("a server that never started stops") {
  auto handler = hello();
  Running running(handler);
  CHECK(running.server.drain(1s));
}

TEST_CASE("background work runs on the server's threads") {
  auto handler = hello();
  Running running(handler);
  std::atomic<int> ran = 0;
  for (std::size_t i = 0; i < running.server.thread_count(); ++i) {
    asio::post(running.server.executor(i), [&] { ++ran; });
  }
  running.server.start();
  CHECK(comes_true([&] { return ran == 2; }));
}

/// A client over TLS that believes any certificate, and the name it was shown.
struct TlsClient {
  explicit TlsClient(const Endpoint& endpoint, std::string_view protocols = {}) {
    stream.next_layer().connect(endpoint);
    if (!protocols.empty()) {
      SSL_set_alpn_protos(stream.native_handle(), reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
    }
    stream.handshake(asio::ssl::stream_base::client, error);
  }
  std::string name() {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(stream.native_handle()),
                                                                  X509_free);
    std::array<char, 100> text{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text.data(), text.size());
    return text.data();
  }
  std::string protocol() {
    const unsigned char* text = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(stream.native_handle(), &text, &size);
    return {reinterpret_cast<const char*>(text), size};
  }
  std::string rest() {
    std::string received;
    asio::read(stream, asio::dynamic_buffer(received), error);
    return received;
  }
  asio::io_context io;
  asio::ssl::context context{asio::ssl::context::tls_client};
  asio::ssl::stream<tcp::socket> stream{io, context};
  boost::system::error_code error;
};

struct Certified {
  Certified() { test::make_certificate("first", directory.file("cert"), directory.file("key")); }
  test::Directory directory;
};

TEST_CASE("requests are served over TLS, and the goodbye is said") {
  const Certified files;
  TlsContext tls(files.directory.file("cert"), files.directory.file("key"));
  test::Echo echo;
  Running running(echo, {.thread_count = 1}, &tls);
  running.server.start();
  const std::string body(1'000'000, 'x');

  TlsClient client(running.endpoint, "\x02h2\x08http/1.1");
  REQUIRE_FALSE(client.error);
  CHECK(client.protocol() == "http/1.1");
  asio::write(
      client.stream,
      asio::buffer("PUT /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n" + body));
  const std::string answer = client.rest();

  CHECK(answer.ends_with("PUT /a " + body));
  CHECK(client.error == asio::error::eof);
}

TEST_CASE("a client that speaks no HTTP/1.1 is turned away in the handshake") {
  const Certified files;
  TlsContext tls(files.directory.file("cert"), files.directory.file("key"));
  auto handler = hello();
  Running running(handler, {.thread_count = 1}, &tls);
  running.server.start();

  CHECK(TlsClient(running.endpoint, "\x02h2").error);
  CHECK(
      comes_true([&] { return running.metrics.text().find("sluice_http_tls_failures_total 1") != std::string::npos; }));
}

TEST_CASE("a body that fails over TLS ends without a goodbye") {
  const Certified files;
  TlsContext tls(files.directory.file("cert"), files.directory.file("key"));
  FunctionHandler handler([](RequestContext&, const Request&) -> Awaitable<Response> {
    co_return response_of(std::make_unique<test::PieceSource>(std::vector<std::string>{"aaa"}, true), std::nullopt);
  });
  Running running(handler, {.thread_count = 1}, &tls);
  running.server.start();

  TlsClient client(running.endpoint);
  asio::write(client.stream, asio::buffer("GET / HTTP/1.0\r\n\r\n"));
  client.rest();
  CHECK(client.error);
  CHECK(client.error != asio::error::eof);
}

TEST_CASE("new certificates are shown to new connections, broken ones to none") {
  const Certified files;
  TlsContext tls(files.directory.file("cert"), files.directory.file("key"));
  auto handler = hello();
  Running running(handler, {.thread_count = 1}, &tls);
  running.server.start();
  TlsClient before(running.endpoint);
  CHECK(before.name() == "first");

  test::make_certificate("second", files.directory.file("cert"), files.directory.file("key"));
  REQUIRE(tls.reload());
  CHECK(TlsClient(running.endpoint).name() == "second");
  test::overwrite(files.directory.file("key"), "broken");
  CHECK_FALSE(tls.reload());
  CHECK(TlsClient(running.endpoint).name() == "second");

  asio::write(before.stream, asio::buffer("GET / HTTP/1.0\r\n\r\n"));
  CHECK(before.rest().ends_with("hello"));
}

TEST_CASE("a peer that never shakes hands is closed in time") {
  const Certified files;
  TlsContext tls(files.directory.file("cert"), files.directory.file("key"));
  auto handler = hello();
  ServerOptions options{.thread_count = 1};
  options.session.handshake_timeout = 0s;
  Running running(handler, options, &tls);
  running.server.start();

  Client silent(running.endpoint);
  CHECK(silent.rest().empty());
}

}  // namespace
}  // namespace sluice::http
