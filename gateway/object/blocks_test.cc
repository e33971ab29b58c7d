#include "gateway/object/blocks.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>

#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::World;

/// A world with the blocks of its objects.
struct BlockWorld : World {
  BlockWorld() : blocks(faulty.backend(), reclaimer, clock, keys) {}

  Blocks blocks;

  Result<PartInfo> stage(const std::string& key, const std::string& id, const std::string& text) {
    ChunkSource bytes(Chunk::of(text));
    DigestSource body(bytes);
    return test::run(blocks.stage(context, {"photos", key}, id, body));
  }
  Result<ObjectInfo> commit(const std::string& key, std::vector<BlockClaim> claims, Conditions conditions = {}) {
    BlockCommit options;
    options.conditions = std::move(conditions);
    options.owner = "alice";
    options.blocks = std::move(claims);
    return test::run(blocks.commit(context, {"photos", key}, options));
  }
  Result<BlockLists> lists(const std::string& key) { return test::run(blocks.list(context, {"photos", key})); }
};

BlockClaim latest(std::string id) { return {BlockSource::latest, std::move(id)}; }
BlockClaim committed(std::string id) { return {BlockSource::committed, std::move(id)}; }
BlockClaim uncommitted(std::string id) { return {BlockSource::uncommitted, std::move(id)}; }

std::vector<std::string> ids_of(const std::vector<BlockInfo>& blocks) {
  std::vector<std::string> ids;
  for (const BlockInfo& block : blocks) ids.push_back(block.id);
  return ids;
}

TEST_CASE("staged blocks become an object in the order of the list") {
  BlockWorld world;
  world.stage("a", "b1", "one ");
  world.stage("a", "b2", "two ");
  world.stage("a", "b3", "left out");

  const auto made = world.commit("a", {latest("b2"), latest("b1"), latest("b2")});

  REQUIRE(made);
  CHECK(made->size == 12);
  CHECK(made->part_count == 3);
  CHECK(made->checksum->digest == digest_of(DigestAlgorithm::crc64nvme, "two one two "));
  CHECK(world.get("a") == "two one two ");
  const auto lists = world.lists("a");
  REQUIRE(lists);
  CHECK(ids_of(lists->committed) == std::vector<std::string>{"b2", "b1", "b2"});
  CHECK(lists->uncommitted.empty());
  CHECK(world.leftovers() == "");
}

TEST_CASE("a list takes blocks of the present object and of those staged") {
  BlockWorld world;
  world.stage("a", "b1", "old1");
  world.stage("a", "b2", "old2");
  REQUIRE(world.commit("a", {latest("b1"), latest("b2")}));
  world.stage("a", "b1", "new1");
  world.stage("a", "b3", "new3");

  REQUIRE(world.commit("a", {committed("b1"), uncommitted("b1"), latest("b2"), latest("b3")}));

  CHECK(world.get("a") == "old1new1old2new3");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a block that is not there leaves everything as it was") {
  BlockWorld world;
  world.stage("a", "b1", "one");
  REQUIRE(world.commit("a", {latest("b1")}));
  world.stage("a", "b2", "two");

  CHECK(world.commit("a", {latest("b2"), latest("b9")}).error().code == ErrorCode::invalid_part);
  CHECK(world.commit("a", {committed("b2")}).error().code == ErrorCode::invalid_part);
  CHECK(world.commit("a", {uncommitted("b1")}).error().code == ErrorCode::invalid_part);

  CHECK(world.get("a") == "one");
  CHECK(ids_of(world.lists("a")->uncommitted) == std::vector<std::string>{"b2"});
  CHECK(world.leftovers() == "");
}

TEST_CASE("an empty list makes an empty object") {
  BlockWorld world;
  world.stage("a", "b1", "one");

  REQUIRE(world.commit("a", {}));

  CHECK(world.get("a") == "");
  CHECK(world.lists("a")->uncommitted.empty());
  CHECK(world.leftovers() == "");
}

TEST_CASE("block ids are opaque bytes of one length") {
  BlockWorld world;
  const std::string id{"\x00\xFF/+", 4};
  REQUIRE(world.stage("a", id, "one"));

  CHECK(world.stage("a", "short", "two").error().code == ErrorCode::invalid_block);
  CHECK(world.stage("b", "", "two").error().code == ErrorCode::invalid_block);
  CHECK(world.stage("b", std::string(65, 'x'), "two").error().code == ErrorCode::invalid_block);
  CHECK(world.stage("b", std::string(64, 'x'), "two"));
  REQUIRE(world.commit("a", {latest(id)}));
  // With the staged blocks went their length.
  CHECK(world.stage("a", "short", "two"));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a block staged again replaces the one before") {
  BlockWorld world;
  world.stage("a", "b1", "one");
  world.stage("a", "b1", "two");

  REQUIRE(world.commit("a", {latest("b1")}));

  CHECK(world.get("a") == "two");
  CHECK(world.leftovers() == "");
}

