#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/core/body.h"
#include "gateway/object/content.h"
#include "gateway/object/encryption.h"
#include "gateway/object/page_map.h"

// The pages of an encrypted object. They are written over piece by piece and read in any range, so they are encrypted,
// and authenticated, in pieces of 64 KiB at most: no byte is handed out before the piece that it is in was found to be
// the one that was written there. docs/decisions/0004-encryption.md.

namespace sluice::object {

/// Pieces end where multiples of this are in the object.
inline constexpr std::uint64_t kPieceSize = 64ULL << 10;

/// Pages on their way to the store, which is store_body() without an inline size.
class PageEncryption final : public BodySource {
 public:
  /// Encrypts `body`, which tells its length: the bytes of `places` of the object, in order.
  /// `extent_length_max` is the store's: no piece lies in two extents.
  PageEncryption(BodySource& body, const SecretKey& object_key, std::vector<ByteRange> places,
                 std::uint64_t extent_length_max);

  /// A piece at a time.
  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override;

  /// How the extents of the stored body are encrypted; called once, after the end.
  std::vector<SealedExtent> sealed(const StoredBody& stored);

 private:
  std::uint64_t next_size() const;

  BodySource& body_;
  SecretKey key_;
  std::string seed_;
  std::vector<ByteRange> places_;
  std::uint64_t extent_length_max_;
  Chunk rest_;                  ///< Of what was read of the body.
  std::size_t place_ = 0;       ///< The place at hand,
  std::uint64_t in_place_ = 0;  ///< and how much of it is done.
  std::uint64_t done_ = 0;
  struct Piece {
    std::uint64_t size;
    std::string tag;
  };
  std::vector<Piece> pieces_;
};

/// What `runs` of a row need of `sealed`: each extent once, its pieces that hold a byte of them.
std::vector<SealedExtent> needed(const PageRuns& runs, const std::vector<SealedExtent>& sealed);

/// Is every byte of the runs in a piece?
bool are_sealed(const PageRuns& runs, const std::vector<SealedExtent>& sealed);

/// The bytes of `range` of the region, which is within `run`. Reads all of the pieces it touches, and fails with
/// corrupt where one of them is not what was written there.
Result<std::unique_ptr<BodySource>> open_sealed_run(ExtentStore& extents, Reclaimer::Reading reading,
                                                    const RegionKey& key, const PageRun& run, ByteRange range);

}  // namespace sluice::object
