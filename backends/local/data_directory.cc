#include "backends/local/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>

#include "backends/local/durable_file.h"
#include "gateway/core/encoding.h"

namespace sluice::local {

namespace {

constexpr const char* kFormatFile = "sluice-format";
constexpr const char* kUnfinishedFile = "sluice-unfinished";
constexpr const char* kCleanFile = "clean";
constexpr const char* kElsewhereFile = "index-elsewhere";
constexpr const char* kLockFile = "LOCK";
constexpr std::size_t kIdSize = 16;
constexpr const char* kFormat = "sluice local format 2\n";
constexpr const char* kFormat1 = "sluice local format 1\n";  ///< All rows of the index in one table.

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw std::runtime_error("data directory " + path.string() + ": " + why);
}

void require(const std::filesystem::path& path, const Result<>& result) {
  if (!result) refuse(path, result.error().detail);
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_ours(const std::filesystem::path& path) {
  return std::filesystem::exists(path / kFormatFile) || std::filesystem::exists(path / kUnfinishedFile);
}

bool holds_nothing(const std::filesystem::path& path) {
  const std::set<std::string> harmless = {kLockFile, "lost+found", std::string(kUnfinishedFile) + ".new",
                                          std::string(kElsewhereFile) + ".new"};
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (!harmless.contains(entry.path().filename().string())) return false;
  }
  return true;
}

}  // namespace

DataDirectory::DataDirectory(std::filesystem::path path, IndexPlace place) : path_(std::move(path)), place_(place) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) refuse(path_, error.message());
  // Before the lock, which leaves a file behind.
  if (!is_ours(path_) && !holds_nothing(path_)) {
    refuse(path_, "is not empty and not a Sluice data directory (there is no file " + std::string(kFormatFile) + ")");
  }
  lock();
  if (std::filesystem::exists(path_ / kFormatFile)) {
    read_format();
    return;
  }
  require(path_, write_durably(path_ / kUnfinishedFile, kFormat));
  begin();
}

void DataDirectory::read_id() {
  id_ = read_text(path_ / kElsewhereFile);
  if (id_.ends_with('\n')) id_.pop_back();
  if (place_ == IndexPlace::inside && !id_.empty()) {
    refuse(path_, "its index is in a database: say where by --index");
  }
  if (place_ == IndexPlace::elsewhere && id_.empty())
    refuse(path_, "has an index of its own: --index does not go with it");
}

void DataDirectory::lock() {
  auto file = open_file(path_ / kLockFile, O_RDWR | O_CREAT);
  if (!file) refuse(path_, file.error().detail);
  lock_ = *std::move(file);
  if (::flock(lock_->fd(), LOCK_EX | LOCK_NB) == 0) return;
  refuse(path_, errno == EWOULDBLOCK ? "is in use by another process" : std::generic_category().message(errno));
}

void DataDirectory::read_format() {
  const auto format = read_text(path_ / kFormatFile);
  outdated_ = format == kFormat1;
  if (format != kFormat && !outdated_)
    refuse(path_, "has a format this version does not know: " + format.substr(0, 60));
  read_id();
  if (!std::filesystem::exists(segments())) refuse(path_, "its segments are missing");
  std::error_code error;
  std::filesystem::remove(path_ / kUnfinishedFile, error);
  // From the first change on it is unclean, until it is closed.
  unclean_ = !std::filesystem::remove(path_ / kCleanFile, error);
  if (error) refuse(path_, error.message());
  require(path_, sync_directory(path_));
}

// Nothing was ever acknowledged here: what a crash left of an earlier making is made again.
void DataDirectory::begin() {
  unfinished_ = true;
  std::error_code error;
  if (place_ == IndexPlace::inside) {
    std::filesystem::remove(path_ / kElsewhereFile, error);
    if (!error) std::filesystem::create_directories(index(), error);
  } else if (!std::filesystem::exists(path_ / kElsewhereFile)) {
    require(path_, write_durably(path_ / kElsewhereFile, to_hex(random_bytes(kIdSize)) + "\n"));
  }
  if (!error) std::filesystem::create_directories(segments(), error);
  if (error) refuse(path_, error.message());
  require(path_, sync_directory(path_));
  if (place_ == IndexPlace::elsewhere) read_id();
}

void DataDirectory::finish() {
  if (!unfinished_ && !outdated_) return;
  require(path_, write_durably(path_ / kFormatFile, kFormat));
  std::error_code ignored;
  std::filesystem::remove(path_ / kUnfinishedFile, ignored);
  unfinished_ = outdated_ = false;
}

void DataDirectory::close_cleanly() {
  if (write_durably(path_ / kCleanFile, kFormat)) unclean_ = false;
}

}  // namespace sluice::local
