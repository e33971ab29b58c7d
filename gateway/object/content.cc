#include "gateway/object/content.h"

#include <algorithm>
#include <deque>

#include "gateway/core/digest.h"
#include "gateway/object/catalog.h"
#include "gateway/object/manifest.h"
#include "gateway/object/page_map.h"

namespace sluice::object {
namespace {

constexpr std::size_t kInlineSizeMax = 64 * 1024;

// Cuts what it is given into extents. An extent is sealed once there is more, or
// by finish(): never before the end of a body is known to be good, if it is the last.
class ExtentCutter : public BodySink {
 public:
  ExtentCutter(Backend backend, Reclaimer& reclaimer, std::optional<std::uint64_t> length_expected)
      : backend_(backend), reclaimer_(reclaimer), expected_(length_expected) {}

  Task<> write(Chunk chunk) override {
    while (!chunk.empty()) {
      if (writer_ && filled_ == capacity_) {
        CO_TRY(co_await seal());
      }
      if (!writer_) {
        CO_TRY(co_await open());
      }
      const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), capacity_ - filled_));
      CO_TRY(co_await writer_->write(chunk.slice(0, length)));
      filled_ += length;
      written_ += length;
      chunk = chunk.slice(length, chunk.size() - length);
    }
    co_return done;
  }

  Task<std::vector<StagedExtent>> finish() {
    if (writer_) {
      CO_TRY(co_await seal());
    }
    co_return std::move(sealed_);
  }

 private:
  Task<> open() {
    if (sealed_.size() == kSlicesMax) co_return fail(ErrorCode::entity_too_large, "more extents than a row lists");
    const auto length_max = backend_.extents.extent_length_max();
    std::optional<std::uint64_t> length;
    if (expected_ && *expected_ > written_) length = std::min(*expected_ - written_, length_max);
    CO_TRY(writer_, co_await backend_.extents.create(length));
    capacity_ = length.value_or(length_max);
    filled_ = 0;
    co_return done;
  }

  Task<> seal() {
    const auto writer = std::move(writer_);
    CO_TRY(const auto extent, co_await writer->seal());
    sealed_.emplace_back(reclaimer_, extent);
    co_return done;
  }

  Backend backend_;
  Reclaimer& reclaimer_;
  std::optional<std::uint64_t> expected_;
  std::unique_ptr<ExtentWriter> writer_;
  std::uint64_t capacity_ = 0;
  std::uint64_t filled_ = 0;
  std::uint64_t written_ = 0;
  std::vector<StagedExtent> sealed_;
};

// Reads into memory until the end (true) or until there is more than `size_max` (false).
Task<bool> fill(BodySource& body, std::string& bytes, std::size_t size_max) {
  while (bytes.size() <= size_max) {
    CO_TRY(const Chunk chunk, co_await body.read());
    if (chunk.empty()) co_return true;
    bytes.append(chunk.text());
  }
  co_return false;
}

class SliceSource : public BodySource {
 public:
  SliceSource(ExtentStore& extents, Reclaimer::Reading reading, std::vector<Slice> slices)
      : extents_(extents), reading_(std::move(reading)), slices_(std::move(slices)), left_(size_of(slices_)) {}

  // What is wrong with the first extent is told before anything is sent.
  Task<> open_first() {
    if (!slices_.empty()) {
      CO_TRY(co_await open_next());
    }
    co_return done;
  }

  Task<Chunk> read() override {
    for (;;) {
      if (current_) {
        CO_TRY(Chunk chunk, co_await current_->read());
        if (chunk.size() > current_left_) co_return fail(ErrorCode::corrupt, "an extent gave more than was asked");
        current_left_ -= chunk.size();
        left_ -= chunk.size();
        if (!chunk.empty()) co_return chunk;
        if (current_left_ != 0) co_return fail(ErrorCode::corrupt, "an extent gave less than was asked");
        current_.reset();
      }
      if (next_ == slices_.size()) co_return Chunk{};
      CO_TRY(co_await open_next());
    }
  }

  std::optional<std::uint64_t> remaining() const override { return left_; }

 private:
  Task<> open_next() {
    const auto& slice = slices_[next_++];
    CO_TRY(current_, co_await extents_.open(slice.extent, slice.range));
    current_left_ = slice.range.length;
    co_return done;
  }

  ExtentStore& extents_;
  Reclaimer::Reading reading_;
  std::vector<Slice> slices_;
  std::size_t next_ = 0;
  std::uint64_t left_;
  std::unique_ptr<BodySource> current_;
  std::uint64_t current_left_ = 0;
};