TEST_CASE("staged blocks alone are no object, and no upload") {
  BlockWorld world;
  world.stage("a", "b1", "one");

  CHECK(world.get("a").error().code == ErrorCode::no_such_object);
  CHECK_FALSE(world.lists("a")->object);
  CHECK(ids_of(world.lists("a")->uncommitted) == std::vector<std::string>{"b1"});
  CHECK(test::run(world.uploads.list(world.context, "photos", {}))->items.empty());
  const ObjectName name{"photos", "a"};
  const std::string id(kBlocksUpload);
  CHECK(test::run(world.uploads.abandon(world.context, name, id)).error().code == ErrorCode::no_such_upload);
  CHECK(world.lists("none").error().code == ErrorCode::no_such_object);

  const ObjectName discarded{"photos", "a"};
  REQUIRE(test::run(world.blocks.discard(world.context, discarded)));
  CHECK(world.lists("a").error().code == ErrorCode::no_such_object);
  CHECK(world.leftovers() == "");
}

TEST_CASE("conditions guard the commit of a list") {
  BlockWorld world;
  world.put("a", "there");
  world.stage("a", "b1", "one");
  Conditions absent;
  absent.if_none_match = TagCondition{.any = true};

  CHECK(world.commit("a", {latest("b1")}, absent).error().code == ErrorCode::precondition_failed);

  CHECK(world.get("a") == "there");
  CHECK(ids_of(world.lists("a")->uncommitted) == std::vector<std::string>{"b1"});
}

TEST_CASE("the parts of an upload can be named as blocks") {
  BlockWorld world;
  world.put_parts("a", 3);
  const auto lists = world.lists("a");
  REQUIRE(lists);
  CHECK(ids_of(lists->committed) == std::vector<std::string>{"part000001", "part000002", "part000003"});

  REQUIRE(world.commit("a", {committed("part000003"), committed("part000001")}));

  CHECK(world.get("a") == "part 3;part 1;");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a block is a part of another object, sharing its bytes") {
  BlockWorld world;
  const std::string text(5000, 'x');
  world.put("source", "head" + text);
  const ObjectName from{"photos", "source"};
  const ObjectName to{"photos", "a"};

  const auto range = ByteRange{4, 5000};
  REQUIRE(test::run(world.blocks.stage_copy(world.context, to, "b1", {.from = from, .range = range})));
  const auto wrong = digest_of(DigestAlgorithm::md5, "other");
  const BlockCopy expecting{.from = from, .range = range, .expected = wrong};
  CHECK(test::run(world.blocks.stage_copy(world.context, to, "b2", expecting)).error().code ==
        ErrorCode::digest_mismatch);
  const BlockCopy beyond{.from = from, .range = ByteRange{4, 5001}};
  CHECK(test::run(world.blocks.stage_copy(world.context, to, "b2", beyond)).error().code ==
        ErrorCode::range_not_satisfiable);
  REQUIRE(world.commit("a", {latest("b1")}));
  world.remove("source");
  world.reclaim();

  CHECK(world.get("a") == text);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a list of thousands is committed in steps") {
  BlockWorld world;
  std::vector<BlockClaim> claims;
  std::string text;
  for (int i = 0; i < 1200; ++i) {
    const std::string id = std::to_string(10000 + i);
    REQUIRE(world.stage("a", id, "block " + id + ";"));
    claims.push_back(latest(id));
    text += "block " + id + ";";
  }

  const auto made = world.commit("a", claims);
  REQUIRE(made);
  CHECK(made->part_count == 1200);
  CHECK(world.get("a") == text);
  // Blocks of the object itself, once more, and turned round.
  std::ranges::reverse(claims);
  claims.resize(600);
  world.stage("a", "10700", "again;");
  REQUIRE(world.commit("a", claims));
  const auto turned = world.get("a");
  REQUIRE(turned);
  CHECK(turned->starts_with("block 11199;block 11198;"));
  CHECK(turned->find("again;") != std::string::npos);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a bucket that goes takes staged blocks with it") {
  BlockWorld world;
  world.stage("a", "b1", "one");
  REQUIRE(test::run(world.buckets.remove(world.context, "photos")));
  world.reclaim();
  REQUIRE(test::run(world.buckets.create(world.context, "photos", "alice")));

  CHECK(world.lists("a").error().code == ErrorCode::no_such_object);
  CHECK(world.stage("a", "longer", "two"));
  CHECK(world.leftovers() == "");
}

