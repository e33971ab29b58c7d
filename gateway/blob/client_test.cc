#include <catch2/catch.hpp>

#include "auth/sas_token.h"
#include "auth/shared_key_text.h"
#include "gateway/blob/client_for_test.h"
#include "gateway/blob/headers.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "gateway/core/log.h"
#include "gateway/object/reclaimer.h"
#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice::blob::test {
namespace {

http::Method method_of(const std::string& text) {
  if (text == "GET") return http::Method::get;
  if (text == "HEAD") return http::Method::head;
  if (text == "PUT") return http::Method::put;
  if (text == "POST") return http::Method::post;
  if (text == "DELETE") return http::Method::del;
  if (text == "OPTIONS") return http::Method::options;
  return http::Method::other;
}

std::vector<auth::AzureAccount> accounts() {
  return {
      auth::azure_account("alpha", {to_base64(std::string(32, 'a')), to_base64(std::string(32, 'b'))}, "acct-alice"),
      auth::azure_account("beta", {to_base64(std::string(32, 'c'))}, "acct-bob")};
}

Options options() {
  Options options;
  options.domains = {"sluice.test"};
  return options;
}

Options options_of_peer() {
  Options changed = options();
  changed.has_peers = true;
  return changed;
}

/// Whatever is answered at once is answered alike the other way.
void check_alike(const http::Response& at_once, const RequestContext& context, const Reply& reply, bool is_head) {
  CHECK(at_once.header.status() == reply.status);
  CHECK("\r\n" + at_once.header.lines() == reply.lines);
  CHECK(at_once.content_length == reply.content_length);
  CHECK((is_head || at_once.content.text() == reply.body));
  CHECK(at_once.body == nullptr);
  CHECK(context.operation == reply.context.operation);
  CHECK(context.principal == reply.context.principal);
  CHECK(context.bucket == reply.context.bucket);
  CHECK(context.key == reply.context.key);
  CHECK(context.error_code.empty());
}

constexpr std::chrono::sys_days kDay = std::chrono::year(2026) / 1 / 2;

}  // namespace

struct Gateway::State {
  int answered_at_once = 0;
  sluice::test::MemoryBackend backend;
  NullLog log;
  FixedClock clock{kDay + std::chrono::seconds(3 * 3600 + 4 * 60 + 5)};
  auth::AzureAccounts accounts{test::accounts()};
  object::Reclaimer reclaimer{backend.backend(), log, clock};
  object::Buckets buckets{backend.backend(), clock};
  object::Objects objects{backend.backend(), reclaimer, clock};
  object::Blocks blocks{backend.backend(), reclaimer, clock};
  object::Leases leases{backend.backend(), clock};
  object::Appends appends{backend.backend(), reclaimer, clock};
  object::Pages pages{backend.backend(), reclaimer, clock};
  Services services{.buckets = buckets,
                    .objects = objects,
                    .blocks = blocks,
                    .leases = leases,
                    .appends = appends,
                    .pages = pages,
                    .backend = backend.backend(),
                    .accounts = accounts,
                    .clock = clock};
  Handler handler{services, options()};
  Handler peer{services, options_of_peer()};
};

Gateway::Gateway() : state_(std::make_unique<State>()) {}
Gateway::~Gateway() = default;

int Gateway::answered_at_once() const { return state_->answered_at_once; }
FixedClock& Gateway::clock() { return state_->clock; }
object::Objects& Gateway::objects() { return state_->objects; }
object::Buckets& Gateway::buckets() { return state_->buckets; }
const auth::AzureAccount& Gateway::account(const std::string& name) const { return *state_->accounts.find(name); }

std::optional<std::string> Reply::header(const std::string& name) const {
  const auto at = lines.find("\r\n" + name + ": ");
  if (at == lines.npos) return std::nullopt;
  const auto begin = at + name.size() + 4;
  return lines.substr(begin, lines.find("\r\n", begin) - begin);
}

std::string Reply::element(const std::string& name) const {
  const auto at = body.find("<" + name + ">");
  if (at == body.npos) return {};
  const auto begin = at + name.size() + 2;
  return body.substr(begin, body.find("</" + name + ">", begin) - begin);
}

