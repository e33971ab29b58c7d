#include <catch2/catch.hpp>
#include <thread>

#include "backends/rdma/etcd_control.h"
#include "backends/rdma/memory_control.h"
#include "tests/contract/control_contract.h"
#include "tests/contract/etcd_server.h"
#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

class InMemory : public ControlFixture {
 public:
  rdma::Control& control() override { return control_; }
  rdma::Control& other() override { return control_; }
  void silence(const rdma::Uuid& who) override { control_.silence(who); }

 private:
  rdma::MemoryControl control_;
};

rdma::EtcdControlOptions options_for(const EtcdServer& server, const std::string& name) {
  return {.etcd = {.endpoints = {server.endpoint()}, .patience = std::chrono::seconds(60)},
          .name = name,
          .lease_time = std::chrono::seconds(3600)};
}

/// Leases that nobody outlives by being slow; who is to be silent loses its own.
class InEtcd : public ControlFixture {
 public:
  explicit InEtcd(const EtcdServer& server)
      : endpoint_(server.endpoint()),
        name_(rdma::to_text(rdma::Uuid::random())),
        control_(options_for(server, name_)),
        other_(options_for(server, name_)) {}

  rdma::Control& control() override { return control_; }
  rdma::Control& other() override { return other_; }

  // As etcd does when a lease has run out: its keys go, and it is not known any more.
  void silence(const rdma::Uuid& who) override {
    rdma::Etcd etcd({.endpoints = {endpoint_}, .patience = std::chrono::seconds(60)});
    const std::string prefix = "/sluice/" + name_ + "/", text = rdma::to_text(who);
    const auto rows = run(etcd.range(prefix, rdma::etcd_prefix_end(prefix), 0));
    REQUIRE(rows);
    for (const rdma::EtcdRow& row : *rows) {
      const bool is_its = row.lease != rdma::EtcdLease::none && (row.key.ends_with(text) || row.value == text);
      if (is_its) REQUIRE(run(etcd.revoke(row.lease)));
    }
  }

 private:
  std::string endpoint_, name_;
  rdma::EtcdControl control_, other_;
};

}  // namespace

TEST_CASE("the control store in memory keeps the contract") {
  check_control_contract([] { return std::make_unique<InMemory>(); });
}

TEST_CASE("the control store in etcd keeps the contract") {
  static EtcdServer server;
  check_control_contract([] { return std::make_unique<InEtcd>(server); });
}

TEST_CASE("etcd that is killed and started again has everything, and nobody loses a lease by it") {
  EtcdServer server;
  rdma::EtcdControl control(options_for(server, "one"));
  const rdma::Uuid writer = rdma::Uuid::random();
  const auto cluster = run(control.cluster());
  REQUIRE(cluster);
  REQUIRE(run(control.keep_writer(writer)));
  const rdma::ExtentRecord record{.writer = writer, .members = {rdma::Uuid::random()}};
  const auto extent = run(control.create(record));
  REQUIRE(extent);

  server.crash();
  Result<std::optional<rdma::VersionedRecord>> found;
  std::jthread finding([&] { found = run(control.find(*extent)); });
  // Of this thread, with which etcd ends.
  server.start();
  finding.join();

  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->record == record);
  CHECK(run(control.set(*extent, (*found)->revision, rdma::begin_seal(record))) == true);
  CHECK(run(control.keep_writer(writer)));
  CHECK(run(control.bury(writer)) == false);
  CHECK(run(control.cluster()) == *cluster);
}

TEST_CASE("without etcd the truth is unavailable") {
  rdma::EtcdControlOptions options{.etcd = {.endpoints = {"127.0.0.1:1"}, .patience = std::chrono::milliseconds(1)},
                                   .name = "one"};
  rdma::EtcdControl control(options);
  CHECK(run(control.nodes()).error().code == ErrorCode::unavailable);
  CHECK(run(control.create({})).error().code == ErrorCode::unavailable);
  CHECK(run(control.set({}, 1, {})).error().code == ErrorCode::unavailable);
  CHECK(run(control.keep_writer({})).error().code == ErrorCode::unavailable);
}

TEST_CASE("an extent's row comes back as it was, and what is none is corrupt") {
  const rdma::ExtentRecord record{.state = rdma::ExtentState::sealed,
                                  .epoch = rdma::Epoch{~std::uint64_t{0}},
                                  .writer = rdma::Uuid::random(),
                                  .members = {rdma::Uuid::random(), rdma::Uuid::random()},
                                  .pages = 4'000'000'000};
  const std::string text = rdma::encode_record(record);
  CHECK(rdma::decode_record(text) == record);
  for (const std::string wrong : {"", "{}", "[]", "7", R"({"format":2})"}) {
    CHECK(rdma::decode_record(wrong).error().code == ErrorCode::corrupt);
  }
  for (std::size_t length = 0; length < text.size(); ++length) {
    CHECK_FALSE(rdma::decode_record(text.substr(0, length)));
  }
}

}  // namespace sluice::test