std::vector<Slice> slices_of(const std::vector<PartRecord>& parts) {
  std::vector<Slice> slices;
  for (const auto& part : parts) slices.insert(slices.end(), part.slices.begin(), part.slices.end());
  return slices;
}

ByteRange overlap(ByteRange range, std::uint64_t begin, std::uint64_t end) {
  const auto from = std::max(range.offset, begin);
  const auto to = std::min(range.offset + range.length, end);
  return {from - begin, to > from ? to - from : 0};
}

/// Some bytes of a manifest that one source can give: of a row of plain parts, or of one encrypted part.
struct Piece {
  std::vector<Slice> slices;
  std::optional<Seal> seal;
  std::uint64_t size = 0;                ///< Of the whole content that the seal is of.
  ByteRange range;                       ///< Within that.
  std::optional<std::uint64_t> place{};  ///< Where that lies in the object, and is bound to.
};

Task<std::unique_ptr<BodySource>> open_piece(ExtentStore& extents, Reclaimer::Reading reading, const Piece& piece,
                                             const std::optional<SecretKey>& key) {
  auto source = std::make_unique<SliceSource>(extents, std::move(reading), cut(piece.slices, piece.range));
  CO_TRY(co_await source->open_first());
  if (!key) co_return source;
  if (!piece.seal) co_return fail(ErrorCode::corrupt, "an encrypted content has no seal");
  if (piece.place) {
    CO_TRY(check_place(*piece.seal, *key, {*piece.place, piece.size}));
  }
  const SealedContent content{.size = piece.size, .tag = piece.seal->tag};
  co_return std::make_unique<DecryptingSource>(std::move(source), content_key(*key, *piece.seal), content, piece.range);
}

// The parts of a manifest in a range, row by row: an object of ten thousand parts
// is read with a row of them in memory.
class ManifestSource : public BodySource {
 public:
  /// `bound`: encrypted parts are bound to their places.
  ManifestSource(Backend backend, Reclaimer::Reading reading, Manifest manifest, const std::optional<SecretKey>& key,
                 ByteRange range, bool bound = false)
      : backend_(backend),
        reading_(std::move(reading)),
        manifest_(std::move(manifest)),
        key_(key),
        range_(range),
        bound_(bound),
        left_(range.length),
        next_(row_of_offset(manifest_, range.offset)) {}

  // False: the manifest is gone.
  Task<bool> open_first() {
    if (left_ == 0) co_return true;
    co_return co_await open_next();
  }

  Task<Chunk> read() override {
    while (left_ != 0) {
      if (current_) {
        CO_TRY(Chunk chunk, co_await current_->read());
        left_ -= chunk.size();
        if (!chunk.empty()) co_return chunk;
      }
      CO_TRY(const bool there, co_await open_next());
      if (!there) co_return fail(ErrorCode::corrupt, "a manifest ends before its object");
    }
    co_return Chunk{};
  }

  std::optional<std::uint64_t> remaining() const override { return left_; }

 private:
  Task<bool> open_next() {
    current_.reset();
    while (pieces_.empty()) {
      if (next_ == manifest_.rows.size()) co_return false;
      const auto row = next_++;
      CO_TRY(auto parts, co_await read_row(backend_.index, manifest_, row));
      if (!parts) co_return false;
      take_row(*parts, row);
    }
    const Piece piece = std::move(pieces_.front());
    pieces_.pop_front();
    CO_TRY(current_, co_await open_piece(backend_.extents, reading_, piece, key_));
    co_return true;
  }

  void take_row(std::vector<PartRecord>& parts, std::size_t row) {
    auto begin = begin_of(manifest_, row);
    if (!key_) {
      const auto within = overlap(range_, begin, manifest_.rows[row].end);
      pieces_.push_back({.slices = slices_of(parts), .seal = {}, .size = 0, .range = within});
      return;
    }
    for (auto& part : parts) {
      const auto place = std::exchange(begin, begin + part.info.size);
      const auto within = overlap(range_, place, begin);
      if (within.length == 0) continue;
      auto& piece = pieces_.emplace_back(std::move(part.slices), std::move(part.seal), part.info.size, within);
      if (bound_) piece.place = place;
    }
  }

  Backend backend_;
  Reclaimer::Reading reading_;
  Manifest manifest_;
  std::optional<SecretKey> key_;
  ByteRange range_;
  bool bound_;
  std::uint64_t left_;
  std::size_t next_;
  std::deque<Piece> pieces_;  ///< Of the row at hand, not opened yet.
  std::unique_ptr<BodySource> current_;
};

