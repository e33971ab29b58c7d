#include <catch2/catch.hpp>
#include <thread>

#include "backends/rdma/etcd_control.h"
#include "backends/rdma/memory_control.h"
#include "gateway/core/encoding.h"
#include "tests/contract/authority.h"
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

rdma::EtcdControlOptions options_for(const EtcdServer& server, const std::string& name,
                                     const rdma::EtcdAccess& access = {}) {
  return {.etcd = {.endpoints = {server.endpoint()}, .access = access, .patience = std::chrono::seconds(60)},
          .name = name,
          .lease_time = std::chrono::seconds(3600)};
}

/// Leases that nobody outlives by being slow; who is to be silent loses its own.
class InEtcd : public ControlFixture {
 public:
  explicit InEtcd(const EtcdServer& server, const rdma::EtcdAccess& access = {})
      : name_(rdma::to_text(rdma::Uuid::random())),
        options_(options_for(server, name_, access)),
        control_(options_),
        other_(options_) {}

  rdma::Control& control() override { return control_; }
  rdma::Control& other() override { return other_; }

  // As etcd does when a lease has run out: its keys go, and it is not known any more.
  void silence(const rdma::Uuid& who) override {
    rdma::Etcd etcd(options_.etcd);
    const std::string prefix = "/sluice/" + name_ + "/", text = rdma::to_text(who);
    const auto rows = run(etcd.range(prefix, rdma::etcd_prefix_end(prefix), 0));
    REQUIRE(rows);
    for (const rdma::EtcdRow& row : *rows) {
      const bool is_its = row.lease != rdma::EtcdLease::none && (row.key.ends_with(text) || row.value == text);
      if (is_its) REQUIRE(run(etcd.revoke(row.lease)));
    }
  }

 private:
  const std::string name_;
  const rdma::EtcdControlOptions options_;
  rdma::EtcdControl control_, other_;
};

constexpr const char* kPassword = "a word that no log has";

/// An etcd with a user `sluice`, who may read and write what is Sluice's, and certificates for
/// it and for its clients. Users are not switched on yet, nor is TLS.
class GuardedEtcd {
 public:
  GuardedEtcd() : authority_(folder_.path(), "authority"), client_(authority_.issue("client", {})) {
    const std::string end = to_base64("/sluice0"), begin = to_base64("/sluice/");
    for (const std::string name : {"root", "sluice"}) {
      server.post("/v3/auth/user/add", R"({"name":")" + name + R"(","password":")" + kPassword + R"("})");
      server.post("/v3/auth/role/add", R"({"name":")" + name + R"("})");
      server.post("/v3/auth/user/grant", R"({"user":")" + name + R"(","role":")" + name + R"("})");
    }
    server.post("/v3/auth/role/grant", R"({"name":"sluice","perm":{"permType":"READWRITE","key":")" + begin +
                                           R"(","range_end":")" + end + R"("}})");
  }

  void switch_on_users() { server.post("/v3/auth/enable", "{}"); }
  void switch_on_tls() {
    const auto issued = authority_.issue("server", server.host());
    switch_on_tls(issued, authority_);
  }
  void switch_on_tls(const Authority::Issued& shown, const Authority& of_clients) {
    server.secure(shown.certificate, shown.key, of_clients.certificate());
    server.crash();
    server.start();
  }

  /// As etcd does when they have run out.
  void forget_tokens() {
    const std::string words = std::string(R"({"name":"root","password":")") + kPassword + R"("})";
    const std::string answer = server.post("/v3/auth/authenticate", words), before = R"("token":")";
    const auto begin = answer.find(before) + before.size();
    const std::string token = answer.substr(begin, answer.find('"', begin) - begin);
    // Whose password is set must sign in again.
    const std::string set = std::string(R"({"name":"sluice","password":")") + kPassword + R"("})";
    server.post("/v3/auth/user/changepw", set, token);
  }

  rdma::EtcdAccess user() const { return {.user = "sluice", .password = kPassword}; }
  rdma::EtcdAccess user_over_tls() const {
    return {.tls = true,
            .ca_file = authority_.certificate(),
            .certificate_file = client_.certificate,
            .key_file = client_.key,
            .user = "sluice",
            .password = kPassword};
  }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryDirectory folder_;
  Authority authority_;
  Authority::Issued client_;

 public:
  EtcdServer server;
};