TEST_CASE("staged blocks go a week after the last of them") {
  BlockWorld world;
  world.stage("a", "b1", "one");
  world.clock.set(world.clock.now() + std::chrono::days(6));
  world.stage("a", "b2", "two");
  world.stage("b", "b1", "three");
  world.clock.set(world.clock.now() + std::chrono::days(2));
  CHECK(test::run(world.blocks.expire()) == 0);
  CHECK(world.lists("a")->uncommitted.size() == 2);

  world.clock.set(world.clock.now() + std::chrono::days(6));
  CHECK(test::run(world.blocks.expire()) == 2);

  CHECK(world.lists("a").error().code == ErrorCode::no_such_object);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a commit of blocks that fails at any call leaves the old object whole, and one that does not makes it") {
  for (std::uint64_t n = 1;; ++n) {
    BlockWorld world;
    world.put("a", "old");
    world.stage("a", "b1", "one");
    world.stage("a", "b2", "two");
    world.faulty.faults.fail_at(n);

    const bool made = world.commit("a", {latest("b1"), latest("b2")}).has_value();

    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    REQUIRE(made != struck);
    CHECK(world.get("a") == (made ? "onetwo" : "old"));
    CHECK(world.leftovers() == "");
    if (made) break;
  }
}

const std::string kSecret = "a secret that is longer than any inline body of these tests may ever be, by far";

SecretKey key_of(char fill) { return *SecretKey::of(std::string(SecretKey::kSize, fill)); }

Result<PartInfo> stage_under(BlockWorld& world, const std::string& id, const std::string& text,
                             std::optional<SecretKey> key) {
  ChunkSource bytes(Chunk::of(text));
  DigestSource body(bytes);
  const BlockOptions options{.lease = {}, .customer_key = std::move(key)};
  return test::run(world.blocks.stage(world.context, {"photos", "a"}, id, body, options));
}

Result<ObjectInfo> commit_under(BlockWorld& world, std::vector<BlockClaim> claims, std::optional<SecretKey> key) {
  BlockCommit options;
  options.owner = "alice";
  options.blocks = std::move(claims);
  options.customer_key = std::move(key);
  return test::run(world.blocks.commit(world.context, {"photos", "a"}, options));
}

Result<std::string> get_under(BlockWorld& world, std::optional<SecretKey> key) {
  OpenOptions options;
  options.customer_key = std::move(key);
  return world.get("a", options);
}

void encrypt_bucket(BlockWorld& world) {
  REQUIRE(test::run(world.buckets.change(world.context, "photos", [](BucketSettings& settings) {
    settings.encryption = to_setting({});
    return Result<>();
  })));
}

bool stored_in_the_clear(const World& world) { return world.extents.holds(kSecret); }

