#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "auth/canonical_request.h"
#include "auth/sigv4.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "gateway/core/log.h"
#include "gateway/object/reclaimer.h"
#include "gateway/s3/handler.h"
#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice::s3::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What came back.
struct Reply {
  unsigned status = 0;
  std::string lines;  ///< The header.
  std::string body;
  std::optional<std::uint64_t> content_length;
  RequestContext context;

  /// The value of a header field, or nothing.
  std::optional<std::string> header(const std::string& name) const {
    const auto at = lines.find("\r\n" + name + ": ");
    if (at == lines.npos) return std::nullopt;
    const auto begin = at + name.size() + 4;
    return lines.substr(begin, lines.find("\r\n", begin) - begin);
  }
  /// The text of the first element of that name.
  std::string element(const std::string& name) const {
    const auto at = body.find("<" + name + ">");
    if (at == body.npos) return {};
    const auto begin = at + name.size() + 2;
    return body.substr(begin, body.find("</" + name + ">", begin) - begin);
  }
  bool has(const std::string& text) const { return body.find(text) != body.npos; }
};

/// One request, and who sends it.
struct Ask {
  std::string method;
  std::string target;
  Headers headers{};
  std::string body{};
  std::string user = "alice";                ///< Empty: anonymous.
  std::string payload = "UNSIGNED-PAYLOAD";  ///< "sha256": the body's.
  bool chunked = false;                      ///< Without a length.
  bool bodyless = false;                     ///< Without body and length.
};

/// A whole gateway but for its sockets and disks: the handler over the object layer
/// over memory, and a client that signs.
class Gateway {
 public:
  explicit Gateway(const Options& options = {}) : region_(options.region), handler_(services(), with_names(options)) {}

  Reply send(const Ask& ask) {
    http::RequestHeader header = header_of(ask);
    sluice::test::StringSource body(ask.body, 1000);
    const http::Request request{.header = header, .body = body};
    Reply reply;
    reply.context.request_id = "REQUEST1";
    http::Response response = sluice::test::run(handler_.handle(reply.context, request));
    reply.status = response.header.status();
    reply.lines = "\r\n" + response.header.lines();
    reply.content_length = response.content_length;
    reply.body = response.content.text();
    if (response.body) {
      auto rest = sluice::test::run(read_all(*response.body, 64 << 20));
      reply.body += rest.value_or("(failed)");
    }
    read_ = ask.body.size() - *body.remaining();
    return reply;
  }

  Reply get(const std::string& target, Headers headers = {}) { return send({"GET", target, std::move(headers)}); }
  Reply head(const std::string& target, Headers headers = {}) { return send({"HEAD", target, std::move(headers)}); }
  Reply del(const std::string& target, Headers headers = {}) { return send({"DELETE", target, std::move(headers)}); }
  Reply put(const std::string& target, std::string body = {}, Headers headers = {}) {
    return send({"PUT", target, std::move(headers), std::move(body)});
  }
  Reply post(const std::string& target, std::string body = {}, Headers headers = {}) {
    return send({"POST", target, std::move(headers), std::move(body)});
  }

  /// How much of the last request's body was read.
  std::size_t body_bytes_read() const { return read_; }

  Handler& handler() { return handler_; }
  FixedClock& clock() { return clock_; }
  sluice::test::MemoryBackend& backend() { return backend_; }

  /// Signs and takes its header apart: what a client would put on the wire.
  http::RequestHeader header_of(const Ask& ask) {
    http::RequestHeader header;
    header.method_text = ask.method;
    header.method = method_of(ask.method);
    header.target = ask.target;
    header.chunked = ask.chunked;
    if (!ask.chunked && !ask.bodyless) header.content_length = ask.body.size();
    bool has_host = false;
    for (const auto& [name, value] : ask.headers) {
      header.fields.add(name, value);
      has_host = has_host || equals_ignoring_case(name, "host");
    }
    if (!has_host) header.fields.add("Host", "localhost:9000");
    if (ask.user.empty()) return header;
    header.fields.add("X-Amz-Date", kAmzDate);
    const std::string hash =
        ask.payload == "sha256" ? to_hex(digest_of(DigestAlgorithm::sha256, ask.body).bytes) : ask.payload;
    header.fields.add("X-Amz-Content-Sha256", hash);
    sign(header, ask, hash);
    return header;
  }

  /// The signature of the last request: where a chain of chunk signatures starts.
  const std::string& seed() const { return seed_; }
  std::string signing_key_of(const std::string& user) const {
    return auth::signing_key(user + "-secret", "20260102", region_, "s3");
  }
  std::string scope() const { return "20260102/" + region_ + "/s3/aws4_request"; }
  static constexpr const char* kAmzDate = "20260102T030405Z";

 private:
  static http::Method method_of(const std::string& text) {
    if (text == "GET") return http::Method::get;
    if (text == "HEAD") return http::Method::head;
    if (text == "PUT") return http::Method::put;
    if (text == "POST") return http::Method::post;
    if (text == "DELETE") return http::Method::del;
    if (text == "OPTIONS") return http::Method::options;
    return http::Method::other;
  }

  void sign(http::RequestHeader& header, const Ask& ask, const std::string& hash) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < header.fields.size(); ++i) names.push_back(to_lower(header.fields.at(i).name));
    std::sort(names.begin(), names.end());
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
    seed_ = to_hex(hmac_sha256(signing_key_of(ask.user), text));
    header.fields.add("Authorization", "AWS4-HMAC-SHA256 Credential=" + ask.user + "-key/" + scope() +
                                           ", SignedHeaders=" + signed_headers + ", Signature=" + seed_);
  }

  static auth::User user(std::string name, std::string account, bool root, auth::Access access,
                         std::vector<std::string> prefixes) {
    return {.name = name,
            .account = std::move(account),
            .display_name = name,
            .access_key = name + "-key",
            .secret_key = name + "-secret",
            .access = access,
            .root = root,
            .bucket_prefixes = std::move(prefixes)};
  }
  static std::vector<auth::User> users() {
    using auth::Access;
    return {user("root", "acct-root", true, Access::read_write, {}),
            user("alice", "acct-alice", false, Access::read_write, {}),
            user("reader", "acct-alice", false, Access::read_only, {}),
            user("bob", "acct-bob", false, Access::read_write, {})};
  }
  static Options with_names(Options options) {
    options.display_names = {{"acct-root", "root"}, {"acct-alice", "Alice"}, {"acct-bob", "Bob"}};
    return options;
  }
  Services services() {
    return {.buckets = buckets_,
            .objects = objects_,
            .uploads = uploads_,
            .backend = backend_.backend(),
            .signatures = signatures_,
            .clock = clock_};
  }

  std::string region_;
  std::string seed_;
  std::size_t read_ = 0;
  sluice::test::MemoryBackend backend_;
  NullLog log_;
  FixedClock clock_{std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) +
                    std::chrono::seconds(3 * 3600 + 4 * 60 + 5)};
  auth::Credentials credentials_{users()};
  auth::SigV4 signatures_{credentials_, clock_, region_};
  object::Reclaimer reclaimer_{backend_.backend(), log_};
  object::Buckets buckets_{backend_.backend(), clock_};
  object::Objects objects_{backend_.backend(), reclaimer_, clock_};
  object::Uploads uploads_{backend_.backend(), reclaimer_, clock_};
  Handler handler_;
};

}  // namespace sluice::s3::test
