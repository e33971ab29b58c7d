#include "tests/power/volatile_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace sluice::power {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

std::string parent_of(const std::string& path) { return fs::path(path).parent_path().string(); }

int outcome(int result) { return result < 0 ? -errno : 0; }

[[noreturn]] void give_up(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::uint64_t size_of(int fd) {
  struct stat about{};
  if (::fstat(fd, &about) != 0) give_up("fstat");
  return static_cast<std::uint64_t>(about.st_size);
}

bool is_hole(int fd, std::uint64_t page) {
  const auto offset = static_cast<off_t>(page * kPage);
  const off_t data = ::lseek(fd, offset, SEEK_DATA);
  return data < 0 || data >= offset + static_cast<off_t>(kPage);
}

/// One page, as far as the file goes; a hole stays one.
void copy_page(int from, int to, std::uint64_t page) {
  const auto offset = static_cast<off_t>(page * kPage);
  if (is_hole(from, page)) {
    ::fallocate(to, kPunch, offset, kPage);
    return;
  }
  std::array<char, kPage> bytes{};
  const auto count = ::pread(from, bytes.data(), bytes.size(), offset);
  if (count < 0) give_up("pread");
  if (::pwrite(to, bytes.data(), static_cast<std::size_t>(count), offset) != count) give_up("pwrite");
}

void mark(VolatileFile& file, std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return;
  for (auto page = offset / kPage; page <= (offset + length - 1) / kPage; ++page) file.dirty.insert(page);
}

}  // namespace

VolatileFile::~VolatileFile() {
  if (live >= 0) ::close(live);
  if (durable >= 0) ::close(durable);
}

VolatileStore::VolatileStore(fs::path live, fs::path durable) : live_(std::move(live)), durable_(std::move(durable)) {
  fs::create_directories(durable_);
  fs::remove_all(live_);
  fs::create_directories(live_);
  for (const auto& entry : fs::recursive_directory_iterator(durable_)) {
    const auto path = entry.path().lexically_relative(durable_).string();
    if (entry.is_directory()) {
      fs::create_directory(live_ / path);
      seen_.directories.insert(path);
    } else {
      seen_.files[path] = adopt(path);
    }
  }
  kept_ = seen_;
}

VolatileFilePtr VolatileStore::adopt(const std::string& path) {
  auto file = std::make_shared<VolatileFile>();
  file->durable = ::open((durable_ / path).c_str(), O_RDWR | O_CLOEXEC);
  file->live = ::open((live_ / path).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file->durable < 0 || file->live < 0) give_up("open");
  const auto size = size_of(file->durable);
  for (std::uint64_t page = 0; page * kPage < size; ++page) copy_page(file->durable, file->live, page);
  if (::ftruncate(file->live, static_cast<off_t>(size)) != 0) give_up("ftruncate");
  return file;
}

VolatileFilePtr VolatileStore::find(const std::string& path) const {
  const auto found = seen_.files.find(path);
  return found == seen_.files.end() ? nullptr : found->second;
}

