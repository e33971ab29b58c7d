#include <libpq-fe.h>
#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "backends/postgres/session.h"
#include "tests/contract/postgres_server.h"
#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kPatience = 60s;  ///< Where an operation must live to see the end of a fault.

PostgresServer& server() {
  static PostgresServer one;
  return one;
}

Task<> put(Index& index, std::string key, std::string value) {
  const auto transaction = index.begin();
  transaction->put(std::move(key), std::move(value));
  co_return co_await transaction->commit();
}

/// Puts `value` if the key has `before`; a conflict of the caller's own otherwise.
Task<> replace(Index& index, std::string key, std::optional<std::string> before, std::string value) {
  const auto transaction = index.begin();
  CO_TRY(const auto found, co_await transaction->get(key));
  if (found != before) co_return fail(ErrorCode::precondition_failed);
  transaction->put(std::move(key), std::move(value));
  co_return co_await transaction->commit();
}

Task<> increment(Index& index, std::string key) {
  for (;;) {
    const auto transaction = index.begin();
    CO_TRY(const auto value, co_await transaction->get(key));
    transaction->put(key, std::to_string(std::stoi(value.value_or("0")) + 1));
    const auto result = co_await transaction->commit();
    if (result || result.error().code != ErrorCode::conflict) co_return result;
  }
}

std::optional<std::string> get(Index& index, const std::string& key) {
  auto value = run(index.get(key));
  REQUIRE(value);
  return *value;
}

/// Runs a task on a thread of its own.
std::future<Result<>> start(Task<> task) {
  return std::async(std::launch::async, [task = std::move(task)]() mutable { return run(std::move(task)); });
}

bool is_running(const std::future<Result<>>& future) { return future.wait_for(0s) == std::future_status::timeout; }

/// Returns once the server says so.
void wait_until(const std::string& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (server().ask("SELECT " + condition) != "t") {
    if (std::chrono::steady_clock::now() > deadline) FAIL("never true: " + condition);
    std::this_thread::sleep_for(5ms);
  }
}

/// How many sessions of Sluice wait for something of that kind: Lock, IPC.
std::string waiting(const std::string& kind, int count = 1) {
  return "count(*) >= " + std::to_string(count) +
         " FROM pg_stat_activity WHERE application_name = 'sluice' AND wait_event_type = '" + kind + "'";
}

/// A session of the test's own, which holds what it has locked.
class Holder {
 public:
  explicit Holder(const std::string& sql) : connection_(PQconnectdb(server().conninfo().c_str()), &PQfinish) {
    do_(sql);
  }
  void do_(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) FAIL(PQerrorMessage(connection_.get()));
  }
  void let_go() { connection_.reset(); }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// Makes commits wait for a standby that is not there, or no longer.
void require_standby(bool required) {
  const std::string name = required ? "nobody" : "";
  server().ask("ALTER SYSTEM SET synchronous_standby_names = '" + name + "'");
  server().ask("SELECT pg_reload_conf()");
  wait_until("current_setting('synchronous_standby_names') = '" + name + "'");
}

