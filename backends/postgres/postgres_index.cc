#include "backends/postgres/postgres_index.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "backends/postgres/commit.h"
#include "backends/postgres/parameters.h"
#include "backends/postgres/pool.h"
#include "backends/postgres/session.h"
#include "gateway/core/mailbox.h"

namespace sluice::postgres {

namespace {

using Value = std::optional<std::string>;

constexpr auto kOpenTime = std::chrono::seconds(40);    ///< To wait for the commits of earlier runs, at the start.
constexpr auto kSessionTime = std::chrono::seconds(5);  ///< To prepare a session.
constexpr std::size_t kForgetMax = 4;                   ///< Rows of earlier commits that a commit takes away.

void check_schema_name(const std::string& name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || !std::ranges::all_of(name, allowed)) throw std::invalid_argument("index: a schema's name");
}

}  // namespace

/// What transactions share.
class PostgresIndex::State {
 public:
  State(const PostgresOptions& options, std::atomic<bool>& uncertain, Log& log)
      : options_(options),
        uncertain_(uncertain),
        log_(log),
        pool_(options.connections_max, [this](const std::stop_token& stop) { return open(stop); }, log) {
    check_schema_name(options_.schema);
    const auto place = describe(options_.conninfo);
    auto connection = open_session(options_.conninfo, Deadline::clock::now() + kSessionTime, {});
    if (!connection) throw std::runtime_error("cannot open the index at " + place + ": " + connection.error().detail);
    const Claim claim{options_.schema, options_.extents, options_.owner, options_.create};
    run_ = open_index(**connection, claim, Deadline::clock::now() + kOpenTime);
    const auto ready = prepare_statements(**connection, options_.schema, Deadline::clock::now() + kSessionTime, {});
    if (!ready) throw std::runtime_error("cannot open the index at " + place + ": " + ready.error().detail);
    pool_.add(*std::move(connection));
  }

  Pool& pool() { return pool_; }
  Deadline deadline() const { return Deadline::clock::now() + options_.patience; }

  Task<Value> get(std::string_view key);
  Task<> commit(Commit commit, std::optional<Lease> lease);
  Task<> settle_all(Deadline deadline);
  Task<> end_owner(std::string owner);

 private:
  class InDoubt;

  Result<std::unique_ptr<Connection>> open(const std::stop_token& stop) const;
  Task<std::optional<Result<>>> attempt(Connection& connection, const Commit& commit, std::int64_t number,
                                        Deadline deadline);
  std::optional<Result<>> outcome(const Answers& answers, std::int64_t number);
  Task<bool> settle(std::int64_t number, Deadline deadline);

  void leave_unsettled(std::int64_t number);
  void settled(std::int64_t number);
  std::vector<std::int64_t> take_forgettable();
  void forget_later(std::vector<std::int64_t> numbers);

  const PostgresOptions options_;
  std::atomic<bool>& uncertain_;
  Log& log_;
  std::int64_t run_ = 0;
  std::atomic<std::int64_t> next_number_ = 1;

  std::mutex mutex_;
  std::set<std::int64_t> unsettled_;       ///< Commits that may have happened, or may yet.
  std::vector<std::int64_t> forgettable_;  ///< Commits whose outcome is known and whose row is there.

  Pool pool_;  // Ends first: its thread opens sessions.
  boost::asio::thread_pool blocking_{1};
};

/// A commit that has been sent. Unless its outcome becomes known it is left unsettled,
/// also when its coroutine is destroyed.
class PostgresIndex::State::InDoubt {
 public:
  InDoubt(State& state, std::int64_t number) : state_(&state), number_(number) {}
  ~InDoubt() {
    if (state_ != nullptr) state_->leave_unsettled(number_);
  }
  InDoubt(const InDoubt&) = delete;
  InDoubt& operator=(const InDoubt&) = delete;
  void resolved() { state_ = nullptr; }

 private:
  State* state_;
  const std::int64_t number_;
};

Result<std::unique_ptr<Connection>> PostgresIndex::State::open(const std::stop_token& stop) const {
  const auto deadline = Deadline::clock::now() + kSessionTime;
  TRY(auto connection, open_session(options_.conninfo, deadline, stop));
  TRY(prepare_statements(*connection, options_.schema, deadline, stop));
  return connection;
}

// Rare, so by a connection that nothing else uses.
Task<> PostgresIndex::State::end_owner(std::string owner) {
  co_return co_await done_on<Result<>>(blocking_, [this, owner]() -> Result<> {
    const auto until = deadline();
    TRY(const auto connection, open_session(options_.conninfo, until, {}));
    try {
      end_runs(*connection, options_.schema, owner, until);
    } catch (const std::runtime_error& error) {
      return fail(ErrorCode::unavailable, error.what());
    }
    return done;
  });
}