VolatileFilePtr VolatileStore::create(const std::string& path, unsigned mode) {
  auto file = std::make_shared<VolatileFile>();
  file->live = ::open((live_ / path).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file->live < 0) return nullptr;
  file->durable = ::open(durable_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
  if (file->durable < 0) give_up("O_TMPFILE");
  change({.gone = {}, .appears = path, .file = file});
  return file;
}

std::int64_t VolatileStore::write(VolatileFile& file, std::span<const char> bytes, std::uint64_t offset) {
  const auto count = ::pwrite(file.live, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (count < 0) return -errno;
  mark(file, offset, static_cast<std::uint64_t>(count));
  return count;
}

int VolatileStore::resize(VolatileFile& file, std::uint64_t size) {
  const auto before = size_of(file.live);
  if (::ftruncate(file.live, static_cast<off_t>(size)) != 0) return -errno;
  // The page the file now ends in has lost its end.
  mark(file, std::min(before, size), 1);
  file.resized = true;
  return 0;
}

int VolatileStore::allocate(VolatileFile& file, int mode, std::uint64_t offset, std::uint64_t length) {
  if (::fallocate(file.live, mode, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0) return -errno;
  file.resized = true;
  // Allocating changes no byte; what is punched differs only where there is a file.
  if ((mode & FALLOC_FL_PUNCH_HOLE) == 0) return 0;
  const auto end = std::min(offset + length, std::max(size_of(file.live), size_of(file.durable)));
  if (end > offset) mark(file, offset, end - offset);
  return 0;
}

int VolatileStore::sync(VolatileFile& file) {
  for (const auto page : file.dirty) copy_page(file.live, file.durable, page);
  file.dirty.clear();
  file.resized = false;
  return outcome(::ftruncate(file.durable, static_cast<off_t>(size_of(file.live))));
}

void VolatileStore::Names::apply(const NameChange& change) {
  if (!change.gone.empty()) {
    files.erase(change.gone);
    directories.erase(change.gone);
  }
  if (change.appears.empty()) return;
  if (change.file) {
    files[change.appears] = change.file;
  } else {
    directories.insert(change.appears);
  }
}

int VolatileStore::change(NameChange change) {
  seen_.apply(change);
  pending_[parent_of(change.appears.empty() ? change.gone : change.appears)].push_back(std::move(change));
  return 0;
}

int VolatileStore::make_directory(const std::string& path, unsigned mode) {
  if (::mkdir(live(path).c_str(), mode) != 0) return -errno;
  return change({.gone = {}, .appears = path, .file = nullptr});
}

int VolatileStore::remove_directory(const std::string& path) {
  if (::rmdir(live(path).c_str()) != 0) return -errno;
  return change({.gone = path, .appears = {}, .file = nullptr});
}

int VolatileStore::remove(const std::string& path) {
  if (::unlink(live(path).c_str()) != 0) return -errno;
  return change({.gone = path, .appears = {}, .file = nullptr});
}

int VolatileStore::rename(const std::string& from, const std::string& to) {
  const auto file = find(from);
  if (!file) return -EOPNOTSUPP;  // Directories are never renamed by what is tested.
  if (::rename(live(from).c_str(), live(to).c_str()) != 0) return -errno;
  return change({.gone = from, .appears = to, .file = file});
}

int VolatileStore::sync_directory(const std::string& path) {
  for (const auto& change : pending_[path]) kept_.apply(change);
  pending_.erase(path);
  return 0;
}

/// The device wrote whatever it liked of what was not synced: nothing, all, or any pages.
void VolatileStore::keep_some(VolatileFile& file, std::mt19937_64& chance) {
  constexpr std::array<double, 3> kLikelihoods{0.0, 0.5, 1.0};
  std::bernoulli_distribution keeps(kLikelihoods[chance() % kLikelihoods.size()]);
  const auto live_size = size_of(file.live);
  auto size = size_of(file.durable);
  for (const auto page : file.dirty) {
    if (!keeps(chance)) continue;
    copy_page(file.live, file.durable, page);
    size = std::max(size, std::min(live_size, (page + 1) * kPage));
  }
  if (file.resized && keeps(chance)) size = live_size;
  if (::ftruncate(file.durable, static_cast<off_t>(size)) != 0) give_up("ftruncate");
}

void VolatileStore::lay_out(const Names& names) {
  const fs::path next = durable_.string() + ".next";
  fs::remove_all(next);
  fs::create_directories(next);
  // Sorted: a directory comes before what is in it. What lies in one that is lost is lost.
  for (const auto& directory : names.directories) {
    if (fs::exists((next / directory).parent_path())) fs::create_directory(next / directory);
  }
  for (const auto& [path, file] : names.files) {
    if (!fs::exists((next / path).parent_path())) continue;
    const auto link = "/proc/self/fd/" + std::to_string(file->durable);
    if (::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, (next / path).c_str(), AT_SYMLINK_FOLLOW) != 0) give_up("linkat");
  }
  fs::remove_all(durable_);
  fs::rename(next, durable_);
}

void VolatileStore::cut(std::mt19937_64& chance) {
  for (const auto& [directory, changes] : pending_) {
    const auto count = chance() % (changes.size() + 1);
    for (std::size_t i = 0; i < count; ++i) kept_.apply(changes[i]);
  }
  for (const auto& [path, file] : kept_.files) keep_some(*file, chance);
  lay_out(kept_);
}

}  // namespace sluice::power
