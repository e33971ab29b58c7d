#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/core/clock.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "gateway/s3/handler.h"

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
/// over memory, and a client that signs. Its users are root, alice, reader (who only
/// reads, of alice's account), limited (who touches buckets in pho* and tmp-* only, of
/// the same) and bob.
class Gateway {
 public:
  static constexpr const char* kAmzDate = "20260102T030405Z";

  /// `memory` is that of clients of S3 over RDMA; without it that is off.
  explicit Gateway(const Options& options = {}, ClientMemory* memory = nullptr);
  ~Gateway();

  /// Each request that can be answered at once is answered in both ways, which must agree.
  Reply send(const Ask& ask);
  /// How many of them were.
  int answered_at_once() const;
  /// Sends what header_of() made, perhaps spoilt since.
  Reply send(const http::RequestHeader& header, const std::string& body);

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
  std::size_t body_bytes_read() const;

  /// The value of a metric of S3 over RDMA, of the one whose label has this value.
  double count(const std::string& metric, const std::string& label = {}) const;

  /// Flips a bit of all that is stored in extents.
  void damage();

  FixedClock& clock();
  object::Objects& objects();

  /// Signs: the header a client would put on the wire.
  http::RequestHeader header_of(const Ask& ask);

  /// The signature of the last request: where a chain of chunk signatures starts.
  const std::string& seed() const;
  std::string signing_key_of(const std::string& user) const;
  std::string scope() const;

 private:
  void sign(http::RequestHeader& header, const Ask& ask, const std::string& hash);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::s3::test
