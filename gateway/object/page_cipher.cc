#include "gateway/object/page_cipher.h"

#include <algorithm>
#include <cassert>

#include "gateway/core/encoding.h"

namespace sluice::object {
namespace {

constexpr std::size_t kOffsetSize = 8;

// No other piece has that key, and this one has no other: seeds are random, one a write, and a write has one
// piece at a place. So the nonce is zero.
SecretKey piece_key(const SecretKey& object_key, std::string_view seed, std::uint64_t offset) {
  std::string label = "sluice pages 1 ";
  label += seed;
  for (std::size_t i = kOffsetSize; i-- != 0;) label.push_back(static_cast<char>(offset >> (8 * i)));
  return object_key.derive(label);
}

bool touches(const ByteRange& one, const ByteRange& other) {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length;
}

const SealedExtent* find(const std::vector<SealedExtent>& sealed, ExtentId id) {
  const auto found = std::ranges::find(sealed, id, &SealedExtent::id);
  return found == sealed.end() ? nullptr : &*found;
}

/// The pieces that hold bytes of `range` of the extent; nothing unless they hold all of it.
std::optional<std::vector<SealedExtent::Piece>> pieces_of(const std::vector<SealedExtent>& sealed, ExtentId id,
                                                          const ByteRange& range) {
  const auto* extent = find(sealed, id);
  if (extent == nullptr) return std::nullopt;
  std::vector<SealedExtent::Piece> pieces;
  auto covered = range.offset;
  for (const auto& piece : extent->pieces) {
    if (!touches(piece.range, range)) continue;
    if (piece.range.offset > covered) return std::nullopt;
    covered = piece.range.offset + piece.range.length;
    pieces.push_back(piece);
  }
  if (covered < range.offset + range.length) return std::nullopt;
  return pieces;
}

/// Gives the wanted bytes of pieces that lie end to end in an extent.
class SealedRunSource : public BodySource {
 public:
  struct What {
    SecretKey object_key;
    std::string seed;
    std::vector<SealedExtent::Piece> pieces;
    std::uint64_t displacement;  ///< From a place in the extent to that in the object; modulo 2^64.
    ByteRange wanted;            ///< In the extent.
  };

  SealedRunSource(std::unique_ptr<BodySource> stored, What what) : stored_(std::move(stored)), what_(std::move(what)) {}

  Task<Chunk> read() override {
    if (next_ == what_.pieces.size()) co_return Chunk{};
    const auto& [range, tag] = what_.pieces[next_++];
    CO_TRY(auto bytes, co_await take(range.length));
    const auto key = piece_key(what_.object_key, what_.seed, range.offset + what_.displacement);
    CO_TRY(auto plain, decrypt(key, std::move(bytes), tag));
    const auto& wanted = what_.wanted;
    const auto from = std::max(wanted.offset, range.offset);
    const auto to = std::min(wanted.offset + wanted.length, range.offset + range.length);
    left_ -= to - from;
    co_return Chunk::of(std::move(plain)).slice(from - range.offset, to - from);
  }

  std::optional<std::uint64_t> remaining() const override { return left_; }

 private:
  Task<std::string> take(std::uint64_t size) {
    std::string bytes;
    bytes.reserve(size);
    while (bytes.size() != size) {
      if (rest_.empty()) {
        CO_TRY(rest_, co_await stored_->read());
        if (rest_.empty()) co_return fail(ErrorCode::corrupt, "an extent gave less than was asked");
      }
      const auto length = std::min<std::size_t>(rest_.size(), size - bytes.size());
      bytes += rest_.slice(0, length).text();
      rest_ = rest_.slice(length, rest_.size() - length);
    }
    co_return bytes;
  }

