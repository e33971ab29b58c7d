#include "gateway/http/page_pipe.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "gateway/core/lendable_memory.h"
#include "gateway/http/wire_test.h"

namespace sluice::http {
namespace {

/// Two ends of a TCP connection; `to` does not wait.
class Ends {
 public:
  Ends() {
    std::signal(SIGPIPE, SIG_IGN);
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    REQUIRE(::connect(to, reinterpret_cast<sockaddr*>(&address), size) == 0);
    from = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    ::fcntl(to, F_SETFL, O_NONBLOCK);
  }
  ~Ends() {
    ::close(to);
    if (from >= 0) ::close(from);
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  std::string receive(std::size_t size) const {
    std::string received(size, '\0');
    REQUIRE(::recv(from, received.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size));
    return received;
  }

  int to = ::socket(AF_INET, SOCK_STREAM, 0);
  int from = -1;
};

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return text;
}

/// As much of `bytes` as goes at once.
std::size_t send_all(PagePipe& pipe, int socket, std::span<const std::byte> bytes) {
  std::size_t sent = 0;
  boost::system::error_code error;
  while (sent < bytes.size() && !error) sent += pipe.send(socket, bytes.subspan(sent), error);
  CHECK((!error || error == boost::asio::error::would_block));
  return sent;
}

TEST_CASE("pages arrive as they are, from any byte on") {
  const Ends ends;
  PagePipe pipe;
  LendableMemory memory(4 << 20);
  const std::string bytes = pattern(50'000, 1);
  const Chunk chunk = memory.copy(bytes);
  for (const std::size_t from :
       {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{5000}, std::size_t{49'999}}) {
    const Chunk part = chunk.slice(from, bytes.size() - from);
    REQUIRE(send_all(pipe, ends.to, part.bytes()) == part.size());
    CHECK(ends.receive(part.size()) == bytes.substr(from));
  }
}

TEST_CASE("what was lent stays as it was, whatever the memory gets next") {
  const Ends ends;
  PagePipe pipe;
  LendableMemory memory(LendableMemory::kBlockSize);
  const std::string bytes = pattern(100'000, 2);
  std::size_t sent = 0;
  const std::byte* place = nullptr;
  {
    const Chunk chunk = memory.copy(bytes);
    place = chunk.bytes().data();
    sent = send_all(pipe, ends.to, chunk.bytes());
    REQUIRE(sent > 0);
    // The block is filled up, and given back with its last chunk.
    for (int i = 0; i < 100 && !memory.copy(std::string(LendableMemory::kLengthMax, 'y')).empty(); ++i) {
    }
  }
  const Chunk next = memory.copy(std::string(LendableMemory::kLengthMax, 'z'));
  REQUIRE(next.bytes().data() == place);
  CHECK(ends.receive(sent) == bytes.substr(0, sent));
  CHECK(next.text() == std::string(LendableMemory::kLengthMax, 'z'));
}

TEST_CASE("what does not go now is not sent later, to nobody") {
  const Ends slow, other;
  PagePipe pipe;
  LendableMemory memory(4 << 20);
  const std::string bytes = pattern(LendableMemory::kLengthMax, 3);
  const Chunk chunk = memory.copy(bytes);
  std::string sent;
  boost::system::error_code error;
  while (error != boost::asio::error::would_block) {
    const std::size_t count = pipe.send(slow.to, chunk.bytes(), error);
    sent += bytes.substr(0, count);
    REQUIRE((!error || error == boost::asio::error::would_block));
  }
  const Chunk small = memory.copy("to another");
  REQUIRE(send_all(pipe, other.to, small.bytes()) == small.size());
  CHECK(other.receive(small.size()) == "to another");
  CHECK(slow.receive(sent.size()) == sent);
}

TEST_CASE("a peer that is gone is an error") {
  Ends ends;
  PagePipe pipe;
  LendableMemory memory(4 << 20);
  const Chunk chunk = memory.copy(pattern(50'000, 4));
  ::close(std::exchange(ends.from, -1));
  boost::system::error_code error;
  for (int i = 0; i < 100 && !error; ++i) pipe.send(ends.to, chunk.bytes(), error);
  CHECK((error == boost::asio::error::broken_pipe || error == boost::asio::error::connection_reset));
}

/// Answers with pages of `memory`: at once, or piece by piece.
class Lending : public Handler {
 public:
  explicit Lending(LendableMemory& memory, bool at_once) : memory_(memory), at_once_(at_once) {}

  std::optional<Response> answer_at_once(RequestContext&, const Request&) override {
    if (!at_once_) return std::nullopt;
    Response response{.header = ResponseHeader(200)};
    response.content = memory_.copy(bytes).slice(1234, bytes.size() - 1234);
    return response;
  }
  Awaitable<Response> handle(RequestContext&, const Request&) override {
    Response response{.header = ResponseHeader(200), .content_length = 3 * bytes.size()};
    response.body = std::make_unique<Pieces>(memory_, bytes);
    co_return response;
  }
  Response refuse(RequestContext&, const Refusal& refusal) override {
    return Response{.header = ResponseHeader(refusal.status)};
  }

  const std::string bytes = pattern(LendableMemory::kLengthMax, 5);

 private:
  struct Pieces : BodySource {
    Pieces(LendableMemory& memory, const std::string& bytes) : memory_(memory), bytes_(bytes) {}
    Task<Chunk> read() override { co_return left_-- > 0 ? memory_.copy(bytes_) : Chunk{}; }
    LendableMemory& memory_;
    const std::string& bytes_;
    int left_ = 3;
  };
  LendableMemory& memory_;
  const bool at_once_;
};

TEST_CASE("lent bodies arrive whole, after what was asked before them") {
  std::signal(SIGPIPE, SIG_IGN);
  LendableMemory memory(64 << 20);
  const bool at_once = GENERATE(true, false);
  Lending handler(memory, at_once);
  test::Wire wire(handler, {.lendable = &memory});
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  requests += "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  wire.send(requests);
  std::string answers = wire.until_closed();

  const std::string body = at_once ? handler.bytes.substr(1234) : handler.bytes + handler.bytes + handler.bytes;
  for (int i = 0; i < 21; ++i) {
    const auto begin = answers.find("\r\n\r\n");
    REQUIRE(begin != std::string::npos);
    CHECK(answers.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK((answers.substr(begin + 4, body.size()) == body));
    answers.erase(0, begin + 4 + body.size());
  }
  CHECK(answers.empty());
}

}  // namespace
}  // namespace sluice::http
