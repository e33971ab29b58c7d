#include "gateway/http/page_pipe.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace sluice::http {
namespace {

constexpr int kPipeSize = 256 * 1024;

boost::system::error_code last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

bool PagePipe::open() {
  if (from_ >= 0) return true;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return false;
  from_ = ends[0];
  to_ = ends[1];
  ::fcntl(to_, F_SETPIPE_SZ, kPipeSize);  // With less it takes more calls.
  return true;
}

void PagePipe::close() {
  if (from_ < 0) return;
  ::close(std::exchange(from_, -1));
  ::close(std::exchange(to_, -1));
}

std::size_t PagePipe::send(int socket, std::span<const std::byte> bytes, boost::system::error_code& error) {
  error = make_error_code(boost::system::errc::operation_not_supported);
  if (!open()) return 0;
  iovec memory{const_cast<std::byte*>(bytes.data()), bytes.size()};
  const ssize_t lent = ::vmsplice(to_, &memory, 1, SPLICE_F_NONBLOCK);
  if (lent <= 0) return 0;
  std::size_t sent = 0;
  while (sent < static_cast<std::size_t>(lent)) {
    const ssize_t count = ::splice(from_, nullptr, socket, nullptr, static_cast<std::size_t>(lent) - sent, 0);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    error = last_error();
    close();  // What is left in it would go to somebody else.
    if (sent != 0) error.clear();
    return sent;
  }
  error.clear();
  return sent;
}

}  // namespace sluice::http
