#include "backends/local/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace sluice::local {

Error error_of(int error, const std::string& what) {
  auto code = ErrorCode::unavailable;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = ErrorCode::out_of_space;
  if (error == ENOENT) code = ErrorCode::no_such_object;
  return {code, what + ": " + std::generic_category().message(error)};
}

Result<IoFilePtr> open_file(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) return std::unexpected(error_of(errno, path.string()));
  return std::make_shared<const IoFile>(fd);
}

Result<> sync_directory(const std::filesystem::path& directory) {
  TRY(const auto file, open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::fsync(file->fd()) != 0) return std::unexpected(error_of(errno, directory.string()));
  return done;
}

Result<> write_durably(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path made = path.string() + ".new";
  {
    TRY(const auto file, open_file(made, O_WRONLY | O_CREAT | O_TRUNC));
    while (!bytes.empty()) {
      const auto count = ::write(file->fd(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::unexpected(error_of(errno, made.string()));
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(file->fd()) != 0) return std::unexpected(error_of(errno, made.string()));
  }
  if (::rename(made.c_str(), path.c_str()) != 0) return std::unexpected(error_of(errno, path.string()));
  return sync_directory(path.parent_path());
}

}  // namespace sluice::local
