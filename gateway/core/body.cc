#include "gateway/core/body.h"

namespace sluice {

Task<std::uint64_t> pump(BodySource& source, BodySink& sink) {
  std::uint64_t moved = 0;
  for (;;) {
    CO_TRY(Chunk chunk, co_await source.read());
    if (chunk.empty()) co_return moved;
    moved += chunk.size();
    CO_TRY(co_await sink.write(std::move(chunk)));
  }
}

Task<std::string> read_all(BodySource& source, std::size_t size_max) {
  std::string text;
  for (;;) {
    CO_TRY(const Chunk chunk, co_await source.read());
    if (chunk.empty()) co_return text;
    if (chunk.size() > size_max - text.size()) co_return fail(ErrorCode::entity_too_large, "body");
    text.append(chunk.text());
  }
}

}  // namespace sluice
