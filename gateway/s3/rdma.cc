#include "gateway/s3/rdma.h"

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <array>

#include "gateway/core/encoding.h"
#include "gateway/s3/headers.h"

namespace sluice::s3 {
namespace {

using Counter = prometheus::Counter;

constexpr std::string_view kPsn = "x-amz-rdma-psn", kMtu = "x-amz-rdma-mtu";

/// Why an offer is declined, as the metrics name it; each is there from the start, with zero.
constexpr std::array<std::string_view, 7> kReasons = {"off",  "transport", "signature", "body",
                                                      "busy", "window",    "connection"};

bool is_write(const Call& call) { return call.row->operation != Operation::get_object; }

/// As the connections of one sender are told from another's.
std::string owner_of(const Call& call) { return call.signature.identity.user->access_key; }

/// Is the body of a write what its token offers, and neither a hash nor frames of something else?
bool is_bare(const Call& call) {
  return call.signature.payload == auth::Payload::unsigned_payload &&
         !call.fields->has("x-amz-decoded-content-length") && !call.fields->has("x-amz-trailer");
}

Failure wrong(std::string_view name) {
  return Failure(Code::invalid_argument, "The " + std::string(name) + " header is missing or not valid.")
      .with("ArgumentName", std::string(name));
}

Outcome<std::uint32_t> packet_number(const Call& call) {
  constexpr std::size_t kDigits = 6;
  const std::string text = joined(*call.fields, kPsn);
  const auto bytes = from_hex(text);
  if (text.size() != kDigits || !bytes) return std::unexpected(wrong(kPsn));
  std::uint32_t value = 0;
  for (const char byte : *bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

struct Rdma::Counters {
  explicit Counters(prometheus::Registry& registry) {
    auto& transfers = family(registry, "sluice_s3_rdma_transfers_total", "objects moved over RDMA, whole and answered");
    auto& bytes = family(registry, "sluice_s3_rdma_bytes_total", "bytes of those objects");
    auto& failures =
        family(registry, "sluice_s3_rdma_failures_total", "objects that a client's device did not take or give");
    for (const bool in : {false, true}) {
      const prometheus::Labels labels{{"direction", in ? "in" : "out"}};
      way[in] = {&transfers.Add(labels), &bytes.Add(labels), &failures.Add(labels)};
    }
    auto& declines = family(registry, "sluice_s3_rdma_declined_total", "offers declined: those clients use HTTP");
    for (std::size_t i = 0; i < kReasons.size(); ++i) {
      declined[i] = &declines.Add({{"reason", std::string(kReasons[i])}});
    }
    connections = &family(registry, "sluice_s3_rdma_connections_total", "connections made for clients").Add({});
  }

  static prometheus::Family<Counter>& family(prometheus::Registry& registry, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }

  struct Way {
    Counter* transfers = nullptr;
    Counter* bytes = nullptr;
    Counter* failures = nullptr;
  };
  std::array<Way, 2> way;  ///< Out of here and into here.
  std::array<Counter*, kReasons.size()> declined{};
  Counter* connections = nullptr;
};

Rdma::Rdma(BufferPool& pool, prometheus::Registry& registry, ClientMemory* memory)
    : pool_(pool), memory_(memory), counters_(std::make_unique<const Counters>(registry)) {}

Rdma::~Rdma() = default;

Failure Rdma::decline(std::string_view reason, std::string_view sentence) const {
  const auto* const known = std::ranges::find(kReasons, reason);
  counters_->declined.at(static_cast<std::size_t>(known - kReasons.begin()))->Increment();
  Failure failure(Code::not_implemented,
                  std::string(sentence) + " Send the request again over HTTP, without x-amz-rdma-token.");
  failure.detail = "x-amz-rdma-token declined: " + std::string(reason);
  return std::move(failure).with("Header", std::string(kRdmaToken));
}

Step<std::unique_ptr<OfferedMemory>> Rdma::take(const Call& call, const RdmaToken& token) {
  const auto declined = [this](std::string_view reason, std::string_view sentence) {
    return std::unexpected(decline(reason, sentence));
  };
  if (memory_ == nullptr) co_return declined("off", "Objects are not transferred over RDMA here.");
  if (token.transport != RdmaToken::Transport::reliable) {
    co_return declined("transport", "Objects are transferred over reliable connections alone.");
  }
  if (!call.signature.by_header || !call.request.header.fields.has(kRdmaToken)) {
    co_return declined("signature", "A token counts in the signed header of a request alone.");
  }
  if (is_write(call) && !is_bare(call)) {
    co_return declined("body", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, and the body unframed.");
  }
  if (is_write(call) && token.window.size == 0) co_return declined("window", "No bytes are offered.");

  auto transfer = co_await memory_->begin(owner_of(call), token.window);
  if (transfer) co_return std::make_unique<OfferedMemory>(*std::move(transfer), token.window.size, pool_);
  if (transfer.error().code == ErrorCode::busy) {
    co_return declined("busy", "Too many objects are being transferred.");
  }
  co_return declined("connection", "There is no connection to that queue pair; ask for one first.");
}

Step<RdmaEnd> Rdma::connect(const Call& call) {
  CO_TRY(const auto token, rdma_token_of(call));
  if (!token) co_return std::unexpected(wrong(kRdmaToken));
  if (memory_ == nullptr) co_return std::unexpected(decline("off", "Objects are not transferred over RDMA here."));
  if (token->transport != RdmaToken::Transport::reliable) {
    co_return std::unexpected(decline("transport", "Objects are transferred over reliable connections alone."));
  }
  if (!call.signature.by_header || !call.request.header.fields.has(kRdmaToken)) {
    co_return std::unexpected(decline("signature", "A token counts in the signed header of a request alone."));
  }
  RdmaEnd client{.address = token->window.device, .queue_pair = token->window.queue_pair};
  CO_TRY(client.first_packet, packet_number(call));
  const auto mtu = parse_decimal(joined(*call.fields, kMtu));
  if (!mtu || *mtu > UINT32_MAX) co_return std::unexpected(wrong(kMtu));
  client.mtu = static_cast<std::uint32_t>(*mtu);
  CO_TRY(const RdmaEnd ours, co_await memory_->connect(owner_of(call), client));
  counters_->connections->Increment();
  co_return ours;
}

void Rdma::count(const Call& call, unsigned status) const {
  const Counters::Way& way = counters_->way[is_write(call)];
  if (call.offered->failed()) way.failures->Increment();
  if (status / 100 != 2) return;
  way.transfers->Increment();
  way.bytes->Increment(static_cast<double>(call.offered->moved()));
}

bool moves_bytes(const Call& call) {
  const http::RequestHeader& header = call.request.header;
  const Operation operation = call.row->operation;
  const bool takes_bytes = operation == Operation::put_object || operation == Operation::upload_part;
  const bool has_body = header.chunked || header.content_length.value_or(0) != 0;
  return operation == Operation::get_object || (takes_bytes && !has_body);
}

Outcome<std::optional<RdmaToken>> rdma_token_of(const Call& call) {
  if (!call.fields->has(kRdmaToken)) return std::nullopt;
  const auto token = parse_rdma_token(joined(*call.fields, kRdmaToken));
  if (token) return token;
  return std::unexpected(Failure(Code::invalid_argument, "The x-amz-rdma-token header is not an RDMA token.")
                             .with("ArgumentName", std::string(kRdmaToken)));
}

}  // namespace sluice::s3