Task<std::optional<OpenContent>> open_inline(Index& index, const InlineContent& content, const Decryption& decryption,
                                             ByteRange range) {
  CO_TRY(auto bytes, co_await read_inline(index, content));
  if (!bytes) co_return std::optional<OpenContent>{};
  if (decryption.key) {
    const auto key = content_key(*decryption.key, *decryption.seal);
    CO_TRY(auto plain, decrypt(key, std::string(bytes->text()), decryption.seal->tag));
    bytes = Chunk::of(std::move(plain));
  }
  if (range.offset > bytes->size() || range.length > bytes->size() - range.offset) {
    co_return fail(ErrorCode::corrupt, "an inline body is shorter than its object");
  }
  co_return OpenContent{bytes->slice(range.offset, range.length), nullptr};
}

Task<std::optional<OpenContent>> open_manifest(Backend backend, Reclaimer::Reading reading, const Manifest& manifest,
                                               const std::optional<SecretKey>& key, ByteRange range) {
  auto source = std::make_unique<ManifestSource>(backend, std::move(reading), manifest, key, range);
  CO_TRY(const bool there, co_await source->open_first());
  if (!there) co_return std::optional<OpenContent>{};
  co_return OpenContent{{}, std::move(source)};
}

// Sources one after the other; what is left of the last ones is known.
class ChainedSource : public BodySource {
 public:
  void add(std::unique_ptr<BodySource> source) { sources_.push_back(std::move(source)); }

  Task<Chunk> read() override {
    for (; next_ != sources_.size(); sources_[next_++].reset()) {
      CO_TRY(Chunk chunk, co_await sources_[next_]->read());
      if (!chunk.empty()) co_return chunk;
    }
    co_return Chunk{};
  }

  std::optional<std::uint64_t> remaining() const override {
    std::uint64_t left = 0;
    for (auto i = next_; i != sources_.size(); ++i) left += sources_[i]->remaining().value_or(0);
    return left;
  }

 private:
  std::vector<std::unique_ptr<BodySource>> sources_;
  std::size_t next_ = 0;
};

/// Pieces that are known, one after the other.
class PieceSource : public BodySource {
 public:
  PieceSource(ExtentStore& extents, Reclaimer::Reading reading, std::deque<Piece> pieces, const SecretKey& key)
      : extents_(extents), reading_(std::move(reading)), pieces_(std::move(pieces)), key_(key) {
    for (const auto& piece : pieces_) left_ += piece.range.length;
  }

  Task<> open_next() {
    CO_TRY(current_, co_await open_piece(extents_, reading_, pieces_.front(), key_));
    pieces_.pop_front();
    co_return done;
  }

  Task<Chunk> read() override {
    while (left_ != 0) {
      CO_TRY(Chunk chunk, co_await current_->read());
      left_ -= chunk.size();
      if (!chunk.empty()) co_return chunk;
      if (pieces_.empty()) co_return fail(ErrorCode::corrupt, "pieces end before their object");
      CO_TRY(co_await open_next());
    }
    co_return Chunk{};
  }

  std::optional<std::uint64_t> remaining() const override { return left_; }

 private:
  ExtentStore& extents_;
  Reclaimer::Reading reading_;
  std::deque<Piece> pieces_;  ///< Not opened yet.
  std::optional<SecretKey> key_;
  std::uint64_t left_ = 0;
  std::unique_ptr<BodySource> current_;
};

/// The pieces of an append object's slices in a range of those, which begin at `begin` in the object.
std::deque<Piece> pieces_in(const Appended& content, std::uint64_t begin, ByteRange range) {
  std::deque<Piece> found;
  std::uint64_t at = 0;
  for (const auto& [size, seal] : content.pieces) {
    const auto offset = std::exchange(at, at + size);
    const auto within = overlap(range, offset, at);
    if (within.length == 0) continue;
    found.push_back({.slices = cut(content.slices, {offset, size}),
                     .seal = seal,
                     .size = size,
                     .range = within,
                     .place = begin + offset});
  }
  return found;
}

Task<std::unique_ptr<BodySource>> open_loose(ExtentStore& extents, Reclaimer::Reading reading, const Appended& content,
                                             const std::optional<SecretKey>& key, ByteRange range) {
  if (key) {
    auto source = std::make_unique<PieceSource>(extents, std::move(reading),
                                                pieces_in(content, content.packed_size(), range), *key);
    CO_TRY(co_await source->open_next());
    co_return source;
  }
  auto source = std::make_unique<SliceSource>(extents, std::move(reading), cut(content.slices, range));
  CO_TRY(co_await source->open_first());
  co_return source;
}

