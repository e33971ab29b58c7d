#include <catch2/catch.hpp>

#include "gateway/object/catalog.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const std::string kLong(300, 'l');

Result<std::string> get(World& world, const std::string& key, VersionId version) {
  OpenOptions options;
  options.which.version = version;
  return world.get(key, options);
}

Result<std::string> get_snapshot(World& world, const std::string& key, std::uint64_t snapshot) {
  OpenOptions options;
  options.which.snapshot = snapshot;
  return world.get(key, options);
}

VersionId put(World& world, const std::string& key, const std::string& text) {
  const auto info = world.put(key, text);
  REQUIRE(info);
  return info->version();
}

// Of each state, the newest first: its version, `+` if latest, `x` if a delete marker.
std::vector<std::string> states(World& world, VersionListOptions options = {}) {
  std::vector<std::string> texts;
  for (const auto& entry : world.versions(std::move(options))) {
    std::string text = entry.name;
    if (!entry.is_prefix) text += " " + to_text(entry.info.version());
    if (entry.is_latest) text += "+";
    if (entry.info.delete_marker) text += "x";
    if (entry.info.snapshot != 0) text += "s";
    texts.push_back(text);
  }
  return texts;
}

}  // namespace

TEST_CASE("what is overwritten in a versioned bucket stays as a version") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");
  const auto second = put(world, "key", kLong);
  const auto third = put(world, "key", "three");

  CHECK(world.get("key") == std::string("three"));
  CHECK(get(world, "key", first) == std::string("one"));
  CHECK(get(world, "key", second) == kLong);
  CHECK(get(world, "key", third) == std::string("three"));
  CHECK(get(world, "key", VersionId::null).error().code == ErrorCode::no_such_version);
  CHECK(states(world) ==
        std::vector<std::string>{"key " + to_text(third) + "+", "key " + to_text(second), "key " + to_text(first)});
  CHECK(world.leftovers() == "");
}

TEST_CASE("a bucket without versioning keeps nothing, and its objects are the null version") {
  World world;
  CHECK(put(world, "key", "one") == VersionId::null);
  CHECK(put(world, "key", "two") == VersionId::null);

  CHECK(get(world, "key", VersionId::null) == std::string("two"));
  CHECK(states(world) == std::vector<std::string>{"key null+"});
  CHECK(world.row_count("v") == 0);
}

TEST_CASE("a removal in a versioned bucket puts a marker, and the versions stay") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", kLong);

  const auto removal = run(world.start_removal({.key = "key"}));
  const auto again = run(world.start_removal({.key = "key"}));

  REQUIRE(removal);
  CHECK(removal->removed);
  CHECK(removal->delete_marker);
  CHECK(again->delete_marker);
  CHECK_FALSE(again->removed);
  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
  CHECK(get(world, "key", *removal->version).error().code == ErrorCode::is_delete_marker);
  CHECK(get(world, "key", first) == kLong);
  CHECK(run(world.objects.head(world.context, {"photos", "key"})).value()->delete_marker);
  CHECK(world.list({})->entries.empty());
  CHECK(states(world) == std::vector<std::string>{"key " + to_text(*again->version) + "+x",
                                                  "key " + to_text(*removal->version) + "x", "key " + to_text(first)});
  CHECK(world.leftovers() == "");
}

TEST_CASE("a removal of what never was puts a marker too") {
  World world;
  world.set_versioning(Versioning::enabled);

  REQUIRE(world.remove("key"));

  CHECK(states(world).size() == 1);
  CHECK(run(world.start_remove_bucket("photos")).error().code == ErrorCode::bucket_not_empty);
}

TEST_CASE("a removed version is gone for good, and the newest that is left is current") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", kLong);
  const auto second = put(world, "key", "two");
  REQUIRE(world.remove("key"));
  const auto marker = world.versions().front().info.version();

  const auto removed = world.remove_version("key", marker);
  CHECK(removed->delete_marker);
  CHECK(world.get("key") == std::string("two"));
  CHECK(world.remove_version("key", second)->removed);
  CHECK(world.get("key") == kLong);
  CHECK_FALSE(world.remove_version("key", second)->removed);
  CHECK(world.remove_version("key", first)->removed);

  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
  CHECK(world.row_count("o") == 0);
  CHECK(world.row_count("v") == 0);
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
  CHECK(run(world.start_remove_bucket("photos")));
}