TEST_CASE("a commit whose session is ended on the way happens, and once") {
  PostgresStore store(server());
  store.options().patience = kPatience;
  store.close(), store.open();
  Index& index = store.index();
  REQUIRE(run(put(index, "n", "0")));

  SECTION("before it is sent") {
    const auto transaction = index.begin();
    REQUIRE(run(transaction->get("n")));
    server().end_sessions();
    transaction->put("n", "1");
    CHECK(run(transaction->commit()));
  }
  SECTION("while it waits for its locks") {
    const auto number = std::to_string(postgres::commit_lock(store.schema()));
    Holder holder("SELECT pg_advisory_lock(" + number + ")");
    auto commit = start(increment(index, "n"));
    wait_until(waiting("Lock"));
    server().end_sessions();
    wait_until(waiting("Lock"));
    CHECK(is_running(commit));
    holder.let_go();
    CHECK(commit.get());
  }
  SECTION("while it writes") {
    Holder holder("BEGIN; UPDATE " + store.schema() + ".entry SET version = version");
    auto commit = start(increment(index, "n"));
    wait_until(waiting("Lock"));
    server().end_sessions();
    wait_until(waiting("Lock"));
    holder.do_("ROLLBACK");
    CHECK(commit.get());
  }
  SECTION("after it happened, before it was answered") {
    require_standby(true);
    auto commit = start(increment(index, "n"));
    wait_until(waiting("IPC"));
    server().end_sessions();
    // Now it is to be seen, but would be lost with the primary: it may not be acknowledged.
    wait_until(waiting("IPC"));
    CHECK(is_running(commit));
    require_standby(false);
    CHECK(commit.get());
  }
  SECTION("when an operator cancels its wait for the standby") {
    require_standby(true);
    auto commit = start(increment(index, "n"));
    wait_until(waiting("IPC"));
    server().ask("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    wait_until("count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%AS known%'");
    CHECK(is_running(commit));
    require_standby(false);
    CHECK(commit.get());
  }
  CHECK(get(index, "n") == "1");
  CHECK_FALSE(store.uncertain());
}

TEST_CASE("a session that was given up and wakes up later commits nothing") {
  PostgresStore store(server());
  store.options().patience = 1s;
  store.close(), store.open();
  Index& index = store.index();
  REQUIRE(run(put(index, "n", "0")));

  const auto transaction = index.begin();
  REQUIRE(run(transaction->get("n")));
  const auto pid = server().ask("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'");
  transaction->put("n", "1");
  REQUIRE(::kill(std::stoi(pid), SIGSTOP) == 0);
  const auto committed = run(transaction->commit());
  REQUIRE_FALSE(committed);
  CHECK(committed.error().code == ErrorCode::unavailable);
  CHECK(get(index, "n") == "0");
  CHECK_FALSE(store.uncertain());

  // It finds all of the commit in its socket, and that its number has been taken.
  REQUIRE(::kill(std::stoi(pid), SIGCONT) == 0);
  wait_until("count(*) = 0 FROM pg_stat_activity WHERE pid = " + pid);
  CHECK(get(index, "n") == "0");
}

TEST_CASE("a commit that is in doubt makes the index uncertain until the next read") {
  PostgresStore store(server());
  store.options().patience = 1s;
  store.close(), store.open();
  Index& index = store.index();
  REQUIRE(run(put(index, "n", "0")));

  SECTION("the server is silent for longer than the patience") {
    const auto transaction = index.begin();
    REQUIRE(run(transaction->get("n")));
    transaction->put("n", "1");
    server().freeze();
    const auto committed = run(transaction->commit());
    const auto read = run(index.get("n"));
    const bool uncertain = store.uncertain();
    server().thaw();
    REQUIRE_FALSE(committed);
    CHECK(committed.error().code == ErrorCode::unavailable);
    CHECK_FALSE(read);
    CHECK(uncertain);
  }
  SECTION("its coroutine is destroyed") {
    Holder holder("BEGIN; UPDATE " + store.schema() + ".entry SET version = version");
    {
      asio::io_context io(1);
      asio::co_spawn(io, increment(index, "n"), [](std::exception_ptr, const Result<>&) {});
      while (server().ask("SELECT " + waiting("Lock")) != "t") io.run_for(5ms);
    }
    CHECK(store.uncertain());
  }
  // What it says once the index is certain again stays.
  const auto value = get(index, "n");
  CHECK_FALSE(store.uncertain());
  server().end_sessions();
  CHECK(get(index, "n") == value);
}

TEST_CASE("a new run of an owner waits for the commits of the one before, and ends it") {
  PostgresStore store(server());
  store.options().patience = kPatience;
  store.close(), store.open();
  REQUIRE(run(put(store.index(), "n", "0")));
  Holder holder("BEGIN; UPDATE " + store.schema() + ".entry SET version = version");
  auto commit = start(increment(store.index(), "n"));
  wait_until(waiting("Lock"));

  auto later =
      std::async(std::launch::async, [&] { return std::make_unique<PostgresStore>(server(), store.schema()); });
  wait_until(waiting("Lock", 2));
  holder.do_("ROLLBACK");
  const auto next = later.get();
  CHECK(commit.get());
  CHECK(get(next->index(), "n") == "1");

  const auto refused = run(increment(store.index(), "n"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(get(next->index(), "n") == "1");
  CHECK(run(increment(next->index(), "n")));
}

TEST_CASE("an owner that is gone is ended by another, which waits for its commits and goes on itself") {
  PostgresStore gone(server());
  gone.options().patience = kPatience;
  gone.close(), gone.open();
  PostgresStore other(server(), gone.schema(), "two");
  REQUIRE(run(put(gone.index(), "n", "0")));
  Holder holder("BEGIN; UPDATE " + gone.schema() + ".entry SET version = version");
  auto commit = start(increment(gone.index(), "n"));
  wait_until(waiting("Lock"));

  auto ended = start(other.index().end_owner("one"));
  wait_until(waiting("Lock", 2));
  holder.do_("ROLLBACK");
  CHECK(ended.get());
  CHECK(commit.get());
  CHECK(get(other.index(), "n") == "1");

  const auto refused = run(increment(gone.index(), "n"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(run(increment(other.index(), "n")));
  CHECK(get(other.index(), "n") == "2");
  CHECK(run(other.index().end_owner("one")));
  CHECK(run(other.index().end_owner("nobody")));
}

TEST_CASE("what was acknowledged outlives the server, and nothing happens twice") {
  PostgresServer own;
  PostgresStore store(own);
  store.options().patience = kPatience;
  store.close(), store.open();
  Index& index = store.index();
  std::atomic<int> acknowledged = 0, in_doubt = 0;
  std::atomic<bool> stop = false;
  std::vector<std::jthread> writers;
  for (int n = 0; n < 3; ++n) {
    writers.emplace_back([&, key = std::string(1, static_cast<char>('a' + n % 2))] {
      while (!stop) {
        // A snapshot that went with its connection is told as unavailable; nothing was sent then.
        const auto result = run(increment(index, key));
        (result ? acknowledged : in_doubt)++;
      }
    });
  }
  const auto progress = [&](int count) {
    for (const int from = acknowledged; acknowledged < from + count;) std::this_thread::sleep_for(1ms);
  };
  for (int round = 0; round < 2; ++round) {
    progress(20);
    own.end_sessions();
    progress(20);
    round % 2 == 0 ? own.crash() : own.stop();
    own.start();
  }
  progress(20);
  stop = true;
  writers.clear();

  const int sum = std::stoi(get(index, "a").value()) + std::stoi(get(index, "b").value());
  CHECK(sum == acknowledged);
  CHECK_FALSE(store.uncertain());
}

TEST_CASE("more transactions than connections wait for one another, and each may read beside its snapshot") {
  PostgresStore store(server());
  store.options().patience = kPatience;
  store.options().connections_max = 2;
  store.close(), store.open();
  Index& index = store.index();
  int ended = 0;
  const auto work = [](Index& in, int& count) -> Task<> {
    const auto transaction = in.begin();
    CO_TRY(co_await transaction->get("a"));
    CO_TRY(co_await in.get("b"));
    transaction->put("a" + std::to_string(count), "x");
    CO_TRY(co_await transaction->commit());
    ++count;
    co_return done;
  };
  asio::io_context io(1);
  for (int n = 0; n < 20; ++n) asio::co_spawn(io, work(index, ended), [](std::exception_ptr, const Result<>&) {});
  io.run();
  CHECK(ended == 20);
}

TEST_CASE("a server that is silent is unavailable, and no wait is for ever") {
  PostgresStore store(server());
  store.options().patience = 1s;
  store.close(), store.open();
  REQUIRE(run(put(store.index(), "n", "0")));
  server().freeze();
  const auto read = run(store.index().get("n"));
  const auto snapshot = run(store.index().begin()->get("n"));
  server().thaw();
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ErrorCode::unavailable);
  REQUIRE_FALSE(snapshot);
  CHECK(snapshot.error().code == ErrorCode::unavailable);
  CHECK(get(store.index(), "n") == "0");
}

TEST_CASE("of commits on the same condition through two gateways one wins") {
  PostgresStore one(server());
  PostgresStore other(server(), one.schema(), "two");
  std::optional<std::string> before;
  for (int round = 0; round < 40; ++round) {
    const std::string key = round % 2 == 0 ? "new" + std::to_string(round) : "same";
    if (round % 2 == 0) before.reset();
    if (round % 2 != 0) before = get(one.index(), key);
    const auto mine = "one" + std::to_string(round), its = "two" + std::to_string(round);
    auto first = start(replace(one.index(), key, before, mine));
    auto second = start(replace(other.index(), key, before, its));
    const bool won[] = {first.get().has_value(), second.get().has_value()};
    REQUIRE(won[0] + won[1] == 1);
    REQUIRE(get(one.index(), key) == (won[0] ? mine : its));
    REQUIRE(get(other.index(), key) == (won[0] ? mine : its));
  }
}

TEST_CASE("what an index refuses to open it names, and never the password") {
  PostgresStore store(server());
  const auto why = [](postgres::PostgresOptions options) -> std::string {
    std::atomic<bool> uncertain = false;
    NullLog log;
    try {
      postgres::PostgresIndex(options, uncertain, log);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "opened";
  };
  auto options = store.options();
  CHECK(why(options) == "opened");
  SECTION("another store's index") {
    options.extents = "another";
    CHECK(why(options) == "index in PostgreSQL: it belongs to the extent store test, not to another");
  }
  SECTION("a newer schema") {
    server().ask("UPDATE " + store.schema() + ".meta SET value = '2' WHERE name = 'schema_version'");
    CHECK(why(options) == "index in PostgreSQL: its schema has version 2, and this program knows version 1");
  }
  SECTION("an index that should be there") {
    options.schema = PostgresStore::new_schema();
    options.create = false;
    CHECK_THAT(why(options), Catch::StartsWith("index in PostgreSQL: there is no index"));
    options.create = true;
    CHECK(why(options) == "opened");
  }
  SECTION("a server that does not write to the device") {
    PostgresServer careless({"fsync=off"});
    options.conninfo = careless.conninfo();
    CHECK_THAT(why(options), Catch::Contains("fsync"));
  }
  SECTION("a server that is not there") {
    options.conninfo = "postgres://user:hunter2@127.0.0.1:1/database";
    CHECK_THAT(why(options), Catch::StartsWith("cannot open the index at user@127.0.0.1:1/database: "));
    CHECK_THAT(why(options), !Catch::Contains("hunter2"));
    options.conninfo = "postgres://user:hunter2@[::1/database";
    CHECK_THAT(why(options), !Catch::Contains("hunter2"));
  }
}

}  // namespace
}  // namespace sluice::test
