#include "gateway/master_keys.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "gateway/core/encoding.h"

namespace sluice {
namespace {

const std::string kKey = to_base64(std::string(32, 'k'));

std::string why(const std::string& text) {
  try {
    parse_master_keys(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

/// A folder of its own.
struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "sluice-keys-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST_CASE("master keys are lines of id and key, of which the first is current") {
  const auto ring =
      parse_master_keys("# ours\n\n2026 " + kKey + " # new\n2025\t" + to_base64(std::string(32, 'o')) + "\n");

  CHECK(ring.current() == "2026");
  REQUIRE(ring.find("2025") != nullptr);
  CHECK(ring.find("2025")->bytes() == std::string(32, 'o'));
  CHECK(ring.find("2024") == nullptr);
}

TEST_CASE("what is wrong with the keys is told without telling a key") {
  CHECK(why("") != "");
  CHECK(why("id") != "");
  CHECK(why("id " + kKey.substr(4)) != "");
  CHECK(why("id " + kKey.substr(4)).find(kKey.substr(4)) == std::string::npos);
  CHECK(why("i%d " + kKey) != "");
  CHECK(why("id " + kKey + "\nid " + kKey) != "");
  CHECK(why("id " + kKey) == "");
}

TEST_CASE("a file of keys is made once, for its owner alone, and only where that is asked for") {
  const Folder folder;
  Config config;
  config.data = folder.path + "/data";
  CHECK(read_master_keys(config).empty());

  config.encryption_keys_create = true;
  const auto made = read_master_keys(config);
  const auto again = read_master_keys(config);

  REQUIRE_FALSE(made.empty());
  CHECK(again.current() == made.current());
  CHECK(again.find(made.current())->equals(*made.find(made.current())));
  struct stat status{};
  REQUIRE(::stat((config.data + "/encryption-keys").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a file of keys that others may read, or that is not there, stops the start") {
  const Folder folder;
  Config config;
  config.encryption_keys = folder.path + "/keys";
  CHECK_THROWS(read_master_keys(config));

  std::ofstream(config.encryption_keys) << "id " << kKey << "\n";
  ::chmod(config.encryption_keys.c_str(), 0640);
  CHECK_THROWS_AS(read_master_keys(config), std::invalid_argument);
  ::chmod(config.encryption_keys.c_str(), 0600);
  CHECK(read_master_keys(config).current() == "id");
}

}  // namespace
}  // namespace sluice
