#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace sluice::power {

/// A file of a VolatileStore: what programs see of it, and what the device has.
struct VolatileFile {
  int live = -1;
  int durable = -1;
  std::set<std::uint64_t> dirty;  ///< Pages that differ between the two.
  bool resized = false;

  VolatileFile() = default;
  ~VolatileFile();
  VolatileFile(const VolatileFile&) = delete;
  VolatileFile& operator=(const VolatileFile&) = delete;
};
using VolatileFilePtr = std::shared_ptr<VolatileFile>;

/// A tree of files as a device with a volatile cache keeps it. Programs see every
/// change at once, in the tree `live`. A power cut leaves in `durable` what POSIX
/// promises and a random part of the rest: of the data, what was synced, and any
/// pages of what was not; of a directory's names, those as of its last sync, and
/// the first few changes after it.
///
/// Paths are relative to the trees. Calls return a count or 0, or a negative
/// errno. One caller at a time.
class VolatileStore {
 public:
  /// Both trees hold the same to begin with: `live` is filled from `durable`.
  VolatileStore(std::filesystem::path live, std::filesystem::path durable);

  /// The file of that name, or null.
  VolatileFilePtr find(const std::string& path) const;
  VolatileFilePtr create(const std::string& path, unsigned mode);

  std::int64_t write(VolatileFile& file, std::span<const char> bytes, std::uint64_t offset);
  int resize(VolatileFile& file, std::uint64_t size);
  /// As fallocate(2).
  int allocate(VolatileFile& file, int mode, std::uint64_t offset, std::uint64_t length);
  int sync(VolatileFile& file);

  int make_directory(const std::string& path, unsigned mode);
  int remove_directory(const std::string& path);
  int remove(const std::string& path);
  int rename(const std::string& from, const std::string& to);
  int sync_directory(const std::string& path);

  std::filesystem::path live(const std::string& path) const { return live_ / path; }

  /// Makes `durable` what a power cut now would leave. Call last.
  void cut(std::mt19937_64& chance);

 private:
  /// One change of names: what appears, and what goes.
  struct NameChange {
    std::string gone;
    std::string appears;
    VolatileFilePtr file;  ///< Null for a directory.
  };
  struct Names {
    std::map<std::string, VolatileFilePtr> files;
    std::set<std::string> directories;
    void apply(const NameChange& change);
  };
  VolatileFilePtr adopt(const std::string& path);
  int change(NameChange change);
  void keep_some(VolatileFile& file, std::mt19937_64& chance);
  void lay_out(const Names& names);

  const std::filesystem::path live_;
  const std::filesystem::path durable_;
  Names seen_;
  Names kept_;
  std::map<std::string, std::vector<NameChange>> pending_;  ///< By directory, oldest first.
};

}  // namespace sluice::power
