#include "gateway/serve.h"

#include <fmt/format.h>
#include <pthread.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstdio>
#include <future>
#include <memory>
#include <stdexcept>

#include "auth/azure_account.h"
#include "auth/credentials.h"
#include "auth/sigv4.h"
#include "gateway/blob/handler.h"
#include "gateway/client_memory.h"
#include "gateway/cluster_care.h"
#include "gateway/core/clock.h"
#include "gateway/http/admin.h"
#include "gateway/http/server.h"
#include "gateway/master_keys.h"
#include "gateway/object/blocks.h"
#include "gateway/object/buckets.h"
#include "gateway/object/live_extents.h"
#include "gateway/object/objects.h"
#include "gateway/object/reclaimer.h"
#include "gateway/object/uploads.h"
#include "gateway/s3/handler.h"
#include "gateway/store.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::hours kSweepPeriod(1);

LogLevel level_of(const std::string& name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "warning") return LogLevel::warning;
  return name == "error" ? LogLevel::error : LogLevel::info;
}

std::vector<auth::User> users_of(const Config& config) {
  auth::User root;
  root.name = root.account = root.display_name = kRootAccount;
  root.access_key = config.root_access_key;
  root.secret_key = config.root_secret_key;
  root.root = true;
  std::vector<auth::User> users = config.users;
  users.push_back(std::move(root));
  return users;
}

s3::Options s3_options(const Config& config) {
  s3::Options options;
  options.region = config.region;
  options.domains = config.domains;
  options.customer_keys_over_http = config.customer_keys_over_http;
  for (const auth::User& user : users_of(config)) options.display_names.emplace(user.account, user.display_name);
  return options;
}

blob::Options blob_options(const Config& config) {
  blob::Options options;
  options.domains = config.domains;
  options.customer_keys_over_http = config.customer_keys_over_http;
  options.has_peers = !config.extents.empty();
  return options;
}

http::ServerOptions server_options(const Config& config, const LendableMemory* lendable) {
  http::ServerOptions options;
  options.thread_count = config.threads;
  options.connection_count_max = config.connections_max;
  options.session.lendable = lendable;
  options.session.header_timeout = std::chrono::seconds(config.header_timeout_s);
  options.session.idle_timeout = std::chrono::seconds(config.idle_timeout_s);
  options.session.progress_timeout = std::chrono::seconds(config.body_timeout_s);
  return options;
}

/// Runs one coroutine on a thread of the server; its future is ready at its end.
std::future<void> spawn(Executor executor, Task<> task) {
  auto ended = std::make_shared<std::promise<void>>();
  auto future = ended->get_future();
  asio::co_spawn(executor, std::move(task), [ended](std::exception_ptr, const Result<>&) { ended->set_value(); });
  return future;
}

Task<> reconcile(Backend backend, Log& log) {
  const auto live = object::live_extents(backend.index);
  const auto found = co_await backend.extents.reconcile(*live, true);
  if (found) {
    log.info("reconciled", {{"live_extents", found->live_count}, {"orphan_bytes", found->orphan_bytes}});
  } else {
    log.error("reconcile failed", {{"detail", found.error().detail}});
  }
  co_return done;
}

