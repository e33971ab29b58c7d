#include "backends/postgres/session.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "backends/postgres/parameters.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::postgres {

namespace {

constexpr int kServerVersionMin = 130000;
constexpr std::string_view kSchemaVersion = "1";

// The plans are the same whatever the statistics say: index look-ups, and nothing that
// must read more than it returns. A session whose client is silent gives its locks back.
constexpr std::array kSettings = {
    "SET statement_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = '30s'",
    "SET plan_cache_mode = force_generic_plan",
    "SET jit = off",
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET client_min_messages = warning",
};

// The key is the primary key, so PostgreSQL's B-tree limit of a third of a page (2704
// bytes with its header) bounds Index::kKeySizeMax. Values are opaque, often hashes or
// compressed: trying to compress them is wasted work.
constexpr std::string_view kTables = R"(
CREATE TABLE {0}.meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE {0}.entry (key bytea PRIMARY KEY, value bytea NOT NULL, version bigint NOT NULL) WITH (fillfactor = 90);
ALTER TABLE {0}.entry ALTER COLUMN key SET STORAGE PLAIN;
ALTER TABLE {0}.entry ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE TABLE {0}.run (run bigint PRIMARY KEY, owner text NOT NULL, began timestamptz NOT NULL DEFAULT now());
CREATE TABLE {0}.commit (run bigint, number bigint, applied boolean NOT NULL, PRIMARY KEY (run, number));
)";

struct Prepared {
  const char* name;
  std::string_view sql;
};

// "apply" is the whole of a commit between its locks and its COMMIT: it changes nothing
// unless its run still stands, its number is new, and every key that was got is as it was.
constexpr std::array kStatements = {
    Prepared{"find", "SELECT value FROM {0}.entry WHERE key = $1::bytea"},
    Prepared{"begin_snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"},
    Prepared{"get", "SELECT value, version FROM {0}.entry WHERE key = $1::bytea"},
    Prepared{"scan",
             "SELECT key, value FROM {0}.entry WHERE key >= $1::bytea AND key < $2::bytea "
             "ORDER BY key LIMIT $3::bigint"},
    Prepared{"scan_to_end", "SELECT key, value FROM {0}.entry WHERE key >= $1::bytea ORDER BY key LIMIT $2::bigint"},
    Prepared{"rollback", "ROLLBACK"},
    Prepared{"begin", "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"},
    Prepared{"lock",
             "SELECT count(CASE WHEN alone THEN pg_advisory_xact_lock(id) "
             "ELSE pg_advisory_xact_lock_shared(id) END) FROM unnest($1::bigint[], $2::boolean[]) l(id, alone)"},
    Prepared{"apply", R"(
WITH standing AS MATERIALIZED (SELECT 1 FROM {0}.run WHERE run = $1::bigint),
guard AS MATERIALIZED (
  SELECT NOT EXISTS (
    SELECT FROM unnest($3::bytea[], $4::bigint[]) got(key, version) LEFT JOIN {0}.entry r ON r.key = got.key
    WHERE r.version IS DISTINCT FROM got.version) AS holds),
mine AS (
  INSERT INTO {0}.commit (run, number, applied)
  SELECT $1::bigint, $2::bigint, true FROM guard WHERE holds AND EXISTS (SELECT FROM standing)
  ON CONFLICT DO NOTHING RETURNING number),
put AS (
  INSERT INTO {0}.entry (key, value, version)
  SELECT w.key, w.value, $8::bigint FROM unnest($5::bytea[], $6::bytea[]) w(key, value)
  WHERE EXISTS (SELECT FROM mine)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version),
erased AS (
  DELETE FROM {0}.entry r USING unnest($7::bytea[]) w(key) WHERE r.key = w.key AND EXISTS (SELECT FROM mine)),
forgotten AS (
  DELETE FROM {0}.commit c USING unnest($9::bigint[]) f(number)
  WHERE c.run = $1::bigint AND c.number = f.number AND EXISTS (SELECT FROM mine))
SELECT EXISTS (SELECT FROM standing), (SELECT holds FROM guard), EXISTS (SELECT FROM mine))"},
    Prepared{"commit", "COMMIT"},
    // Writes in either case: its own COMMIT then also waits for whatever the commit asked for left unsaid.
    Prepared{"settle",
             "INSERT INTO {0}.commit AS known (run, number, applied) VALUES ($1::bigint, $2::bigint, false) "
             "ON CONFLICT (run, number) DO UPDATE SET applied = known.applied RETURNING known.applied"},
};

Result<> of(const Answered<Answer>& answer) {
  if (answer) return done;
  return std::unexpected(answer.error().error);
}

/// The one value that a query gives.
Result<std::string> ask(Connection& connection, const std::string& sql, Deadline deadline,
                        const std::stop_token& stop) {
  const auto answer = connection.query(sql, {}, deadline, stop);
  if (!answer) return std::unexpected(answer.error().error);
  if (answer->rows.empty() || !answer->rows[0][0]) return std::string();
  return *answer->rows[0][0];
}

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error("index in PostgreSQL: " + why); }

/// Blocking statements in one transaction, whose failures are exceptions.
class Setup {
 public:
  Setup(Connection& connection, Deadline deadline) : connection_(connection), deadline_(deadline) { run("BEGIN"); }

