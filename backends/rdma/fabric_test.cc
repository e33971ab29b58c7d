#include "backends/rdma/fabric.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <cstring>

#include "backends/rdma/connection.h"
#include "backends/rdma/fabric_for_test.h"

namespace sluice::rdma {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kLong{60};

/// Two ends on one thread.
struct World {
  explicit World(std::size_t connections_max = 8) {
    port = server.listen("0", connections_max, [this](auto connection) {
      accepted.push_back(connection);
      connection->on_message([this, at = connection.get()](const Envelope& envelope) { serve(*at, envelope); });
    });
  }

  template <class T>
  Result<T> run(Task<T> task) {
    std::optional<Result<T>> outcome;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr, Result<T> result) {
      outcome.emplace(std::move(result));
      io.stop();
    });
    io.restart();
    io.run();
    return std::move(outcome).value();
  }

  std::shared_ptr<Connection> connect() {
    auto connection = run(client.connect(fabric_for_test().host, port, kLong));
    REQUIRE(connection);
    return *connection;
  }

  void serve(Connection& connection, const Envelope& envelope) {
    if (mute) return;
    asio::co_spawn(io, answer(connection.shared_from_this(), envelope), asio::detached);
  }

  // An append is pulled into the node's memory, a read pushed out of it; the rest is counted.
  Awaitable<> answer(std::shared_ptr<Connection> connection, Envelope envelope) {
    Reply reply{.value = ++served};
    if (const auto* append = std::get_if<Append>(&envelope.message)) {
      const auto into = node_memory.bytes().first(append->from.size);
      const auto pulled = co_await Transfer::wait(connection->pull(append->from, 0, into, node_memory, {}));
      if (!pulled) reply.refusal = Refusal::io;
    }
    if (const auto* read = std::get_if<Read>(&envelope.message)) {
      const auto bytes = node_memory.bytes().subspan(read->offset, read->length);
      const auto pushed = connection->push(read->to, bytes, node_memory, {});
      connection->send({envelope.request, reply});
      co_await Transfer::wait(pushed);
      co_return;
    }
    connection->send({envelope.request, reply});
  }

  RemoteMemory name(std::size_t offset, std::uint32_t size) const {
    const auto [address, key] = memory.name_of(memory.bytes().subspan(offset, size));
    return {address, key, size};
  }

  asio::io_context io{1};
  std::vector<std::shared_ptr<Connection>> accepted;
  std::string port;
  std::uint64_t served = 0;
  bool mute = false;
  Fabric server{fabric_for_test(), io.get_executor()};
  Fabric client{fabric_for_test(), io.get_executor()};
  MemoryRegion node_memory{server, 4 << 20, MemoryRegion::Use::by_us};
  MemoryRegion memory{client, 4 << 20, MemoryRegion::Use::by_peers};
};

Task<std::uint64_t> ask(std::shared_ptr<Connection> connection, Message message = Status{},
                        std::chrono::milliseconds timeout = kLong) {
  CO_TRY(const auto answer, co_await connection->call(std::move(message), timeout));
  co_return std::get<Reply>(answer).value;
}

/// `count` calls at one time; how many were answered.
Task<int> ask_together(asio::io_context& io, std::shared_ptr<Connection> connection, int count) {
  int answered = 0, left = count;
  Waiters all;
  for (int n = 0; n < count; ++n) {
    asio::co_spawn(io, ask(connection), [&](std::exception_ptr, Result<std::uint64_t> result) {
      if (result) ++answered;
      if (--left == 0) all.finish(done);
    });
  }
  CO_TRY(co_await all.wait());
  co_return answered;
}

}  // namespace

TEST_CASE("calls are answered, also more of them than fit at one time", "[fabric]") {
  World world;
  const auto connection = world.connect();
  CHECK(world.run(ask(connection)) == 1);
  CHECK(world.run(ask_together(world.io, connection, 200)) == 200);
  CHECK(world.served == 201);
}

TEST_CASE("a node pulls out of, and pushes into, a gateway's memory", "[fabric]") {
  World world;
  const auto connection = world.connect();
  const std::uint32_t size = (3 << 20) + 777;
  for (std::size_t n = 0; n < size; ++n) world.memory.bytes()[n] = static_cast<std::byte>(n * 7 + n / 255);

  Append append;
  append.from = world.name(0, size);
  REQUIRE(world.run(ask(connection, append)));
  CHECK(std::memcmp(world.node_memory.bytes().data(), world.memory.bytes().data(), size) == 0);

  Read read;
  read.offset = 1000;
  read.length = 5000;
  read.to = world.name(3 << 20, 5000);
  REQUIRE(world.run(ask(connection, read)));
  CHECK(std::memcmp(world.memory.bytes().data() + (3 << 20), world.node_memory.bytes().data() + 1000, 5000) == 0);
}

TEST_CASE("memory that was not offered cannot be read, and the attempt ends the connection", "[fabric]") {
  World world;
  const auto connection = world.connect();
  Append append;
  append.from = world.name(0, 4096);
  append.from.key += 99;
  CHECK(world.run(ask(connection, append)).error().code == ErrorCode::unavailable);
  CHECK_FALSE(connection->is_open());
  CHECK(world.run(ask(world.connect())));
}

TEST_CASE("when the peer ends the connection, calls fail and another one can be made", "[fabric]") {
  World world;
  const auto connection = world.connect();
  bool told = false;
  connection->on_close([&] { told = true; });
  REQUIRE(world.run(ask(connection)));
  world.mute = true;
  asio::post(world.io, [&] { world.accepted[0]->close("test"); });
  CHECK(world.run(ask(connection)).error().code == ErrorCode::unavailable);
  CHECK(told);
  CHECK(world.run(ask(connection)).error().code == ErrorCode::unavailable);
  world.mute = false;
  CHECK(world.run(ask(world.connect())) == 2);
}

TEST_CASE("a call without an answer in time ends the connection", "[fabric]") {
  World world;
  const auto connection = world.connect();
  world.mute = true;
  CHECK(world.run(ask(connection, Status{}, std::chrono::milliseconds(1))).error().code == ErrorCode::unavailable);
  CHECK_FALSE(connection->is_open());
}

TEST_CASE("an answer to nothing ends the connection", "[fabric]") {
  World world;
  const auto connection = world.connect();
  connection->send({77, Reply{}});
  CHECK(world.run(ask(connection)).error().code == ErrorCode::unavailable);
}

TEST_CASE("nobody listening, or too many connections, is unavailable", "[fabric]") {
  World world(1);
  const auto first = world.connect();
  CHECK(world.run(world.client.connect(fabric_for_test().host, world.port, kLong)).error().code == ErrorCode::unavailable);
  CHECK(world.run(world.client.connect(fabric_for_test().host, "1", kLong)).error().code == ErrorCode::unavailable);
  CHECK_THROWS_AS(Fabric({.provider = "no-such", .host = "127.0.0.1"}, world.io.get_executor()), std::runtime_error);
  CHECK(world.run(ask(first)) == 1);
}

TEST_CASE("a fabric may end while calls are under way", "[fabric]") {
  World world;
  const auto connection = world.connect();
  world.mute = true;
  asio::co_spawn(world.io, ask(connection), [](std::exception_ptr, const Result<std::uint64_t>&) {});
  world.io.restart();
  world.io.poll();
  CHECK(connection->is_open());
}

}  // namespace sluice::rdma