/// Everything, in the order it is built; taken apart the other way round.
class Gateway {
 public:
  explicit Gateway(const Config& config)
      : config_(config),
        log_(open_log(config.log, level_of(config.log_level))),
        access_log_(open_log(config.access_log, LogLevel::info)),
        pool_(config.body_memory_size),
        store_(config, pool_, *log_),
        backend_(store_.backend()),
        reclaimer_(backend_, *log_),
        keys_(read_master_keys(config)),
        buckets_(backend_, clock_),
        objects_(backend_, reclaimer_, clock_, keys_),
        uploads_(backend_, reclaimer_, clock_, keys_),
        blocks_(backend_, reclaimer_, clock_, keys_),
        leases_(backend_, clock_),
        appends_(backend_, reclaimer_, clock_, keys_),
        pages_(backend_, reclaimer_, clock_, keys_),
        credentials_(users_of(config)),
        signatures_(credentials_, clock_, config.region, config.sigv2),
        metrics_(pool_),
        client_memory_(open_client_memory(config, *log_)),
        rdma_(pool_, metrics_.registry(), client_memory_.get()),
        s3_({buckets_, objects_, uploads_, backend_, signatures_, clock_, keys_, &rdma_}, s3_options(config)),
        azure_accounts_(config.azure_accounts),
        blob_({buckets_, objects_, blocks_, leases_, appends_, pages_, backend_, azure_accounts_, clock_},
              blob_options(config)),
        admin_(metrics_, [this] { return ready_ && !server_.draining(); }),
        server_(server_options(config, store_.lendable()), pool_, *access_log_, metrics_) {
    if (store_.cluster() != nullptr) {
      const auto collect = [this] { return reconcile(backend_, *log_); };
      care_ = std::make_unique<ClusterCare>(*store_.cluster(), collect,
                                            std::chrono::seconds(config.cluster_collect_period_s), metrics_.registry(),
                                            *log_);
    }
    if (!config.tls_cert.empty()) tls_ = std::make_unique<http::TlsContext>(config.tls_cert, config.tls_key);
  }

  void start() {
    http::raise_file_limit(config_.connections_max + 4096);
    s3_address_ = listen(config_.s3, s3_, "s3", tls_.get());
    blob_address_ = listen(config_.blob, blob_, "blob", tls_.get());
    admin_address_ = listen(config_.admin, admin_, "admin", nullptr);
    server_.start();
    if (store_.was_unclean()) background_.push_back(spawn(server_.executor(0), reconcile(backend_, *log_)));
    background_.push_back(spawn(server_.executor(0), reclaimer_.run()));
    const auto timer = std::make_shared<SweepTimer>(server_.executor(0));
    sweep_timer_ = timer;
    background_.push_back(spawn(server_.executor(0), sweep_blocks(timer)));
    if (care_) background_.push_back(spawn(server_.executor(0), care_->stand()));
    if (care_) background_.push_back(spawn(server_.executor(0), care_->work()));
    ready_ = true;
    log_->info("serving",
               {{"s3", s3_address_}, {"blob", blob_address_}, {"admin", admin_address_}, {"data", config_.data}});
  }

