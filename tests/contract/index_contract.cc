#include "tests/contract/index_contract.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "gateway/core/encoding.h"
#include "tests/support/run_task.h"

namespace sluice::test {

namespace {

namespace asio = boost::asio;

/// One row as the test wants it; no value erases.
struct Row {
  std::string key;
  std::optional<std::string> value;
};

Task<> commit_rows(Index& index, std::vector<Row> rows) {
  const auto transaction = index.begin();
  for (Row& row : rows) {
    if (row.value) {
      transaction->put(std::move(row.key), *std::move(row.value));
    } else {
      transaction->erase(std::move(row.key));
    }
  }
  co_return co_await transaction->commit();
}

void write(Index& index, std::vector<Row> rows) { REQUIRE(run(commit_rows(index, std::move(rows)))); }

std::optional<std::string> get(Index& index, const std::string& key) {
  auto value = run(index.get(key));
  REQUIRE(value);
  return *value;
}

std::optional<std::string> get(Transaction& transaction, const std::string& key) {
  auto value = run(transaction.get(key));
  REQUIRE(value);
  return *value;
}

std::string scan(Transaction& transaction, const KeyRange& range, std::size_t limit = 100) {
  const auto entries = run(transaction.scan(range, limit));
  REQUIRE(entries);
  std::string text;
  for (const Entry& entry : *entries) text += entry.key + "=" + entry.value + " ";
  return text;
}

std::string scan(Index& index, const KeyRange& range, std::size_t limit = 100) {
  return scan(*index.begin(), range, limit);
}

/// Notes what it sees, skipping the rest of those that begin as the one seen does, for so many bytes.
class Notes final : public RowVisitor {
 public:
  explicit Notes(std::size_t fold = 0, std::size_t count_max = 100'000) : fold_(fold), count_max_(count_max) {}

  Walk see(std::string_view key, std::string_view value) override {
    text.append(key).append("=").append(value).append(" ");
    if (++count_ == count_max_) return Walk::stop;
    if (fold_ == 0) return Walk::on;
    skip_to_ = std::string(key.substr(0, fold_)) + '\xFF';
    return Walk::skip;
  }
  std::string_view skip_to() const override { return skip_to_; }

  std::string text;

 private:
  const std::size_t fold_;
  const std::size_t count_max_;
  std::size_t count_ = 0;
  std::string skip_to_;
};

std::string walk(Transaction& transaction, const KeyRange& range, std::size_t expected, const Notes& kind = Notes()) {
  const auto notes = std::make_shared<Notes>(kind);
  REQUIRE(run(transaction.walk(range, notes, expected)));
  return notes->text;
}

bool is_conflict(const Result<>& result) { return !result && result.error().code == ErrorCode::conflict; }

void check_rows(Index& index) {
  SECTION("a row is what was last committed") {
    CHECK(get(index, "a") == std::nullopt);
    write(index, {{"a", "1"}});
    CHECK(get(index, "a") == "1");
    write(index, {{"a", "2"}});
    CHECK(get(index, "a") == "2");
    write(index, {{"a", std::nullopt}});
    CHECK(get(index, "a") == std::nullopt);
  }
  SECTION("an empty value is a value") {
    write(index, {{"a", ""}});
    CHECK(get(index, "a") == "");
  }
  SECTION("erasing what is not there succeeds") {
    write(index, {{"a", std::nullopt}});
    CHECK(get(index, "a") == std::nullopt);
  }
  SECTION("the last write of a key in a transaction counts") {
    write(index, {{"a", "1"}, {"a", std::nullopt}, {"b", std::nullopt}, {"b", "2"}, {"c", "3"}, {"c", "4"}});
    CHECK(scan(index, {}) == "b=2 c=4 ");
  }
  SECTION("the longest keys and values are kept") {
    const std::string key = random_bytes(Index::kKeySizeMax);
    const std::string value = random_bytes(Index::kValueSizeMax);
    write(index, {{key, value}});
    CHECK(get(index, key) == value);
    CHECK(scan(index, {}) == key + "=" + value + " ");
    CHECK(scan(index, {key + '\0', ""}).empty());
  }
  SECTION("a transaction of a megabyte commits") {
    std::vector<Row> rows;
    for (int n = 0; n < 16; ++n) rows.push_back({"key" + std::to_string(n), std::string(64 * 1024, 'v')});
    write(index, rows);
    CHECK(get(index, "key15") == rows[15].value);
  }
  SECTION("a dropped transaction leaves nothing") {
    index.begin()->put("a", "1");
    CHECK(get(index, "a") == std::nullopt);
  }
}

void check_order(Index& index) {
  using namespace std::string_literals;
  SECTION("rows come in the order of unsigned bytes") {
    write(index, {{"\xff"s, "5"}, {"b", "3"}, {"\x00"s, "1"}, {"\x7f"s, "4"}, {"\xff\x00"s, "6"}, {"a", "2"}});
    const auto entries = run(index.begin()->scan({}, 100));
    REQUIRE(entries);
    std::string order;
    for (const Entry& entry : *entries) order += entry.value;
    CHECK(order == "123456");
  }
  SECTION("a range includes its begin and excludes its end") {
    write(index, {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
    CHECK(scan(index, {"b", "d"}) == "b=2 c=3 ");
    CHECK(scan(index, {"b", ""}) == "b=2 c=3 d=4 ");
    CHECK(scan(index, {"", "c"}) == "a=1 b=2 ");
    CHECK(scan(index, {"aa", "bb"}) == "b=2 ");
  }
  SECTION("a range that is empty or upside down has no rows") {
    write(index, {{"a", "1"}, {"b", "2"}});
    CHECK(scan(index, {"b", "b"}).empty());
    CHECK(scan(index, {"b", "a"}).empty());
    CHECK(scan(index, {"c", "d"}).empty());
  }
  SECTION("bounds may hold zero bytes and 0xFF") {
    write(index, {{"a", "1"}, {"a\x00"s, "2"}, {"a\x00z"s, "3"}, {"a\xff"s, "4"}, {"a\xff\xff"s, "5"}, {"b", "6"}});
    CHECK(scan(index, {"a\x00"s, "a\xff"s}) == "a\x00=2 a\x00z=3 "s);
    CHECK(scan(index, {"a\xff"s, "b"}) == "a\xff=4 a\xff\xff=5 ");
    CHECK(scan(index, {"a\x00\x00"s, "a\xff\x00"s}) == "a\x00z=3 a\xff=4 "s);
  }
  SECTION("a limit cuts a scan short, and only it does") {
    std::vector<Row> rows;
    for (int n = 1000; n < 3000; ++n) rows.push_back({std::to_string(n), "v"});
    write(index, rows);
    CHECK(scan(index, {}, 0).empty());
    CHECK(scan(index, {}, 2) == "1000=v 1001=v ");
    CHECK(run(index.begin()->scan({}, 1500))->size() == 1500);
    CHECK(run(index.begin()->scan({"1500", ""}, 5000))->size() == 1500);
  }
  SECTION("a page of large values is whole") {
    for (int n = 10; n < 20; ++n) {
      std::vector<Row> rows;
      for (int m = 10; m < 22; ++m) {
        rows.push_back({std::to_string(n) + std::to_string(m), std::string(64 * 1024, 'v')});
      }
      write(index, rows);
    }
    const auto entries = run(index.begin()->scan({}, 1000));
    REQUIRE(entries);
    CHECK(entries->size() == 120);
    CHECK(entries->back().value == std::string(64 * 1024, 'v'));
  }
}

void check_walks(Index& index) {
  std::vector<Row> rows;
  for (int n = 1000; n < 4000; ++n) rows.push_back({std::to_string(n), "v"});
  write(index, rows);
  const auto expected = GENERATE(as<std::size_t>{}, 1, 64, 1000, 100'000);
  const auto transaction = index.begin();

  SECTION("a walk sees what a scan gives") {
    CHECK(walk(*transaction, {}, expected) == scan(*transaction, {}, 5000));
    CHECK(walk(*transaction, {"1500", "3200"}, expected) == scan(*transaction, {"1500", "3200"}, 5000));
    CHECK(walk(*transaction, {"3999", ""}, expected) == "3999=v ");
    CHECK(walk(*transaction, {"4", ""}, expected).empty());
    CHECK(walk(*transaction, {"2000", "2000"}, expected).empty());
    CHECK(walk(*transaction, {"2000", "1000"}, expected).empty());
  }
  SECTION("a walk sees the snapshot of its transaction") {
    CHECK(get(*transaction, "1000") == "v");
    write(index, {{"1000", "2"}, {"1001", std::nullopt}, {"10005", "2"}});
    CHECK(walk(*transaction, {"", "1003"}, expected) == "1000=v 1001=v 1002=v ");
    CHECK(walk(*index.begin(), {"", "1003"}, expected) == "1000=2 10005=2 1002=v ");
  }
  SECTION("a walk stops when it is told to") {
    CHECK(walk(*transaction, {"1500", ""}, expected, Notes(0, 2)) == "1500=v 1501=v ");
  }
  SECTION("a walk skips what it is told to, be it near or far") {
    CHECK(walk(*transaction, {"", "1040"}, expected, Notes(3)) == "1000=v 1010=v 1020=v 1030=v ");
    CHECK(walk(*transaction, {}, expected, Notes(2)) == walk(*transaction, {}, 1, Notes(2)));
    CHECK(walk(*transaction, {"1005", "3500"}, expected, Notes(1)) == "1005=v 2000=v 3000=v ");
    CHECK(walk(*transaction, {"1005", ""}, expected, Notes(1, 2)) == "1005=v 2000=v ");
  }
}

void check_snapshots(Index& index) {
  write(index, {{"a", "1"}, {"b", "1"}, {"c", "1"}});
  SECTION("a transaction sees one snapshot, whoever commits meanwhile") {
    const auto transaction = index.begin();
    CHECK(get(*transaction, "a") == "1");
    write(index, {{"a", "2"}, {"b", std::nullopt}, {"bb", "2"}});
    CHECK(get(*transaction, "a") == "1");
    CHECK(get(*transaction, "b") == "1");
    CHECK(get(*transaction, "bb") == std::nullopt);
    CHECK(scan(*transaction, {}) == "a=1 b=1 c=1 ");
    CHECK(scan(index, {}) == "a=2 bb=2 c=1 ");
  }
  SECTION("a scan takes the snapshot as a get does") {
    const auto transaction = index.begin();
    CHECK(scan(*transaction, {}) == "a=1 b=1 c=1 ");
    write(index, {{"a", "2"}});
    CHECK(get(*transaction, "a") == "1");
  }
  SECTION("the snapshot is taken at the first read") {
    const auto transaction = index.begin();
    write(index, {{"a", "2"}});
    CHECK(get(*transaction, "a") == "2");
  }
  SECTION("a transaction does not see its own writes") {
    const auto transaction = index.begin();
    transaction->put("a", "mine");
    transaction->erase("b");
    CHECK(get(*transaction, "a") == "1");
    CHECK(scan(*transaction, {}) == "a=1 b=1 c=1 ");
    REQUIRE(run(transaction->commit()));
    CHECK(scan(index, {}) == "a=mine c=1 ");
  }
  SECTION("a commit is whole in every later read") {
    const auto transaction = index.begin();
    write(index, {{"a", "2"}, {"b", "2"}, {"c", "2"}});
    CHECK(scan(*transaction, {}) == "a=2 b=2 c=2 ");
  }
}

/// What was read lately an index may have at hand in memory; that must make no difference.
void check_at_hand(Index& index) {
  write(index, {{"a", "1"}, {"b", "1"}});
  CHECK(get(index, "a") == "1");
  CHECK(get(index, "b") == "1");
  const auto transaction = index.begin();
  SECTION("a row that is read again after a change is not shown to a snapshot of before it") {
    CHECK(get(*transaction, "b") == "1");
    write(index, {{"a", "2"}});
    CHECK(get(index, "a") == "2");
    if (const auto row = transaction->at_hand("a")) CHECK(row->bytes() == "1");
    CHECK(get(*transaction, "a") == "1");
  }
  SECTION("a row that changed before the snapshot is shown as it is") {
    write(index, {{"a", "2"}});
    CHECK(get(index, "a") == "2");
    if (const auto row = transaction->at_hand("a")) CHECK(row->bytes() == "2");
    CHECK(get(*transaction, "a") == "2");
  }
  SECTION("a row at hand is guarded as one that was got") {
    const auto row = transaction->at_hand("a");
    CHECK((row ? row->bytes() : get(*transaction, "a")) == "1");
    write(index, {{"a", "2"}});
    transaction->put("x", "mine");
    CHECK(is_conflict(run(transaction->commit())));
  }
  SECTION("a row that is not at hand guards nothing") {
    CHECK(transaction->at_hand("nothing") == nullptr);
    write(index, {{"nothing", "2"}});
    transaction->put("x", "mine");
    CHECK(run(transaction->commit()));
  }
}

void check_conflicts(Index& index) {
  write(index, {{"a", "1"}, {"b", "1"}});
  const auto transaction = index.begin();
  SECTION("a key that was got and has changed is a conflict, and nothing is written") {
    CHECK(get(*transaction, "a") == "1");
    write(index, {{"a", "2"}});
    transaction->put("x", "mine");
    CHECK(is_conflict(run(transaction->commit())));
    CHECK(scan(index, {}) == "a=2 b=1 ");
  }
  SECTION("a key that was absent and has come is a conflict") {
    CHECK(get(*transaction, "c") == std::nullopt);
    write(index, {{"c", "2"}});
    transaction->put("c", "mine");
    CHECK(is_conflict(run(transaction->commit())));
    CHECK(get(index, "c") == "2");
  }
  SECTION("a key that was present and has gone is a conflict") {
    CHECK(get(*transaction, "a") == "1");
    write(index, {{"a", std::nullopt}});
    transaction->put("x", "mine");
    CHECK(is_conflict(run(transaction->commit())));
  }
  SECTION("a key that changed and changed back is a conflict") {
    CHECK(get(*transaction, "a") == "1");
    write(index, {{"a", "2"}});
    write(index, {{"a", "1"}});
    transaction->put("x", "mine");
    CHECK(is_conflict(run(transaction->commit())));
  }
  SECTION("any of the keys that were got counts") {
    get(*transaction, "b");
    get(*transaction, "nothing");
    get(*transaction, "a");
    write(index, {{"nothing", "2"}});
    transaction->put("x", "mine");
    CHECK(is_conflict(run(transaction->commit())));
  }
  SECTION("changes of other keys are none") {
    CHECK(get(*transaction, "a") == "1");
    write(index, {{"b", "2"}, {"c", "2"}});
    transaction->put("a", "mine");
    REQUIRE(run(transaction->commit()));
    CHECK(scan(index, {}) == "a=mine b=2 c=2 ");
  }
  SECTION("a blind write over a change is none") {
    CHECK(get(*transaction, "b") == "1");
    write(index, {{"a", "2"}});
    transaction->put("a", "mine");
    REQUIRE(run(transaction->commit()));
    CHECK(get(index, "a") == "mine");
  }
  SECTION("what was only scanned is not guarded") {
    CHECK(scan(*transaction, {}) == "a=1 b=1 ");
    write(index, {{"a", "2"}});
    transaction->put("x", "mine");
    CHECK(run(transaction->commit()));
  }
  SECTION("without writes there is no check") {
    CHECK(get(*transaction, "a") == "1");
    write(index, {{"a", "2"}});
    CHECK(run(transaction->commit()));
  }
  SECTION("its own earlier commit is no conflict for the next transaction") {
    CHECK(get(*transaction, "a") == "1");
    transaction->put("a", "2");
    REQUIRE(run(transaction->commit()));
    const auto next = index.begin();
    CHECK(get(*next, "a") == "2");
    next->put("a", "3");
    CHECK(run(next->commit()));
  }
}

/// Adds one to the number in `key`, as often as it takes.
Task<> increment(Index& index, std::string key, std::atomic<int>& conflicts) {
  for (;;) {
    const auto transaction = index.begin();
    CO_TRY(const auto value, co_await transaction->get(key));
    transaction->put(key, std::to_string(std::stoi(value.value_or("0")) + 1));
    const auto result = co_await transaction->commit();
    if (result || result.error().code != ErrorCode::conflict) co_return result;
    ++conflicts;
  }
}

/// Increments, and then must see at least what it acknowledged itself.
Awaitable<> count_up(Index& index, int times, std::atomic<int>& faults, std::atomic<int>& conflicts) {
  for (int n = 1; n <= times; ++n) {
    if (!co_await increment(index, "sum", conflicts)) ++faults;
    const auto seen = co_await index.get("sum");
    if (!seen || !*seen || std::stoi(**seen) < n) ++faults;
  }
}

/// Replaces a row and the companion it names, both in one commit, again and again.
Awaitable<> replace_pairs(Index& index, int times, std::atomic<int>& faults) {
  for (int n = 1; n <= times; ++n) {
    const auto transaction = index.begin();
    transaction->put("name", std::to_string(n));
    transaction->put("companion" + std::to_string(n), "here");
    transaction->erase("companion" + std::to_string(n - 1));
    if (!co_await transaction->commit()) ++faults;
  }
}

/// Whoever finds a companion gone finds the row that names it changed. Looks as
/// soon as the next companion is there, having just read the name.
Awaitable<> follow_pairs(Index& index, const std::atomic<bool>& stop, std::atomic<int>& faults) {
  while (!stop) {
    const auto name = co_await index.get("name");
    if (!name || !*name) co_return;
    const auto next = co_await index.get("companion" + std::to_string(std::stoi(**name) + 1));
    if (next && !*next) continue;
    const auto before = co_await index.get("name");
    if (!before || !*before) co_return;
    const auto companion = co_await index.get("companion" + **before);
    const auto after = co_await index.get("name");
    if (!companion || !after || (!*companion && *after == *before)) ++faults;
  }
}

void check_concurrency(Index& index) {
  SECTION("the rows of a commit change together for whoever reads one after the other") {
    write(index, {{"name", "0"}, {"companion0", "here"}});
    std::atomic<int> faults = 0;
    std::atomic<bool> stop = false;
    std::jthread reader([&] {
      asio::io_context io(1);
      asio::co_spawn(io, follow_pairs(index, stop, faults), asio::detached);
      io.run();
    });
    asio::io_context io(1);
    asio::co_spawn(io, replace_pairs(index, 1000, faults), asio::detached);
    io.run();
    stop = true;
    reader.join();
    CHECK(faults == 0);
  }
  SECTION("concurrent increments from several threads add up") {
    constexpr int kThreads = 3, kCoroutines = 4, kTimes = 25;
    std::atomic<int> faults = 0, conflicts = 0;
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        asio::io_context io(1);
        for (int n = 0; n < kCoroutines; ++n)
          asio::co_spawn(io, count_up(index, kTimes, faults, conflicts), asio::detached);
        io.run();
      });
    }
    threads.clear();
    CHECK(faults == 0);
    CHECK(get(index, "sum") == std::to_string(kThreads * kCoroutines * kTimes));
  }
  SECTION("of two transactions that read and write each other's key only one commits") {
    write(index, {{"a", "1"}, {"b", "1"}});
    const auto one = index.begin(), other = index.begin();
    get(*one, "a"), get(*other, "b");
    one->put("b", "0"), other->put("a", "0");
    CHECK(run(one->commit()));
    CHECK(is_conflict(run(other->commit())));
  }
}

}  // namespace

void check_index_contract(const MakeIndex& make) {
  const auto index = make();
  check_rows(*index);
  check_order(*index);
  SECTION("walks") { check_walks(*index); }
  SECTION("snapshots") { check_snapshots(*index); }
  SECTION("at hand") { check_at_hand(*index); }
  SECTION("conflicts") { check_conflicts(*index); }
  check_concurrency(*index);
}

}  // namespace sluice::test
