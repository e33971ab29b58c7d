#include "backends/local/page_memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "backends/local/extent_layout.h"

namespace sluice::local {

Chunk page_memory(std::size_t size) {
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(kPageSize, size));
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, size);
  return {std::shared_ptr<const void>(memory, [](std::byte* bytes) { std::free(bytes); }), std::span(memory, size)};
}

bool is_aligned(const Chunk& chunk) { return reinterpret_cast<std::uintptr_t>(chunk.bytes().data()) % kPageSize == 0; }

}  // namespace sluice::local