TEST_CASE("a version between others is removed, and the others stay") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");
  const auto second = put(world, "key", kLong);
  const auto third = put(world, "key", "three");

  REQUIRE(world.remove_version("key", second));

  CHECK(get(world, "key", second).error().code == ErrorCode::no_such_version);
  CHECK(states(world) == std::vector<std::string>{"key " + to_text(third) + "+", "key " + to_text(first)});
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("the null version stays beside those with an id, wherever it stands") {
  World world;
  put(world, "key", "null");
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");
  const auto second = put(world, "key", "two");

  CHECK(get(world, "key", VersionId::null) == std::string("null"));
  CHECK(states(world) == std::vector<std::string>{"key " + to_text(second) + "+", "key " + to_text(first), "key null"});
  CHECK(world.leftovers() == "");

  REQUIRE(world.remove_version("key", VersionId::null));
  CHECK(get(world, "key", VersionId::null).error().code == ErrorCode::no_such_version);
  CHECK(world.leftovers() == "");
}

TEST_CASE("the null version is current again when those above it are removed") {
  World world;
  put(world, "key", "null");
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");

  REQUIRE(world.remove_version("key", first));

  CHECK(world.get("key") == std::string("null"));
  CHECK(get(world, "key", VersionId::null) == std::string("null"));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a put where versioning is suspended replaces the null version alone") {
  World world;
  put(world, "key", kLong);
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");
  world.set_versioning(Versioning::suspended);

  CHECK(put(world, "key", "null") == VersionId::null);
  CHECK(states(world) == std::vector<std::string>{"key null+", "key " + to_text(first)});
  CHECK(put(world, "key", "null again") == VersionId::null);

  CHECK(states(world) == std::vector<std::string>{"key null+", "key " + to_text(first)});
  CHECK(get(world, "key", VersionId::null) == std::string("null again"));
  CHECK(get(world, "key", first) == std::string("one"));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("a removal where versioning is suspended replaces the null version by a marker") {
  World world;
  put(world, "key", kLong);
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");
  world.set_versioning(Versioning::suspended);

  const auto removal = run(world.start_removal({.key = "key"}));
  CHECK(removal->version == VersionId::null);
  REQUIRE(world.remove("key"));

  CHECK(states(world) == std::vector<std::string>{"key null+x", "key " + to_text(first)});
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("versioning cannot be turned off again") {
  World world;
  world.set_versioning(Versioning::enabled);

  const auto off = run(world.buckets.change(world.context, "photos", [](BucketSettings& settings) -> Result<> {
    settings.versioning = Versioning::off;
    return done;
  }));

  CHECK(off.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("a condition sees no object where a marker is") {
  World world;
  world.set_versioning(Versioning::enabled);
  put(world, "key", "one");
  REQUIRE(world.remove("key"));
  PutOptions none;
  none.conditions.if_none_match = TagCondition{.any = true, .tags = {}};
  PutOptions any;
  any.conditions.if_match = TagCondition{.any = true, .tags = {}};

  CHECK(world.put("key", "two", any).error().code == ErrorCode::no_such_object);
  CHECK(world.put("key", "two", none));
  CHECK(world.put("key", "three", none).error().code == ErrorCode::precondition_failed);
}

TEST_CASE("a copy is of the version that is named, also onto its own key") {
  World world;
  world.set_versioning(Versioning::enabled);
  for (const auto& text : {std::string("one"), kLong}) {
    const auto first = put(world, "key", text);
    put(world, "key", "two");
    CopyOptions options;
    options.source.version = first;

    REQUIRE(world.copy("key", "copy", options));
    REQUIRE(world.copy("key", "key", options));

    CHECK(world.get("copy") == text);
    CHECK(world.get("key") == text);
    CHECK(get(world, "key", first) == text);
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("a copy onto itself in a versioned bucket is another version, whatever it is made of") {
  World world(/*extent_length_max=*/128);
  world.set_versioning(Versioning::enabled);
  CopyOptions options;
  options.replacement.emplace(ContentHeaders{}, Metadata{{"colour", "red"}});
  put(world, "inline", "one");
  put(world, "extents", kLong);
  world.put_parts("few", 3);
  world.put_parts("many", 400);

  for (const auto* key : {"inline", "extents", "few", "many"}) {
    const auto before = world.get(key).value();
    REQUIRE(world.copy(key, key, options));
    CHECK(world.get(key) == before);
  }

  CHECK(world.row_count("v") == 4);
  CHECK(world.leftovers() == "");
  for (const auto& entry : world.versions()) REQUIRE(world.remove_version(entry.name, entry.info.version()));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("parts come together as a version, and a version is a source of parts") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", kLong);
  UploadOptions tagged;
  tagged.tags = {{"team", "blue"}};
  const auto id = world.begin("key", tagged);
  const Which which{.version = first};
  put(world, "key", "two");
  const ObjectName name{"photos", "key"};
  REQUIRE(run(world.uploads.stage_copy(world.context, name, id, 1, name, {}, {}, {}, {}, which)));

  const auto made = world.commit("key", id, {1});

  REQUIRE(made);
  CHECK(made->versioned);
  CHECK(made->tags == Tags{{"team", "blue"}});
  CHECK(world.get("key") == kLong);
  CHECK(states(world).size() == 3);
  CHECK(world.leftovers() == "");
}

TEST_CASE("tags are put, carried over by a copy, and changed of any version") {
  World world;
  world.set_versioning(Versioning::enabled);
  PutOptions options;
  options.tags = {{"team", "blue"}};
  const auto first = world.put("key", "one", options)->version();
  CopyOptions replaced;
  replaced.tags = Tags{{"team", "red"}};
  REQUIRE(world.copy("key", "same"));
  REQUIRE(world.copy("key", "other", replaced));
  put(world, "key", "two");
  const auto tags = [&](const std::string& key, const Which& which) {
    OpenOptions open;
    open.which = which;
    return run(world.objects.stat(world.context, {"photos", key}, open)).value().info.tags;
  };

  const auto changed = run(world.objects.change(world.context, {"photos", "key"}, {.which = {.version = first}},
                                                [](ObjectInfo& info) -> Result<> {
                                                  info.tags = {{"team", "green"}};
                                                  return done;
                                                }));

  REQUIRE(changed);
  CHECK(tags("same", {}) == Tags{{"team", "blue"}});
  CHECK(tags("other", {}) == Tags{{"team", "red"}});
  CHECK(tags("key", {}).empty());
  CHECK(tags("key", {.version = first}) == Tags{{"team", "green"}});
  CHECK(get(world, "key", first) == std::string("one"));
  CHECK(world.leftovers() == "");
}

TEST_CASE("several versions of one key are removed by one request") {
  World world;
  world.set_versioning(Versioning::enabled);
  std::vector<RemoveRequest> requests;
  for (int i = 0; i < 3; ++i) requests.push_back({.key = "key", .which = {.version = put(world, "key", kLong)}});
  requests.push_back({.key = "other"});

  const auto removed = run(world.objects.remove(world.context, "photos", requests));

  REQUIRE(removed);
  for (std::size_t i = 0; i < 3; ++i) CHECK(removed->at(i)->version == requests[i].which.version);
  CHECK(removed->at(3)->delete_marker);
  CHECK(states(world).size() == 1);
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("versions are listed in pages that go on where they ended") {
  World world;
  world.set_versioning(Versioning::enabled);
  for (const auto* key : {"a", "a/b", "b"}) {
    for (int i = 0; i < 3; ++i) put(world, key, "text");
  }
  put(world, std::string("a\0z", 3), "text");
  REQUIRE(world.remove("b"));
  const auto all = states(world);
  REQUIRE(all.size() == 11);

  for (std::size_t limit = 1; limit <= 11; ++limit) {
    std::vector<std::string> pages;
    VersionListOptions options;
    options.limit = limit;
    for (;;) {
      const auto page = run(list_versions(world.faulty.backend(), world.context, "photos", options));
      REQUIRE(page);
      const auto texts = states(world, options);
      pages.insert(pages.end(), texts.begin(), texts.end());
      if (!page->truncated) break;
      options.key_after = page->entries.back().name;
      page->go_on(options);
    }
    CHECK(pages == all);
  }
}

TEST_CASE("a page of versions goes on behind one that has been removed since") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");
  const auto second = put(world, "key", "two");
  const auto third = put(world, "key", "three");
  VersionListOptions options;
  options.key_after = "key";
  options.revision_after = static_cast<std::uint64_t>(second);
  REQUIRE(world.remove_version("key", third));
  REQUIRE(world.remove_version("key", second));

  CHECK(states(world, options) == std::vector<std::string>{"key " + to_text(first) + "+"});
}

TEST_CASE("pages of versions with snapshots, of every size, are the whole listing") {
  World world;
  const auto snapshot = [&](const char* key) { REQUIRE(run(world.start_snapshot(key))); };
  put(world, "a", "text");
  snapshot("a");
  snapshot("a");
  world.set_versioning(Versioning::enabled);
  put(world, "a", "text");
  snapshot("a");
  put(world, "b", "text");
  snapshot("b");
  const auto tell = [](const VersionPage& page, std::vector<std::uint64_t>& into) {
    for (const auto& entry : page.entries) into.push_back(entry.position());
  };
  std::vector<std::uint64_t> all;
  VersionListOptions options;
  options.snapshots = true;
  tell(run(list_versions(world.faulty.backend(), world.context, "photos", options)).value(), all);
  REQUIRE(all.size() == 7);

  for (options.limit = 1; options.limit <= 8; ++options.limit) {
    std::vector<std::uint64_t> pages;
    auto at = options;
    for (;;) {
      const auto page = run(list_versions(world.faulty.backend(), world.context, "photos", at)).value();
      tell(page, pages);
      if (!page.truncated) break;
      page.go_on(at);
    }
    CHECK(pages == all);
  }
}

TEST_CASE("a page goes on with a head that has become it since") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = put(world, "key", "one");
  const auto second = put(world, "key", "two");
  REQUIRE(run(world.start_snapshot("key")));
  VersionListOptions options;
  options.snapshots = true;
  options.limit = 1;
  const auto page = run(list_versions(world.faulty.backend(), world.context, "photos", options)).value();
  page.go_on(options);
  options.limit = 10;
  REQUIRE(world.remove_version("key", second));

  const auto rest = run(list_versions(world.faulty.backend(), world.context, "photos", options)).value();

  REQUIRE(rest.entries.size() == 2);
  CHECK(rest.entries[0].info.version() == first);
  CHECK(rest.entries[0].is_latest);
  CHECK(rest.entries[1].info.snapshot != 0);
}

TEST_CASE("versions are listed by prefix, and folded by a delimiter") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto a = put(world, "a", "text");
  put(world, "d/1", "text");
  put(world, "d/1", "text");
  REQUIRE(world.remove("e/1"));
  const auto z = put(world, "z", "text");

  CHECK(states(world, {.prefix = {}, .delimiter = "/", .key_after = {}}) ==
        std::vector<std::string>{"a " + to_text(a) + "+", "d/", "e/", "z " + to_text(z) + "+"});
  CHECK(states(world, {.prefix = "d/", .delimiter = {}, .key_after = {}}).size() == 2);
  CHECK(states(world, {.prefix = {}, .delimiter = "/", .key_after = "d/"}).size() == 2);
  CHECK(states(world, {.prefix = {}, .delimiter = {}, .key_after = "d/1"}).size() == 2);
}

TEST_CASE("a folded prefix stands in a listing of objects only if one of them is there") {
  World world;
  world.set_versioning(Versioning::enabled);
  put(world, "d/1", "text");
  put(world, "e/1", "text");
  put(world, "e/2", "text");
  REQUIRE(world.remove("d/1"));
  REQUIRE(world.remove("e/1"));

  const auto page = world.list({.prefix = {}, .delimiter = "/", .after = {}, .limit = 1});

  REQUIRE(page->entries.size() == 1);
  CHECK(page->entries[0].name == "e/");
  CHECK_FALSE(page->truncated);
}

TEST_CASE("a snapshot stays as it was when the object changes") {
  World world(/*extent_length_max=*/128);
  put(world, "inline", "one");
  put(world, "extents", kLong);
  world.put_parts("few", 3);
  world.put_parts("many", 400);

  for (const auto* key : {"inline", "extents", "few", "many"}) {
    const auto before = world.get(key).value();
    const auto base = run(world.objects.head(world.context, {"photos", key})).value();
    const auto snapshot = run(world.start_snapshot(key));
    REQUIRE(snapshot);
    CHECK(snapshot->snapshot > base->revision);
    CHECK(snapshot->revision == base->revision);
    CHECK(run(world.objects.head(world.context, {"photos", key})).value()->revision == base->revision);
    put(world, key, "changed");
    CHECK(get_snapshot(world, key, snapshot->snapshot) == before);
    CHECK(get_snapshot(world, key, snapshot->snapshot + 1).error().code == ErrorCode::no_such_version);
    CHECK(world.get(key) == std::string("changed"));
  }
  CHECK(states(world) == std::vector<std::string>{"extents null+", "few null+", "inline null+", "many null+"});
  CHECK(world.leftovers() == "");
}

TEST_CASE("an object with snapshots is removed with them, or not at all") {
  World world;
  put(world, "key", kLong);
  const auto first = run(world.start_snapshot("key"));
  const auto second = run(world.start_snapshot("key"));
  REQUIRE(second);
  CHECK(second->snapshot > first->snapshot);
  const auto remove = [&](RemoveRequest request) { return run(world.start_removal(std::move(request))); };

  CHECK(world.remove("key").error().code == ErrorCode::snapshot_present);
  CHECK(remove({.key = "key", .which = {.snapshot = first->snapshot}})->removed);
  CHECK_FALSE(remove({.key = "key", .which = {.snapshot = first->snapshot}})->removed);
  CHECK(get_snapshot(world, "key", second->snapshot) == kLong);
  CHECK(remove({.key = "key", .snapshots = Snapshots::only})->removed);
  CHECK(world.get("key") == kLong);
  CHECK(world.row_count("v") == 0);
  REQUIRE(run(world.start_snapshot("key")));
  CHECK(remove({.key = "key", .snapshots = Snapshots::include})->removed);

  CHECK(world.row_count("v") == 0);
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("snapshots are listed where they are asked for, between the versions") {
  World world;
  world.set_versioning(Versioning::enabled);
  put(world, "key", "one");
  REQUIRE(run(world.start_snapshot("key")));
  put(world, "key", "two");
  VersionListOptions options;
  options.snapshots = true;

  const auto both = world.versions(options);
  options.versions = false;
  const auto snapshots = world.versions(options);

  REQUIRE(both.size() == 3);
  CHECK(both[1].info.snapshot != 0);
  REQUIRE(snapshots.size() == 2);
  CHECK(snapshots[0].is_latest);
  CHECK(snapshots[1].info.snapshot == both[1].info.snapshot);
}

TEST_CASE("a check finds a version without a head, and a head that lost its null version") {
  World world;
  put(world, "key", "null");
  world.set_versioning(Versioning::enabled);
  put(world, "key", "one");
  const auto null_row = world.index.rows().lower_bound("v")->first;
  const auto erase = [&](const std::string& key) {
    const auto transaction = world.index.begin();
    transaction->erase(key);
    REQUIRE(run(transaction->commit()));
  };
  CHECK(world.check().first.versions == 1);
  CHECK(world.check().first.faults == 0);

  SECTION("the head") {
    erase(object_key({"photos", "key"}));
    CHECK(world.check().second.front().ends_with("has versions, but no head"));
  }
  SECTION("the null version") {
    erase(null_row);
    CHECK(world.check().second.front().ends_with("its null version is missing"));
  }
}

}  // namespace sluice::object
