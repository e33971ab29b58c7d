#include "gateway/config.h"

#include <unistd.h>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using sluice::Config;
using sluice::read_config;

namespace {

using Arguments = std::vector<std::string_view>;
using Environment = std::map<std::string, std::string>;

class TomlFile {
 public:
  explicit TomlFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("sluice-config-test-" + std::to_string(::getpid()))) {
    std::ofstream(path_) << text;
  }
  ~TomlFile() { std::filesystem::remove(path_); }
  TomlFile(const TomlFile&) = delete;
  TomlFile& operator=(const TomlFile&) = delete;
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Config read(const Arguments& arguments, const Environment& environment = {}) {
  return read_config(arguments, environment);
}

}  // namespace

TEST_CASE("without anything said, the gateway listens on loopback with the development keys") {
  const Config config = read({});

  CHECK(config.s3 == "127.0.0.1:9000");
  CHECK(config.blob == "127.0.0.1:10000");
  CHECK(config.has_development_keys());
}

TEST_CASE("a flag beats the environment, which beats the file") {
  const TomlFile file("s3 = \"127.0.0.1:1\"\nblob = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:1\"\n");
  const auto path = file.path();

  const Config config =
      read({"--config", path, "--s3", "127.0.0.1:3"}, {{"SLUICE_S3", "127.0.0.1:2"}, {"SLUICE_BLOB", "127.0.0.1:2"}});

  CHECK(config.s3 == "127.0.0.1:3");
  CHECK(config.blob == "127.0.0.1:2");
  CHECK(config.admin == "127.0.0.1:1");
}

TEST_CASE("the development keys guard nothing but loopback") {
  CHECK_THROWS_AS(read({"--s3", "0.0.0.0:9000"}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--blob", "[::]:10000"}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--s3", "example.com:9000"}), std::invalid_argument);
  CHECK_NOTHROW(read({"--s3", "[::1]:9000"}));
  CHECK_NOTHROW(
      read({"--s3", "0.0.0.0:9000"}, {{"SLUICE_ROOT_ACCESS_KEY", "key"}, {"SLUICE_ROOT_SECRET_KEY", "a long secret"}}));
  // One of the two alone would leave the other one known.
  CHECK_THROWS_AS(read({"--s3", "0.0.0.0:9000"}, {{"SLUICE_ROOT_ACCESS_KEY", "key"}}), std::invalid_argument);
}

TEST_CASE("sizes take units and stay within their bounds") {
  CHECK(read({"--body-memory", "8MiB"}).body_memory_size == 8U << 20);
  CHECK(read({"--body-memory=1g"}).body_memory_size == 1U << 30);
  CHECK_THROWS_AS(read({"--body-memory", "8 parsecs"}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--body-memory", "1"}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--threads", "4k"}), std::invalid_argument);
}

TEST_CASE("the file's keys take - and _ between their words") {
  const TomlFile file("idle_timeout = 7\nbody-timeout = 8\n");
  const auto path = file.path();

  const Config config = read({"--config", path});

  CHECK(config.idle_timeout_s == 7);
  CHECK(config.body_timeout_s == 8);
}

