#include "tests/contract/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace sluice::test {

namespace {

constexpr auto kStartMax = std::chrono::seconds(120);
constexpr auto kReadyCheck = std::chrono::milliseconds(10);

const passwd& unprivileged_user() {
  static const passwd* const user = [] {
    if (::getuid() != 0) return ::getpwuid(::getuid());
    const passwd* postgres = ::getpwnam("postgres");
    return postgres != nullptr ? ::getpwnam("postgres") : ::getpwnam("nobody");
  }();
  if (user == nullptr) throw std::runtime_error("no unprivileged user to run PostgreSQL as");
  return *user;
}

/// Runs a program of the server's package as that user, in a process that dies with
/// this thread's process. Its output goes to `log`.
pid_t launch(std::vector<std::string> words, const std::filesystem::path& log) {
  words[0] = std::string(SLUICE_POSTGRES_BIN) + "/" + words[0];
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const passwd& user = unprivileged_user();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child != 0) return child;

  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(input, 0), ::dup2(output, 1), ::dup2(output, 2);
  // A group of its own, so that a signal reaches all its processes.
  ::setpgid(0, 0);
  if (::getuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(user.pw_gid) != 0 || ::setuid(user.pw_uid) != 0)) {
    ::_exit(126);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::getppid() != parent) ::_exit(126);
  // PostgreSQL's locales; the sanitizers' and the tests' variables are none of its business.
  ::clearenv();
  ::setenv("LC_ALL", "C", 1);
  ::setenv("PATH", "/usr/bin:/bin", 1);
  if (::chdir("/") != 0) ::_exit(126);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

int wait_for(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the kernel says of a process; empty if it is gone, perhaps since its folder was listed.
std::string stat_of(const std::filesystem::path& process) {
  const int file = ::open((process / "stat").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::string text(1024, '\0');
  const auto size = ::read(file, text.data(), text.size());
  ::close(file);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

}  // namespace

PostgresServer::PostgresServer(std::vector<std::string> settings) : settings_(std::move(settings)) {
  const passwd& user = unprivileged_user();
  if (::chown(directory_.path().c_str(), user.pw_uid, user.pw_gid) != 0) throw std::runtime_error("chown");
  const auto log = directory_.path() / "initdb.log";
  const auto made = launch({"initdb", "--pgdata=" + (directory_.path() / "data").string(), "--username=sluice",
                            "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                           log);
  if (wait_for(made) != 0) throw std::runtime_error("initdb failed:\n" + text_of(log));
  start();
}

PostgresServer::~PostgresServer() {
  if (process_ < 0) return;
  ::kill(process_, SIGCONT);
  signal_all(SIGCONT);
  ::kill(process_, SIGQUIT);
  wait_for_end();
}

void PostgresServer::start() {
  std::vector<std::string> words = {"postgres", "-D", (directory_.path() / "data").string()};
  std::vector<std::string> settings = {"listen_addresses=", "unix_socket_directories=" + directory_.path().string(),
                                       "shared_buffers=16MB", "autovacuum=off", "restart_after_crash=on"};
  settings.insert(settings.end(), settings_.begin(), settings_.end());
  for (const std::string& setting : settings) words.insert(words.end(), {"-c", setting});
  const auto log = directory_.path() / "server.log";
  process_ = launch(words, log);
  const auto deadline = std::chrono::steady_clock::now() + kStartMax;
  while (PQping(conninfo().c_str()) != PQPING_OK) {
    int status = 0;
    const bool ended = ::waitpid(process_, &status, WNOHANG) == process_;
    if (ended) process_ = -1;
    if (ended || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("PostgreSQL does not start:\n" + text_of(log));
    }
    std::this_thread::sleep_for(kReadyCheck);
  }
}

void PostgresServer::stop() {
  ::kill(process_, SIGINT);
  wait_for_end();
}

void PostgresServer::crash() {
  signal_all(SIGKILL);
  wait_for_end();
}

void PostgresServer::freeze() { signal_all(SIGSTOP); }
void PostgresServer::thaw() { signal_all(SIGCONT); }

/// Its children make process groups of their own, so they are found one by one.
void PostgresServer::signal_all(int signal) const {
  const auto parent = std::to_string(process_);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto stat = stat_of(entry.path());
    const auto behind_name = stat.rfind(") ");
    // After the name: the state, a letter, then the parent.
    if (behind_name == std::string::npos || !stat.substr(behind_name + 4).starts_with(parent + " ")) continue;
    ::kill(static_cast<pid_t>(std::stol(name)), signal);
  }
  ::kill(process_, signal);
}

void PostgresServer::wait_for_end() {
  wait_for(process_);
  process_ = -1;
}

std::string PostgresServer::conninfo() const {
  return "host=" + directory_.path().string() + " user=sluice dbname=postgres";
}

std::string PostgresServer::ask(const std::string& sql) const {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectdb((conninfo() + " application_name=test").c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection.get()));
  }
  return PQntuples(result.get()) == 0 ? std::string() : PQgetvalue(result.get(), 0, 0);
}

void PostgresServer::end_sessions() const {
  ask("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'sluice'");
}

std::string PostgresStore::new_schema() {
  static std::atomic<int> count = 0;
  return "s" + std::to_string(++count);
}

PostgresStore::PostgresStore(const PostgresServer& server, const std::string& schema, const std::string& owner) {
  options_.conninfo = server.conninfo();
  options_.schema = schema;
  options_.extents = "test";
  options_.owner = owner;
  options_.connections_max = 8;
  open();
}

void PostgresStore::open() { index_ = std::make_unique<postgres::PostgresIndex>(options_, uncertain_, log_); }

}  // namespace sluice::test
