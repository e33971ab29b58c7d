#include "gateway/http/server.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "gateway/core/encoding.h"
#include "gateway/http/deadlines.h"
#include "gateway/http/outbox.h"
#include "gateway/http/request_id.h"

namespace sluice::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

constexpr auto kAcceptPause = std::chrono::milliseconds(100);

/// Binds one acceptor of several to `endpoint`, and listens.
boost::system::error_code open_acceptor(Acceptor& acceptor, const Endpoint& endpoint) {
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  const int yes = 1;
  if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) != 0) {
    return {errno, boost::system::system_category()};
  }
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto bad = [&] { return fail(ErrorCode::invalid_argument, "not HOST:PORT: " + std::string(text)); };
  if (colon == std::string_view::npos) return bad();
  const auto port = parse_decimal(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (!port || *port > 65535) return bad();
  if (host.empty() || host == "*") return Endpoint(tcp::v4(), static_cast<std::uint16_t>(*port));

  boost::system::error_code error;
  if (host.starts_with('[') && host.ends_with(']')) {
    const auto address = asio::ip::make_address_v6(std::string(host.substr(1, host.size() - 2)), error);
    if (error) return bad();
    return Endpoint(address, static_cast<std::uint16_t>(*port));
  }
  const auto address = asio::ip::make_address_v4(std::string(host), error);
  if (error) return bad();
  return Endpoint(address, static_cast<std::uint16_t>(*port));
}

std::size_t raise_file_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < wanted) {
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return before;
  }
  return limit.rlim_cur;
}

/// One listener on one thread.
struct Server::LocalListener {
  LocalListener(Acceptor bound, TlsContext* context, SessionScope shared)
      : acceptor(std::move(bound)), tls(context), scope(std::move(shared)) {}

  Acceptor acceptor;
  TlsContext* tls;
  SessionScope scope;
};

/// One thread. What its coroutines use stands before the io_context, so that it is
/// still there when the io_context destroys them.
struct Server::Worker {
  explicit Worker(MetricsShard& shard) : metrics(shard), work(io.get_executor()) {}

  MetricsShard& metrics;
  Deadlines deadlines;
  RequestIds ids;
  Outbox outbox;
  PagePipe pipe;
  asio::io_context io{1};
  asio::executor_work_guard<Executor> work;
  std::vector<std::unique_ptr<LocalListener>> listeners;
  std::thread thread;
};

/// A connection as long as it counts.
class Server::ConnectionSlot {
 public:
  ConnectionSlot(Server& server, MetricsShard& metrics, bool holds_drain)
      : server_(server), metrics_(metrics), holds_drain_(holds_drain) {
    ++server_.connection_count_;
    if (holds_drain_) ++server_.draining_count_;
    metrics_.connections_accepted.add();
  }
  ~ConnectionSlot() {
    metrics_.connections_closed.add();
    --server_.connection_count_;
    if (!holds_drain_ || --server_.draining_count_ != 0 || !server_.draining_) return;
    const std::scoped_lock lock(server_.mutex_);
    server_.emptied_.notify_all();
  }
  ConnectionSlot(const ConnectionSlot&) = delete;
  ConnectionSlot& operator=(const ConnectionSlot&) = delete;

 private:
  Server& server_;
  MetricsShard& metrics_;
  bool holds_drain_;
};

Server::Server(const ServerOptions& options, BufferPool& pool, Log& log, Metrics& metrics)
    : options_(options), pool_(pool), log_(log) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t count = options_.thread_count == 0 ? cores : options_.thread_count;
  for (std::size_t i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>(metrics.add_shard()));
}

Server::~Server() { stop(); }

Executor Server::executor(std::size_t thread) const { return workers_[thread]->io.get_executor(); }

Result<Endpoint> Server::listen(const Listener& listener) {
  Endpoint endpoint = listener.endpoint;
  std::vector<std::unique_ptr<LocalListener>> listeners;
  for (const auto& worker : workers_) {
    Acceptor acceptor(worker->io.get_executor());
    if (const auto error = open_acceptor(acceptor, endpoint)) {
      return fail(ErrorCode::unavailable, "cannot listen on " + endpoint.address().to_string() + ":" +
                                              std::to_string(endpoint.port()) + ": " + error.message());
    }
    endpoint = acceptor.local_endpoint();  // The port that was chosen for the first is that of all.
    SessionScope scope{.handler = *listener.handler,
                       .protocol = listener.protocol,
                       .logs_access = listener.logs_access,
                       .serves_while_draining = listener.serves_while_draining,
                       .options = options_.session,
                       .pool = pool_,
                       .log = log_,
                       .metrics = worker->metrics,
                       .deadlines = worker->deadlines,
                       .ids = worker->ids,
                       .outbox = worker->outbox,
                       .pipe = worker->pipe,
                       .draining = draining_};
    listeners.push_back(std::make_unique<LocalListener>(std::move(acceptor), listener.tls, std::move(scope)));
  }
  for (std::size_t i = 0; i < listeners.size(); ++i) workers_[i]->listeners.push_back(std::move(listeners[i]));
  return endpoint;
}