// The bytes of the tail in a range of it. Nothing: it has been put into an extent meanwhile.
Task<std::optional<std::string>> read_tail(Index& index, const Appended& content, const std::optional<SecretKey>& key,
                                           ByteRange range) {
  std::string bytes;
  const auto tail_begin = content.size() - content.tail_size();
  std::uint64_t begin = 0;
  for (const auto& [body, size, seal] : content.tail) {
    const auto offset = std::exchange(begin, begin + size);
    const auto within = overlap(range, offset, begin);
    if (within.length == 0) continue;
    CO_TRY(const auto row, co_await read_inline(index, body));
    if (!row) co_return std::optional<std::string>{};
    if (row->size() != size) co_return fail(ErrorCode::corrupt, "the tail of an append object");
    if (!key) {
      bytes += row->text().substr(within.offset, within.length);
      continue;
    }
    if (!seal) co_return fail(ErrorCode::corrupt, "an encrypted content has no seal");
    CO_TRY(const auto plain, unseal_piece(*key, std::string(row->text()), *seal, tail_begin + offset));
    bytes += plain.substr(within.offset, within.length);
  }
  co_return bytes;
}

// The tail is read here and now: appends take its rows away, and nothing else.
Task<std::optional<OpenContent>> open_appended(Backend backend, Reclaimer::Reading reading, const Appended& content,
                                               const std::optional<SecretKey>& key, ByteRange range) {
  auto chain = std::make_unique<ChainedSource>();
  const auto packed = content.packed_size();
  const auto slices = packed + size_of(content.slices);
  const auto in_tail = overlap(range, slices, content.size());
  CO_TRY(auto tail, co_await read_tail(backend.index, content, key, in_tail));
  if (!tail) co_return std::optional<OpenContent>{};
  if (const auto within = overlap(range, 0, packed); within.length != 0) {
    auto source = std::make_unique<ManifestSource>(backend, reading, content.packed, key, within, /*bound=*/true);
    CO_TRY(const bool there, co_await source->open_first());
    if (!there) co_return std::optional<OpenContent>{};
    chain->add(std::move(source));
  }
  if (const auto within = overlap(range, packed, slices); within.length != 0) {
    CO_TRY(auto source, co_await open_loose(backend.extents, reading, content, key, within));
    chain->add(std::move(source));
  }
  if (!tail->empty()) chain->add(std::make_unique<ChunkSource>(Chunk::of(std::move(*tail))));
  co_return OpenContent{{}, std::move(chain)};
}

}  // namespace

bool is_of_slices(const Content& content) {
  return std::holds_alternative<std::monostate>(content) || std::holds_alternative<std::vector<Slice>>(content) ||
         std::holds_alternative<Manifest>(content);
}

std::vector<Slice> StoredBody::slices() const {
  std::vector<Slice> whole;
  whole.reserve(extents.size());
  for (const auto& staged : extents) whole.push_back({staged.extent(), {0, staged.extent().length}});
  return whole;
}

void StoredBody::keep() {
  for (auto& staged : extents) staged.keep();
}

std::size_t inline_size_max(const Backend& backend) { return std::min(backend.inline_size_max, kInlineSizeMax); }

Task<StoredBody> store_body(Backend backend, Reclaimer& reclaimer, BodySource& body, StoreLimits limits) {
  StoredBody stored;
  const auto expected = body.remaining();
  if (expected.value_or(0) > limits.size_max) co_return fail(ErrorCode::entity_too_large, std::to_string(*expected));

  std::string head;
  if (limits.inline_size_max != 0 && expected.value_or(0) <= limits.inline_size_max) {
    CO_TRY(const bool ended, co_await fill(body, head, limits.inline_size_max));
    if (ended) {
      stored.size = head.size();
      stored.inline_bytes = std::move(head);
      co_return stored;
    }
  }

  ExtentCutter cutter(backend, reclaimer, expected);
  stored.size = head.size();
  if (!head.empty()) {
    CO_TRY(co_await cutter.write(Chunk::of(std::move(head))));
  }
  for (;;) {
    CO_TRY(Chunk chunk, co_await body.read());
    if (chunk.empty()) break;
    stored.size += chunk.size();
    if (stored.size > limits.size_max) co_return fail(ErrorCode::entity_too_large, std::to_string(limits.size_max));
    CO_TRY(co_await cutter.write(std::move(chunk)));
  }
  CO_TRY(stored.extents, co_await cutter.finish());
  co_return stored;
}

