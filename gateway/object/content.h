#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/body.h"
#include "gateway/object/encryption.h"
#include "gateway/object/reclaimer.h"
#include "gateway/object/record.h"

namespace sluice::object {

/// A body that is stored and named by nothing yet. Unless kept, it is given back.
struct StoredBody {
  std::uint64_t size = 0;
  std::string inline_bytes;           ///< All of it, if it was small enough.
  std::vector<StagedExtent> extents;  ///< All of it otherwise; none if it is empty.

  /// Each extent whole.
  std::vector<Slice> slices() const;
  void keep();
};

struct StoreLimits {
  std::size_t inline_size_max = 0;
  std::uint64_t size_max = std::numeric_limits<std::uint64_t>::max();
};

/// Reads `body` to its end and makes it durable: in memory, for its row, up to
/// limits.inline_size_max, else in extents. Nothing is sealed of a body of one
/// extent that does not end well. Fails with entity_too_large beyond limits.size_max.
Task<StoredBody> store_body(Backend backend, Reclaimer& reclaimer, BodySource& body, StoreLimits limits);

/// The most a body in an index row may be, whatever the backend asks for.
std::size_t inline_size_max(const Backend& backend);

/// The part of `slices`, laid end to end, that `range` covers.
std::vector<Slice> cut(const std::vector<Slice>& slices, ByteRange range);

/// The bytes of an inline row. Nothing: the row is gone, its object replaced.
/// Fails with corrupt where the bytes are not those that were put.
Task<std::optional<Chunk>> read_inline(Index& index, const InlineContent& content);

/// The slices of an object in `range`; nothing if it was replaced meanwhile. For what is_of_slices().
Task<std::optional<std::vector<Slice>>> slices_in(Index& index, const Content& content, ByteRange range);

/// Is the content nothing but slices, which another object may name as well?
bool is_of_slices(const Content& content);

/// A body of slices, laid end to end. Holds `reading` as long as it lives.
std::unique_ptr<BodySource> open_slices(ExtentStore& extents, Reclaimer::Reading reading, std::vector<Slice> slices);

/// The bytes of `range` of an object, as what comes first and what follows.
struct OpenContent {
  Chunk content;
  std::unique_ptr<BodySource> body;  ///< Null: nothing more.
};

/// What the bytes of an object are decrypted with; nothing where they are plain.
struct Decryption {
  std::optional<SecretKey> key;  ///< The object's.
  std::optional<Seal> seal;      ///< The content's, unless that is a manifest.
};

/// The decryption of an object, for who has that customer key (or none). Fails as open_object_key().
Result<Decryption> decryption_of(const KeyRing& ring, const std::optional<Encryption>& encryption,
                                 const std::optional<Seal>& seal, const std::optional<SecretKey>& customer_key);

/// Opens them; the first extent is opened here, so that what is wrong with it is
/// told here. Nothing: the object was replaced meanwhile.
Task<std::optional<OpenContent>> open_content(Backend backend, Reclaimer::Reading reading, const Content& content,
                                              const Decryption& decryption, ByteRange range);

/// The bytes of one part, which is not empty. The first extent is opened here.
Task<std::unique_ptr<BodySource>> open_part(ExtentStore& extents, Reclaimer::Reading reading, const PartRecord& part,
                                            const std::optional<SecretKey>& key, ByteRange range);

}  // namespace sluice::object
