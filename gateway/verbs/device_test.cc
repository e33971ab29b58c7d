#include "gateway/verbs/device.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/run_task.h"

// These need a device: tests/verbs runs them in a guest that has one.

namespace sluice::verbs {
namespace {

using test::run;

const PortName kPort{.device = "rxe0", .gid = {}};
constexpr std::size_t kSize = 2 << 20;

/// A client with memory and a queue pair, which answers what the other end asks for.
class Client {
 public:
  Client() : memory(kSize) {
    completions_.reset(ibv_create_cq(port_.context(), 16, nullptr, nullptr, 0));
    constexpr unsigned kAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;
    region_.reset(ibv_reg_mr(port_.domain(), memory.data(), memory.size(), kAccess));
    REQUIRE(completions_);
    REQUIRE(region_);
    renew();
  }

  /// Another queue pair, connected to nothing.
  void renew() {
    pair_.reset();
    ibv_qp_init_attr made{};
    made.send_cq = made.recv_cq = completions_.get();
    made.cap = {.max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1, .max_inline_data = 0};
    made.qp_type = IBV_QPT_RC;
    pair_.reset(ibv_create_qp(port_.domain(), &made));
    REQUIRE(pair_);
    ibv_qp_attr init{};
    init.qp_state = IBV_QPS_INIT;
    init.port_num = 1;
    init.qp_access_flags = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;
    REQUIRE(ibv_modify_qp(pair_.get(), &init, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) ==
            0);
  }

  RdmaEnd end(std::uint32_t mtu = 1024) const {
    return {.address = port_.address(), .queue_pair = pair_->qp_num, .first_packet = 0x123456, .mtu = mtu};
  }

  void join(const RdmaEnd& other) {
    ibv_qp_attr receive{};
    receive.qp_state = IBV_QPS_RTR;
    receive.path_mtu = other.mtu == 512 ? IBV_MTU_512 : IBV_MTU_1024;
    receive.dest_qp_num = other.queue_pair;
    receive.rq_psn = other.first_packet;
    receive.max_dest_rd_atomic = 4;
    receive.min_rnr_timer = 12;
    receive.ah_attr.is_global = 1;
    std::memcpy(receive.ah_attr.grh.dgid.raw, other.address.data(), other.address.size());
    receive.ah_attr.grh.sgid_index = 1;
    receive.ah_attr.grh.hop_limit = 16;
    receive.ah_attr.port_num = 1;
    REQUIRE(ibv_modify_qp(pair_.get(), &receive,
                          IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                              IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER) == 0);
  }

  void connect(Device& device, const std::string& owner = "alice") {
    const auto other = run(device.connect(owner, end()));
    REQUIRE(other.has_value());
    join(*other);
  }

  ClientWindow window() const {
    return {.device = port_.address(),
            .queue_pair = pair_->qp_num,
            .key = region_->rkey,
            .address = reinterpret_cast<std::uintptr_t>(memory.data()),
            .size = memory.size()};
  }

  std::vector<char> memory;

 private:
  Port port_{kPort};
  Owned<ibv_cq> completions_;
  Owned<ibv_mr> region_;
  Owned<ibv_qp> pair_;
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 1000);
  return text;
}

void put(MemoryTransfer& transfer, const std::string& text) {
  std::memcpy(transfer.staging().data(), text.data(), text.size());
}

std::string taken(MemoryTransfer& transfer, std::size_t size) {
  return {reinterpret_cast<const char*>(transfer.staging().data()), size};
}

ErrorCode begin_code(Device& device, const ClientWindow& window, const std::string& owner = "alice") {
  const auto begun = run(device.begin(owner, window));
  REQUIRE_FALSE(begun.has_value());
  return begun.error().code;
}

}  // namespace

