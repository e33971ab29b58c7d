#include <prometheus/registry.h>

#include <algorithm>

#include "auth/canonical_request.h"
#include "gateway/core/log.h"
#include "gateway/object/reclaimer.h"
#include "gateway/s3/client_for_test.h"

#include <catch2/catch.hpp>
#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice::s3::test {
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

auth::User user(const std::string& name, std::string account, bool root, auth::Access access) {
  return {.name = name,
          .account = std::move(account),
          .display_name = name,
          .access_key = name + "-key",
          .secret_key = name + "-secret",
          .access = access,
          .root = root,
          .bucket_prefixes = {}};
}

std::vector<auth::User> users() {
  using auth::Access;
  auth::User limited = user("limited", "acct-alice", false, Access::read_write);
  limited.bucket_prefixes = {"pho", "tmp-"};
  return {user("root", "acct-root", true, Access::read_write), user("alice", "acct-alice", false, Access::read_write),
          user("reader", "acct-alice", false, Access::read_only), user("bob", "acct-bob", false, Access::read_write),
          std::move(limited)};
}

Options with_names(Options options) {
  options.display_names = {{"acct-root", "root"}, {"acct-alice", "Alice"}, {"acct-bob", "Bob"}};
  return options;
}

constexpr std::chrono::sys_days kDay = std::chrono::year(2026) / 1 / 2;

}  // namespace

struct Gateway::State {
  State(const Options& options, ClientMemory* memory)
      : rdma(pool, registry, memory),
        region(options.region),
        handler({.buckets = buckets,
                 .objects = objects,
                 .uploads = uploads,
                 .backend = backend.backend(),
                 .signatures = signatures,
                 .clock = clock,
                 .keys = keys,
                 .rdma = &rdma},
                with_names(options)) {
    keys.add("master", SecretKey::random());
  }

  BufferPool pool{4 << 20};
  prometheus::Registry registry;
  Rdma rdma;
  std::string region;
  std::string seed;
  std::size_t bytes_read = 0;
  int answered_at_once = 0;
  sluice::test::MemoryBackend backend;
  NullLog log;
  FixedClock clock{kDay + std::chrono::seconds(3 * 3600 + 4 * 60 + 5)};
  auth::Credentials credentials{users()};
  auth::SigV4 signatures{credentials, clock, region};
  object::Reclaimer reclaimer{backend.backend(), log};
  object::KeyRing keys;
  object::Buckets buckets{backend.backend(), clock};
  object::Objects objects{backend.backend(), reclaimer, clock, keys};
  object::Uploads uploads{backend.backend(), reclaimer, clock, keys};
  Handler handler;
};

Gateway::Gateway(const Options& options, ClientMemory* memory) : state_(std::make_unique<State>(options, memory)) {}
Gateway::~Gateway() = default;

int Gateway::answered_at_once() const { return state_->answered_at_once; }
std::size_t Gateway::body_bytes_read() const { return state_->bytes_read; }
double Gateway::count(const std::string& metric, const std::string& label) const {
  for (const auto& family : state_->registry.Collect()) {
    if (family.name != metric) continue;
    for (const auto& one : family.metric) {
      if (label.empty() || one.label.at(0).value == label) return one.counter.value;
    }
  }
  throw std::runtime_error("no such metric: " + metric + " " + label);
}

void Gateway::damage() { state_->backend.extents.corrupt_all(); }
FixedClock& Gateway::clock() { return state_->clock; }
object::Objects& Gateway::objects() { return state_->objects; }
const std::string& Gateway::seed() const { return state_->seed; }
std::string Gateway::scope() const { return "20260102/" + state_->region + "/s3/aws4_request"; }
std::string Gateway::signing_key_of(const std::string& user) const {
  return auth::signing_key(user + "-secret", "20260102", state_->region, "s3");
}

Reply Gateway::send(const Ask& ask) { return send(header_of(ask), ask.body); }

Reply Gateway::send(const http::RequestHeader& header, const std::string& body) {
  sluice::test::StringSource source(body, 1000);
  const http::Request request{.header = header, .body = source};
  Reply reply;
  reply.context.request_id = "REQUEST1";
  RequestContext at_once_context = reply.context;
  const auto at_once = body.empty() ? state_->handler.answer_at_once(at_once_context, request) : std::nullopt;
  http::Response response = sluice::test::run(state_->handler.handle(reply.context, request));
  reply.status = response.header.status();
  reply.lines = "\r\n" + response.header.lines();
  reply.content_length = response.content_length;
  reply.body = response.content.text();
  if (response.body) {
    auto rest = sluice::test::run(read_all(*response.body, 64 << 20));
    reply.body += rest.value_or("(failed)");
  }
  // Whatever is answered at once is answered alike the other way.
  if (at_once) {
    ++state_->answered_at_once;
    const bool is_head = header.method == http::Method::head;
    CHECK(at_once->header.status() == reply.status);
    CHECK("\r\n" + at_once->header.lines() == reply.lines);
    CHECK(at_once->content_length == reply.content_length);
    CHECK((is_head || at_once->content.text() == reply.body));
    CHECK(at_once->body == nullptr);
    CHECK(at_once_context.operation == reply.context.operation);
    CHECK(at_once_context.principal == reply.context.principal);
    CHECK(at_once_context.bucket == reply.context.bucket);
    CHECK(at_once_context.key == reply.context.key);
    CHECK(at_once_context.error_code.empty());
  }
  state_->bytes_read = body.size() - *source.remaining();
  return reply;
}

http::RequestHeader Gateway::header_of(const Ask& ask) {
  http::RequestHeader header;
  header.method_text = ask.method;
  header.method = method_of(ask.method);
  header.target = ask.target;
  header.chunked = ask.chunked;
  if (!ask.chunked && !ask.bodyless) header.content_length = ask.body.size();
  for (const auto& [name, value] : ask.headers) header.fields.add(name, value);
  if (!header.fields.has("Host")) header.fields.add("Host", "localhost:9000");
  if (ask.user.empty()) return header;
  header.fields.add("X-Amz-Date", kAmzDate);
  const std::string hash =
      ask.payload == "sha256" ? to_hex(digest_of(DigestAlgorithm::sha256, ask.body).bytes) : ask.payload;
  header.fields.add("X-Amz-Content-Sha256", hash);
  sign(header, ask, hash);
  return header;
}

void Gateway::sign(http::RequestHeader& header, const Ask& ask, const std::string& hash) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < header.fields.size(); ++i) names.push_back(to_lower(header.fields.at(i).name));
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string signed_headers;
  for (const std::string& name : names) signed_headers += (signed_headers.empty() ? "" : ";") + name;
  const auth::Target target(header.target);
  const auto canonical = auth::canonical_request({.method = ask.method,
                                                  .target = target,
                                                  .fields = header.fields,
                                                  .signed_headers = signed_headers,
                                                  .payload_hash = hash});
  const std::string text = std::string("AWS4-HMAC-SHA256\n") + kAmzDate + "\n" + scope() + "\n" +
                           to_hex(digest_of(DigestAlgorithm::sha256, canonical.value()).bytes);
  state_->seed = to_hex(hmac_sha256(signing_key_of(ask.user), text));
  header.fields.add("Authorization", "AWS4-HMAC-SHA256 Credential=" + ask.user + "-key/" + scope() +
                                         ", SignedHeaders=" + signed_headers + ", Signature=" + state_->seed);
}

}  // namespace sluice::s3::test