Task<Value> PostgresIndex::State::get(std::string_view key) {
  const auto until = deadline();
  CO_TRY(co_await settle_all(until));
  for (;;) {
    CO_TRY(auto lease, co_await pool_.acquire(Hold::brief, until));
    std::vector<Statement> statements;
    statements.push_back({"find", {std::string(key)}});
    auto answers = co_await lease.connection().exchange(statements, until);
    if (answers) {
      auto& rows = answers->statements[0].rows;
      co_return rows.empty() ? Value() : std::move(rows[0][0]);
    }
    if (!answers.error().lost || Deadline::clock::now() >= until) co_return std::unexpected(answers.error().error);
  }
}

Task<> PostgresIndex::State::commit(Commit commit, std::optional<Lease> lease) {
  const auto until = deadline();
  for (;;) {
    if (!lease) {
      CO_TRY(auto acquired, co_await pool_.acquire(Hold::brief, until));
      lease.emplace(std::move(acquired));
    }
    const auto number = next_number_++;
    InDoubt doubt(*this, number);
    CO_TRY(const auto result, co_await attempt(lease->connection(), commit, number, until));
    lease.reset();
    if (result) {
      doubt.resolved();
      co_return *result;
    }
    const auto happened = co_await settle(number, deadline());
    if (!happened) co_return fail(ErrorCode::unavailable, "index: a commit is in doubt: " + happened.error().detail);
    doubt.resolved();
    if (*happened) co_return done;
    if (Deadline::clock::now() >= until) co_return fail(ErrorCode::unavailable, "index: no commit came through");
  }
}

/// The outcome, or nothing if it cannot be known from this connection.
Task<std::optional<Result<>>> PostgresIndex::State::attempt(Connection& connection, const Commit& commit,
                                                            std::int64_t number, Deadline deadline) {
  const auto forget = take_forgettable();
  std::vector<Statement> statements;
  if (connection.in_transaction()) statements.push_back({"rollback"});
  statements.push_back({"begin"});
  statements.push_back({"lock", lock_parameters(commit, commit_lock(options_.schema))});
  statements.push_back({"apply", apply_parameters(commit, {run_, number}, forget)});
  statements.push_back({"commit"});
  const auto answers = co_await connection.exchange(statements, deadline);
  std::optional<Result<>> result;
  if (answers) {
    result = outcome(*answers, number);
  } else if (!answers.error().lost) {
    // The server refused a statement, and so the transaction.
    result = std::unexpected(answers.error().error);
  }
  if (!result || !*result) forget_later(forget);
  co_return result;
}

std::optional<Result<>> PostgresIndex::State::outcome(const Answers& answers, std::int64_t number) {
  if (!answers.warning.empty()) {
    log_.warning("index_commit_warned", {{"detail", std::string_view(answers.warning)}});
    return std::nullopt;
  }
  const auto& statements = answers.statements;
  if (statements.back().tag != "COMMIT") return Result<>(fail(ErrorCode::unavailable, "index: the commit was undone"));
  switch (applied(statements[statements.size() - 2])) {
    case Applied::yes:
      forget_later({number});
      return Result<>();
    case Applied::conflict:
      return Result<>(fail(ErrorCode::conflict, "a key that was read has changed"));
    case Applied::fenced:
      log_.error("index_fenced", {{"owner", std::string_view(options_.owner)}});
      return Result<>(fail(ErrorCode::unavailable, "index: a later run of this gateway has taken over"));
    case Applied::unclear:
      break;
  }
  return std::nullopt;
}

/// Did the commit of that number happen? If not, it cannot any more. Waits for a server
/// process that is still at it.
Task<bool> PostgresIndex::State::settle(std::int64_t number, Deadline deadline) {
  for (;;) {
    CO_TRY(auto lease, co_await pool_.acquire(Hold::brief, deadline));
    std::vector<Statement> statements;
    statements.push_back({"settle", {postgres::number(run_), postgres::number(number)}});
    const auto answers = co_await lease.connection().exchange(statements, deadline);
    if (answers && answers->warning.empty()) {
      const auto& rows = answers->statements[0].rows;
      co_return !rows.empty() && truth(rows[0][0]).value_or(false);
    }
    const bool again = answers || answers.error().lost;
    if (!again) co_return std::unexpected(answers.error().error);
    if (Deadline::clock::now() >= deadline) co_return fail(ErrorCode::unavailable, "no connection lived long enough");
  }
}

// Several may settle the same at once: it is idempotent, and each must know it done.
Task<> PostgresIndex::State::settle_all(Deadline deadline) {
  if (!uncertain_) co_return done;
  std::set<std::int64_t> numbers;
  {
    const std::scoped_lock lock(mutex_);
    numbers = unsettled_;
  }
  for (const auto number : numbers) {
    CO_TRY(co_await settle(number, deadline));
    settled(number);
  }
  co_return done;
}

