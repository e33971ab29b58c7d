#include "gateway/node_config.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

namespace sluice {
namespace {

const std::map<std::string, std::string> kEnough = {{"SLUICE_NODE_DISK", "/dev/a"},
                                                    {"SLUICE_CLUSTER", "cluster://a/main"},
                                                    {"SLUICE_CLUSTER_SECRET", "sixteen letters!"}};

NodeConfig read(std::vector<std::string_view> arguments) { return read_node_config(arguments, kEnough); }

}  // namespace

TEST_CASE("a node's flag beats its variable, which beats the default") {
  auto environment = kEnough;
  environment["SLUICE_NODE_ZONE"] = "rack 1";
  environment["SLUICE_NODE_STAGING_SIZE"] = "8MiB";
  const std::vector<std::string_view> arguments = {"--zone", "rack 2", "--overwrite", "--size=3GiB"};

  const NodeConfig config = read_node_config(arguments, environment);

  CHECK(config.disk == "/dev/a");
  CHECK(config.zone == "rack 2");
  CHECK(config.staging_size == 8 << 20);
  CHECK(config.size == 3ULL << 30);
  CHECK(config.overwrite);
  CHECK(config.provider == "tcp");
}

TEST_CASE("a node is found where it listens, on a machine of the host's name, unless something else is said") {
  CHECK(read({"--listen", "10.0.0.1:7000"}).advertise == "10.0.0.1:7000");
  CHECK(read({"--advertise", "10.0.0.2:7000"}).advertise == "10.0.0.2:7000");
  CHECK_FALSE(read({}).machine.empty());
  CHECK(read({"--machine", "m1"}).machine == "m1");
}

TEST_CASE("a node speaks to etcd as gateways do, by the same variables") {
  auto environment = kEnough;
  environment["SLUICE_CLUSTER"] = "cluster+https://a/main";
  environment["SLUICE_ETCD_CA"] = "/etc/ca.pem";
  environment["SLUICE_ETCD_USER"] = "sluice";
  environment["SLUICE_ETCD_PASSWORD"] = "word";

  CHECK(read_node_config({}, environment).etcd_ca == "/etc/ca.pem");
  CHECK(read_node_config({}, environment).etcd_password == "word");
  environment.erase("SLUICE_ETCD_PASSWORD");
  CHECK_THROWS_AS(read_node_config({}, environment), std::invalid_argument);
}

TEST_CASE("what a node cannot be told is refused") {
  const auto wrong = GENERATE(
      as<std::vector<std::string_view>>{}, std::vector<std::string_view>{"--disc", "x"},
      std::vector<std::string_view>{"disk"}, std::vector<std::string_view>{"--zone"},
      std::vector<std::string_view>{"--size", "big"}, std::vector<std::string_view>{"--staging-size", "1"},
      std::vector<std::string_view>{"--listen", "7000"}, std::vector<std::string_view>{"--cluster", "etcd://a/main"},
      std::vector<std::string_view>{"--cluster-secret", "short"}, std::vector<std::string_view>{"--overwrite=maybe"},
      std::vector<std::string_view>{"--log-level", "loud"});
  CHECK_THROWS_AS(read_node_config(wrong, kEnough), std::invalid_argument);
  CHECK_THROWS_AS(read_node_config({}, {}), std::invalid_argument);
}

}  // namespace sluice
