#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <span>

namespace sluice::http {

/// Hands pages to sockets instead of copies of their bytes, through a pipe (vmsplice,
/// splice). Who gives them must not write to them as long as a peer may not have them:
/// LendableMemory. A process that has one ignores SIGPIPE. Of one thread.
class PagePipe {
 public:
  PagePipe() = default;
  ~PagePipe() { close(); }
  PagePipe(const PagePipe&) = delete;
  PagePipe& operator=(const PagePipe&) = delete;

  /// Sends what goes without waiting; how much. `error` is would_block where nothing went, and
  /// operation_not_supported where the system has no such way.
  std::size_t send(int socket, std::span<const std::byte> bytes, boost::system::error_code& error);

 private:
  bool open();
  void close();

  int from_ = -1;
  int to_ = -1;
};

}  // namespace sluice::http