/// Why etcd cannot be asked; empty if it can.
std::string refusal(const EtcdServer& server, const rdma::EtcdAccess& access) {
  rdma::Etcd etcd({.endpoints = {server.endpoint()}, .access = access, .patience = std::chrono::seconds(60)});
  const auto row = run(etcd.get("/sluice/one/cluster"));
  if (row) return {};
  CHECK(row.error().code == ErrorCode::unavailable);
  CHECK(row.error().detail.find(kPassword) == std::string::npos);
  return row.error().detail;
}

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

TEST_CASE("the control store in an etcd with TLS and users keeps the contract") {
  struct Secured : GuardedEtcd {
    Secured() {
      switch_on_users();
      switch_on_tls();
    }
  };
  static Secured guarded;
  check_control_contract([] { return std::make_unique<InEtcd>(guarded.server, guarded.user_over_tls()); });
}

TEST_CASE("a token that etcd does not know any more is followed by another") {
  GuardedEtcd guarded;
  guarded.switch_on_users();
  rdma::EtcdControl control(options_for(guarded.server, "one", guarded.user()));
  const rdma::ExtentRecord record{.writer = rdma::Uuid::random(), .members = {rdma::Uuid::random()}};
  const auto extent = run(control.create(record));
  REQUIRE(extent);
  const auto found = run(control.find(*extent));
  REQUIRE(found);

  guarded.forget_tokens();

  CHECK(run(control.set(*extent, (*found)->revision, rdma::begin_seal(record))) == true);
  CHECK(run(control.keep_writer(record.writer)));
}

TEST_CASE("users may be switched on while a cluster runs that knows its user") {
  GuardedEtcd guarded;
  rdma::EtcdControl control(options_for(guarded.server, "one", guarded.user()));
  const auto cluster = run(control.cluster());
  REQUIRE(cluster);

  guarded.switch_on_users();

  CHECK(run(control.keep_writer(rdma::Uuid::random())));
  CHECK(run(control.cluster()) == *cluster);
}

TEST_CASE("etcd refuses who has no user, another password, or another one's keys") {
  GuardedEtcd guarded;
  guarded.switch_on_users();

  CHECK(refusal(guarded.server, guarded.user()).empty());
  CHECK(refusal(guarded.server, {}).find("user name is empty") != std::string::npos);
  CHECK(refusal(guarded.server, {.user = "sluice", .password = "other"}).find("authentication failed") !=
        std::string::npos);
  rdma::Etcd etcd(options_for(guarded.server, "one", guarded.user()).etcd);
  CHECK(run(etcd.get("/other")).error().detail.find("permission denied") != std::string::npos);
}

TEST_CASE("TLS is spoken with etcd alone, and etcd speaks with those it knows") {
  GuardedEtcd guarded;
  guarded.switch_on_users();
  guarded.switch_on_tls();
  const Authority other(guarded.folder(), "other");
  const auto access = guarded.user_over_tls();

  CHECK(refusal(guarded.server, access).empty());
  auto changed = access;
  changed.ca_file = other.certificate();
  CHECK(refusal(guarded.server, changed).find("certificate verify failed") != std::string::npos);
  changed.ca_file = {};
  CHECK(refusal(guarded.server, changed).find("certificate verify failed") != std::string::npos);
  changed = access;
  changed.certificate_file = changed.key_file = {};
  CHECK_FALSE(refusal(guarded.server, changed).empty());
  const auto stranger = other.issue("stranger", {});
  changed.certificate_file = stranger.certificate;
  changed.key_file = stranger.key;
  CHECK_FALSE(refusal(guarded.server, changed).empty());
}

