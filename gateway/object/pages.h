#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gateway/object/objects.h"

namespace sluice::object {

class Catalog;
class References;
struct PageMap;
struct StoredBody;

/// What the sequence number of a page object must be.
struct SequenceConditions {
  std::optional<std::uint64_t> below;    ///< It is less.
  std::optional<std::uint64_t> at_most;  ///< It is that or less.
  std::optional<std::uint64_t> exactly;  ///< It is that.
};

struct PageOptions {
  Conditions conditions;
  SequenceConditions sequence;
  std::optional<SecretKey> customer_key{};
};

struct PageAnswer {
  ObjectInfo info;
  // Of the pages written.
  std::optional<Digest> md5;
  std::optional<Digest> crc64nvme;
};

enum class SequenceAct : std::uint8_t { max, update, increment };

/// Which pages of which state are asked about.
struct PageQuery {
  Which which{};
  std::optional<Which> since{};  ///< What differs from that state of the object, rather than from zeros.
  Conditions conditions{};
  ByteRange range{};
  std::size_t limit = 0;
};

/// Pages that are written, or differ.
struct PageRange {
  ByteRange bytes;
  bool cleared = false;  ///< They differ in that they are not written any more.
  friend bool operator==(const PageRange&, const PageRange&) = default;
};

struct PageRangesPage {
  ObjectInfo info;
  std::optional<ObjectInfo> earlier;  ///< The state that was asked to be compared with, where there is one.
  std::vector<PageRange> ranges;      ///< By offset; none touches the next of its kind.
  std::optional<std::uint64_t> next;  ///< Where to resume; nothing: that was all.
};

/// Objects that are written anywhere, in pages of 512 bytes, and read as zeros where
/// nothing was written. Room is taken by what is written, not by the size. Every
/// write is durable, and is in the object whole or not at all. Safe for concurrent use.
///
/// The pages of an encrypted object are encrypted piece by piece (page_cipher.h), under keys that no other write has.
///
/// A read that goes on while pages are written sees each region of 4 MiB as it is when
/// it gets there.
class Pages {
 public:
  static constexpr std::uint64_t kPageSize = 512;
  static constexpr std::uint64_t kPutSizeMax = 4ULL << 20;
  static constexpr std::uint64_t kSizeMax = 8ULL << 40;
  static constexpr std::uint64_t kSequenceMax = (1ULL << 63) - 1;

  Pages(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys = KeyRing::none())
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), keys_(keys) {}

  /// Makes a page object of zeros, in place of what is there. `size` is a multiple of
  /// kPageSize, or invalid_argument. Fails as Objects::put.
  Task<ObjectInfo> create(const RequestContext& context, const ObjectName& name, const PutOptions& options,
                          std::uint64_t size, std::uint64_t sequence_number);

  /// Reads `body`, which tells its length, and writes it at `offset`. Takes md5 and
  /// crc64nvme of it. Fails as check_write and check_lease_for_write, and with
  /// kind_mismatch, sequence_condition_failed, invalid_page_range, entity_too_large. Of encrypted objects also
  /// as open_object_key(), and with unavailable where the object was replaced by another meanwhile.
  Task<PageAnswer> put(const RequestContext& context, const ObjectName& name, const PageOptions& options,
                       std::uint64_t offset, DigestSource& body);

  /// Makes zeros of `range`. Fails as put(). More than 64 regions with written pages are
  /// cleared in several commits, the object a whole one after each: a failure between
  /// them leaves some cleared.
  Task<ObjectInfo> clear(const RequestContext& context, const ObjectName& name, const PageOptions& options,
                         ByteRange range);

  /// What is beyond the new size is gone, also if the object grows again. Fails as create() and
  /// put(). More than one commit takes is cleared first, as by clear().
  Task<ObjectInfo> resize(const RequestContext& context, const ObjectName& name, const PageOptions& options,
                          std::uint64_t size);

  /// Gives the object the greater of its number and `number`; `number`; or one more
  /// than it has. Fails as put(), and with invalid_argument beyond kSequenceMax.
  Task<ObjectInfo> set_sequence(const RequestContext& context, const ObjectName& name, const Conditions& conditions,
                                SequenceAct act, std::uint64_t number);

  /// The pages in a range that are written, or differ from an earlier state; none where
  /// that is not there, or is no page object. What was moved to put a region in order
  /// counts as different. Fails as Objects::stat, and with kind_mismatch.
  Task<PageRangesPage> ranges(const RequestContext& context, const ObjectName& name, const PageQuery& query);

 private:
  struct Write;
  Task<ObjectInfo> create_once(const ObjectName& name, const ObjectInfo& info, const PutOptions& options);
  Task<std::optional<SecretKey>> check_early(const ObjectName& name, const PageOptions& options, ByteRange range);
  Task<ObjectInfo> write_once(const ObjectName& name, const PageOptions& options, Write& write);
  Task<> overlay(Catalog& rows, References& references, const std::string& map_id, Write& write, std::uint64_t region);
  Task<> overlay_all(Catalog& rows, References& references, const std::string& map_id, Write& write);
  Task<ObjectInfo> clear_some(const ObjectName& name, const PageOptions& options, ByteRange range, bool& finished);
  Task<bool> clear_regions(Catalog& rows, References& references, const std::string& map_id, Write& write);
  Task<> compact_all(const std::string& map_id, const Write& write);
  struct Compaction;
  Task<> compact(const std::string& map_id, std::uint64_t region, const std::optional<SecretKey>& key);
  Task<StoredBody> store_anew(Compaction& compaction);
  Task<ObjectInfo> resize_once(const ObjectName& name, const PageOptions& options, std::uint64_t size, bool& finished);
  static Task<std::optional<PageMap>> find_earlier(Catalog& rows, const ObjectName& name, const Which& which,
                                                   std::optional<ObjectInfo>& info);
  Task<ObjectInfo> set_sequence_once(const ObjectName& name, const Conditions& conditions, SequenceAct act,
                                     std::uint64_t number);

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
};

}  // namespace sluice::object
