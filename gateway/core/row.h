#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

namespace sluice {

/// What a reader of a row found out about its bytes, kept with them.
class RowNote {
 public:
  RowNote() = default;
  virtual ~RowNote() = default;
  RowNote(const RowNote&) = delete;
  RowNote& operator=(const RowNote&) = delete;
};

/// The value of a row in memory, which never changes. Safe for concurrent use.
class Row {
 public:
  explicit Row(std::string bytes) : bytes_(std::move(bytes)) {}
  ~Row() { delete note_.load(std::memory_order_acquire); }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  const std::string& bytes() const { return bytes_; }

  /// The note that was left, or null; it lives as long as the row. One kind of row has
  /// one kind of note, so its reader knows the type.
  const RowNote* note() const { return note_.load(std::memory_order_acquire); }

  /// Leaves `note`, unless another was quicker; the one that stays.
  const RowNote* leave(std::unique_ptr<const RowNote> note) const {
    const RowNote* present = nullptr;
    if (note_.compare_exchange_strong(present, note.get(), std::memory_order_acq_rel)) return note.release();
    return present;
  }

 private:
  const std::string bytes_;
  mutable std::atomic<const RowNote*> note_ = nullptr;
};

}  // namespace sluice