TEST_CASE("what is not known is refused, not ignored") {
  const TomlFile file("s33 = \"127.0.0.1:1\"\n");
  const auto path = file.path();

  CHECK_THROWS_AS(read({"--s33", "x"}), std::invalid_argument);
  CHECK_THROWS_AS(read({"stray"}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--s3"}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--config", path}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--config", "/does/not/exist"}), std::invalid_argument);
}

TEST_CASE("users come from the file") {
  const TomlFile file(
      "[[users]]\nname = \"alice\"\naccess_key = \"AK\"\nsecret_key = \"SK\"\naccess = \"read-only\"\nbuckets = "
      "[\"logs-\"]\n");
  const auto path = file.path();

  const Config config = read({"--config", path});

  REQUIRE(config.users.size() == 1);
  CHECK(config.users[0].account == "alice");
  CHECK(config.users[0].access == sluice::auth::Access::read_only);
  CHECK(config.users[0].bucket_prefixes == std::vector<std::string>{"logs-"});
}

TEST_CASE("azure accounts come from the file or the environment") {
  const TomlFile file("[[azure_accounts]]\nname = \"alpha\"\nkeys = [\"" + std::string(43, 'A') +
                      "=\"]\nowner = \"alice\"\n");
  const auto path = file.path();
  const std::string key = std::string(42, 'B') + "A=";

  const Config from_file = read({"--config", path});
  REQUIRE(from_file.azure_accounts.size() == 1);
  CHECK(from_file.azure_accounts[0].name == "alpha");
  CHECK(from_file.azure_accounts[0].owner == "alice");
  CHECK(from_file.azure_accounts[0].keys == std::vector<sluice::auth::AccountKey>{std::string(32, '\0')});

  const Config from_environment =
      read({}, {{"SLUICE_AZURE_ACCOUNTS", "beta:" + key + ":" + key + ";devstoreaccount1"}});
  REQUIRE(from_environment.azure_accounts.size() == 2);
  CHECK(from_environment.azure_accounts[0].keys.size() == 2);
  CHECK(from_environment.azure_accounts[0].owner == "root");
  CHECK_THROWS_AS(read({}, {{"SLUICE_AZURE_ACCOUNTS", "beta:short"}}), std::invalid_argument);
  CHECK_THROWS_AS(read({}, {{"SLUICE_AZURE_ACCOUNTS", "beta"}}), std::invalid_argument);
  CHECK(to_toml(from_environment).find(key) == std::string::npos);
}

TEST_CASE("the development account is there with the development keys alone, and never beyond loopback") {
  const std::map<std::string, std::string> own{{"SLUICE_ROOT_ACCESS_KEY", "key"},
                                               {"SLUICE_ROOT_SECRET_KEY", "a long secret"}};
  auto named = own;
  named["SLUICE_AZURE_ACCOUNTS"] = "devstoreaccount1";

  REQUIRE(read({}).azure_accounts.size() == 1);
  CHECK(read({}).azure_accounts[0].name == "devstoreaccount1");
  CHECK(read({}, own).azure_accounts.empty());
  CHECK(read({}, named).azure_accounts.size() == 1);
  CHECK_NOTHROW(read({"--blob", "0.0.0.0:10000"}, own));
  CHECK_THROWS_AS(read({"--blob", "0.0.0.0:10000"}, named), std::invalid_argument);
}

TEST_CASE("a printed configuration shows no secret") {
  const Config config = read({}, {{"SLUICE_ROOT_SECRET_KEY", "do-not-show-this"}});

  CHECK(to_toml(config).find("do-not-show-this") == std::string::npos);
  CHECK(to_toml(config).find("s3 = \"127.0.0.1:9000\"") != std::string::npos);
}

TEST_CASE("a switch that is on by default is turned off by a value") {
  CHECK(read({}).sigv2);
  CHECK_FALSE(read({"--sigv2", "false"}).sigv2);
  CHECK(read({"--quiet"}).quiet);
}

TEST_CASE("etcd is spoken to by TLS and as a user where that is said, and the password is never shown") {
  const std::map<std::string, std::string> environment = {{"SLUICE_CLUSTER_SECRET", "sixteen letters!"},
                                                          {"SLUICE_ETCD_CA", "/etc/ca.pem"},
                                                          {"SLUICE_ETCD_USER", "sluice"},
                                                          {"SLUICE_ETCD_PASSWORD", "hidden word"}};
  const std::vector<std::string_view> secure = {"--extents", "cluster+https://etcd/main", "--index", "postgres://db/a"};
  const Config config = read_config(secure, environment);

  CHECK(config.etcd_ca == "/etc/ca.pem");
  CHECK(config.etcd_password == "hidden word");
  CHECK(to_toml(config).find("hidden word") == std::string::npos);
  const std::vector<std::string_view> plain = {"--extents", "cluster://etcd/main", "--index", "postgres://db/a"};
  CHECK_THROWS_AS(read_config(plain, environment), std::invalid_argument);
  auto lacking = environment;
  lacking.erase("SLUICE_ETCD_PASSWORD");
  CHECK_THROWS_AS(read_config(secure, lacking), std::invalid_argument);
}

TEST_CASE("extents on a cluster need its secret and an index in PostgreSQL, and the secret is never shown") {
  const std::vector<std::string_view> enough = {"--extents", "cluster://etcd/main", "--index", "postgres://db/sluice"};
  const std::map<std::string, std::string> secret = {{"SLUICE_CLUSTER_SECRET", "sixteen letters!"}};
  const Config config = read(enough, secret);
  CHECK(config.extents == "cluster://etcd/main");
  CHECK(config.cluster_copies == 3);
  CHECK_FALSE(to_toml(config).contains("sixteen"));
  CHECK_THROWS_AS(read(enough, {}), std::invalid_argument);
  CHECK_THROWS_AS(read({"--extents", "cluster://etcd/main"}, secret), std::invalid_argument);
  CHECK_THROWS_AS(read({"--extents", "etcd/main", "--index", "postgres://db/sluice"}, secret), std::invalid_argument);
}

TEST_CASE("an index elsewhere is a PostgreSQL URL, whose password is never shown") {
  CHECK(read({}).index.empty());
  CHECK_THROWS_AS(read({"--index", "host=db"}), std::invalid_argument);
  const Config config = read({"--index-connections", "8"}, {{"SLUICE_INDEX", "postgres://sluice:hunter2@db/sluice"}});
  CHECK(config.index == "postgres://sluice:hunter2@db/sluice");
  CHECK(config.index_connections_max == 8);
  const auto shown = sluice::to_toml(config);
  CHECK(shown.find("hunter2") == std::string::npos);
  CHECK(shown.find("postgres://sluice:(not shown)@db/sluice") != std::string::npos);
}

TEST_CASE("passwords are taken out of a connection string wherever they stand") {
  using sluice::without_password;
  CHECK(without_password("postgres://db1,db2/sluice") == "postgres://db1,db2/sluice");
  CHECK(without_password("postgres://u@db:5432/sluice") == "postgres://u@db:5432/sluice");
  CHECK(without_password("postgres://u:a:b/c@d@db/x") == "postgres://u:(not shown)@db/x");
  CHECK(without_password("postgres:///x?password=p&user=u&sslpassword=q") ==
        "postgres:///x?password=(not shown)&user=u&sslpassword=(not shown)");
}