  std::unique_ptr<BodySource> stored_;
  What what_;
  std::size_t next_ = 0;
  Chunk rest_;
  std::uint64_t left_ = what_.wanted.length;
};

}  // namespace

PageEncryption::PageEncryption(BodySource& body, const SecretKey& object_key, std::vector<ByteRange> places,
                               std::uint64_t extent_length_max)
    : body_(body),
      key_(object_key),
      seed_(random_bytes(kSeedSize)),
      places_(std::move(places)),
      extent_length_max_(extent_length_max) {}

std::optional<std::uint64_t> PageEncryption::remaining() const {
  const auto left = body_.remaining();
  return left ? std::optional(*left + rest_.size()) : std::nullopt;
}

// As far as the next multiple of kPieceSize, the end of the place, and that of the extent.
std::uint64_t PageEncryption::next_size() const {
  const auto& place = places_[place_];
  const auto offset = place.offset + in_place_;
  const auto to_multiple = kPieceSize - offset % kPieceSize;
  const auto to_extent_end = extent_length_max_ - done_ % extent_length_max_;
  return std::min({to_multiple, place.length - in_place_, to_extent_end});
}

Task<Chunk> PageEncryption::read() {
  if (place_ == places_.size()) {
    CO_TRY(const Chunk more, co_await body_.read());
    if (!rest_.empty() || !more.empty()) co_return fail(ErrorCode::incomplete_body, "more pages than were declared");
    co_return Chunk{};
  }
  const auto size = next_size();
  std::string piece;
  piece.reserve(size);
  while (piece.size() != size) {
    if (rest_.empty()) {
      CO_TRY(rest_, co_await body_.read());
      if (rest_.empty()) co_return fail(ErrorCode::incomplete_body, "fewer pages than were declared");
    }
    const auto length = std::min<std::size_t>(rest_.size(), size - piece.size());
    piece += rest_.slice(0, length).text();
    rest_ = rest_.slice(length, rest_.size() - length);
  }
  const auto& place = places_[place_];
  auto tag = encrypt(piece_key(key_, seed_, place.offset + in_place_), piece);
  pieces_.push_back({size, std::move(tag)});
  done_ += size;
  in_place_ += size;
  if (in_place_ == place.length) {
    ++place_;
    in_place_ = 0;
  }
  co_return Chunk::of(std::move(piece));
}

std::vector<SealedExtent> PageEncryption::sealed(const StoredBody& stored) {
  std::vector<SealedExtent> sealed;
  auto piece = pieces_.begin();
  for (const auto& staged : stored.extents) {
    auto& extent = sealed.emplace_back(staged.extent().id, seed_);
    for (std::uint64_t at = 0; at != staged.extent().length; ++piece) {
      assert(piece != pieces_.end() && piece->size <= staged.extent().length - at);
      extent.pieces.push_back({{at, piece->size}, std::move(piece->tag)});
      at += piece->size;
    }
  }
  return sealed;
}

std::vector<SealedExtent> needed(const PageRuns& runs, const std::vector<SealedExtent>& sealed) {
  std::vector<SealedExtent> kept;
  for (const auto& extent : sealed) {
    SealedExtent left{.id = extent.id, .seed = extent.seed, .pieces = {}};
    for (const auto& piece : extent.pieces) {
      const bool is_needed = std::ranges::any_of(runs, [&](const PageRun& run) {
        return run.slice.extent.id == extent.id && touches(run.slice.range, piece.range);
      });
      if (is_needed) left.pieces.push_back(piece);
    }
    if (!left.pieces.empty()) kept.push_back(std::move(left));
  }
  return kept;
}

bool are_sealed(const PageRuns& runs, const std::vector<SealedExtent>& sealed) {
  return std::ranges::all_of(
      runs, [&](const PageRun& run) { return pieces_of(sealed, run.slice.extent.id, run.slice.range).has_value(); });
}

Result<std::unique_ptr<BodySource>> open_sealed_run(ExtentStore& extents, Reclaimer::Reading reading,
                                                    const RegionKey& key, const PageRun& run, ByteRange range) {
  const auto& [extent, bytes] = run.slice;
  const ByteRange wanted{bytes.offset + (range.offset - run.offset), range.length};
  auto pieces = pieces_of(key.sealed, extent.id, wanted);
  if (!pieces) return fail(ErrorCode::corrupt, "pages of an encrypted object have no seal");
  const auto begin = pieces->front().range.offset;
  const auto end = pieces->back().range.offset + pieces->back().range.length;
  if (end > extent.length) return fail(ErrorCode::corrupt, "a seal is of more than its extent");
  auto stored = open_slices(extents, std::move(reading), {{extent, {begin, end - begin}}});
  SealedRunSource::What what{.object_key = key.object_key,
                             .seed = find(key.sealed, extent.id)->seed,
                             .pieces = *std::move(pieces),
                             .displacement = key.begin + run.offset - bytes.offset,
                             .wanted = wanted};
  return std::make_unique<SealedRunSource>(std::move(stored), std::move(what));
}

}  // namespace sluice::object
