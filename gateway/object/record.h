#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/core/extent_store.h"
#include "gateway/core/result.h"
#include "gateway/object/info.h"

// What the index remembers, one type a kind of row. encode() gives the row's
// value; decode() takes any bytes and fails with corrupt unless they are a sound
// row. Fields are tagged, so that one may be added: readers skip what they do not
// know. The tags are listed in docs/decisions/0002-key-layout.md.

namespace sluice::object {

/// The bytes of one id: of a bucket, an inline body or a manifest.
inline constexpr std::size_t kIdSize = 16;
/// An upload's id: hex digits.
inline constexpr std::size_t kUploadIdSize = 32;
/// The id under which the row of a key's staged blocks stands among its uploads. It is
/// no upload of its own: the blocks are staged under the row's `blocks`.
inline constexpr std::string_view kBlocksUpload = "00000000000000000000000000000000";
/// The most slices one object or part is made of: their list stays within a row.
inline constexpr std::size_t kSlicesMax = 1500;

/// A part of an extent. Each slice in a row counts as one reference to its extent.
struct Slice {
  Extent extent;
  ByteRange range;
  friend bool operator==(const Slice&, const Slice&) = default;
};

/// The sum of the slices' lengths.
std::uint64_t size_of(const std::vector<Slice>& slices);

/// A small body, in an index row of its own.
struct InlineContent {
  std::string id;
  std::uint32_t crc32c = 0;
  friend bool operator==(const InlineContent&, const InlineContent&) = default;
};

/// The parts of an object that was made from an upload, packed into rows; which
/// bytes and which parts each row is about is known without reading it.
struct Manifest {
  struct Row {
    std::uint64_t end = 0;          ///< Offset in the object where the row's last part ends.
    std::uint32_t last_number = 0;  ///< The number of that part.
    friend bool operator==(const Row&, const Row&) = default;
  };
  std::string id;
  std::vector<Row> rows;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// What an append object is made of, end to end: rows of slices that are full and
/// never change again, slices that no row holds yet, and small bodies in rows of
/// their own, until there are enough of them for an extent.
struct Appended {
  struct Tail {
    InlineContent body;
    std::uint64_t size = 0;
    std::optional<Seal> seal{};  ///< If it is encrypted.
    friend bool operator==(const Tail&, const Tail&) = default;
  };
  /// Bytes that are encrypted together.
  struct Piece {
    std::uint64_t size = 0;
    Seal seal;
    friend bool operator==(const Piece&, const Piece&) = default;
  };
  Manifest packed;  ///< Without rows, and then without id, as long as there are few slices.
  std::vector<Slice> slices;
  std::vector<Piece> pieces{};  ///< What `slices` come to end to end, if they are encrypted.
  std::vector<Tail> tail;

  std::uint64_t packed_size() const { return packed.rows.empty() ? 0 : packed.rows.back().end; }
  std::uint64_t tail_size() const;
  std::uint64_t size() const;
  friend bool operator==(const Appended&, const Appended&) = default;
};

/// Where the pages of a page object are: rows of a manifest, one a region; page_map.h.
struct PageMap {
  std::string id;
  friend bool operator==(const PageMap&, const PageMap&) = default;
};

/// Where the bytes of an object are; monostate: there are none.
using Content = std::variant<std::monostate, InlineContent, std::vector<Slice>, Manifest, Appended, PageMap>;

/// The manifest that is part of the content; null: there is none.
const Manifest* manifest_in(const Content& content);

struct BucketRecord {
  std::string id;  ///< Tells a bucket from an earlier one of the same name.
  std::string owner;
  UtcTime created;
  std::string removal;  ///< Set by a removal that is on its way; whoever puts an object clears it.
  UtcTime modified;     ///< When its settings were last changed.
  std::uint64_t revision = 0;
  BucketSettings settings;
  std::optional<Lease> lease{};

  std::string encode() const;
  static Result<BucketRecord> decode(std::string_view row);
};

struct AccountRecord {
  AccountSettings settings;

  std::string encode() const;
  static Result<AccountRecord> decode(std::string_view row);
};

/// One state of a key: the head, which every write of the key gets and puts, or an
/// earlier version or snapshot.
struct ObjectRecord {
  ObjectInfo info;
  Content content;
  std::string upload_id;  ///< Of the upload it was made from, as long as it is that.

