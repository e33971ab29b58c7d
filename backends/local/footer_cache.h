#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "backends/local/extent_layout.h"

namespace sluice::local {

/// The footers read lately, at most `size_max` bytes of them. Safe for concurrent use.
class FooterCache {
 public:
  using Held = std::shared_ptr<const Footer>;

  explicit FooterCache(std::size_t size_max) : size_max_(size_max) {}

  /// The footer, if it is of this very extent: id, length and checksum.
  Held find(const Extent& extent);
  void add(const Extent& extent, Held footer);
  void remove(ExtentId id);

 private:
  struct Row {
    Extent extent;
    Held footer;
  };
  static std::size_t size_of(const Row& row) { return sizeof(Row) + 64 + row.footer->size() * sizeof(std::uint32_t); }
  void drop(std::list<Row>::iterator row);

  const std::size_t size_max_;
  std::mutex mutex_;
  std::size_t size_ = 0;
  std::list<Row> rows_;  ///< The most recently used first.
  std::unordered_map<ExtentId, std::list<Row>::iterator> by_id_;
};

}  // namespace sluice::local
