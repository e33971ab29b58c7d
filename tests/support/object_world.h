#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/object/append.h"
#include "gateway/object/buckets.h"
#include "gateway/object/fsck.h"
#include "gateway/object/leases.h"
#include "gateway/object/listing.h"
#include "gateway/object/objects.h"
#include "gateway/object/pages.h"
#include "gateway/object/uploads.h"
#include "tests/support/faulty_backend.h"
#include "tests/support/memory_backend.h"

namespace sluice::test {

/// The object layer over a backend in memory that can be told to fail, with a
/// bucket "photos" of "alice", a master key "first" and a clock that stands still. Each call here runs a
/// coroutine to its end; start_* give coroutines to be run together.
class World {
 public:
  /// `extent_length_max` cuts bodies early; bodies up to `inline_size_max` are inline.
  explicit World(std::uint64_t extent_length_max = 1 << 20, std::size_t inline_size_max = 64);

  MemoryIndex index;
  MemoryExtents extents;
  FaultyBackend faulty;
  FixedClock clock;
  NullLog log;
  object::KeyRing keys;
  object::Reclaimer reclaimer;
  object::Buckets buckets;
  object::Objects objects;
  object::Uploads uploads;
  object::Leases leases;
  object::Appends appends;
  object::Pages pages;
  RequestContext context;

  Task<object::ObjectInfo> start_put(std::string key, std::string text, object::PutOptions options = {},
                                     std::string bucket = "photos");
  Task<std::string> start_get(std::string key, object::OpenOptions options = {});
  Task<> start_remove(std::string key, object::Conditions conditions = {});
  Task<object::Removal> start_removal(object::RemoveRequest request);
  Task<object::ObjectInfo> start_snapshot(std::string key);
  Task<object::ObjectInfo> start_copy(std::string from, std::string to, object::CopyOptions options = {});
  Task<object::PartInfo> start_stage(std::string key, std::string upload_id, std::uint32_t number, std::string text,
                                     std::optional<SecretKey> customer_key = {});
  Task<object::ObjectInfo> start_commit(std::string key, std::string upload_id, std::vector<std::uint32_t> numbers,
                                        object::Conditions conditions = {});
  Task<object::AppendAnswer> start_append(std::string key, std::string text, object::AppendOptions options = {});
  Task<> start_abandon(std::string key, std::string upload_id);
  Task<> start_remove_bucket(std::string bucket);

  Result<object::ObjectInfo> put(std::string key, std::string text, object::PutOptions options = {});
  Result<std::string> get(std::string key, object::OpenOptions options = {});
  Result<> remove(std::string key, object::Conditions conditions = {});
  Result<object::Removal> remove_version(std::string key, object::VersionId version);
  void set_versioning(object::Versioning versioning);
  std::vector<object::VersionEntry> versions(object::VersionListOptions options = {});
  Result<object::ObjectInfo> copy(std::string from, std::string to, object::CopyOptions options = {});
  std::string begin(std::string key, object::UploadOptions options = {});
  Result<object::PartInfo> stage(std::string key, std::string upload_id, std::uint32_t number, std::string text,
                                 std::optional<SecretKey> customer_key = {});
  Result<object::ObjectInfo> commit(std::string key, std::string upload_id, std::vector<std::uint32_t> numbers,
                                    object::Conditions conditions = {});
  Result<object::ObjectInfo> create_append(std::string key, object::PutOptions options = {});
  Result<object::AppendAnswer> append(std::string key, std::string text, object::AppendOptions options = {});
  Result<> abandon(std::string key, std::string upload_id);
  Result<object::ListPage> list(object::ListOptions options);

  /// An object of `count` parts, "part N;" each.
  void put_parts(std::string key, std::uint32_t count);

  /// Lets time pass, and the reclaimer work until nothing is left to do.
  void reclaim();
  /// What a check of everything finds, each fault as a sentence.
  std::pair<object::FsckReport, std::vector<std::string>> check(bool repair = false);
  /// After reclaim(): nothing is wrong, nothing is left over; what is if not.
  std::string leftovers();
  std::size_t row_count(std::string_view letters) const;
};

/// The text of `count` parts of put_parts().
std::string parts_text(std::uint32_t count);

/// Runs several coroutines at once on one thread.
void run_together(std::vector<std::function<Awaitable<>()>> tasks);

}  // namespace sluice::test
