#include "tests/contract/etcd_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sluice::test {
namespace {

constexpr auto kStartMax = std::chrono::seconds(120);
constexpr auto kReadyCheck = std::chrono::milliseconds(10);
constexpr std::size_t kStatusAt = sizeof "HTTP/1.x" - 1;  // Behind the version.

sockaddr_in address_of(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1))));
  ::inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr);
  return address;
}

/// A port of an address in 127.0.0.0/8 that is this test's alone: etcd must be told one, since it
/// connects to itself by what it was told.
std::string free_endpoint() {
  std::random_device random;
  const std::string host = "127." + std::to_string(random() % 250 + 1) + "." + std::to_string(random() % 250 + 1) +
                           "." + std::to_string(random() % 250 + 1);
  sockaddr_in address = address_of(host + ":0");
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  if (!bound) throw std::runtime_error("no loopback address for etcd");
  return host + ":" + std::to_string(ntohs(address.sin_port));
}

pid_t launch(std::vector<std::string> words, const std::filesystem::path& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child != 0) return child;
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(input, 0), ::dup2(output, 1), ::dup2(output, 2);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::clearenv();
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

/// What a server says until it ends the connection; nothing if there is none.
std::string ask(const std::string& endpoint, const std::string& request) {
  const sockaddr_in address = address_of(endpoint);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char piece[4096];
    for (ssize_t got = 0; (got = ::recv(socket, piece, sizeof piece, 0)) > 0;) {
      answer.append(piece, static_cast<std::size_t>(got));
    }
  }
  ::close(socket);
  return answer;
}

}  // namespace

EtcdServer::EtcdServer() : endpoint_(free_endpoint()), peer_(free_endpoint()), health_(free_endpoint()) { start(); }

EtcdServer::~EtcdServer() {
  if (process_ >= 0) crash();
}

void EtcdServer::secure(std::string certificate, std::string key, std::string ca) {
  tls_ = {"--client-cert-auth", "--cert-file",       std::move(certificate), "--key-file",
          std::move(key),       "--trusted-ca-file", std::move(ca)};
}

void EtcdServer::start() {
  const std::string client = (tls_.empty() ? "http://" : "https://") + endpoint_, peer = "http://" + peer_;
  const auto log = directory_.path() / "log";
  std::vector<std::string> words = {SLUICE_ETCD};
  const std::pair<const char*, std::string> flags[] = {{"--data-dir", (directory_.path() / "data").string()},
                                                       {"--listen-client-urls", client},
                                                       {"--advertise-client-urls", client},
                                                       {"--listen-peer-urls", peer},
                                                       {"--initial-advertise-peer-urls", peer},
                                                       {"--initial-cluster", "default=" + peer},
                                                       {"--listen-metrics-urls", "http://" + health_},
                                                       {"--bcrypt-cost", "4"},
                                                       {"--logger", "zap"},
                                                       {"--log-level", "error"},
                                                       {"--heartbeat-interval", "500"},
                                                       {"--election-timeout", "2500"}};
  for (const auto& [name, value] : flags) words.insert(words.end(), {name, value});
  words.insert(words.end(), tls_.begin(), tls_.end());
  process_ = launch(std::move(words), log);
  const auto deadline = std::chrono::steady_clock::now() + kStartMax;
  while (!answers()) {
    int status = 0;
    const bool ended = ::waitpid(process_, &status, WNOHANG) == process_;
    if (ended) process_ = -1;
    if (ended || std::chrono::steady_clock::now() > deadline) {
      std::ifstream file(log);
      throw std::runtime_error("etcd does not start:\n" + std::string(std::istreambuf_iterator<char>(file), {}));
    }
    std::this_thread::sleep_for(kReadyCheck);
  }
}

// Its /health is 200 once it has a leader.
bool EtcdServer::answers() const { return ask(health_, "GET /health HTTP/1.0\r\n\r\n").find(" 200 ") == kStatusAt; }

std::string EtcdServer::post(const std::string& path, const std::string& document, const std::string& token) const {
  std::string request = "POST " + path + " HTTP/1.0\r\nContent-Length: " + std::to_string(document.size()) + "\r\n";
  if (!token.empty()) request += "Authorization: " + token + "\r\n";
  std::string answer = ask(endpoint_, request + "\r\n" + document);
  if (answer.find(" 200 ") != kStatusAt) throw std::runtime_error(path + ": " + answer);
  return answer;
}

void EtcdServer::crash() {
  ::kill(process_, SIGKILL);
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
}

void EtcdServer::freeze() { ::kill(process_, SIGSTOP); }
void EtcdServer::thaw() { ::kill(process_, SIGCONT); }

}  // namespace sluice::test
