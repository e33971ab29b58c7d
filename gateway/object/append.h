#pragma once

#include <cstdint>
#include <optional>

#include "gateway/object/objects.h"

namespace sluice::object {

class Catalog;
class References;

struct AppendOptions {
  Conditions conditions;
  std::optional<std::uint64_t> position;  ///< Where the object must end before.
  std::optional<std::uint64_t> size_max;  ///< What it may come to.
  std::optional<SecretKey> customer_key{};
};

struct AppendAnswer {
  ObjectInfo info;
  std::uint64_t offset = 0;  ///< Where the appended bytes begin.
  // Of the appended bytes.
  std::optional<Digest> md5{};
  std::optional<Digest> crc64nvme{};
};

/// Objects that grow at their end. Every append is durable, and is in the object
/// whole or not at all; a reader keeps the state it opened. Safe for concurrent use.
///
/// Small appends gather in the index and are written to an extent together, so that
/// an object of any number of them takes little more room than its bytes.
///
/// What is appended to an encrypted object is encrypted by itself, under a key of its own, and bound to its place.
class Appends {
 public:
  static constexpr std::uint32_t kBlockCountMax = 50'000;
  static constexpr std::uint64_t kAppendSizeMax = 100ULL << 20;

  Appends(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys = KeyRing::none())
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), keys_(keys) {}

  /// Makes an empty append object, in place of what is there. Fails as Objects::put.
  Task<ObjectInfo> create(const RequestContext& context, const ObjectName& name, const PutOptions& options);

  /// Reads `body` to its end and adds it to the object. Takes md5 and crc64nvme of it.
  /// Fails as check_write and check_lease_for_write, and with kind_mismatch, sealed,
  /// append_position_mismatch, append_size_exceeded, too_many_blocks, and
  /// entity_too_large beyond kAppendSizeMax; invalid_argument for no bytes at all. Of encrypted objects also as
  /// open_object_key(), and with unavailable where the object was replaced by another meanwhile.
  Task<AppendAnswer> append(const RequestContext& context, const ObjectName& name, const AppendOptions& options,
                            DigestSource& body);

  /// The object takes no more appends from here on. Sealing again succeeds. Fails as
  /// append() does, but for its size.
  Task<ObjectInfo> seal(const RequestContext& context, const ObjectName& name, const Conditions& conditions,
                        std::optional<std::uint64_t> position);

 private:
  struct Addition;
  Task<ObjectInfo> create_once(const ObjectName& name, const PutOptions& options);
  Task<std::optional<SecretKey>> check_early(const ObjectName& name, const AppendOptions& options,
                                             std::optional<std::uint64_t> length);
  Task<AppendAnswer> append_once(const ObjectName& name, const AppendOptions& options, Addition& addition);
  Task<> add(Catalog& rows, References& references, Appended& content, Addition& addition);
  Task<> add_small(Catalog& rows, References& references, Appended& content, Addition& addition);
  Task<> flush(Catalog& rows, References& references, Appended& content, Addition& addition, std::string_view more);
  Task<ObjectInfo> seal_once(const ObjectName& name, const Conditions& conditions,
                             std::optional<std::uint64_t> position);
  std::uint64_t tail_size_max() const;

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
};

}  // namespace sluice::object
