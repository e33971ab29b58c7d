#include "backends/rdma/disk.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "backends/rdma/disk_probe.h"
#include "gateway/core/encoding.h"

namespace sluice::rdma {
namespace {

constexpr ExtentNumber kExtent{7}, kOther{8};

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_(std::filesystem::temp_directory_path() / ("disk_test-" + to_hex(random_bytes(8)))) {
    std::filesystem::create_directory(path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A small disk that can be closed, damaged and opened again.
struct World {
  explicit World(std::uint64_t log_size = 256 << 10, std::uint64_t size = 12 << 20) {
    Disk::format(path, {.cluster = {}, .size = size, .slab_size = 2 << 20, .log_size = log_size});
    open();
  }

  void open() {
    probe.reset();
    probe = std::make_unique<DiskProbe>(path);
  }
  Disk& disk() { return probe->disk(); }

  Run append(ExtentNumber extent, const std::string& bytes) {
    auto run = probe->run(probe->append(extent, bytes));
    REQUIRE(run);
    return *run;
  }
  std::string bytes(ExtentNumber extent, const Run& run) {
    auto bytes = probe->run(probe->bytes_of_run(extent, run.page));
    return bytes ? *bytes : "failed: " + bytes.error().detail;
  }
  std::vector<Run> list(ExtentNumber extent) {
    auto runs = probe->run(disk().list(extent, 0, 1000));
    REQUIRE(runs);
    return *runs;
  }

  void flip(std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 4));
    REQUIRE(file.good());
  }
  std::uint64_t place_of(ExtentNumber extent, Pages page) {
    return slab_offset(disk().superblock(), *disk().table().find(extent)->slab) + bytes_of(page);
  }

  TemporaryDirectory directory;
  std::filesystem::path path = directory.path() / "disk";
  std::unique_ptr<DiskProbe> probe;
};

std::string text(std::size_t size, char seed) {
  std::string bytes(size, seed);
  for (std::size_t n = 0; n < size; n += 97)
    bytes[n] = static_cast<char>(n / 97 * 31 + static_cast<unsigned char>(seed));
  return bytes;
}

}  // namespace

TEST_CASE("what was appended is there after a restart") {
  World world;
  const std::vector<std::string> bytes = {text(1, 'a'), text(70'000, 'b'), "", text(kRunLengthMax, 'c')};
  std::vector<Run> runs;
  for (const auto& one : bytes) runs.push_back(world.append(kExtent, one));

  for (int opened = 0; opened < 2; ++opened) {
    CHECK(world.list(kExtent) == runs);
    CHECK(world.disk().replica(kExtent).durable() == end_of(runs.back()));
    for (const std::size_t n : {0U, 1U, 3U}) CHECK((world.bytes(kExtent, runs[n]) == bytes[n]));
    world.open();
  }
}

TEST_CASE("a part of a run is read by its blocks") {
  World world;
  const std::string bytes = text(200'000, 'a');
  const Run run = world.append(kExtent, bytes);
  const auto header = world.probe->run(world.disk().header(kExtent, run.page));
  REQUIRE(header);
  const Chunk memory = aligned_memory(kRunLengthMax);
  for (const auto& [offset, length] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {0, 1}, {65'535, 2}, {65'536, 65'536}, {199'999, 1}, {100'000, 100'000}}) {
    const auto begin = world.probe->run(world.disk().read(*header, offset, length, memory));
    REQUIRE(begin);
    CHECK((memory.text().substr(*begin, length) == bytes.substr(offset, length)));
  }
  CHECK(world.probe->run(world.disk().read(*header, 199'999, 2, memory)).error().code == ErrorCode::corrupt);
}

TEST_CASE("a tail that was torn is not there after a restart, and can be written again") {
  World world;
  const Run kept = world.append(kExtent, text(5000, 'a'));
  const Run torn = world.append(kExtent, text(5000, 'b'));
  const auto where = world.place_of(kExtent, torn.page);
  const auto damage = GENERATE(as<std::uint64_t>{}, 10, 4096, 4096 + 4999);

  world.flip(where + damage);
  world.open();

  CHECK(world.list(kExtent) == std::vector<Run>{kept});
  CHECK(world.disk().replica(kExtent).durable() == torn.page);
  const Run again = world.append(kExtent, text(6000, 'c'));
  CHECK(again.page == torn.page);
  CHECK((world.bytes(kExtent, again) == text(6000, 'c')));
}

TEST_CASE("damaged bytes and damaged headers are corrupt") {
  World world;
  const Run first = world.append(kExtent, text(100'000, 'a'));
  const Run second = world.append(kExtent, text(5000, 'b'));
  world.flip(world.place_of(kExtent, first.page) + 4096 + 99'000);
  CHECK(world.bytes(kExtent, first) == "failed: a block's checksum");
  CHECK((world.bytes(kExtent, second) == text(5000, 'b')));
  world.flip(world.place_of(kExtent, second.page) + 20);
  CHECK(world.bytes(kExtent, second) == "failed: no such run");
}

namespace {

using Runs = std::vector<Run>;
using Ranges = std::vector<PageRange>;

// Part by part, or in as many as there are at a time.
Survey surveyed(World& world, Pages end, std::size_t count) {
  Survey all;
  for (Pages from = 0; from < end; from = end_of(all)) {
    const auto some = world.probe->run(world.disk().survey(kExtent, from, count));
    REQUIRE(some);
    all.runs.insert(all.runs.end(), some->runs.begin(), some->runs.end());
    all.released.insert(all.released.end(), some->released.begin(), some->released.end());
    all.unknown.insert(all.unknown.end(), some->unknown.begin(), some->unknown.end());
  }
  return all;
}

}  // namespace

TEST_CASE("a survey says what is known behind headers that cannot be read") {
  World world;
  Runs runs;
  for (const std::size_t size : {5000U, 9000U, 0U, 70'000U, 5000U, 1U, 4096U}) {
    runs.push_back(world.append(kExtent, text(size, 'a')));
  }
  const Pages end = end_of(runs.back());
  CHECK(world.probe->run(world.disk().survey(kExtent, 0, 100)).error().code == ErrorCode::corrupt);
  REQUIRE(world.probe->run(world.disk().seal(kExtent, end)));
  REQUIRE(world.probe->run(world.disk().release(kExtent, runs[4].page)));
  for (const std::size_t n : {1U, 2U, 6U}) world.flip(world.place_of(kExtent, runs[n].page) + 20);
  REQUIRE_FALSE(world.probe->run(world.disk().list(kExtent, 0, 100)));

  for (const std::size_t count : {100U, 1U, 2U}) {
    const Survey survey = surveyed(world, end, count);

    CHECK(survey.runs == Runs{runs[0], runs[3], runs[5]});
    CHECK(survey.released == Ranges{{runs[4].page, runs[5].page}});
    CHECK(survey.unknown == Ranges{{runs[1].page, runs[3].page}, {runs[6].page, end}});
  }
}

TEST_CASE("a survey takes nothing for a run that is not the extent's own, there") {
  World world;
  // What another had in the slab before, and stays behind the end.
  std::vector<Run> before;
  for (int n = 0; n < 100; ++n) before.push_back(world.append(kOther, text(100, 'o')));
  REQUIRE(world.probe->run(world.disk().seal(kOther, end_of(before.back()))));
  const auto slab = world.disk().table().find(kOther)->slab;
  REQUIRE(world.probe->run(world.disk().drop(kOther)));
  // Bytes that look like headers: of another extent, of another page, of another disk, and one that is cut.
  const Uuid disk = world.disk().superblock().incarnation;
  std::string bytes = encode_page(describe({disk, kOther}, Epoch{1}, 1, "x"));
  bytes += encode_page(describe({disk, kExtent}, Epoch{1}, 7, "x"));
  bytes += encode_page(describe({Uuid::random(), kExtent}, Epoch{1}, 3, "x"));
  bytes += encode_page(describe({disk, kExtent}, Epoch{1}, 4, "x")).substr(0, 40);
  const Run run = world.append(kExtent, bytes), last = world.append(kExtent, text(100, 'e'));
  REQUIRE(world.disk().table().find(kExtent)->slab == slab);
  REQUIRE(world.probe->run(world.disk().seal(kExtent, end_of(last))));

  world.flip(world.place_of(kExtent, run.page) + 20);
  CHECK(surveyed(world, end_of(last), 100).runs == Runs{last});
  CHECK(surveyed(world, end_of(last), 100).unknown == Ranges{{0, last.page}});
  world.flip(world.place_of(kExtent, last.page) + 20);
  CHECK(surveyed(world, end_of(last), 100).unknown == Ranges{{0, end_of(last)}});
}

TEST_CASE("a damaged run of a sealed extent takes the blocks that are right, and no others") {
  World world;
  const std::string bytes = text(200'000, 'a');
  const Run first = world.append(kExtent, text(5000, 'f')), run = world.append(kExtent, bytes);
  const auto patch = [&](const std::string& with) {
    return world.probe->run(world.disk().patch(kExtent, run, aligned_chunk(with)));
  };
  CHECK(patch(bytes).error().code == ErrorCode::corrupt);
  REQUIRE(world.probe->run(world.disk().seal(kExtent, end_of(run))));
  CHECK(patch(bytes) == true);
  world.flip(world.place_of(kExtent, run.page) + 4096 + 70'000);
  world.flip(world.place_of(kExtent, run.page) + 4096 + 199'000);
  REQUIRE(world.bytes(kExtent, run) == "failed: a block's checksum");

  std::string one = bytes, wrong(200'000, 'x');
  one[199'000] = static_cast<char>(one[199'000] + 1);
  CHECK(patch(wrong) == false);
  CHECK(world.bytes(kExtent, run) == "failed: a block's checksum");
  CHECK(patch(one) == false);
  CHECK(world.bytes(kExtent, run) == "failed: a block's checksum");
  // What it has already it does not need again.
  wrong.replace(150'000, 50'000, bytes.substr(150'000));
  wrong.replace(3 * 65'536, 200'000 - 3 * 65'536, bytes.substr(3 * 65'536));
  CHECK(patch(wrong) == true);

  world.open();
  CHECK((world.bytes(kExtent, run) == bytes));
  CHECK((world.bytes(kExtent, first) == text(5000, 'f')));
  // Of nothing that is not needed.
  REQUIRE(world.probe->run(world.disk().release(kExtent, run.page)));
  CHECK(patch(bytes).error().code == ErrorCode::corrupt);
}

TEST_CASE("fences are there after a restart, also of extents without bytes") {
  World world;
  world.append(kExtent, "x");
  REQUIRE(world.probe->run(world.disk().fence(kExtent, Epoch{3})));
  REQUIRE(world.probe->run(world.disk().fence(kOther, Epoch{2})));

  world.open();

  CHECK(world.disk().replica(kExtent).fence() == Epoch{3});
  CHECK(world.disk().replica(kOther).append(Epoch{1}, {0, 10, 1}) == Replica::Verdict::fenced);
  CHECK(world.disk().replica(kOther).append(Epoch{2}, {0, 10, 1}) == Replica::Verdict::write);
}

TEST_CASE("a sealed extent has its length, and its runs are found on disk") {
  World world;
  const Run first = world.append(kExtent, text(5000, 'a')), second = world.append(kExtent, text(50, 'b'));
  world.append(kExtent, text(5000, 'c'));
  REQUIRE(world.probe->run(world.disk().seal(kExtent, end_of(second))));

  for (int opened = 0; opened < 2; ++opened) {
    CHECK(world.list(kExtent) == std::vector<Run>{first, second});
    CHECK((world.bytes(kExtent, second) == text(50, 'b')));
    world.open();
  }
}

TEST_CASE("released runs are gone, and with the last of a sealed extent its slab is free") {
  World world;
  const std::size_t slabs = world.disk().table().free_slabs();
  const Run first = world.append(kExtent, text(5000, 'a')), second = world.append(kExtent, text(50, 'b'));
  const auto release = [&](Pages page) { return world.probe->run(world.disk().release(kExtent, page)); };

  REQUIRE(release(first.page));
  CHECK(release(first.page));
  CHECK(release(first.page + 1).error().code == ErrorCode::corrupt);
  CHECK(world.bytes(kExtent, first) == "failed: no such run");
  world.open();
  CHECK(world.list(kExtent) == std::vector<Run>{second});
  CHECK(world.disk().replica(kExtent).durable() == end_of(second));

  REQUIRE(world.probe->run(world.disk().seal(kExtent, end_of(second))));
  CHECK(world.disk().table().free_slabs() == slabs - 1);
  REQUIRE(release(second.page));
  CHECK(world.disk().table().free_slabs() == slabs);
  world.open();
  CHECK(world.disk().table().free_slabs() == slabs);
  CHECK(world.list(kExtent).empty());
}

TEST_CASE("an extent that is begun anew has the runs that are kept, and takes the others once more") {
  World world;
  std::vector<Run> runs;
  for (const char seed : {'a', 'b', 'c', 'd'}) runs.push_back(world.append(kExtent, text(5000, seed)));
  REQUIRE(world.probe->run(world.disk().seal(kExtent, end_of(runs[3]))));
  REQUIRE(world.probe->run(world.disk().release(kExtent, runs[0].page)));
  world.flip(world.place_of(kExtent, runs[2].page) + 4096 + 10);

  REQUIRE(world.probe->run(world.disk().begin_anew(kExtent, Epoch{5}, {runs[0], runs[1]})));

  for (int opened = 0; opened < 2; ++opened) {
    CHECK(world.list(kExtent) == std::vector<Run>{runs[1]});
    Replica& replica = world.disk().replica(kExtent);
    CHECK(replica.durable() == end_of(runs[1]));
    CHECK_FALSE(replica.is_certain());
    CHECK(replica.append(Epoch{4}, runs[2]) == Replica::Verdict::fenced);
    // What is behind is there still.
    CHECK((world.bytes(kExtent, runs[3]) == text(5000, 'd')));
    CHECK(world.probe->run(world.disk().has(kExtent, runs[3])) == true);
    CHECK(world.probe->run(world.disk().has(kExtent, runs[2])) == false);
    world.open();
  }
  CHECK(world.disk().replica(kExtent).append(Epoch{5}, runs[2]) == Replica::Verdict::write);
  CHECK(world.probe->run(world.disk().begin_anew(kExtent, Epoch{6}, {})).error().code == ErrorCode::busy);
}

TEST_CASE("what was released of runs that others took the place of does not make an extent empty") {
  World world;
  const Run first = world.append(kExtent, text(5000, 'a'));
  const Run lost = world.append(kExtent, text(5000, 'b')), released = world.append(kExtent, text(5000, 'c'));
  REQUIRE(world.probe->run(world.disk().release(kExtent, released.page)));
  world.flip(world.place_of(kExtent, lost.page) + 4096 + 10);
  world.open();
  REQUIRE(world.disk().replica(kExtent).durable() == lost.page);

  const Run other = world.append(kExtent, text(5 * kPageSize, 'd'));
  REQUIRE(end_of(other) == end_of(released));
  REQUIRE(world.probe->run(world.disk().seal(kExtent, end_of(other))));
  REQUIRE(world.probe->run(world.disk().release(kExtent, other.page)));

  for (int opened = 0; opened < 2; ++opened) {
    CHECK(world.list(kExtent) == std::vector<Run>{first});
    CHECK((world.bytes(kExtent, first) == text(5000, 'a')));
    world.open();
  }
}

TEST_CASE("a disk has a run only if it is this one, whole") {
  World world;
  const Run run = world.append(kExtent, text(100'000, 'a')), empty = world.append(kExtent, "");
  const auto has = [&](ExtentNumber extent, Run one) { return world.probe->run(world.disk().has(extent, one)); };

  CHECK(has(kExtent, run) == true);
  CHECK(has(kExtent, empty) == true);
  CHECK(has(kOther, run) == false);
  CHECK(has(kExtent, {run.page, run.length, run.crc32c + 1}) == false);
  CHECK(has(kExtent, {run.page + 1, run.length, run.crc32c}) == false);
  world.flip(world.place_of(kExtent, run.page) + 4096 + 99'000);
  CHECK(has(kExtent, run) == false);
}

TEST_CASE("a slab that is used again shows nothing of what was in it") {
  World world(256 << 10, 4 << 20);
  REQUIRE(world.disk().table().free_slabs() == 1);
  const Run first = world.append(kExtent, text(5000, 'a')), second = world.append(kExtent, text(5000, 'b'));
  CHECK(world.probe->run(world.probe->append(kOther, "x")).error().code == ErrorCode::out_of_space);
  REQUIRE(world.probe->run(world.disk().seal(kExtent, end_of(second))));
  REQUIRE(world.probe->run(world.disk().release(kExtent, first.page)));
  REQUIRE(world.probe->run(world.disk().release(kExtent, second.page)));

  world.open();
  const Run other = world.append(kOther, text(5000, 'c'));
  world.open();

  CHECK(world.list(kOther) == std::vector<Run>{other});
  CHECK(world.bytes(kExtent, second) == "failed: no such run");
}

TEST_CASE("the log goes on in its other area when it is full, for ever") {
  World world(16 << 10);
  const Run run = world.append(kExtent, "bytes");
  for (std::uint64_t epoch = 1; epoch <= 40; ++epoch) {
    REQUIRE(world.probe->run(world.disk().fence(kOther, Epoch{epoch})));
    if (epoch % 7 == 0) world.open();
  }
  world.open();
  CHECK(world.disk().replica(kOther).fence() == Epoch{40});
  CHECK(world.bytes(kExtent, run) == "bytes");
}

TEST_CASE("a log area that was torn while it began falls back to the one before") {
  World world(16 << 10);
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch)
    REQUIRE(world.probe->run(world.disk().fence(kOther, Epoch{epoch})));
  // The fourth change begins the other area: one page of snapshot, one of changes.
  REQUIRE(world.probe->run(world.disk().fence(kOther, Epoch{4})));
  const auto area = log_offset(world.disk().superblock(), 1);

  SECTION("in its snapshot") {
    world.flip(area + 50);
    world.open();
    CHECK(world.disk().replica(kOther).fence() == Epoch{3});
  }
  SECTION("behind it") {
    world.flip(area + 4096 + 50);
    world.open();
    CHECK(world.disk().replica(kOther).fence() >= Epoch{3});
  }
  REQUIRE(world.probe->run(world.disk().fence(kOther, Epoch{9})));
  world.open();
  CHECK(world.disk().replica(kOther).fence() == Epoch{9});
}

TEST_CASE("a log with no place for the whole table takes no more, and says so") {
  World world(16 << 10);
  Result<> last;
  for (std::uint64_t extent = 1; extent < 3000 && last;) {
    std::vector<Task<>> fences;
    for (int n = 0; n < 150; ++n) fences.push_back(world.disk().fence(ExtentNumber{extent++}, Epoch{1}));
    last = world.probe->run_all(std::move(fences));
  }
  REQUIRE_FALSE(last);
  CHECK(last.error().code == ErrorCode::out_of_space);
  CHECK_FALSE(world.probe->run(world.probe->append(kExtent, "x")));
}

TEST_CASE("only a disk that is meant is formatted or opened") {
  TemporaryDirectory directory;
  const auto path = directory.path() / "disk";
  CHECK_THROWS_AS(DiskProbe(path), std::runtime_error);
  std::ofstream(path) << std::string(8192, 'x');
  CHECK_THROWS_WITH(DiskProbe(path), Catch::Contains("not a Sluice disk"));
  const DiskLayout layout{.cluster = {}, .size = 12 << 20, .slab_size = 2 << 20, .log_size = 64 << 10};
  Disk::format(path, layout);
  const Uuid before = DiskProbe(path).disk().superblock().incarnation;
  CHECK_THROWS_WITH(Disk::format(path, layout), Catch::Contains("already"));
  Disk::format(path, layout, true);
  CHECK(DiskProbe(path).disk().superblock().incarnation != before);
  CHECK_THROWS_WITH(Disk::format(directory.path() / "small", {.cluster = {}, .size = 1 << 20}),
                    Catch::Contains("too small"));
}

}  // namespace sluice::rdma
