#include "backends/postgres/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace sluice::postgres {

namespace asio = boost::asio;

namespace {

constexpr int kBinary = 1;
constexpr auto kStopCheck = std::chrono::milliseconds(50);

/// libpq's messages end with a line break.
std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

/// The session has ended, or is not on a server that may write.
bool ends_session(const PGresult* result, std::string_view sqlstate) {
  const auto severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity == "FATAL" || severity == "PANIC" || sqlstate.starts_with("08") || sqlstate == "25006";
}

/// Lengths and pointers as libpq takes them. Refers to the fields.
class Parameters {
 public:
  explicit Parameters(const std::vector<Field>& fields) {
    for (const Field& value : fields) {
      values_.push_back(value ? value->data() : nullptr);
      lengths_.push_back(value ? static_cast<int>(value->size()) : 0);
      formats_.push_back(kBinary);
    }
  }
  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

Answer answer_of(const PGresult* result) {
  Answer answer;
  answer.tag = PQcmdStatus(const_cast<PGresult*>(result));  // NOLINT: libpq reads it only
  const int columns = PQnfields(result);
  answer.rows.resize(static_cast<std::size_t>(PQntuples(result)));
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& fields = answer.rows[static_cast<std::size_t>(row)];
    fields.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column) != 0) {
        fields.emplace_back();
      } else {
        const auto length = static_cast<std::size_t>(PQgetlength(result, row, column));
        fields.emplace_back(std::string(PQgetvalue(result, row, column), length));
      }
    }
  }
  return answer;
}

bool is_answer(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
}

}  // namespace

ErrorCode code_of(std::string_view sqlstate) {
  struct Word {
    std::string_view prefix;
    ErrorCode code;
  };
  // https://www.postgresql.org/docs/15/errcodes-appendix.html; the longer prefixes first.
  static constexpr std::array kWords = {
      Word{"40001", ErrorCode::conflict},      // serialization_failure
      Word{"40P01", ErrorCode::conflict},      // deadlock_detected
      Word{"53100", ErrorCode::out_of_space},  // disk_full
      Word{"53", ErrorCode::busy},             // insufficient_resources
      Word{"XX001", ErrorCode::corrupt},       // data_corrupted
      Word{"XX002", ErrorCode::corrupt},       // index_corrupted
  };
  const auto word = std::ranges::find_if(kWords, [&](const Word& w) { return sqlstate.starts_with(w.prefix); });
  return word == kWords.end() ? ErrorCode::unavailable : word->code;
}

std::string describe(const std::string& conninfo) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), &message), &PQconninfoFree);
  // The message may quote what could not be read, and with it the password.
  PQfreemem(message);
  if (!options) throw std::invalid_argument("the index's connection string is malformed");
  std::string user, host, port, database;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    const std::string_view name = option->keyword;
    const std::string value = option->val == nullptr ? "" : option->val;
    if (name == "user" && !value.empty()) user = value + "@";
    if (name == "host") host = value;
    if (name == "port" && !value.empty()) port = ":" + value;
    if (name == "dbname") database = "/" + value;
  }
  return user + host + port + database;
}

// ---- opening, on a thread that may block

Result<std::unique_ptr<Connection>> Connection::open(const std::string& conninfo) {
  // What the string says comes last, and counts.
  constexpr std::array<const char*, 7> kNames = {"target_session_attrs",
                                                 "connect_timeout",
                                                 "keepalives_idle",
                                                 "tcp_user_timeout",
                                                 "application_name",
                                                 "dbname",
                                                 nullptr};
  const std::array<const char*, 7> values = {"read-write", "3", "10", "15000", "sluice", conninfo.c_str(), nullptr};
  PGconn* raw = PQconnectdbParams(kNames.data(), values.data(), /*expand_dbname=*/1);
  if (raw == nullptr) return fail(ErrorCode::unavailable, "index: libpq has no memory");
  std::unique_ptr<Connection> connection(new Connection(raw));
  if (PQstatus(raw) != CONNECTION_OK) return fail(ErrorCode::unavailable, "index: " + trimmed(PQerrorMessage(raw)));
  PQsetNoticeReceiver(raw, &Connection::note_warning, connection.get());
  PQsetnonblocking(raw, 1);
  return connection;
}

Connection::~Connection() { PQfinish(connection_); }

void Connection::note_warning(void* self, const PGresult* notice) {
  if (field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) != "WARNING") return;
  static_cast<Connection*>(self)->warning_ = trimmed(field(notice, PG_DIAG_MESSAGE_PRIMARY));
}

