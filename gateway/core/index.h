#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/result.h"
#include "gateway/core/row.h"

namespace sluice {

struct Entry {
  std::string key;
  std::string value;
};

struct KeyRange {
  std::string begin;  ///< Inclusive.
  std::string end;    ///< Exclusive; empty means no bound.
};

/// What a walk over rows does once a row was seen.
enum class Walk : std::uint8_t {
  on,    ///< To the next row.
  skip,  ///< To the first row whose key is not below RowVisitor::skip_to().
  stop,
};

/// Sees rows one after the other, where they lie. One call at a time, but on whatever
/// thread, and it may be that nobody waits for it any more: what it refers to must
/// outlive the index.
class RowVisitor {
 public:
  virtual ~RowVisitor() = default;

  /// One row; its bytes are good until this returns.
  virtual Walk see(std::string_view key, std::string_view value) = 0;

  /// Asked after Walk::skip; above the key that was seen. Good until the next call of see().
  virtual std::string_view skip_to() const { return {}; }
};

/// A serializable unit of work over the index. Reads see one snapshot, taken at
/// the first of them, and never this transaction's own writes; writes are held
/// back until commit(). Dropping a transaction abandons it. One caller at a time.
///
/// What commit() guards is the keys read by get(), present or absent; a scan is
/// not guarded, so a decision taken from a scan needs a row of its own that both
/// sides get() and put(). At most 1 MB of writes and 4 s of life.
class Transaction {
 public:
  virtual ~Transaction() = default;

  /// The value of `key` in the snapshot, or nothing.
  virtual Task<std::optional<std::string>> get(std::string_view key) = 0;

  /// The row in the snapshot, if the index has it at hand in memory, guarded as if get() had given it.
  /// Null says nothing and guards nothing: get() has to be asked.
  virtual std::shared_ptr<const Row> at_hand(std::string_view) { return nullptr; }

  /// The first rows of `range` in key order, at most `limit` of them.
  virtual Task<std::vector<Entry>> scan(const KeyRange& range, std::size_t limit) = 0;

  /// Shows the rows of `range` to `visitor` in key order, without a copy of them where that
  /// can be spared, until there are no more or it has seen enough; in one snapshot, as a scan.
  /// `expected`: about how many rows it will want.
  virtual Task<> walk(KeyRange range, std::shared_ptr<RowVisitor> visitor, std::size_t expected);

  /// Keys are 1 to 2560 bytes, values at most 64 KiB and some room for headers.
  virtual void put(std::string key, std::string value) = 0;
  virtual void erase(std::string key) = 0;

  /// All writes become durable, or none: fails with conflict if a key this
  /// transaction got has since changed, unavailable or out_of_space if the
  /// device refuses. A transaction without writes commits without any check.
  /// Called once, last.
  virtual Task<> commit() = 0;
};

/// An ordered map from key to value (both bytes, ordered as unsigned bytes),
/// shared by every gateway process of a deployment. Safe for concurrent use.
class Index {
 public:
  static constexpr std::size_t kKeySizeMax = 2560;
  static constexpr std::size_t kValueSizeMax = 64 * 1024 + 4096;

  virtual ~Index() = default;

  virtual std::unique_ptr<Transaction> begin() = 0;

  /// The latest committed value of `key`: the cheapest read, outside any
  /// transaction. Sees every commit that was acknowledged before the call.
  virtual Task<std::optional<std::string>> get(std::string_view key) = 0;

  /// What get() would give, if the index has it at hand in memory and need not even
  /// copy it. Null says nothing: get() has to be asked.
  virtual std::shared_ptr<const Row> at_hand(std::string_view) { return nullptr; }
};

}  // namespace sluice