ErrorCode code(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

TEST_CASE("blocks under a customer's key are staged, committed and read with that key alone") {
  BlockWorld world;
  const auto staged = stage_under(world, "b1", kSecret, key_of('k'));
  REQUIRE(staged);
  CHECK(staged->md5 == digest_of(DigestAlgorithm::md5, kSecret).bytes);
  CHECK(staged->encryption->mode == EncryptionMode::customer);
  CHECK(code(stage_under(world, "b2", kSecret, {})) == ErrorCode::customer_key_missing);
  CHECK(code(stage_under(world, "b2", kSecret, key_of('x'))) == ErrorCode::customer_key_mismatch);
  REQUIRE(stage_under(world, "b2", kSecret, key_of('k')));

  CHECK(code(commit_under(world, {latest("b1")}, {})) == ErrorCode::customer_key_missing);
  CHECK(code(commit_under(world, {latest("b1")}, key_of('x'))) == ErrorCode::customer_key_mismatch);
  REQUIRE(commit_under(world, {latest("b2"), latest("b1")}, key_of('k')));

  CHECK(get_under(world, key_of('k')) == kSecret + kSecret);
  CHECK(code(get_under(world, {})) == ErrorCode::customer_key_missing);
  CHECK_FALSE(stored_in_the_clear(world));
  CHECK(world.leftovers() == "");
}

TEST_CASE("blocks of an encrypted object are named beside new ones under the same key") {
  for (const bool by_customer : {true, false}) {
    BlockWorld world;
    if (!by_customer) encrypt_bucket(world);
    const auto key = by_customer ? std::optional(key_of('k')) : std::nullopt;
    REQUIRE(stage_under(world, "b1", kSecret, key));
    REQUIRE(commit_under(world, {latest("b1")}, key));
    REQUIRE(stage_under(world, "b2", "more", key));

    REQUIRE(commit_under(world, {committed("b1"), uncommitted("b2"), latest("b1")}, key));
    CHECK(get_under(world, key) == kSecret + "more" + kSecret);
    REQUIRE(commit_under(world, {committed("b2")}, key));
    CHECK(get_under(world, key) == "more");
    CHECK_FALSE(stored_in_the_clear(world));
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("blocks that are encrypted in different ways do not come together") {
  BlockWorld world;
  REQUIRE(world.stage("a", "b1", kSecret));
  REQUIRE(world.commit("a", {latest("b1")}));
  REQUIRE(stage_under(world, "b2", "more", key_of('k')));

  CHECK(code(commit_under(world, {committed("b1"), latest("b2")}, key_of('k'))) == ErrorCode::not_implemented);
  CHECK(world.get("a") == kSecret);
  REQUIRE(commit_under(world, {latest("b2")}, key_of('k')));
  CHECK(get_under(world, key_of('k')) == "more");
  REQUIRE(stage_under(world, "b3", "other", key_of('l')));
  CHECK(code(commit_under(world, {committed("b2"), latest("b3")}, key_of('l'))) == ErrorCode::not_implemented);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a bucket's setting encrypts blocks, however many come at once") {
  BlockWorld world;
  encrypt_bucket(world);
  std::vector<std::function<Awaitable<>()>> tasks;
  for (char letter = 'a'; letter < 'k'; ++letter) {
    tasks.emplace_back([&world, letter]() -> Awaitable<> {
      ChunkSource bytes(Chunk::of(kSecret + letter));
      DigestSource body(bytes);
      const ObjectName name{"photos", "a"};
      const std::string id(1, letter);
      (void)co_await world.blocks.stage(world.context, name, id, body);
    });
  }
  test::run_together(std::move(tasks));
  std::vector<BlockClaim> claims;
  std::string expected;
  for (char letter = 'a'; letter < 'k'; ++letter) {
    claims.push_back(latest(std::string(1, letter)));
    expected += kSecret + letter;
  }

  const auto made = world.commit("a", claims);

  REQUIRE(made);
  CHECK(made->encryption->mode == EncryptionMode::managed);
  CHECK(world.get("a") == expected);
  CHECK_FALSE(stored_in_the_clear(world));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a block is taken from an encrypted object by who has the key, and encrypted as its set is") {
  BlockWorld world;
  PutOptions locked;
  locked.encryption.customer_key = key_of('s');
  REQUIRE(world.put("source", kSecret, locked));
  const ObjectName to{"photos", "a"};
  const BlockOptions under{.lease = {}, .customer_key = key_of('k')};
  BlockCopy copy{.from = {"photos", "source"}, .range = ByteRange{2, 6}};

  CHECK(code(test::run(world.blocks.stage_copy(world.context, to, "b1", copy, under))) ==
        ErrorCode::customer_key_missing);
  copy.customer_key = key_of('s');
  REQUIRE(test::run(world.blocks.stage_copy(world.context, to, "b1", copy, under)));
  REQUIRE(commit_under(world, {latest("b1")}, key_of('k')));
  CHECK(get_under(world, key_of('k')) == "secret");
  world.remove("source");
  REQUIRE(test::run(world.blocks.discard(world.context, to)));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a long list of encrypted blocks is committed in steps") {
  BlockWorld world;
  std::vector<BlockClaim> claims;
  std::string expected;
  for (int i = 100; i < 230; ++i) {
    const auto text = std::to_string(i) + ";";
    REQUIRE(stage_under(world, std::to_string(i), text, key_of('k')));
    claims.push_back(latest(std::to_string(i)));
    expected += text;
  }
  REQUIRE(commit_under(world, claims, key_of('k')));
  CHECK(get_under(world, key_of('k')) == expected);
  CHECK(world.leftovers() == "");
}

TEST_CASE("the staging of an encrypted block that fails at any call leaves nothing in the way") {
  for (std::uint64_t n = 1;; ++n) {
    BlockWorld world;
    world.put("a", "old");
    world.faulty.faults.fail_at(n);
    const bool made = stage_under(world, "b1", kSecret, key_of('k')).has_value();
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    REQUIRE(made != struck);
    CHECK(world.get("a") == "old");
    CHECK(world.leftovers() == "");
    REQUIRE(stage_under(world, "b1", kSecret, key_of('k')));
    REQUIRE(commit_under(world, {latest("b1")}, key_of('k')));
    CHECK(get_under(world, key_of('k')) == kSecret);
    CHECK(world.leftovers() == "");
    if (made) break;
  }
}

}  // namespace
}  // namespace sluice::object
