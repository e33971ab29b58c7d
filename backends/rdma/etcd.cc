#include "backends/rdma/etcd.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "backends/rdma/etcd_tls.h"
#include "gateway/core/encoding.h"

namespace sluice::rdma {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;
using Stream = beast::basic_stream<asio::ip::tcp, Executor>;

constexpr std::chrono::seconds kAttemptTime{3};
constexpr std::chrono::milliseconds kPause{100};
constexpr std::size_t kAnswerMax = 64 << 20;

// The gateway writes 64-bit numbers as strings, and leaves out those that are 0.
std::uint64_t number(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return 0;
  if (found->is_number_unsigned()) return found->get<std::uint64_t>();
  return found->is_string() ? parse_decimal(found->get_ref<const std::string&>()).value_or(0) : 0;
}

std::string bytes(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return from_base64(found->get_ref<const std::string&>()).value_or(std::string());
}

Result<Json> parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::unavailable, "etcd: an answer that is none");
  return json;
}

std::vector<EtcdRow> rows_of(const Json& answer) {
  std::vector<EtcdRow> rows;
  const auto found = answer.find("kvs");
  if (found == answer.end() || !found->is_array()) return rows;
  for (const Json& row : *found) {
    rows.push_back(
        {bytes(row, "key"), bytes(row, "value"), number(row, "mod_revision"), EtcdLease{number(row, "lease")}});
  }
  return rows;
}

Json guard_of(const Etcd::Guard& guard) {
  return {{"key", to_base64(guard.key)},
          {"target", "MOD"},
          {"result", "EQUAL"},
          {"mod_revision", std::to_string(guard.revision)}};
}

Json change_of(const Etcd::Change& change) {
  if (!change.value) return {{"request_delete_range", {{"key", to_base64(change.key)}}}};
  Json put{{"key", to_base64(change.key)}, {"value", to_base64(*change.value)}};
  if (change.lease != EtcdLease::none) put["lease"] = std::to_string(static_cast<std::uint64_t>(change.lease));
  return {{"request_put", put}};
}

std::string lease_body(EtcdLease lease) {
  return Json{{"ID", std::to_string(static_cast<std::uint64_t>(lease))}}.dump();
}

}  // namespace

/// One request to one endpoint.
class Etcd::Exchange {
 public:
  Exchange(const Executor& executor, const std::string& endpoint, const EtcdTls* tls)
      : resolver_(executor), stream_(executor), context_(tls == nullptr ? nullptr : tls->current()) {
    const auto colon = endpoint.rfind(':');
    host_ = endpoint.substr(0, colon);
    port_ = colon == std::string::npos ? "2379" : endpoint.substr(colon + 1);
  }

  /// It may have been done.
  bool sent() const { return sent_ && !wants_token_; }
  /// Another attempt may do better.
  bool temporary() const { return temporary_; }
  /// It was refused for want of a token that is known.
  bool wants_token() const { return wants_token_; }
  /// One of the two did not believe the other's certificate.
  bool distrusted() const { return distrusted_; }
  /// The status of the answer, if there was one.
  http::status status() const { return status_; }

  Task<std::string> run(std::string path, std::string body, std::string token, Clock::time_point deadline) {
    http::request<http::string_body> request(http::verb::post, path, 11);
    request.set(http::field::host, host_);
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    if (!token.empty()) request.set(http::field::authorization, token);
    request.body() = std::move(body);
    request.prepare_payload();

    const auto as_task = asio::as_tuple(use_task);
    const auto [unresolved, addresses] = co_await resolver_.async_resolve(host_, port_, as_task);
    if (unresolved) co_return failure(unresolved);
    stream_.expires_at(deadline);
    const auto [unconnected, endpoint] = co_await stream_.async_connect(addresses, as_task);
    if (unconnected) co_return failure(unconnected);
    if (!context_) co_return co_await talk(stream_, request);

    asio::ssl::stream<Stream&> secured(stream_, *context_);
    name_host(secured);
    const auto [strange] = co_await secured.async_handshake(asio::ssl::stream_base::client, as_task);
    if (strange) co_return failure(strange);
    co_return co_await talk(secured, request);
  }

