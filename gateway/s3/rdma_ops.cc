#include "gateway/core/encoding.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/rdma.h"
#include "gateway/s3/write_body.h"

// The bytes of objects in the memory of clients, instead of in the bodies of HTTP.

namespace sluice::s3 {

/// Without Rdma, which only tests leave out, as where it is off.
Step<> Handler::take_offer(Call& call) {
  CO_TRY(const auto token, rdma_token_of(call));
  if (!token || !moves_bytes(call)) co_return Outcome<>{};
  if (services_.rdma == nullptr) co_return s3::refuse(Code::not_implemented);
  CO_TRY(call.offered, co_await services_.rdma->take(call, *token));
  co_return Outcome<>{};
}

void Handler::tell_offer(Call& call, http::Response& response) const {
  if (!call.fields->has(kRdmaToken)) return;
  const unsigned status = response.header.status();
  if (!call.offered) {
    // Its client must not take its memory for filled, nor its bytes for stored, whatever the answer.
    response.header.add(kRdmaReply, call.rdma_reply.empty() ? std::string_view("501") : call.rdma_reply);
    return;
  }
  response.header.add(kRdmaReply, std::to_string(status));
  if (status / 100 == 2) response.header.add("x-amz-rdma-bytes-transferred", call.offered->moved());
  services_.rdma->count(call, status);
}

Awaitable<Answer> Handler::store_offered(Call& call, http::Response response, object::OpenObject opened) {
  const std::uint64_t length = opened.selection.range.length;
  if (length > call.offered->size()) {
    call.offered.reset();
    co_return std::unexpected(services_.rdma->decline("window", "The object is larger than the memory offered."));
  }
  const auto stored = co_await call.offered->store(std::move(opened.content), opened.body.get(), length);
  if (!stored && call.offered->failed()) co_return std::unexpected(not_moved(stored.error()));
  if (!stored) co_return std::unexpected(Failure(stored.error()));
  response.content_length = 0;
  co_return response;
}

Awaitable<Answer> Handler::connect_rdma(Call& call) {
  if (services_.rdma == nullptr) co_return s3::refuse(Code::not_implemented);
  CO_TRY(const RdmaEnd end, co_await services_.rdma->connect(call));
  constexpr std::uint32_t kMask = 0xffffff;
  const std::uint32_t number = end.first_packet & kMask;
  std::string packet;
  for (const int shift : {16, 8, 0}) packet += static_cast<char>(number >> shift);
  http::Response response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
  response.header.add("x-amz-rdma-psn", to_hex(packet));
  response.header.add("x-amz-rdma-mtu", end.mtu);
  call.rdma_reply = "200:" + format_rdma_end(end);
  co_return response;
}

}  // namespace sluice::s3
