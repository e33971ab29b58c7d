#include "backends/local/file_read.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

namespace sluice::local {

namespace {

std::size_t read_from_page_cache(const IoFile& file, Chunk& into, std::uint64_t offset) {
  const auto memory = into.writable();
  const iovec part{memory.data(), memory.size()};
  const auto count = ::preadv2(file.fd(), &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

Task<ReadFrom> read_fully(IoFilePtr file, Chunk into, std::uint64_t offset) {
  std::size_t filled = read_from_page_cache(*file, into, offset);
  if (filled == into.size()) co_return ReadFrom::page_cache;
  IoRing& ring = IoRing::of(co_await boost::asio::this_coro::executor);
  while (filled < into.size()) {
    const Chunk rest = into.slice(filled, into.size() - filled);
    const int count = co_await IoOperation::wait(ring.read(file, rest, offset + filled));
    if (count == -EINTR || count == -EAGAIN) continue;
    if (count < 0) co_return fail(ErrorCode::unavailable, "read: " + std::generic_category().message(-count));
    if (count == 0) co_return fail(ErrorCode::corrupt, "the file ends too early");
    filled += static_cast<std::size_t>(count);
  }
  co_return ReadFrom::device;
}

}  // namespace sluice::local
