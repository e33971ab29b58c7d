#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "tests/contract/postgres_server.h"
#include "tests/support/run_task.h"

// Concurrent reads and conditional writes through two gateways, while sessions are
// ended, checked for linearizability. Every write has a value of its own and remembers
// the one it replaced, so the values of a key form a chain: the order of its writes.

namespace sluice::test {
namespace {

using Time = std::chrono::steady_clock::time_point;
using Value = std::optional<std::string>;

struct Operation {
  std::string key;
  bool is_write = false;
  Value value;   ///< Read, or written.
  Value before;  ///< What a write replaced.
  Time begun, ended;
};

class History {
 public:
  void add(Operation operation) {
    const std::scoped_lock lock(mutex_);
    operations_.push_back(std::move(operation));
  }
  void in_doubt(const std::string& key, Value before, Value value) {
    const std::scoped_lock lock(mutex_);
    // It may have happened at any time behind its beginning.
    doubtful_.push_back({key, true, std::move(value), std::move(before), {}, Time::max()});
  }

  /// The first contradiction, or nothing.
  std::optional<std::string> fault() {
    std::set<std::string> keys;
    for (const auto& operation : operations_) keys.insert(operation.key);
    for (const auto& key : keys) {
      if (auto found = fault_of(key)) return key + ": " + *found;
    }
    return std::nullopt;
  }
  std::size_t size() const { return operations_.size(); }

 private:
  std::optional<std::string> fault_of(const std::string& key) const {
    std::map<Value, std::vector<Value>> next;  // What replaced a value.
    for (const auto& operation : operations_) {
      if (operation.key == key && operation.is_write) next[operation.before].push_back(operation.value);
    }
    for (const auto& operation : doubtful_) {
      const bool seen = std::ranges::any_of(operations_, [&](const Operation& other) {
        return other.key == key && (other.is_write ? other.before : other.value) == operation.value;
      });
      if (operation.key == key && seen) next[operation.before].push_back(operation.value);
    }
    std::map<Value, int> place = {{std::nullopt, 0}};
    for (Value at;;) {
      const auto& after = next[at];
      if (after.size() > 1) return "two writes replaced " + at.value_or("nothing");
      if (after.empty()) break;
      place.emplace(after[0], static_cast<int>(place.size()));
      at = after[0];
    }
    return order_fault(key, place);
  }

  /// What ended before another began is not behind it in the chain.
  std::optional<std::string> order_fault(const std::string& key, const std::map<Value, int>& place) const {
    for (const auto& earlier : operations_) {
      if (earlier.key != key) continue;
      const auto at = place.find(earlier.value);
      if (at == place.end()) return "a value that nobody wrote in turn: " + earlier.value.value_or("nothing");
      for (const auto& later : operations_) {
        if (later.key != key || earlier.ended >= later.begun) continue;
        const auto then = place.find(later.value);
        const bool in_order = then != place.end() && at->second + (later.is_write ? 1 : 0) <= then->second;
        if (!in_order) return later.value.value_or("nothing") + " came after " + earlier.value.value_or("nothing");
      }
    }
    return std::nullopt;
  }

  std::mutex mutex_;
  std::vector<Operation> operations_;
  std::vector<Operation> doubtful_;
};

Operation begun(const std::string& key, bool is_write) {
  Operation operation;
  operation.key = key;
  operation.is_write = is_write;
  operation.begun = std::chrono::steady_clock::now();
  return operation;
}

void read(Index& index, const std::string& key, History& history) {
  auto operation = begun(key, false);
  const auto value = run(index.get(key));
  operation.ended = std::chrono::steady_clock::now();
  if (!value) return;
  operation.value = *value;
  history.add(std::move(operation));
}

void replace(Index& index, const std::string& key, const std::string& value, History& history) {
  auto operation = begun(key, true);
  const auto transaction = index.begin();
  const auto before = run(transaction->get(key));
  if (!before) return;
  transaction->put(key, value);
  const auto result = run(transaction->commit());
  operation.ended = std::chrono::steady_clock::now();
  operation.before = *before;
  operation.value = value;
  if (result) {
    history.add(std::move(operation));
  } else if (result.error().code != ErrorCode::conflict) {
    history.in_doubt(key, *before, value);
  }
}

TEST_CASE("what two gateways do at once could have been done one after the other") {
  PostgresServer server;
  PostgresStore one(server);
  PostgresStore other(server, one.schema(), "two");
  History history;
  std::atomic<int> running = 0;
  std::vector<std::jthread> threads;
  for (int n = 0; n < 6; ++n) {
    ++running;
    threads.emplace_back([&, n] {
      Index& index = n % 2 == 0 ? one.index() : other.index();
      std::minstd_rand random(static_cast<unsigned>(n));
      for (int times = 0; times < 120; ++times) {
        const auto key = "key" + std::to_string(random() % 3);
        if (random() % 2 == 0) {
          read(index, key, history);
        } else {
          replace(index, key, std::to_string(n) + "." + std::to_string(times), history);
        }
      }
      --running;
    });
  }
  while (running > 0) {
    server.end_sessions();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  threads.clear();

  CHECK(history.size() > 100);
  CHECK(history.fault().value_or("none") == "none");
}

TEST_CASE("a history that contradicts itself is found") {
  const Time start{};
  const auto at = [&](int ms) { return start + std::chrono::milliseconds(ms); };
  History history;
  history.add({"k", true, "1", std::nullopt, at(0), at(1)});
  SECTION("two writes replaced the same") {
    history.add({"k", true, "2", std::nullopt, at(0), at(1)});
    CHECK(history.fault());
  }
  SECTION("a read of what was replaced before it began") {
    history.add({"k", true, "2", "1", at(2), at(3)});
    history.add({"k", false, "1", std::nullopt, at(4), at(5)});
    CHECK(history.fault());
  }
  SECTION("a read that misses what was acknowledged") {
    history.add({"k", false, std::nullopt, std::nullopt, at(2), at(3)});
    CHECK(history.fault());
  }
  SECTION("a value from nowhere") {
    history.add({"k", false, "9", std::nullopt, at(2), at(3)});
    CHECK(history.fault());
  }
  SECTION("nothing, if reads overlap the write that they see or do not see") {
    history.add({"k", true, "2", "1", at(2), at(9)});
    history.add({"k", false, "1", std::nullopt, at(3), at(4)});
    history.add({"k", false, "2", std::nullopt, at(5), at(6)});
    CHECK_FALSE(history.fault());
  }
}

}  // namespace
}  // namespace sluice::test