  void announce() const {
    const char* scheme = tls_ ? "https" : "http";
    std::string text = fmt::format("s3 {0}://{1}\nblob {0}://{2}\nadmin http://{3}\n", scheme, s3_address_,
                                   blob_address_, admin_address_);
    if (!config_.quiet) text += hints(scheme);
    text += "ready\n";
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  void reload() {
    if (!tls_) return;
    const auto loaded = tls_->reload();
    if (loaded) {
      log_->info("certificate reloaded");
    } else {
      log_->error("the certificate was not reloaded; the old one stays", {{"detail", loaded.error().detail}});
    }
  }

  bool was_given_up() const { return store_.was_given_up(); }

  void drain() {
    log_->info("draining");
    ready_ = false;
    reclaimer_.stop();
    if (care_) care_->stop();
    asio::post(server_.executor(0), [sweep_timer = sweep_timer_] {
      if (const auto timer = sweep_timer.lock()) timer->cancel();
    });
    // What they leave undone, the next start finds.
    for (const auto& ended : background_) ended.wait_for(std::chrono::seconds(2));
    const bool ended = server_.drain(std::chrono::seconds(config_.drain_timeout_s));
    release_dropped();
    log_->info("stopped", {{"all_requests_ended", ended}});
  }

 private:
  using SweepTimer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

  /// Gives back the blocks that nobody committed, now and then, until the timer is cancelled.
  Task<> sweep_blocks(std::shared_ptr<SweepTimer> timer) {
    while (ready_) {
      const auto swept = co_await blocks_.expire();
      if (!swept) log_->warning("staged blocks were not swept", {{"detail", std::string_view(swept.error().detail)}});
      timer->expires_after(kSweepPeriod);
      if (ready_) co_await timer->async_wait(asio::as_tuple(use_task));
    }
    co_return done;
  }

  /// What the last requests dropped, so that a directory closed cleanly holds none of it.
  void release_dropped() {
    asio::io_context io(1);
    asio::co_spawn(io, reclaimer_.run_once(), [](std::exception_ptr, const Result<std::uint64_t>&) {});
    io.run();
  }

  std::string listen(const std::string& address, http::Handler& handler, const char* protocol, http::TlsContext* tls) {
    const auto endpoint = http::parse_endpoint(address);
    if (!endpoint) throw std::invalid_argument(endpoint.error().detail);
    const bool is_admin = &handler == &admin_;
    const auto bound = server_.listen({.endpoint = *endpoint,
                                       .handler = &handler,
                                       .tls = tls,
                                       .protocol = protocol,
                                       .logs_access = !is_admin && !config_.access_log.empty(),
                                       .serves_while_draining = is_admin});
    if (!bound) throw std::runtime_error(fmt::format("cannot listen on {}: {}", address, bound.error().detail));
    const auto host = bound->address().to_string();
    return fmt::format("{}:{}", bound->address().is_v6() ? "[" + host + "]" : host, bound->port());
  }

  std::string hints(const char* scheme) const {
    const bool development = config_.has_development_keys();
    const std::string key = config_.root_access_key;
    const std::string secret = development ? config_.root_secret_key : "$SLUICE_ROOT_SECRET_KEY";
    const std::string url = fmt::format("{}://{}", scheme, s3_address_);
    std::string text = fmt::format("access key {}\n", key);
    if (development) text += fmt::format("secret key {}   (published: for development only)\n", secret);
    text += fmt::format("\n  AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} aws --endpoint-url {} s3 mb s3://first\n",
                        key, secret, url);
    text += fmt::format(
        "  curl --aws-sigv4 aws:amz:{}:s3 -u {}:{} -H x-amz-content-sha256:UNSIGNED-PAYLOAD -T FILE {}/first/FILE\n",
        config_.region, key, secret, url);
    text += blob_hint(scheme);
    text +=
        fmt::format("  rclone lsf \":s3,provider=Other,endpoint='{}',access_key_id={},secret_access_key={}:first\"\n\n",
                    url, key, secret);
    return text;
  }

  std::string blob_hint(const char* scheme) const {
    if (config_.azure_accounts.empty()) return {};
    const auth::AzureAccount& account = config_.azure_accounts.front();
    const std::string key = account.name == auth::kDevelopmentAccountName && config_.has_development_keys()
                                ? std::string(auth::kDevelopmentAccountKey)
                                : "$KEY";
    return fmt::format(
        "  az storage container list --connection-string 'DefaultEndpointsProtocol={0};AccountName={1};AccountKey={2};"
        "BlobEndpoint={0}://{3}/{1};'\n",
        scheme, account.name, key, blob_address_);
  }

  const Config& config_;
  SystemClock clock_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Log> access_log_;
  BufferPool pool_;
  Store store_;
  Backend backend_;
  object::Reclaimer reclaimer_;
  object::KeyRing keys_;
  object::Buckets buckets_;
  object::Objects objects_;
  object::Uploads uploads_;
  object::Blocks blocks_;
  object::Leases leases_;
  object::Appends appends_;
  object::Pages pages_;
  auth::Credentials credentials_;
  auth::SigV4 signatures_;
  http::Metrics metrics_;
  std::unique_ptr<ClientMemory> client_memory_;
  s3::Rdma rdma_;
  s3::Handler s3_;
  auth::AzureAccounts azure_accounts_;
  blob::Handler blob_;
  http::AdminHandler admin_;
  std::unique_ptr<ClusterCare> care_;
  std::unique_ptr<http::TlsContext> tls_;
  std::atomic<bool> ready_ = false;
  std::string s3_address_, blob_address_, admin_address_;
  std::weak_ptr<SweepTimer> sweep_timer_;  ///< The sweep's own; gone before the server.
  std::vector<std::future<void>> background_;
  http::Server server_;
};

}  // namespace

int serve(const Config& config) {
  // Blocked in every thread, so that only sigwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Gateway gateway(config);
  gateway.start();
  gateway.announce();
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    gateway.reload();
  }
  gateway.drain();
  return gateway.was_given_up() ? 1 : 0;
}

}  // namespace sluice