  Answer run(const std::string& sql, const std::vector<Field>& parameters = {}) {
    auto answer = connection_.query(sql, parameters, deadline_, {});
    if (!answer) refuse(answer.error().error.detail);
    return *std::move(answer);
  }
  Field first(const std::string& sql, const std::vector<Field>& parameters = {}) {
    const auto answer = run(sql, parameters);
    return answer.rows.empty() ? Field() : answer.rows[0][0];
  }
  void commit() { run("COMMIT"); }

 private:
  Connection& connection_;
  const Deadline deadline_;
};

void create_tables(Setup& setup, const Claim& claim) {
  setup.run("CREATE SCHEMA IF NOT EXISTS " + claim.schema);
  std::string_view rest = kTables;
  for (auto end = rest.find(';'); end != std::string_view::npos; end = rest.find(';')) {
    setup.run(fmt::format(fmt::runtime(rest.substr(0, end)), claim.schema));
    rest.remove_prefix(end + 1);
  }
  const auto insert = fmt::format("INSERT INTO {}.meta VALUES ($1::text, $2::text)", claim.schema);
  setup.run(insert, {"schema_version", std::string(kSchemaVersion)});
  setup.run(insert, {"extents", claim.extents});
}

void check_tables(Setup& setup, const Claim& claim) {
  const auto select = fmt::format("SELECT value FROM {}.meta WHERE name = $1::text", claim.schema);
  const auto version = setup.first(select, {"schema_version"}).value_or("none");
  if (version != kSchemaVersion) {
    refuse(fmt::format("its schema has version {}, and this program knows version {}", version, kSchemaVersion));
  }
  const auto extents = setup.first(select, {"extents"}).value_or("none");
  if (extents != claim.extents) {
    refuse(fmt::format("it belongs to the extent store {}, not to {}", extents, claim.extents));
  }
}

// Alone with the commit lock, no commit is under way; and one that comes later finds its run gone.
void end_runs(Setup& setup, const std::string& schema, const std::string& owner) {
  setup.run("SELECT count(pg_advisory_xact_lock($1::bigint))", {number(commit_lock(schema))});
  setup.run(fmt::format("DELETE FROM {0}.commit c USING {0}.run r WHERE c.run = r.run AND r.owner = $1::text", schema),
            {owner});
  setup.run(fmt::format("DELETE FROM {}.run WHERE owner = $1::text", schema), {owner});
}

void create_or_check(Connection& connection, const Claim& claim, Deadline deadline) {
  Setup setup(connection, deadline);
  setup.run("SELECT count(pg_advisory_xact_lock($1::bigint))", {number(commit_lock(claim.schema))});
  const auto table = setup.first("SELECT to_regclass($1::text)::text", {claim.schema + ".meta"});
  if (table) {
    check_tables(setup, claim);
  } else if (claim.create) {
    create_tables(setup, claim);
  } else {
    refuse("there is no index in schema " + claim.schema + ", though the extent store was in use before");
  }
  setup.commit();
}

}  // namespace

std::int64_t commit_lock(const std::string& schema) {
  return static_cast<std::int64_t>(crc64nvme("sluice commit lock " + schema));
}

Result<std::unique_ptr<Connection>> open_session(const std::string& conninfo, Deadline deadline,
                                                 const std::stop_token& stop) {
  TRY(auto connection, Connection::open(conninfo));
  if (connection->server_version() < kServerVersionMin) {
    return fail(ErrorCode::unavailable, "index: PostgreSQL 13 or later is needed");
  }
  TRY(const auto fsync, ask(*connection, "SHOW fsync", deadline, stop));
  TRY(const auto pages, ask(*connection, "SHOW full_page_writes", deadline, stop));
  if (fsync != "on" || pages != "on") {
    return fail(ErrorCode::unavailable,
                "index: PostgreSQL runs with fsync or full_page_writes off, and would lose what it acknowledged");
  }
  TRY(const auto standby, ask(*connection, "SELECT pg_is_in_recovery()::text", deadline, stop));
  if (standby != "false") return fail(ErrorCode::unavailable, "index: PostgreSQL is a standby here");
  TRY(const auto commit, ask(*connection, "SHOW synchronous_commit", deadline, stop));
  if (commit != "remote_apply") {
    TRY(of(connection->query("SET synchronous_commit = on", {}, deadline, stop)));
  }
  for (const char* setting : kSettings) {
    TRY(of(connection->query(setting, {}, deadline, stop)));
  }
  return connection;
}

Result<> prepare_statements(Connection& connection, const std::string& schema, Deadline deadline,
                            const std::stop_token& stop) {
  for (const auto& [name, sql] : kStatements) {
    const auto prepared = connection.prepare(name, fmt::format(fmt::runtime(sql), schema), deadline, stop);
    if (!prepared) return std::unexpected(prepared.error().error);
  }
  connection.begin_pipeline();
  return done;
}

std::int64_t open_index(Connection& connection, const Claim& claim, Deadline deadline) {
  create_or_check(connection, claim, deadline);
  const auto run = *number(Field(random_bytes(sizeof(std::int64_t))));
  Setup setup(connection, deadline);
  end_runs(setup, claim.schema, claim.owner);
  setup.run(fmt::format("INSERT INTO {}.run (run, owner) VALUES ($1::bigint, $2::text)", claim.schema),
            {number(run), claim.owner});
  setup.commit();
  return run;
}

void end_runs(Connection& connection, const std::string& schema, const std::string& owner, Deadline deadline) {
  Setup setup(connection, deadline);
  end_runs(setup, schema, owner);
  setup.commit();
}

}  // namespace sluice::postgres
