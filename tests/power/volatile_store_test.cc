#include "tests/power/volatile_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

namespace sluice::power {
namespace {

namespace fs = std::filesystem;

/// Two trees in a folder of their own.
struct Trees {
  Trees() {
    std::string pattern = (fs::temp_directory_path() / "power-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~Trees() { fs::remove_all(folder); }
  fs::path live() const { return folder / "live"; }
  fs::path durable() const { return folder / "durable"; }
  std::string left(const std::string& name) const {
    std::ifstream file(durable() / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  fs::path folder;
};

std::string text(char letter) { return std::string(3 * 4096, letter); }

TEST_CASE("what was synced survives every power cut") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Trees trees;
    VolatileStore store(trees.live(), trees.durable());
    const auto file = store.create("a", 0644);
    store.write(*file, text('x'), 0);
    store.sync(*file);
    store.sync_directory("");
    store.write(*file, std::string_view("later"), 3 * 4096);
    std::mt19937_64 chance(seed);
    store.cut(chance);
    CHECK(trees.left("a").starts_with(text('x')));
  }
}

TEST_CASE("what was not synced is lost, kept or torn") {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Trees trees;
    VolatileStore store(trees.live(), trees.durable());
    const auto file = store.create("a", 0644);
    store.write(*file, text('x'), 0);
    store.sync(*file);
    store.sync_directory("");
    store.write(*file, text('y'), 0);
    std::mt19937_64 chance(seed);
    store.cut(chance);
    found.insert(trees.left("a"));
  }
  CHECK(found.contains(text('x')));
  CHECK(found.contains(text('y')));
  CHECK(found.size() == 8);
}

TEST_CASE("a name may be lost until its directory is synced, and a rename is never half done") {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Trees trees;
    VolatileStore store(trees.live(), trees.durable());
    const auto old_file = store.create("a", 0644);
    store.write(*old_file, std::string_view("old"), 0);
    store.sync(*old_file);
    store.sync_directory("");
    const auto new_file = store.create("b", 0644);
    store.write(*new_file, std::string_view("new"), 0);
    store.sync(*new_file);
    CHECK(store.rename("b", "a") == 0);
    std::mt19937_64 chance(seed);
    store.cut(chance);
    found.insert(trees.left("a") + "," + trees.left("b"));
  }
  CHECK(found == std::set<std::string>{"old,", "old,new", "new,"});
}

TEST_CASE("a tree is taken up again as the cut left it, holes too") {
  const Trees trees;
  std::mt19937_64 chance(1);
  {
    VolatileStore store(trees.live(), trees.durable());
    store.make_directory("d", 0755);
    store.sync_directory("");
    const auto file = store.create("d/a", 0644);
    store.write(*file, text('x'), 0);
    store.allocate(*file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096);
    store.sync(*file);
    store.sync_directory("d");
    store.cut(chance);
  }
  const VolatileStore store(trees.live(), trees.durable());
  const auto file = store.find("d/a");
  REQUIRE(file);
  CHECK(::lseek(file->live, 0, SEEK_HOLE) == 4096);
  CHECK(::lseek(file->live, 4096, SEEK_DATA) == 8192);
  CHECK(::lseek(file->live, 0, SEEK_END) == 3 * 4096);
}

}  // namespace
}  // namespace sluice::power
