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

/// Something made once and kept for good, by whoever is first. Safe for concurrent use.
template <class T>
class MadeOnce {
 public:
  MadeOnce() = default;
  ~MadeOnce() { delete made_.load(std::memory_order_acquire); }
  MadeOnce(const MadeOnce&) = delete;
  MadeOnce& operator=(const MadeOnce&) = delete;

  /// What was made, or null; it lives as long as this.
  const T* get() const { return made_.load(std::memory_order_acquire); }

  /// Keeps `made`, unless another was quicker; the one that stays.
  const T* keep(std::unique_ptr<const T> made) const {
    const T* present = nullptr;
    if (made_.compare_exchange_strong(present, made.get(), std::memory_order_acq_rel)) return made.release();
    return present;
  }

 private:
  mutable std::atomic<const T*> made_ = nullptr;
};

/// The value of a row in memory, which never changes. Safe for concurrent use.
class Row {
 public:
  explicit Row(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }

  /// The note that was left, or null; it lives as long as the row. One kind of row has
  /// one kind of note, so its reader knows the type.
  const RowNote* note() const { return note_.get(); }

  /// Leaves `note`, unless another was quicker; the one that stays.
  const RowNote* leave(std::unique_ptr<const RowNote> note) const { return note_.keep(std::move(note)); }

 private:
  const std::string bytes_;
  MadeOnce<RowNote> note_;
};

}  // namespace sluice
