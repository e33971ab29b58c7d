#include "backends/rdma/disk_io.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include "backends/rdma/identity.h"

namespace sluice::rdma {
namespace {

Result<> outcome(const char* what, int result, std::size_t wanted) {
  if (result == static_cast<int>(wanted)) return done;
  const char* reason = result < 0 ? std::strerror(-result) : "cut short";
  const auto code = result == -ENOSPC ? ErrorCode::out_of_space : ErrorCode::unavailable;
  return fail(code, std::string("disk ") + what + ": " + reason);
}

}  // namespace

Chunk aligned_memory(std::size_t size) {
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(kPageSize, size));
  if (memory == nullptr) throw std::bad_alloc();
  return Chunk(std::shared_ptr<const void>(memory, [](void* p) { std::free(p); }), std::span(memory, size));
}

Chunk aligned_chunk(std::string_view bytes) {
  Chunk chunk = aligned_memory(bytes_of(pages_for(bytes.size())));
  const auto memory = chunk.writable();
  std::memcpy(memory.data(), bytes.data(), bytes.size());
  std::memset(memory.data() + bytes.size(), 0, memory.size() - bytes.size());
  return chunk;
}

Task<> write_fully(IoFilePtr file, Chunk from, std::uint64_t offset) {
  IoRing& ring = IoRing::of(co_await boost::asio::this_coro::executor);
  const int result = co_await IoOperation::wait(ring.write(std::move(file), from, offset));
  co_return outcome("write", result, from.size());
}

Task<> read_fully(IoFilePtr file, Chunk into, std::uint64_t offset) {
  IoRing& ring = IoRing::of(co_await boost::asio::this_coro::executor);
  const int result = co_await IoOperation::wait(ring.read(std::move(file), into, offset));
  co_return outcome("read", result, into.size());
}

std::string read_blocking(int fd, std::uint64_t offset, std::size_t size) {
  // O_DIRECT wants aligned memory.
  Chunk memory = aligned_memory(bytes_of(pages_for(size)));
  std::memset(memory.writable().data(), 0, memory.size());
  std::size_t have = 0;
  while (have < memory.size()) {
    const ssize_t count =
        ::pread(fd, memory.writable().data() + have, memory.size() - have, static_cast<off_t>(offset + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::system_error(errno, std::generic_category(), "read");
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  return std::string(memory.text().substr(0, size));
}

}  // namespace sluice::rdma