Reply Gateway::send(const Ask& ask) {
  http::RequestHeader header;
  header.method_text = ask.method;
  header.method = method_of(ask.method);
  header.target = "/" + ask.account + ask.target;
  const bool has_body = ask.method == "PUT" || ask.method == "POST";
  if (has_body && !ask.bodyless) header.content_length = ask.body.size();
  for (const auto& [name, value] : ask.headers) header.fields.add(name, value);
  if (!header.fields.has("Host")) header.fields.add("Host", "127.0.0.1:10000");
  if (!header.fields.has("x-ms-version") && ask.versioned) header.fields.add("x-ms-version", "2026-04-06");
  if (has_body && !ask.bodyless) header.fields.add("Content-Length", std::to_string(ask.body.size()));
  if (ask.sign) sign(header, ask.account);

  sluice::test::StringSource source(ask.body, 1000);
  const http::Request request{.header = header, .body = source};
  Reply reply;
  reply.context.request_id = "0123456789ABCDEF";
  reply.context.remote_address = "127.0.0.1";
  RequestContext at_once_context = reply.context;
  Handler& handler = ask.by_peer ? state_->peer : state_->handler;
  const auto at_once = ask.body.empty() ? handler.answer_at_once(at_once_context, request) : std::nullopt;
  http::Response response = sluice::test::run(handler.handle(reply.context, request));
  reply.status = response.header.status();
  reply.lines = "\r\n" + response.header.lines();
  reply.content_length = response.content_length;
  reply.body = response.content.text();
  if (response.body) {
    auto rest = sluice::test::run(read_all(*response.body, 64 << 20));
    reply.body += rest.value_or("(failed)");
  }
  if (at_once) {
    ++state_->answered_at_once;
    check_alike(*at_once, at_once_context, reply, header.method == http::Method::head);
  }
  return reply;
}

void Gateway::sign(http::RequestHeader& header, const std::string& account_name) const {
  header.fields.add("x-ms-date", http_date(state_->clock.now()));
  const auth::AzureAccount& by = account(account_name);
  const auth::SignedRequest request{.method = header.method_text, .target = header.target, .fields = header.fields};
  const auto texts = auth::shared_key_texts(request, {.account = by, .in_path = true, .secondary = false});
  const std::string text = texts.heads.front() + texts.headers.front() + texts.resources.front();
  header.fields.add("Authorization",
                    "SharedKey " + account_name + ":" + to_base64(hmac_sha256(by.keys.front().raw(), text)));
}

std::string Gateway::batch_part(const Ask& ask) const {
  http::RequestHeader header;
  header.method_text = ask.method;
  header.target = "/" + ask.account + ask.target;
  for (const auto& [name, value] : ask.headers) header.fields.add(name, value);
  header.fields.add("Content-Length", "0");
  if (ask.sign) sign(header, ask.account);
  std::string text = header.method_text + " " + header.target + " HTTP/1.1\r\n";
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    const auto [name, value] = header.fields.at(i);
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text;
}

namespace {

std::string signed_query(const Gateway& gateway, const std::string& container, auth::SasToken token) {
  token.kind = auth::SasKind::service;
  token.sv = "2021-08-06";
  token.sr = "c";
  const std::string text = auth::sas_string_to_sign(
      token, {.account = "alpha", .resource = "/blob/alpha/" + container, .moment = {}, .headers = {}, .query = {}});
  std::string query = "sv=" + token.sv + "&sr=c";
  const std::pair<const char*, std::string> kRest[] = {
      {"sp", token.sp},
      {"se", token.se},
      {"si", token.si},
      {"rsct", token.rsct},
      {"sig", to_base64(hmac_sha256(gateway.account("alpha").keys.front().raw(), text))}};
  for (const auto& [name, value] : kRest) {
    if (!value.empty()) query.append("&").append(name).append("=").append(percent_encode(value, false));
  }
  return query;
}

}  // namespace

std::string container_sas(const Gateway& gateway, const std::string& container, const std::string& permissions,
                          const std::string& expiry) {
  auth::SasToken token;
  token.sp = permissions;
  token.se = expiry;
  return signed_query(gateway, container, std::move(token));
}

std::string policy_sas(const Gateway& gateway, const std::string& container, const std::string& policy) {
  auth::SasToken token;
  token.si = policy;
  return signed_query(gateway, container, std::move(token));
}

std::string typed_sas(const Gateway& gateway, const std::string& container, const std::string& type) {
  auth::SasToken token;
  token.sp = "r";
  token.se = "2026-01-03T00:00:00Z";
  token.rsct = type;
  return signed_query(gateway, container, std::move(token));
}

}  // namespace sluice::blob::test