std::vector<Slice> cut(const std::vector<Slice>& slices, ByteRange range) {
  std::vector<Slice> kept;
  std::uint64_t begin = 0;
  for (const auto& slice : slices) {
    const auto within = overlap(range, begin, begin + slice.range.length);
    if (within.length != 0) kept.push_back({slice.extent, {slice.range.offset + within.offset, within.length}});
    begin += slice.range.length;
  }
  return kept;
}

Task<std::optional<Chunk>> read_inline(Index& index, const InlineContent& content) {
  const auto key = inline_key(content.id);
  Chunk bytes;
  if (auto known = index.at_hand(key)) {
    bytes = Chunk::of(std::move(known));
  } else {
    CO_TRY(auto read, co_await index.get(key));
    if (!read) co_return std::optional<Chunk>{};
    bytes = Chunk::of(*std::move(read));
  }
  if (crc32c(bytes.text()) != content.crc32c) {
    co_return fail(ErrorCode::corrupt, "an inline body does not match its checksum");
  }
  co_return bytes;
}

Task<std::optional<std::vector<Slice>>> slices_in(Index& index, const Content& content, ByteRange range) {
  if (const auto* slices = std::get_if<std::vector<Slice>>(&content)) co_return cut(*slices, range);
  std::vector<Slice> found;
  const auto* manifest = std::get_if<Manifest>(&content);
  if (manifest == nullptr || range.length == 0) co_return found;
  const auto end = range.offset + range.length;
  for (auto i = row_of_offset(*manifest, range.offset); i < manifest->rows.size(); ++i) {
    if (begin_of(*manifest, i) >= end) break;
    CO_TRY(const auto parts, co_await read_row(index, *manifest, i));
    if (!parts) co_return std::optional<std::vector<Slice>>{};
    const auto within = cut(slices_of(*parts), overlap(range, begin_of(*manifest, i), manifest->rows[i].end));
    found.insert(found.end(), within.begin(), within.end());
  }
  co_return found;
}

std::unique_ptr<BodySource> open_slices(ExtentStore& extents, Reclaimer::Reading reading, std::vector<Slice> slices) {
  return std::make_unique<SliceSource>(extents, std::move(reading), std::move(slices));
}

Result<Decryption> decryption_of(const KeyRing& ring, const std::optional<Encryption>& encryption,
                                 const std::optional<Seal>& seal, const std::optional<SecretKey>& customer_key) {
  if (!encryption && !customer_key) return Decryption{};
  TRY(auto key, open_object_key(ring, encryption, customer_key));
  return Decryption{.key = key, .seal = seal};
}

Task<std::optional<OpenContent>> open_content(Backend backend, Reclaimer::Reading reading, const Content& content,
                                              const Decryption& decryption, ByteRange range) {
  if (range.length == 0) co_return OpenContent{};
  if (const auto* data = std::get_if<InlineContent>(&content)) {
    co_return co_await open_inline(backend.index, *data, decryption, range);
  }
  if (const auto* manifest = std::get_if<Manifest>(&content)) {
    co_return co_await open_manifest(backend, std::move(reading), *manifest, decryption.key, range);
  }
  if (const auto* appended = std::get_if<Appended>(&content)) {
    co_return co_await open_appended(backend, std::move(reading), *appended, decryption.key, range);
  }
  if (const auto* map = std::get_if<PageMap>(&content)) {
    CO_TRY(auto source, co_await open_pages(backend, std::move(reading), *map, decryption.key, range));
    if (!source) co_return std::optional<OpenContent>{};
    co_return OpenContent{{}, std::move(source)};
  }
  const auto& slices = std::get<std::vector<Slice>>(content);
  if (decryption.key) {
    const Piece piece{.slices = slices, .seal = decryption.seal, .size = size_of(slices), .range = range};
    CO_TRY(auto source, co_await open_piece(backend.extents, std::move(reading), piece, decryption.key));
    co_return OpenContent{{}, std::move(source)};
  }
  auto source = std::make_unique<SliceSource>(backend.extents, std::move(reading), cut(slices, range));
  CO_TRY(co_await source->open_first());
  co_return OpenContent{{}, std::move(source)};
}

Task<std::unique_ptr<BodySource>> open_part(ExtentStore& extents, Reclaimer::Reading reading, const PartRecord& part,
                                            const std::optional<SecretKey>& key, ByteRange range) {
  const Piece piece{.slices = part.slices, .seal = part.seal, .size = part.info.size, .range = range};
  co_return co_await open_piece(extents, std::move(reading), piece, key);
}

}  // namespace sluice::object