void Server::start() {
  running_ = true;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[i];
    const auto logged = [this](const std::exception_ptr& thrown) {
      if (!thrown) return;
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& error) {
        log_.error("server coroutine failed", {{"what", std::string_view(error.what())}});
      }
    };
    asio::co_spawn(worker.io.get_executor(), sweep(worker), logged);
    for (const auto& listener : worker.listeners) {
      asio::co_spawn(worker.io.get_executor(), accept(worker, *listener), logged);
    }
    worker.thread = std::thread([this, &worker] { run(worker); });
    ::pthread_setname_np(worker.thread.native_handle(), ("sluice-" + std::to_string(i)).c_str());
  }
}

void Server::run(Worker& worker) {
  for (;;) {
    try {
      worker.io.run();
      return;
    } catch (const std::exception& error) {
      log_.error("server thread caught", {{"what", std::string_view(error.what())}});
    }
  }
}

Awaitable<> Server::sweep(Worker& worker) {
  Timer timer(worker.io.get_executor());
  timer.expires_after(std::chrono::seconds(0));
  for (;;) {
    timer.expires_at(timer.expiry() + std::chrono::seconds(1));
    const auto [error] = co_await timer.async_wait(asio::as_tuple(use_task));
    if (error) co_return;
    worker.deadlines.tick();
  }
}

Awaitable<> Server::accept(Worker& worker, LocalListener& listener) {
  Timer pause(worker.io.get_executor());
  for (;;) {
    TcpSocket socket(worker.io.get_executor());
    const auto [error] = co_await listener.acceptor.async_accept(socket, asio::as_tuple(use_task));
    if (!listener.acceptor.is_open() || error == asio::error::operation_aborted) co_return;
    if (!error) {
      admit(worker, listener, std::move(socket));
    } else if (error != asio::error::connection_aborted) {
      // Out of handles or memory: trying again at once would only burn the core.
      worker.metrics.accept_failures.add();
      log_.warning("accept failed", {{"what", std::string_view(error.message())}});
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::as_tuple(use_task));
    }
  }
}

void Server::admit(Worker& worker, LocalListener& listener, TcpSocket socket) {
  if (connection_count_ >= options_.connection_count_max && !listener.scope.serves_while_draining) {
    worker.metrics.connections_refused.add();
    return;
  }
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  auto slot = std::make_unique<ConnectionSlot>(*this, worker.metrics, !listener.scope.serves_while_draining);
  asio::co_spawn(worker.io.get_executor(), serve_connection(worker, listener, std::move(socket), std::move(slot)),
                 [this](const std::exception_ptr& thrown) {
                   if (thrown) log_.error("connection failed");
                 });
}

Awaitable<> Server::serve_connection(Worker&, LocalListener& listener, TcpSocket socket,
                                     std::unique_ptr<ConnectionSlot>) {
  boost::system::error_code error;
  const Endpoint remote = socket.remote_endpoint(error);
  if (error) co_return;
  std::string address = remote.address().to_string();
  if (listener.tls == nullptr) {
    co_await serve(std::move(socket), std::move(address), listener.scope);
  } else {
    co_await serve(TlsStream(std::move(socket), *listener.tls->current()), std::move(address), listener.scope);
  }
}

bool Server::drain(std::chrono::milliseconds timeout) {
  draining_ = true;
  for (const auto& worker : workers_) {
    asio::post(worker->io.get_executor(), [&worker = *worker] {
      boost::system::error_code ignored;
      for (const auto& listener : worker.listeners) {
        if (!listener->scope.serves_while_draining) listener->acceptor.close(ignored);
      }
      worker.deadlines.expire_idle();
    });
  }
  bool empty = true;
  if (running_) {
    std::unique_lock lock(mutex_);
    empty = emptied_.wait_for(lock, timeout, [this] { return draining_count_ == 0; });
  }
  stop();
  return empty;
}

void Server::stop() {
  for (const auto& worker : workers_) worker->io.stop();
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  running_ = false;
}

}  // namespace sluice::http
