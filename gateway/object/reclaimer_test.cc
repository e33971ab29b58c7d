#include "gateway/object/reclaimer.h"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include "gateway/object/catalog.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const std::string kLong(1000, 'l');

Result<std::uint64_t> work(Reclaimer& reclaimer) { return run(reclaimer.run_once()); }

Extent seal(World& world, const std::string& text) {
  const auto writer = run(world.extents.create(text.size())).value();
  REQUIRE(run(writer->write(Chunk::of(text))));
  return run(writer->seal()).value();
}

void put_row(World& world, const std::string& key, const std::string& value) {
  const auto transaction = world.index.begin();
  transaction->put(key, value);
  REQUIRE(run(transaction->commit()));
}

}  // namespace

TEST_CASE("garbage waits for the readers that entered before it was seen") {
  World world;
  REQUIRE(world.put("key", kLong));
  auto reading = world.reclaimer.enter();
  REQUIRE(world.remove("key"));

  CHECK(work(world.reclaimer) == 0);
  CHECK(world.extents.extent_count() == 1);
  auto later = world.reclaimer.enter();
  reading.reset();

  CHECK(work(world.reclaimer) == 1);
  CHECK(world.extents.extent_count() == 0);
  CHECK(world.leftovers() == "");
}

TEST_CASE("an extent that was dropped is released, unless a commit named it after all") {
  World world;
  REQUIRE(world.put("key", kLong));
  const auto record = ObjectRecord::decode(world.index.rows().at(object_key({"photos", "key"})));
  const auto named = std::get<std::vector<Slice>>(record->content)[0].extent;
  const auto unnamed = seal(world, "bytes");
  CHECK(world.extents.extent_count() == 2);

  world.reclaimer.drop(named);
  world.reclaimer.drop(unnamed);
  world.reclaim();

  CHECK(world.extents.extent_count() == 1);
  CHECK(world.get("key") == kLong);
}

TEST_CASE("a staged extent that is not kept is dropped") {
  World world;
  {
    StagedExtent kept(world.reclaimer, seal(world, "kept"));
    kept.keep();
    StagedExtent moved(world.reclaimer, seal(world, "moved"));
    const StagedExtent staged(std::move(moved));
  }

  world.reclaim();

  CHECK(world.extents.extent_count() == 1);
}

TEST_CASE("a reclaimer that fails loses nothing and goes on later") {
  World world;
  for (std::uint64_t n = 1;; ++n) {
    REQUIRE(world.put("key", kLong));
    world.put_parts("parts", 3);
    REQUIRE(world.remove("key"));
    REQUIRE(world.remove("parts"));
    world.reclaimer.drop(seal(world, "bytes"));
    world.faulty.faults.fail_at(n);
    bool failed = false;
    for (int round = 0; round < 4; ++round) failed |= !work(world.reclaimer);
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    CHECK(failed == struck);
    CHECK(world.leftovers() == "");
    CHECK(world.extents.extent_count() == 0);
    if (!struck) break;
  }
}

TEST_CASE("garbage of many kinds and rows is worked off in batches") {
  World world;
  for (int i = 0; i < 600; ++i) REQUIRE(world.put("key" + std::to_string(i), kLong));
  for (int i = 0; i < 600; ++i) REQUIRE(world.remove("key" + std::to_string(i)));

  CHECK(work(world.reclaimer) == 256);
  CHECK(world.extents.extent_count() == 344);
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("a garbage row that cannot be read does not keep the others waiting") {
  World world;
  put_row(world, manifest_garbage_key(std::string(kIdSize, 'a')), "garbage");
  REQUIRE(world.put("key", kLong));
  REQUIRE(world.remove("key"));

  CHECK(work(world.reclaimer).error().code == ErrorCode::corrupt);

  CHECK(world.extents.extent_count() == 0);
  CHECK(world.row_count("g") == 1);
}

TEST_CASE("a manifest that is being built is left alone until its builder is gone") {
  World world;
  const std::string id(kIdSize, 'm');
  Reclaimer other(world.faulty.backend(), world.log, world.clock);
  {
    const Building building(world.reclaimer, id);
    put_row(world, manifest_garbage_key(id), building.row(true).encode());

    CHECK(work(world.reclaimer) == 0);
    CHECK(work(other) == 0);
  }
  CHECK(work(other) == 0);
  CHECK(work(world.reclaimer) == 1);
  CHECK(world.row_count("g") == 0);
}

TEST_CASE("a manifest that a dead process was building is cleared after a time") {
  World world;
  const std::string id(kIdSize, 'm');
  {
    Reclaimer dead(world.faulty.backend(), world.log, world.clock);
    const Building building(dead, id);
    put_row(world, manifest_garbage_key(id), building.row(true).encode());
  }
  CHECK(work(world.reclaimer) == 0);

  world.clock.set(world.clock.now() + std::chrono::minutes(11));

  CHECK(work(world.reclaimer) == 1);
}

TEST_CASE("the reclaimer runs until it is stopped, and works off what is left") {
  World world;
  REQUIRE(world.put("key", kLong));
  REQUIRE(world.remove("key"));
  boost::asio::io_context io(1);
  std::optional<Result<>> ended;
  boost::asio::co_spawn(io, world.reclaimer.run(), [&](std::exception_ptr, Result<> result) { ended = result; });
  while (world.extents.extent_count() != 0) io.run_one();

  REQUIRE(world.put("key", kLong));
  REQUIRE(world.remove("key"));
  world.reclaimer.wake();
  world.reclaimer.stop();
  io.run();

  REQUIRE(ended);
  CHECK(*ended);
  CHECK(world.row_count("g") == 0);
  CHECK(world.extents.extent_count() == 0);
}

}  // namespace sluice::object
