#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/result.h"

namespace sluice::postgres {

using Deadline = std::chrono::steady_clock::time_point;

/// A parameter or a field in PostgreSQL's binary format; nothing is NULL.
using Field = std::optional<std::string>;
using Row = std::vector<Field>;

/// One execution of a prepared statement.
struct Statement {
  const char* name;
  std::vector<Field> parameters = {};
};

/// What a statement answered: its rows, and its command tag, such as "COMMIT".
struct Answer {
  std::vector<Row> rows;
  std::string tag;
};

/// Why a statement has no answer.
struct Failure {
  Error error;
  bool lost = false;  ///< With the connection: the server may have done all of it, or none.
};

template <class T = void>
using Answered = std::expected<T, Failure>;

/// The answers to one exchange, a statement each.
struct Answers {
  std::vector<Answer> statements;
  /// The server's last warning on the way, empty if there was none. A COMMIT answered with one
  /// was cut short in its wait for the synchronous standby.
  std::string warning;
};

/// One libpq connection in pipeline mode. Opened and prepared on a thread that may
/// block; used from coroutines of any io_context, by one at a time. A coroutine destroyed
/// in an exchange leaves the connection unusable.
class Connection {
 public:
  /// Connects, name look-up included: some seconds a host unless the string has a
  /// connect_timeout of its own. Of several hosts it takes the one that may be written
  /// to. Fails with unavailable; the detail never holds the password.
  static Result<std::unique_ptr<Connection>> open(const std::string& conninfo);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Blocks for the answer of one statement given as text, its parameters untyped. Before begin_pipeline().
  Answered<Answer> query(const std::string& sql, const std::vector<Field>& parameters, Deadline deadline,
                         const std::stop_token& stop);
  /// As query(), for a statement's preparation.
  Answered<> prepare(const char* name, const std::string& sql, Deadline deadline, const std::stop_token& stop);
  void begin_pipeline();

  /// Sends all statements at once and reads all answers: one round trip. The first failure is
  /// the exchange's, and the server skips the statements behind it.
  Awaitable<Answered<Answers>> exchange(const std::vector<Statement>& statements, Deadline deadline);

  /// Sends a statement whose answer nobody waits for; the next exchange() reads past it.
  void post(const Statement& statement);

  /// May another exchange be tried? False once it is lost, or given up in the middle of one.
  bool usable() const { return !lost_ && !exchanging_; }
  /// Not closed by the other side, as far as can be seen without asking it.
  bool seems_alive() const;
  bool in_transaction() const { return PQtransactionStatus(connection_) != PQTRANS_IDLE; }
  int server_version() const { return PQserverVersion(connection_); }

 private:
  class Wait;
  using Result_ = std::unique_ptr<PGresult, decltype(&PQclear)>;

  explicit Connection(PGconn* connection) : connection_(connection) {}
  static void note_warning(void* self, const PGresult* notice);

  Result<> poll(short events, Deadline deadline, const std::stop_token& stop) const;
  Answered<Result_> result(Deadline deadline, const std::stop_token& stop);
  bool send(const Statement& statement);
  Awaitable<Answered<>> flush(Wait& wait);
  Awaitable<Answered<Result_>> next(Wait& wait);
  Awaitable<Answered<>> skip_posted(Wait& wait);
  Awaitable<Answered<Answers>> answers(std::size_t count, Wait& wait);
  std::unexpected<Failure> lose(const std::string& why);

  PGconn* const connection_;
  bool lost_ = false;
  bool exchanging_ = false;
  std::size_t posted_ = 0;  ///< Exchanges sent whose answers nobody has read.
  std::string warning_;
};

/// The words for an SQLSTATE. docs/cluster.md has the table.
ErrorCode code_of(std::string_view sqlstate);

/// Where a connection string leads, without its password: "user@host:port/database". Throws
/// std::invalid_argument if libpq cannot read it.
std::string describe(const std::string& conninfo);

}  // namespace sluice::postgres
