#include "tests/support/memory_backend.h"

#include <algorithm>

#include "gateway/core/digest.h"

namespace sluice::test {

Task<Chunk> StringSource::read() {
  auto part = text_.substr(at_, step_);
  at_ += part.size();
  co_return Chunk::of(std::move(part));
}

class MemoryIndex::MemoryTransaction : public Transaction {
 public:
  explicit MemoryTransaction(MemoryIndex& index) : index_(index) {}

  Task<std::optional<std::string>> get(std::string_view key) override {
    const std::scoped_lock lock(index_.mutex_);
    read_.emplace(key);
    co_return index_.get_at(key, snapshot());
  }

  Task<std::vector<Entry>> scan(const KeyRange& range, std::size_t limit) override {
    const std::scoped_lock lock(index_.mutex_);
    std::vector<Entry> entries;
    for (auto row = index_.rows_.lower_bound(range.begin); row != index_.rows_.end() && entries.size() < limit; ++row) {
      if (!range.end.empty() && row->first >= range.end) break;
      if (auto value = index_.get_at(row->first, snapshot())) entries.push_back({row->first, std::move(*value)});
    }
    co_return entries;
  }

  void put(std::string key, std::string value) override { writes_[std::move(key)] = std::move(value); }
  void erase(std::string key) override { writes_[std::move(key)] = std::nullopt; }

  Task<> commit() override {
    const std::scoped_lock lock(index_.mutex_);
    if (writes_.empty()) co_return done;
    for (const std::string& key : read_) {
      const auto row = index_.rows_.find(key);
      if (row != index_.rows_.end() && row->second.back().number > snapshot()) {
        co_return fail(ErrorCode::conflict, "a key that was read has changed");
      }
    }
    ++index_.number_;
    for (auto& [key, value] : writes_) index_.rows_[key].push_back({index_.number_, std::move(value)});
    co_return done;
  }

 private:
  std::uint64_t snapshot() {
    if (!snapshot_) snapshot_ = index_.number_;
    return *snapshot_;
  }

  MemoryIndex& index_;
  std::optional<std::uint64_t> snapshot_;
  std::set<std::string, std::less<>> read_;
  std::map<std::string, std::optional<std::string>> writes_;
};

std::unique_ptr<Transaction> MemoryIndex::begin() { return std::make_unique<MemoryTransaction>(*this); }

Task<std::optional<std::string>> MemoryIndex::get(std::string_view key) {
  const std::scoped_lock lock(mutex_);
  co_return get_at(key, number_);
}

std::optional<std::string> MemoryIndex::get_at(std::string_view key, std::uint64_t number) const {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return std::nullopt;
  const auto& versions = row->second;
  const auto seen = std::find_if(versions.rbegin(), versions.rend(), [&](const auto& v) { return v.number <= number; });
  return seen == versions.rend() ? std::nullopt : seen->value;
}

std::shared_ptr<const Row> MemoryIndex::at_hand(std::string_view key) {
  const std::scoped_lock lock(mutex_);
  auto value = get_at(key, number_);
  if (!value) return nullptr;
  auto& row = at_hand_[std::string(key)];
  if (!row || row->bytes() != *value) row = std::make_shared<const Row>(*std::move(value));
  return row;
}

std::map<std::string, std::string> MemoryIndex::rows() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, std::string> present;
  for (const auto& [key, versions] : rows_) {
    if (versions.back().value) present[key] = *versions.back().value;
  }
  return present;
}

class MemoryExtents::Writer : public ExtentWriter {
 public:
  Writer(MemoryExtents& store, std::uint64_t length_max) : store_(store), length_max_(length_max) {}

  Task<> write(Chunk chunk) override {
    if (chunk.size() > length_max_ - bytes_.size()) co_return fail(ErrorCode::entity_too_large, "extent");
    bytes_ += chunk.text();
    co_return done;
  }

  Task<Extent> seal() override {
    const std::scoped_lock lock(store_.mutex_);
    const Extent extent{ExtentId{++store_.last_}, bytes_.size(), crc32c(bytes_)};
    store_.extents_[store_.last_] = std::move(bytes_);
    co_return extent;
  }

 private:
  MemoryExtents& store_;
  std::uint64_t length_max_;
  std::string bytes_;
};

Task<std::unique_ptr<ExtentWriter>> MemoryExtents::create(std::optional<std::uint64_t> length_expected) {
  if (length_expected.value_or(0) > extent_length_max_) co_return fail(ErrorCode::entity_too_large, "extent");
  co_return std::make_unique<Writer>(*this, length_expected.value_or(extent_length_max_));
}

Task<std::unique_ptr<BodySource>> MemoryExtents::open(const Extent& extent, ByteRange range) {
  const std::scoped_lock lock(mutex_);
  const auto found = extents_.find(static_cast<std::uint64_t>(extent.id));
  if (found == extents_.end() || crc32c(found->second) != extent.crc32c || found->second.size() != extent.length) {
    co_return fail(ErrorCode::corrupt, "extent");
  }
  co_return std::make_unique<StringSource>(found->second.substr(range.offset, range.length), 64 * 1024);
}

Task<> MemoryExtents::release(const Extent& extent) {
  const std::scoped_lock lock(mutex_);
  extents_.erase(static_cast<std::uint64_t>(extent.id));
  co_return done;
}

Task<Reconciled> MemoryExtents::reconcile(LiveExtents& live, bool give_back) {
  Reconciled found;
  std::set<std::uint64_t> alive;
  for (;;) {
    CO_TRY(const auto extent, co_await live.next());
    if (!extent) break;
    ++found.live_count;
    found.live_bytes += extent->length;
    alive.insert(static_cast<std::uint64_t>(extent->id));
  }
  const std::scoped_lock lock(mutex_);
  for (auto extent = extents_.begin(); extent != extents_.end() && extent->first <= earlier_;) {
    const bool orphan = !alive.contains(extent->first);
    if (orphan) found.orphan_bytes += extent->second.size();
    extent = orphan && give_back ? extents_.erase(extent) : std::next(extent);
  }
  co_return found;
}

bool MemoryExtents::holds(std::string_view bytes) const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(extents_,
                             [&](const auto& extent) { return extent.second.find(bytes) != std::string::npos; });
}

std::size_t MemoryExtents::extent_count() const {
  const std::scoped_lock lock(mutex_);
  return extents_.size();
}

void MemoryExtents::corrupt_all() {
  const std::scoped_lock lock(mutex_);
  for (auto& [id, bytes] : extents_) {
    if (!bytes.empty()) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  }
}

void MemoryExtents::corrupt(ExtentId id) {
  const std::scoped_lock lock(mutex_);
  auto& bytes = extents_.at(static_cast<std::uint64_t>(id));
  if (!bytes.empty()) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
}

void MemoryExtents::restart() {
  const std::scoped_lock lock(mutex_);
  earlier_ = last_;
}

}  // namespace sluice::test