TEST_CASE("a certificate of another host is not etcd's") {
  GuardedEtcd guarded;
  const Authority authority(guarded.folder(), "second");
  const auto elsewhere = authority.issue("elsewhere", "127.255.0.1");
  guarded.switch_on_tls(elsewhere, authority);
  const auto client = authority.issue("client of it", {});

  const auto said = refusal(guarded.server, {.tls = true,
                                             .ca_file = authority.certificate(),
                                             .certificate_file = client.certificate,
                                             .key_file = client.key});

  CHECK(said.find("certificate verify failed") != std::string::npos);
}

TEST_CASE("certificates are renewed under a cluster that runs") {
  GuardedEtcd guarded;
  guarded.switch_on_tls();
  const auto access = guarded.user_over_tls();
  const std::string good_certificate = access.certificate_file + ".good", good_key = access.key_file + ".good";
  std::filesystem::rename(access.certificate_file, good_certificate);
  std::filesystem::rename(access.key_file, good_key);
  REQUIRE(Authority(guarded.folder(), "other").issue("client", {}).key == access.key_file);
  rdma::Etcd etcd(options_for(guarded.server, "one", access).etcd);
  REQUIRE_FALSE(refusal(guarded.server, access).empty());

  std::filesystem::rename(good_certificate, access.certificate_file);
  std::filesystem::rename(good_key, access.key_file);

  CHECK(run(etcd.get("/sluice/one/cluster")));
}

TEST_CASE("files for TLS that cannot be used are told of at the start") {
  const TemporaryDirectory folder;
  const Authority authority(folder.path(), "authority");
  const auto one = authority.issue("one", {}), two = authority.issue("two", {});
  const auto begin = [](const rdma::EtcdAccess& access) { rdma::Etcd({.endpoints = {"a:1"}, .access = access}); };
  CHECK_NOTHROW(begin({.tls = true, .certificate_file = one.certificate, .key_file = one.key}));
  CHECK_THROWS_AS(begin({.tls = true, .ca_file = folder.path() / "absent"}), std::runtime_error);
  CHECK_THROWS_AS(begin({.tls = true, .certificate_file = one.key, .key_file = one.key}), std::runtime_error);
  CHECK_THROWS_AS(begin({.tls = true, .certificate_file = one.certificate, .key_file = two.key}), std::runtime_error);
}

TEST_CASE("what is said of etcd must go together") {
  const auto options = [](const std::string& url, const rdma::EtcdAccess& access) {
    return rdma::control_options(url, access).has_value();
  };
  const std::string plain = "cluster://a/main", secure = "cluster+https://a/main";
  CHECK(options(plain, {}));
  CHECK(options(plain, {.user = "u", .password = "p"}));
  CHECK(
      options(secure, {.ca_file = "ca", .certificate_file = "cert", .key_file = "key", .user = "u", .password = "p"}));
  CHECK(rdma::control_options(secure, {})->etcd.access.tls);
  CHECK_FALSE(options("cluster://a", {}));
  CHECK_FALSE(options(plain, {.ca_file = "ca"}));
  CHECK_FALSE(options(plain, {.certificate_file = "cert", .key_file = "key"}));
  CHECK_FALSE(options(secure, {.certificate_file = "cert"}));
  CHECK_FALSE(options(secure, {.key_file = "key"}));
  CHECK_FALSE(options(secure, {.user = "u"}));
  CHECK_FALSE(options(secure, {.password = "p"}));
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
  rdma::ExtentRecord record{.state = rdma::ExtentState::sealed,
                            .epoch = rdma::Epoch{~std::uint64_t{0}},
                            .writer = rdma::Uuid::random(),
                            .members = {rdma::Uuid::random(), rdma::Uuid::random()},
                            .pages = 4'000'000'000};
  CHECK(rdma::decode_record(rdma::encode_record(record)) == record);
  record.partial = {rdma::Uuid::random()};
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