Result<> Connection::poll(short events, Deadline deadline, const std::stop_token& stop) const {
  pollfd socket{.fd = PQsocket(connection_), .events = events, .revents = 0};
  while (!stop.stop_requested()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::unavailable, "index: PostgreSQL did not answer in time");
    const int ready = ::poll(&socket, 1, static_cast<int>(std::min(left, kStopCheck).count()));
    if (ready > 0) return done;
    if (ready < 0 && errno != EINTR) {
      return fail(ErrorCode::unavailable, "index: poll: " + std::generic_category().message(errno));
    }
  }
  return fail(ErrorCode::unavailable, "index: closing");
}

/// The next result; null between two statements.
Answered<Connection::Result_> Connection::result(Deadline deadline, const std::stop_token& stop) {
  for (int unsent = 1; unsent != 0;) {
    unsent = PQflush(connection_);
    if (unsent < 0) return lose("sending");
    if (unsent == 0) break;
    if (const auto ready = poll(POLLIN | POLLOUT, deadline, stop); !ready) return lose(ready.error().detail);
    if (PQconsumeInput(connection_) == 0) return lose("receiving");
  }
  while (PQisBusy(connection_) != 0) {
    if (const auto ready = poll(POLLIN, deadline, stop); !ready) return lose(ready.error().detail);
    if (PQconsumeInput(connection_) == 0) return lose("receiving");
  }
  return Result_(PQgetResult(connection_), &PQclear);
}

Answered<Answer> Connection::query(const std::string& sql, const std::vector<Field>& parameters, Deadline deadline,
                                   const std::stop_token& stop) {
  const Parameters given(parameters);
  if (PQsendQueryParams(connection_, sql.c_str(), given.count(), nullptr, given.values(), given.lengths(),
                        given.formats(), kBinary) == 0) {
    return lose("sending");
  }
  std::optional<Answered<Answer>> answer;
  for (;;) {
    auto got = result(deadline, stop);
    if (!got) return std::unexpected(std::move(got).error());
    if (*got == nullptr) break;
    if (is_answer(got->get())) {
      answer = answer_of(got->get());
      continue;
    }
    const auto state = field(got->get(), PG_DIAG_SQLSTATE);
    lost_ = lost_ || ends_session(got->get(), state);
    answer = std::unexpected(
        Failure{{code_of(state), "index: " + field(got->get(), PG_DIAG_MESSAGE_PRIMARY) + " (" + state + ")"}, lost_});
  }
  if (!answer) return lose("no answer");
  return *std::move(answer);
}

Answered<> Connection::prepare(const char* name, const std::string& sql, Deadline deadline,
                               const std::stop_token& stop) {
  if (PQsendPrepare(connection_, name, sql.c_str(), 0, nullptr) == 0) return lose("sending");
  std::string refused;
  for (;;) {
    auto got = result(deadline, stop);
    if (!got) return std::unexpected(std::move(got).error());
    if (*got == nullptr) break;
    if (!is_answer(got->get())) refused = field(got->get(), PG_DIAG_MESSAGE_PRIMARY);
  }
  if (refused.empty()) return {};
  return std::unexpected(Failure{{ErrorCode::unavailable, "index: " + refused}, lost_});
}

void Connection::begin_pipeline() { PQenterPipelineMode(connection_); }

