#include "gateway/master_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "gateway/core/encoding.h"

namespace sluice {
namespace {

constexpr std::size_t kFileSizeMax = 64 << 10;
constexpr std::size_t kIdSizeMax = 64;

[[noreturn]] void refuse(const std::string& sentence) { throw std::invalid_argument(sentence); }

[[noreturn]] void fail_at(const std::string& path, const char* what) {
  throw std::system_error(errno, std::generic_category(), what + (" " + path));
}

/// Closes itself; wipes nothing, as the bytes are the caller's.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// Text that is wiped.
struct Wiped {
  std::string text;
  ~Wiped() { OPENSSL_cleanse(text.data(), text.size()); }
};

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= kIdSizeMax &&
         id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:") == id.npos;
}

void sync_folder_of(const std::string& path) {
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() < 0 || ::fsync(file.fd()) != 0) fail_at(folder, "cannot sync");
}

// An object is encrypted under it at once: it must be on the device before.
void create(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.fd() < 0 && errno == EEXIST) return;
  if (file.fd() < 0) fail_at(path, "cannot make");
  const auto key = SecretKey::random();
  const Wiped line{"key-" + to_hex(random_bytes(4)) + " " + to_base64(key.bytes()) + "\n"};
  if (::write(file.fd(), line.text.data(), line.text.size()) != static_cast<ssize_t>(line.text.size()) ||
      ::fsync(file.fd()) != 0) {
    fail_at(path, "cannot write");
  }
  sync_folder_of(path);
}

Wiped read_private(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) fail_at(path, "cannot open");
  struct stat status{};
  if (::fstat(file.fd(), &status) != 0) fail_at(path, "cannot stat");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    refuse(fmt::format("{}: others than its owner may use it: chmod 600", path));
  }
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > kFileSizeMax) {
    refuse(fmt::format("{}: too large for a file of keys", path));
  }
  Wiped read{std::string(static_cast<std::size_t>(status.st_size), '\0')};
  if (::read(file.fd(), read.text.data(), read.text.size()) != status.st_size) fail_at(path, "cannot read");
  return read;
}

SecretKey parse_key(std::string_view text, std::size_t line) {
  auto bytes = from_base64(text);
  const auto key = bytes ? SecretKey::of(*bytes) : std::nullopt;
  if (bytes) OPENSSL_cleanse(bytes->data(), bytes->size());
  if (!key) refuse(fmt::format("encryption-keys: line {}: the key is not 32 bytes in base64", line));
  return *key;
}

}  // namespace

object::KeyRing parse_master_keys(std::string_view text) {
  object::KeyRing ring;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string_view entry = trim(whole.substr(0, whole.find('#')));
    if (entry.empty()) continue;
    const std::string_view id = entry.substr(0, entry.find_first_of(" \t"));
    if (!is_id(id)) refuse(fmt::format("encryption-keys: line {}: no id of 1 to 64 letters, digits and -_./:", line));
    if (!ring.add(std::string(id), parse_key(trim(entry.substr(id.size())), line))) {
      refuse(fmt::format("encryption-keys: line {}: the id was there before", line));
    }
  }
  if (ring.empty()) refuse("encryption-keys: the file holds no key");
  return ring;
}

object::KeyRing read_master_keys(const Config& config) {
  auto path = config.encryption_keys;
  if (path.empty() && config.encryption_keys_create) path = config.data + "/encryption-keys";
  if (path.empty()) return {};
  if (config.encryption_keys_create) create(path);
  const Wiped file = read_private(path);
  return parse_master_keys(file.text);
}

}  // namespace sluice
