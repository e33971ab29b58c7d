#include "gateway/blob/batch.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/write_body.h"

namespace sluice::blob {
namespace {

/// The id of the request at `index` in a batch: the batch's, with its number.
std::string id_of_part(const RequestContext& batch, std::size_t index) {
  constexpr std::size_t kDigits = 12;
  std::string id = guid_of(batch);
  const std::string number = std::to_string(index + 1);
  if (id.size() < kDigits) return id + "-" + number;
  return id.replace(id.size() - number.size(), number.size(), number);
}

}  // namespace

// "Blob Batch", Azure Storage REST API: one operation, of one account, and of the container
// where the batch is sent to one. What is wrong with one request alone is its own answer.
Outcome<> Handler::check_batch(const Call& call, const std::vector<Subrequest>& parts) const {
  const OperationRow* first = nullptr;
  for (const Subrequest& part : parts) {
    const auto target = parse_target(part.header.target, part.header.fields.get("host"), options_.domains);
    if (!target) continue;
    const bool elsewhere = target->account != call.target.account ||
                           (call.target.scope == Scope::container && target->container != call.target.container);
    if (elsewhere)
      return blob::refuse(Code::invalid_input, "A request of the batch is for another account or container.");
    const auto row = find_operation(part.header.method, *target, part.header.fields);
    if (!row) continue;
    const Operation operation = (*row)->operation;
    if (operation != Operation::delete_blob && operation != Operation::set_blob_tier) {
      return blob::refuse(Code::invalid_input, "A batch is of Delete Blob or Set Blob Tier.");
    }
    if (first != nullptr && first != *row) return blob::refuse(Code::batch_of_several_operations);
    first = *row;
  }
  return {};
}

Awaitable<Answer> Handler::submit_batch(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, kBatchSizeMax));
  CO_TRY(const std::vector<Subrequest> parts,
         parse_batch(call.fields().get("content-type"), text, call.fields().get("host")));
  CO_TRY(check_batch(call, parts));
  BatchAnswers answers(guid_of(call.context));
  std::size_t failed_count = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    RequestContext context;
    context.request_id = id_of_part(call.context, i);
    context.remote_address = call.context.remote_address;
    context.secure = call.context.secure;
    ChunkSource body{Chunk()};
    const http::Request request{.header = parts[i].header, .body = body};
    Call part{.context = context, .request = request, .batch = &call};
    const http::Response response = co_await respond(part);
    answers.add(parts[i].content_id, response, context.error_code);
    if (!context.error_code.empty()) ++failed_count;
  }
  if (failed_count != 0) {
    call.context.detail = std::to_string(failed_count) + " of " + std::to_string(parts.size()) + " failed";
  }
  std::string document = answers.take();
  http::Response response = empty(202);
  response.header.add("Content-Type", answers.content_type());
  response.content_length = document.size();
  response.content = Chunk::of(std::move(document));
  co_return response;
}

}  // namespace sluice::blob