 private:
  /// The host whose certificate it must be, and whose it is asked for.
  template <class Secured>
  void name_host(Secured& secured) const {
    secured.set_verify_callback(asio::ssl::host_name_verification(host_));
    boost::system::error_code no_address;
    asio::ip::make_address(host_, no_address);
    if (no_address) SSL_set_tlsext_host_name(secured.native_handle(), host_.c_str());
  }

  template <class AnyStream>
  Task<std::string> talk(AnyStream& stream, const http::request<http::string_body>& request) {
    const auto as_task = asio::as_tuple(use_task);
    sent_ = true;
    const auto [unsent, written] = co_await http::async_write(stream, request, as_task);
    if (unsent) co_return failure(unsent);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> response;
    response.body_limit(kAnswerMax);
    const auto [unread, read] = co_await http::async_read(stream, buffer, response, as_task);
    if (unread) co_return failure(unread);
    status_ = response.get().result();
    if (status_ == http::status::ok) co_return response.release().body();
    const std::string& text = response.get().body();
    wants_token_ = says_token_is_wanted(status_, text);
    temporary_ = response.get().result_int() >= 500;
    co_return failure(text.substr(0, 200));
  }

  // Its words in api/v3rpc/rpctypes/error.go; only the first has a status of its own.
  static bool says_token_is_wanted(http::status status, const std::string& text) {
    return status == http::status::unauthorized || text.contains("etcdserver: user name is empty") ||
           text.contains("etcdserver: revision of auth store is old");
  }

  std::unexpected<Error> failure(const boost::system::error_code& error) {
    // Who takes no certificate of ours says so in the middle of the answer, by TLS 1.3.
    distrusted_ = error.category() == asio::error::get_ssl_category();
    return failure(error.message());
  }
  std::unexpected<Error> failure(const std::string& why) const {
    return fail(ErrorCode::unavailable, "etcd " + host_ + ":" + port_ + ": " + why);
  }

  Resolver resolver_;
  Stream stream_;
  std::shared_ptr<asio::ssl::context> context_;
  std::string host_, port_;
  http::status status_ = http::status::unknown;
  bool sent_ = false;
  bool temporary_ = true;
  bool wants_token_ = false;
  bool distrusted_ = false;
};

Etcd::Etcd(EtcdOptions options)
    : options_(std::move(options)), tls_(options_.access.tls ? std::make_unique<EtcdTls>(options_.access) : nullptr) {}

Etcd::~Etcd() = default;

/// The token of before, or a new one; empty where none is needed.
Task<std::string> Etcd::sign_in(Exchange& exchange, Clock::time_point deadline) {
  if (options_.access.user.empty()) co_return std::string();
  {
    const std::scoped_lock lock(mutex_);
    if (token_) co_return *token_;
  }
  const Json body{{"name", options_.access.user}, {"password", options_.access.password}};
  auto answer = co_await exchange.run("/v3/auth/authenticate", body.dump(), {}, deadline);
  std::string token;
  if (answer) {
    CO_TRY(const Json said, parse(*answer));
    token = said.value("token", std::string());
    if (token.empty()) co_return fail(ErrorCode::unavailable, "etcd: no token");
  } else if (exchange.status() != http::status::precondition_failed) {
    co_return std::unexpected(answer.error());
  }
  const std::scoped_lock lock(mutex_);
  token_ = token;
  co_return token;
}

void Etcd::forget_token(const std::string& token) {
  const std::scoped_lock lock(mutex_);
  if (token_ == token) token_.reset();
}

