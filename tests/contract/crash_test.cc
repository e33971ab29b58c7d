#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <map>
#include <random>
#include <sstream>

#include "tests/contract/local_store.h"
#include "tests/contract/stored_bytes.h"
#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

struct Acknowledged {
  std::map<std::string, std::uint64_t> rows;              ///< The highest number told for a writer.
  std::vector<std::pair<Extent, std::uint64_t>> extents;  ///< With the seed of their bytes.
  std::uint64_t highest = 0;
};

void note(const std::string& line, Acknowledged& told) {
  std::istringstream words(line);
  std::string kind;
  words >> kind;
  if (kind == "row") {
    std::string writer;
    std::uint64_t number = 0;
    words >> writer >> number;
    told.rows[writer] = number;
    told.highest = std::max(told.highest, number);
  } else {
    std::uint64_t id = 0, length = 0, seed = 0;
    std::uint32_t crc = 0;
    words >> id >> length >> crc >> seed;
    told.extents.push_back({Extent{ExtentId{id}, length, crc}, seed});
  }
}

/// Runs crash_writer, kills it once it has told `line_count` lines, and keeps all it told.
void write_and_kill(const std::filesystem::path& directory, std::size_t line_count, Acknowledged& told) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string program = SLUICE_CRASH_WRITER, path = directory.string(), from = std::to_string(told.highest + 1);
  char* arguments[] = {program.data(), path.data(), from.data(), nullptr};
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);

  FILE* lines = ::fdopen(ends[0], "r");
  char line[256];
  for (std::size_t n = 0; std::fgets(line, sizeof line, lines) != nullptr; ++n) {
    if (n == line_count) ::kill(child, SIGKILL);
    // What it told before it died was acknowledged, also if it is read after. A line may be cut off.
    if (std::string_view(line).ends_with('\n')) note(line, told);
  }
  std::fclose(lines);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

class Live : public LiveExtents {
 public:
  explicit Live(std::vector<Extent> extents) : extents_(std::move(extents)) {}
  Task<std::optional<Extent>> next() override {
    if (at_ == extents_.size()) co_return std::nullopt;
    co_return extents_[at_++];
  }

 private:
  std::vector<Extent> extents_;
  std::size_t at_ = 0;
};

/// The number a row was written with, and whether all of the value is what belongs to it.
std::uint64_t number_of(const std::string& value) {
  const std::uint64_t number = std::stoull(value);
  const bool whole = value == std::to_string(number) + ":" + pattern(number * 997 % 20'000, number);
  return whole ? number : 0;
}

void check_rows(Index& index, const Acknowledged& told) {
  for (const auto& [writer, number] : told.rows) {
    const auto left = run(index.get(writer + ".left")), right = run(index.get(writer + ".right"));
    REQUIRE((left && right && *left && *right));
    // At least what was acknowledged; the commit after it may have been durable too, but whole.
    CHECK(**left == **right);
    CHECK(number_of(**left) >= number);
  }
}

void check_extents(ExtentStore& store, const Acknowledged& told) {
  std::size_t lost = 0;
  std::vector<Extent> live;
  for (const auto& [extent, seed] : told.extents) {
    const auto bytes = run(load_bytes(store, extent, {0, extent.length}));
    if (!bytes || *bytes != pattern(extent.length, seed)) ++lost;
    live.push_back(extent);
  }
  CHECK(lost == 0);

  std::ranges::sort(live, {}, &Extent::id);
  Live orphans(live), rest(live);
  REQUIRE(run(store.reconcile(orphans, true)));
  CHECK(run(store.reconcile(rest, true))->orphan_bytes == 0);
  for (const auto& [extent, seed] : told.extents) {
    const auto bytes = run(load_bytes(store, extent, {0, extent.length}));
    if (!bytes || *bytes != pattern(extent.length, seed)) ++lost;
  }
  CHECK(lost == 0);
}

TEST_CASE("a killed writer loses nothing that was acknowledged, and leaves no orphans after a reconcile") {
  const TemporaryDirectory directory;
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Acknowledged told;

  for (int round = 0; round < 4; ++round) {
    write_and_kill(directory.path(), random() % 400, told);

    NullLog log;
    BufferPool pool(64 * BufferPool::kChunkSize);
    local::LocalBackend local(small_options(directory.path(), 4 << 20), pool, log);
    CHECK(local.was_unclean());
    check_rows(local.backend().index, told);
    check_extents(local.backend().extents, told);
  }
}

}  // namespace
}  // namespace sluice::test