bool Connection::seems_alive() const {
  char byte = 0;
  const auto got = ::recv(PQsocket(connection_), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return posted_ != 0;  // Unasked, it can only be a farewell.
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

std::unexpected<Failure> Connection::lose(const std::string& why) {
  lost_ = true;
  const auto said = trimmed(PQerrorMessage(connection_));
  return std::unexpected(Failure{{ErrorCode::unavailable, "index: " + (said.empty() ? why : why + ": " + said)}, true});
}

// ---- exchanges, in coroutines

/// The connection's socket on the caller's io_context, with one deadline. Of one exchange.
class Connection::Wait {
 public:
  static constexpr auto kTuple = asio::as_tuple(use_task);
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

  Wait(const Executor& executor, int socket, Deadline deadline) : shared_(std::make_shared<Shared>(executor)) {
    // A copy: the descriptor closes what it has, and the socket is libpq's.
    boost::system::error_code ignored;
    const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0) shared_->socket.assign(copy, ignored);
    shared_->timer.expires_at(deadline);
    shared_->timer.async_wait([shared = shared_](boost::system::error_code error) {
      if (error || shared->over) return;
      shared->over = true;
      boost::system::error_code unused;
      shared->socket.cancel(unused);
    });
  }
  ~Wait() {
    shared_->over = true;
    shared_->timer.cancel();
    boost::system::error_code ignored;
    shared_->socket.close(ignored);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  /// Until the socket can be read, or also written; false once the deadline has passed.
  Awaitable<bool> readable() {
    if (shared_->over || !shared_->socket.is_open()) co_return false;
    co_await shared_->socket.async_wait(Descriptor::wait_read, kTuple);
    co_return !shared_->over;
  }
  Awaitable<bool> writable() {
    if (shared_->over || !shared_->socket.is_open()) co_return false;
    co_await shared_->socket.async_wait(Descriptor::wait_write, kTuple);
    co_return !shared_->over;
  }

 private:
  struct Shared {
    explicit Shared(const Executor& executor) : socket(executor), timer(executor) {}
    Descriptor socket;
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer;
    bool over = false;
  };
  std::shared_ptr<Shared> shared_;
};

bool Connection::send(const Statement& statement) {
  const Parameters given(statement.parameters);
  return PQsendQueryPrepared(connection_, statement.name, given.count(), given.values(), given.lengths(),
                             given.formats(), kBinary) != 0;
}

void Connection::post(const Statement& statement) {
  if (!usable()) return;
  if (!send(statement) || PQpipelineSync(connection_) == 0 || PQflush(connection_) < 0) {
    lost_ = true;
    return;
  }
  ++posted_;
}

Awaitable<Answered<Answers>> Connection::exchange(const std::vector<Statement>& statements, Deadline deadline) {
  exchanging_ = true;
  Wait wait(co_await asio::this_coro::executor, PQsocket(connection_), deadline);
  if (!std::ranges::all_of(statements, [this](const Statement& statement) { return send(statement); }) ||
      PQpipelineSync(connection_) == 0) {
    co_return lose("sending");
  }
  auto sent = co_await flush(wait);
  if (!sent) co_return std::unexpected(std::move(sent).error());
  auto skipped = co_await skip_posted(wait);
  if (!skipped) co_return std::unexpected(std::move(skipped).error());
  warning_.clear();
  auto got = co_await answers(statements.size(), wait);
  exchanging_ = false;
  co_return got;
}

// No answer is long before all is sent, so the server never waits for its answers to be taken.
Awaitable<Answered<>> Connection::flush(Wait& wait) {
  for (;;) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) co_return lose("sending");
    if (unsent == 0) co_return Answered<>{};
    const bool ready = co_await wait.writable();
    if (!ready) co_return lose("PostgreSQL did not take a request in time");
    if (PQconsumeInput(connection_) == 0) co_return lose("receiving");
  }
}

/// The next result; null between two statements.
Awaitable<Answered<Connection::Result_>> Connection::next(Wait& wait) {
  while (PQisBusy(connection_) != 0) {
    const bool ready = co_await wait.readable();
    if (!ready) co_return lose("PostgreSQL did not answer in time");
    if (PQconsumeInput(connection_) == 0) co_return lose("receiving");
  }
  if (PQstatus(connection_) == CONNECTION_BAD) co_return lose("receiving");
  co_return Result_(PQgetResult(connection_), &PQclear);
}

Awaitable<Answered<>> Connection::skip_posted(Wait& wait) {
  int nulls = 0;
  while (posted_ != 0) {
    auto got = co_await next(wait);
    if (!got) co_return std::unexpected(std::move(got).error());
    nulls = *got == nullptr ? nulls + 1 : 0;
    if (nulls == 2) co_return lose("answers out of step");
    if (*got != nullptr && PQresultStatus(got->get()) == PGRES_PIPELINE_SYNC) --posted_;
  }
  co_return Answered<>{};
}

Awaitable<Answered<Answers>> Connection::answers(std::size_t count, Wait& wait) {
  Answers answers;
  std::optional<Failure> failure;
  for (int nulls = 0;;) {
    auto got = co_await next(wait);
    if (!got && failure && failure->lost) co_return std::unexpected(*std::move(failure));
    if (!got) co_return std::unexpected(std::move(got).error());
    const PGresult* result = got->get();
    nulls = result == nullptr ? nulls + 1 : 0;
    if (nulls == 2) co_return lose("answers out of step");
    if (result == nullptr || PQresultStatus(result) == PGRES_PIPELINE_ABORTED) continue;
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) break;
    if (is_answer(result)) {
      answers.statements.push_back(answer_of(result));
    } else if (!failure) {
      const auto state = field(result, PG_DIAG_SQLSTATE);
      lost_ = lost_ || state.empty() || ends_session(result, state);
      const auto message = state.empty() ? trimmed(PQresultErrorMessage(result))
                                         : field(result, PG_DIAG_MESSAGE_PRIMARY) + " (" + state + ")";
      failure = Failure{{code_of(state), "index: " + message}, lost_};
      if (lost_) co_return std::unexpected(*std::move(failure));
    }
  }
  if (failure) co_return std::unexpected(*std::move(failure));
  if (answers.statements.size() != count) co_return lose("answers out of step");
  answers.warning = warning_;
  co_return answers;
}

}  // namespace sluice::postgres