Task<std::string> Etcd::post(std::string path, std::string body, bool again) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto deadline = Clock::now() + options_.patience;
  const bool has_user = !options_.access.user.empty();
  Timer timer(executor);
  std::size_t distrusted = 0;
  while (true) {
    const std::size_t at = preferred_ % options_.endpoints.size();
    const auto attempt_end = std::min(deadline, Clock::now() + kAttemptTime);
    Exchange entry(executor, options_.endpoints[at], tls_.get());
    Exchange exchange(executor, options_.endpoints[at], tls_.get());
    const auto token = co_await sign_in(entry, attempt_end);
    Result<std::string> answer = token;
    if (token) answer = co_await exchange.run(path, body, *token, attempt_end);
    if (answer) co_return answer;

    const Exchange& failed = token ? exchange : entry;
    const bool lacks_token = failed.wants_token() && has_user;
    if (lacks_token) {
      forget_token(token.value_or(std::string()));
    } else {
      preferred_ = at + 1;
    }
    const bool renewed = tls_ && tls_->reload();
    distrusted = renewed ? 0 : distrusted + (failed.distrusted() ? 1 : 0);
    const bool may_be_done = token && exchange.sent();
    const bool may_do_better = (failed.temporary() || lacks_token) && distrusted < options_.endpoints.size();
    if (!may_do_better || (may_be_done && !again) || Clock::now() + kPause > deadline) co_return answer;
    timer.expires_after(kPause);
    co_await timer.async_wait(asio::as_tuple(use_task));
  }
}

Task<std::optional<EtcdRow>> Etcd::get(std::string key) {
  CO_TRY(const auto text, co_await post("/v3/kv/range", Json{{"key", to_base64(key)}}.dump(), true));
  CO_TRY(const Json answer, parse(text));
  auto rows = rows_of(answer);
  if (rows.empty()) co_return std::optional<EtcdRow>{};
  co_return std::move(rows.front());
}

Task<std::vector<EtcdRow>> Etcd::range(std::string begin, std::string end, std::size_t count) {
  const Json body{{"key", to_base64(begin)},
                  {"range_end", to_base64(end)},
                  {"limit", std::to_string(count)},
                  {"sort_order", "ASCEND"},
                  {"sort_target", "KEY"}};
  CO_TRY(const auto text, co_await post("/v3/kv/range", body.dump(), true));
  CO_TRY(const Json answer, parse(text));
  co_return rows_of(answer);
}

Task<bool> Etcd::commit(std::vector<Guard> guards, std::vector<Change> changes) {
  Json body{{"compare", Json::array()}, {"success", Json::array()}};
  for (const Guard& guard : guards) body["compare"].push_back(guard_of(guard));
  for (const Change& change : changes) body["success"].push_back(change_of(change));
  CO_TRY(const auto text, co_await post("/v3/kv/txn", body.dump(), false));
  CO_TRY(const Json answer, parse(text));
  const auto found = answer.find("succeeded");
  co_return found != answer.end() && found->is_boolean() && found->get<bool>();
}

Task<std::uint64_t> Etcd::put(std::string key, std::string value) {
  const Json body{{"key", to_base64(key)}, {"value", to_base64(value)}};
  CO_TRY(const auto text, co_await post("/v3/kv/put", body.dump(), true));
  CO_TRY(const Json answer, parse(text));
  const std::uint64_t revision = answer.contains("header") ? number(answer["header"], "revision") : 0;
  if (revision == 0) co_return fail(ErrorCode::unavailable, "etcd: no revision");
  co_return revision;
}

Task<EtcdLease> Etcd::grant(std::chrono::seconds ttl) {
  const Json body{{"TTL", std::to_string(ttl.count())}};
  CO_TRY(const auto text, co_await post("/v3/lease/grant", body.dump(), true));
  CO_TRY(const Json answer, parse(text));
  const EtcdLease lease{number(answer, "ID")};
  if (lease == EtcdLease::none) co_return fail(ErrorCode::unavailable, "etcd: no lease");
  co_return lease;
}

Task<bool> Etcd::keep_alive(EtcdLease lease) {
  CO_TRY(const auto text, co_await post("/v3/lease/keepalive", lease_body(lease), true));
  CO_TRY(const Json answer, parse(text));
  if (!answer.contains("result")) co_return fail(ErrorCode::unavailable, "etcd: no answer to a lease");
  co_return number(answer["result"], "TTL") > 0;
}

Task<> Etcd::revoke(EtcdLease lease) {
  CO_TRY(co_await post("/v3/lease/revoke", lease_body(lease), true));
  co_return done;
}

std::string etcd_prefix_end(std::string prefix) {
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace sluice::rdma
