// volatile-fs MOUNTPOINT LIVE DURABLE SEED: mounts a VolatileStore. SIGTERM is the
// power cut: DURABLE then holds what it left, and the program ends.
#define FUSE_USE_VERSION 35
#include <fcntl.h>
#include <fuse.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <random>
#include <string>

#include "tests/power/volatile_store.h"

namespace {

using sluice::power::VolatileFile;
using sluice::power::VolatileFilePtr;
using sluice::power::VolatileStore;

constexpr int kEndedBySignal = 8;  ///< Of fuse_main().

VolatileStore& store() { return *static_cast<VolatileStore*>(fuse_get_context()->private_data); }

/// As the store names it: without the slash in front.
std::string name(const char* path) { return path + 1; }

VolatileFilePtr& opened(fuse_file_info* info) { return *reinterpret_cast<VolatileFilePtr*>(info->fh); }

int hold(VolatileFilePtr file, fuse_file_info* info) {
  info->fh = reinterpret_cast<std::uint64_t>(new VolatileFilePtr(std::move(file)));
  info->direct_io = 1;
  return 0;
}

int fs_getattr(const char* path, struct stat* about, fuse_file_info* info) {
  const int result = info != nullptr && info->fh != 0 ? ::fstat(opened(info)->live, about)
                                                      : ::lstat(store().live(name(path)).c_str(), about);
  return result == 0 ? 0 : -errno;
}

int fs_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
  for (const char* always : {".", ".."}) fill(buffer, always, nullptr, 0, fuse_fill_dir_flags{});
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(store().live(name(path)), error)) {
    fill(buffer, entry.path().filename().c_str(), nullptr, 0, fuse_fill_dir_flags{});
  }
  return error ? -error.value() : 0;
}

int fs_create(const char* path, mode_t mode, fuse_file_info* info) {
  auto file = store().create(name(path), mode);
  return file ? hold(std::move(file), info) : -errno;
}

int fs_open(const char* path, fuse_file_info* info) {
  auto file = store().find(name(path));
  if (!file) return -ENOENT;
  if ((info->flags & O_TRUNC) != 0) {
    if (const int error = store().resize(*file, 0); error != 0) return error;
  }
  return hold(std::move(file), info);
}

int fs_release(const char*, fuse_file_info* info) {
  delete &opened(info);
  return 0;
}

int fs_read(const char*, char* bytes, std::size_t size, off_t offset, fuse_file_info* info) {
  const auto count = ::pread(opened(info)->live, bytes, size, offset);
  return count < 0 ? -errno : static_cast<int>(count);
}

int fs_write(const char*, const char* bytes, std::size_t size, off_t offset, fuse_file_info* info) {
  return static_cast<int>(store().write(*opened(info), {bytes, size}, static_cast<std::uint64_t>(offset)));
}

int fs_truncate(const char* path, off_t size, fuse_file_info* info) {
  const auto file = info != nullptr && info->fh != 0 ? opened(info) : store().find(name(path));
  return file ? store().resize(*file, static_cast<std::uint64_t>(size)) : -ENOENT;
}

int fs_fallocate(const char*, int mode, off_t offset, off_t length, fuse_file_info* info) {
  return store().allocate(*opened(info), mode, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length));
}

off_t fs_lseek(const char*, off_t offset, int whence, fuse_file_info* info) {
  const off_t found = ::lseek(opened(info)->live, offset, whence);
  return found < 0 ? -errno : found;
}

int fs_fsync(const char*, int, fuse_file_info* info) { return store().sync(*opened(info)); }
int fs_fsyncdir(const char* path, int, fuse_file_info*) { return store().sync_directory(name(path)); }
int fs_mkdir(const char* path, mode_t mode) { return store().make_directory(name(path), mode); }
int fs_rmdir(const char* path) { return store().remove_directory(name(path)); }
int fs_unlink(const char* path) { return store().remove(name(path)); }

int fs_rename(const char* from, const char* to, unsigned flags) {
  return flags != 0 ? -EINVAL : store().rename(name(from), name(to));
}

int fs_statfs(const char*, struct statvfs* about) {
  return ::statvfs(store().live("").c_str(), about) == 0 ? 0 : -errno;
}

int fs_chmod(const char*, mode_t, fuse_file_info*) { return 0; }
int fs_utimens(const char*, const timespec[2], fuse_file_info*) { return 0; }

void* fs_init(fuse_conn_info*, fuse_config* config) {
  config->direct_io = 1;
  config->hard_remove = 1;
  config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
  return fuse_get_context()->private_data;
}

fuse_operations operations() {
  fuse_operations table{};
  table.init = fs_init;
  table.getattr = fs_getattr;
  table.readdir = fs_readdir;
  table.create = fs_create;
  table.open = fs_open;
  table.release = fs_release;
  table.read = fs_read;
  table.write = fs_write;
  table.truncate = fs_truncate;
  table.fallocate = fs_fallocate;
  table.lseek = fs_lseek;
  table.fsync = fs_fsync;
  table.fsyncdir = fs_fsyncdir;
  table.mkdir = fs_mkdir;
  table.rmdir = fs_rmdir;
  table.unlink = fs_unlink;
  table.rename = fs_rename;
  table.statfs = fs_statfs;
  table.chmod = fs_chmod;
  table.utimens = fs_utimens;
  return table;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("volatile-fs MOUNTPOINT LIVE DURABLE SEED\n", stderr);
    return 2;
  }
  try {
    auto volatile_store = std::make_unique<VolatileStore>(argv[2], argv[3]);
    std::string program = argv[0], foreground = "-f", single = "-s", mountpoint = argv[1];
    char* arguments[] = {program.data(), foreground.data(), single.data(), mountpoint.data(), nullptr};
    const auto table = operations();
    const int status = fuse_main(4, arguments, &table, volatile_store.get());
    std::mt19937_64 chance(std::strtoull(argv[4], nullptr, 10));
    volatile_store->cut(chance);
    // What the killed program had open is nobody's to give back.
    std::_Exit(status == kEndedBySignal ? 0 : status);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "volatile-fs: %s\n", error.what());
    return 1;
  }
}