  // Of the head alone.
  std::uint64_t null_revision = 0;    ///< Of the null version, where that is not the head.
  std::uint64_t snapshot_count = 0;   ///< Of the key.
  std::uint64_t newest_snapshot = 0;  ///< Its revision, or that of one there was: later ones are above it.

  std::uint64_t deleted_count = 0;    ///< Of its states that are soft deleted.
  std::uint64_t deleted_current = 0;  ///< Of those the one that was current last, where nothing is current now.

  std::optional<Seal> seal{};  ///< Of the content, if info.encryption is set; in a manifest, each part has its own.

  /// Forgets what only a head knows.
  void leave_head();

  std::string encode() const;
  static Result<ObjectRecord> decode(std::string_view row);
};

struct UploadRecord {
  std::string bucket_id;
  std::string owner;
  ContentHeaders headers;
  Metadata metadata;
  Tags tags;
  std::string acl;
  UtcTime begun;
  std::optional<DigestAlgorithm> checksum;
  ChecksumType checksum_type = ChecksumType::composite;
  std::optional<Encryption> encryption{};  ///< Of every part; the object takes it over.
  std::string commit;                      ///< Set by a commit that is on its way; whoever stages a part clears it.
  std::string initiator;                   ///< Who began it, where that is not the owner.
  Protection protection{};                 ///< Of the object.

  // Of the staged blocks of a key alone.
  std::string blocks{};             ///< The id under which they are staged, as an upload's.
  std::uint32_t block_id_size = 0;  ///< Of all of them, in bytes.

  std::string encode() const;
  static Result<UploadRecord> decode(std::string_view row);
};

struct PartRecord {
  PartInfo info;
  std::optional<Digest> crc64nvme;  ///< Beside info.checksum, where that is of another kind and the upload has none.
  std::vector<Slice> slices;
  std::optional<Seal> seal{};  ///< Of the bytes, if they are encrypted.

  std::string encode() const;
  static Result<PartRecord> decode(std::string_view row);
};

/// How the pages that an extent holds are encrypted: in pieces, each by itself. page_cipher.h.
struct SealedExtent {
  struct Piece {
    ByteRange range;  ///< In the extent.
    std::string tag;
    friend bool operator==(const Piece&, const Piece&) = default;
  };
  ExtentId id{};
  std::string seed;           ///< What the keys of the pieces were derived from the object's with.
  std::vector<Piece> pieces;  ///< By offset; not those that no page needs any more.
  friend bool operator==(const SealedExtent&, const SealedExtent&) = default;
};

/// One row of a manifest.
struct ManifestRecord {
  std::vector<PartRecord> parts;
  std::vector<SealedExtent> sealed{};  ///< Of encrypted pages: each extent that a part names.

  std::string encode() const;
  static Result<ManifestRecord> decode(std::string_view row);
};

/// A live extent, or one that waits to be released.
struct ExtentRecord {
  std::uint64_t length = 0;
  std::uint32_t crc32c = 0;
  std::uint64_t references = 0;

  std::string encode() const;
  static Result<ExtentRecord> decode(std::string_view row);
};

/// A manifest that no object names (any more, or yet).
struct ManifestGarbage {
  bool owned = true;    ///< Its slices are counted as references.
  std::string builder;  ///< Run id of the process that is still writing it; empty: nobody is.
  UtcTime due;          ///< When others may take it that the builder is dead.

  std::string encode() const;
  static Result<ManifestGarbage> decode(std::string_view row);
};

/// An upload that is over; the parts it leaves.
struct UploadGarbage {
  std::string claimed;  ///< A bit a part number: those that an object took over.

  void claim(std::uint32_t number);
  bool is_claimed(std::uint32_t number) const;
  std::string encode() const;
  static Result<UploadGarbage> decode(std::string_view row);
};

/// A bucket that is gone; the uploads it leaves.
struct BucketGarbage {
  std::string name;

  std::string encode() const;
  static Result<BucketGarbage> decode(std::string_view row);
};

}  // namespace sluice::object