TEST_CASE("bytes are fetched from a client's memory and stored into it", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort}, log);
  Client client;
  client.connect(device);
  auto begun = run(device.begin("alice", client.window()));
  REQUIRE(begun.has_value());
  MemoryTransfer& transfer = **begun;

  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{70'001}, std::size_t{1 << 20}}) {
    CAPTURE(size);
    const std::string text = pattern(size);
    put(transfer, text);
    REQUIRE(run(transfer.write(12'345, size)));
    CHECK(std::string(client.memory.data() + 12'345, size) == text);
    put(transfer, std::string(size, '-'));
    REQUIRE(run(transfer.read(12'345, size)));
    CHECK(taken(transfer, size) == text);
  }
  CHECK(run(transfer.read(kSize - 10, 11)).error().code == ErrorCode::internal);
  CHECK(run(transfer.read(0, (1 << 20) + 1)).error().code == ErrorCode::internal);
}

TEST_CASE("the smaller MTU of both ends is that of the connection", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort}, log);
  Client client;

  const auto other = run(device.connect("alice", client.end(512)));
  REQUIRE(other.has_value());
  CHECK(other->mtu == 512);
  client.join(*other);

  const auto begun = run(device.begin("alice", client.window()));
  put(**begun, pattern(5000));
  CHECK(run((*begun)->write(0, 5000)));
  CHECK(std::string(client.memory.data(), 5000) == pattern(5000));
}

TEST_CASE("a client's device that refuses ends the connection, and another one works", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort}, log);
  Client client;
  client.connect(device);
  ClientWindow wrong = client.window();
  wrong.key += 0x111;
  const bool reads = GENERATE(false, true);

  {
    const auto begun = run(device.begin("alice", wrong));
    REQUIRE(begun.has_value());
    const auto moved = run(reads ? (*begun)->read(0, 4096) : (*begun)->write(0, 4096));
    CHECK(moved.error().code == ErrorCode::unavailable);
    CHECK(run((*begun)->read(0, 4096)).error().code == ErrorCode::unavailable);
  }
  CHECK(begin_code(device, client.window()) == ErrorCode::invalid_request);

  client.renew();
  client.connect(device);
  const auto again = run(device.begin("alice", client.window()));
  REQUIRE(again.has_value());
  CHECK(run((*again)->read(0, 4096)));
}

TEST_CASE("a client that does not answer is given up", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort, .timeout = std::chrono::milliseconds(300)}, log);
  Client client;
  REQUIRE(run(device.connect("alice", client.end())));

  const auto begun = run(device.begin("alice", client.window()));
  REQUIRE(begun.has_value());

  CHECK(run((*begun)->read(0, 4096)).error().code == ErrorCode::unavailable);
  CHECK(begin_code(device, client.window()) == ErrorCode::invalid_request);
}

TEST_CASE("a connection is of who asked for it", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort}, log);
  Client client;
  client.connect(device, "alice");

  CHECK(begin_code(device, client.window(), "bob") == ErrorCode::invalid_request);
  CHECK(run(device.begin("alice", client.window())));
}

TEST_CASE("there are as many transfers at a time as pieces of staging memory", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort, .memory_size = 2 << 20}, log);
  Client client;
  client.connect(device);
  auto first = run(device.begin("alice", client.window()));
  auto second = run(device.begin("alice", client.window()));
  REQUIRE(second.has_value());

  CHECK(begin_code(device, client.window()) == ErrorCode::busy);

  first->reset();
  CHECK(run(device.begin("alice", client.window())));
}

TEST_CASE("of too many connections that which moved nothing for longest is given up", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort, .connections_max = 2}, log);
  Client first, second, third;
  first.connect(device);
  second.connect(device);
  const auto busy = run(device.begin("alice", first.window()));
  REQUIRE(busy.has_value());

  third.connect(device);

  CHECK(begin_code(device, second.window()) == ErrorCode::invalid_request);
  CHECK(run((*busy)->read(0, 4096)));
  CHECK(run(device.begin("alice", third.window())));
}

TEST_CASE("a connection that moves something is not given up for another one", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort, .connections_max = 1}, log);
  Client first, second;
  first.connect(device);
  auto begun = run(device.begin("alice", first.window()));
  REQUIRE(begun.has_value());

  CHECK(run(device.connect("alice", second.end())).error().code == ErrorCode::busy);
  CHECK(run((*begun)->read(0, 4096)));

  begun->reset();
  second.connect(device);
  CHECK(run(device.begin("alice", second.window())));
}

TEST_CASE("what is no end of a connection is refused", "[.rxe]") {
  NullLog log;
  Device device({.port = kPort}, log);
  const Client client;
  RdmaEnd end = client.end();

  SECTION("no queue pair") { end.queue_pair = 0; }
  SECTION("no number of one") { end.queue_pair = 1 << 24; }
  SECTION("no number of a packet") { end.first_packet = 1 << 24; }
  SECTION("no address") { end.address = {}; }
  SECTION("no MTU") { end.mtu = 1000; }

  CHECK(run(device.connect("alice", end)).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("a device may go while transfers are there", "[.rxe]") {
  NullLog log;
  auto device = std::make_unique<Device>(DeviceOptions{.port = kPort}, log);
  Client client;
  client.connect(*device);
  const auto begun = run(device->begin("alice", client.window()));
  REQUIRE(begun.has_value());

  device.reset();

  put(**begun, pattern(4096));
  CHECK(taken(**begun, 4096) == pattern(4096));
}

}  // namespace sluice::verbs