void PostgresIndex::State::leave_unsettled(std::int64_t number) {
  const std::scoped_lock lock(mutex_);
  unsettled_.insert(number);
  uncertain_ = true;
}

void PostgresIndex::State::settled(std::int64_t number) {
  const std::scoped_lock lock(mutex_);
  unsettled_.erase(number);
  if (unsettled_.empty()) uncertain_ = false;
}

std::vector<std::int64_t> PostgresIndex::State::take_forgettable() {
  const std::scoped_lock lock(mutex_);
  const auto count = std::min(kForgetMax, forgettable_.size());
  std::vector<std::int64_t> taken(forgettable_.end() - static_cast<std::ptrdiff_t>(count), forgettable_.end());
  forgettable_.resize(forgettable_.size() - count);
  return taken;
}

void PostgresIndex::State::forget_later(std::vector<std::int64_t> numbers) {
  const std::scoped_lock lock(mutex_);
  forgettable_.insert(forgettable_.end(), numbers.begin(), numbers.end());
}

class PostgresIndex::PostgresTransaction final : public Transaction {
 public:
  explicit PostgresTransaction(State& state) : state_(state) {}

  Task<Value> get(std::string_view key) override {
    CO_TRY(auto answer, co_await read({"get", {std::string(key)}}));
    std::optional<std::int64_t> version;
    Value value;
    if (!answer.rows.empty()) {
      value = std::move(answer.rows[0][0]);
      version = number(answer.rows[0][1]);
    }
    commit_.got.insert_or_assign(std::string(key), version);
    co_return value;
  }

  Task<std::vector<Entry>> scan(const KeyRange& range, std::size_t limit) override {
    std::vector<Entry> entries;
    if (limit == 0 || (!range.end.empty() && range.end <= range.begin)) co_return entries;
    Statement statement{range.end.empty() ? "scan_to_end" : "scan", {range.begin}};
    if (!range.end.empty()) statement.parameters.emplace_back(range.end);
    statement.parameters.push_back(number(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX))));
    CO_TRY(auto answer, co_await read(std::move(statement)));
    entries.reserve(answer.rows.size());
    for (Row& row : answer.rows) entries.push_back({std::move(*row[0]), std::move(*row[1])});
    co_return entries;
  }

  void put(std::string key, std::string value) override {
    commit_.writes.insert_or_assign(std::move(key), std::move(value));
  }
  void erase(std::string key) override { commit_.writes.insert_or_assign(std::move(key), std::nullopt); }

  Task<> commit() override {
    if (commit_.writes.empty()) {
      snapshot_.reset();
      co_return done;
    }
    CO_TRY(check(commit_));
    co_return co_await state_.commit(std::move(commit_), std::exchange(snapshot_, std::nullopt));
  }

 private:
  Task<Answer> read(Statement statement) {
    if (gone_) co_return fail(ErrorCode::unavailable, "index: the snapshot went with its connection");
    const auto until = state_.deadline();
    std::vector<Statement> statements;
    if (snapshot_) {
      statements.push_back(std::move(statement));
      auto answers = co_await snapshot_->connection().exchange(statements, until);
      if (answers) co_return std::move(answers->statements[0]);
      gone_ = true;
      snapshot_.reset();
      co_return std::unexpected(std::move(answers).error().error);
    }
    statements.push_back({"begin_snapshot"});
    statements.push_back(std::move(statement));
    co_return co_await begin(statements, until);
  }

  /// The first read, which may be tried again: nobody has seen its snapshot.
  Task<Answer> begin(const std::vector<Statement>& statements, Deadline until) {
    CO_TRY(co_await state_.settle_all(until));
    for (;;) {
      CO_TRY(auto lease, co_await state_.pool().acquire(Hold::snapshot, until));
      auto answers = co_await lease.connection().exchange(statements, until);
      if (answers) {
        snapshot_.emplace(std::move(lease));
        co_return std::move(answers->statements[1]);
      }
      if (!answers.error().lost || Deadline::clock::now() >= until) {
        co_return std::unexpected(std::move(answers).error().error);
      }
    }
  }

  State& state_;
  Commit commit_;
  std::optional<Lease> snapshot_;  ///< The connection whose transaction has the snapshot.
  bool gone_ = false;
};

PostgresIndex::PostgresIndex(const PostgresOptions& options, std::atomic<bool>& uncertain, Log& log)
    : state_(std::make_unique<State>(options, uncertain, log)) {}

PostgresIndex::~PostgresIndex() = default;

std::unique_ptr<Transaction> PostgresIndex::begin() { return std::make_unique<PostgresTransaction>(*state_); }

Task<Value> PostgresIndex::get(std::string_view key) { return state_->get(key); }

Task<> PostgresIndex::end_owner(std::string owner) { co_return co_await state_->end_owner(std::move(owner)); }

}  // namespace sluice::postgres
