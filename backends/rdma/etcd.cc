#include "backends/rdma/etcd.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

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
  Exchange(const Executor& executor, const std::string& endpoint) : resolver_(executor), stream_(executor) {
    const auto colon = endpoint.rfind(':');
    host_ = endpoint.substr(0, colon);
    port_ = colon == std::string::npos ? "2379" : endpoint.substr(colon + 1);
  }

  /// It may have arrived.
  bool sent() const { return sent_; }
  /// Another attempt may do better.
  bool temporary() const { return temporary_; }

  Task<std::string> run(const std::string& path, std::string body, Clock::time_point deadline) {
    const auto token = asio::as_tuple(use_task);
    const auto [unresolved, addresses] = co_await resolver_.async_resolve(host_, port_, token);
    if (unresolved) co_return failure(unresolved.message());
    stream_.expires_at(deadline);
    const auto [unconnected, endpoint] = co_await stream_.async_connect(addresses, token);
    if (unconnected) co_return failure(unconnected.message());
    http::request<http::string_body> request(http::verb::post, path, 11);
    request.set(http::field::host, host_);
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    request.body() = std::move(body);
    request.prepare_payload();
    sent_ = true;
    const auto [unsent, written] = co_await http::async_write(stream_, request, token);
    if (unsent) co_return failure(unsent.message());
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> response;
    response.body_limit(kAnswerMax);
    const auto [unread, read] = co_await http::async_read(stream_, buffer, response, token);
    if (unread) co_return failure(unread.message());
    if (response.get().result() == http::status::ok) co_return response.release().body();
    temporary_ = response.get().result_int() >= 500;
    co_return failure(response.get().body().substr(0, 200));
  }

 private:
  std::unexpected<Error> failure(const std::string& why) const {
    return fail(ErrorCode::unavailable, "etcd " + host_ + ":" + port_ + ": " + why);
  }

  Resolver resolver_;
  Stream stream_;
  std::string host_, port_;
  bool sent_ = false;
  bool temporary_ = true;
};

Etcd::Etcd(EtcdOptions options) : options_(std::move(options)) {}

Task<std::string> Etcd::post(std::string path, std::string body, bool again) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto deadline = Clock::now() + options_.patience;
  Timer timer(executor);
  while (true) {
    const std::size_t at = preferred_ % options_.endpoints.size();
    Exchange exchange(executor, options_.endpoints[at]);
    auto answer = co_await exchange.run(path, body, std::min(deadline, Clock::now() + kAttemptTime));
    if (answer) co_return answer;
    preferred_ = at + 1;
    const bool over = !exchange.temporary() || (exchange.sent() && !again) || Clock::now() + kPause > deadline;
    if (over) co_return answer;
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
