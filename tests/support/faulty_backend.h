#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "gateway/core/backend.h"

namespace sluice::test {

/// What befalls the calls to a backend. Calls are counted from 1; reads and
/// commits of the index and every call of the extent store, its writers and its
/// sources count. Starting transactions, and writes that a transaction holds
/// back, do not, as they cannot fail.
class Faults {
 public:
  /// The n-th call from here on fails with unavailable, once.
  void fail_at(std::uint64_t n) { start().fail_at_ = n; }
  /// As fail_at, but a commit that fails is done all the same: its answer is lost.
  void lose_answer_at(std::uint64_t n) {
    fail_at(n);
    loses_answers_ = true;
  }
  /// As fail_at, and so does every call after it: the process is dead to the world.
  void cut_at(std::uint64_t n) {
    fail_at(n);
    is_cut_ = true;
  }
  /// Every call first lets other coroutines run.
  void yield() { start().yields_ = true; }
  /// Before the n-th call from here on, `interruption` runs to its end; calls it
  /// makes are neither counted nor failed.
  void interrupt_at(std::uint64_t n, std::function<Awaitable<>()> interruption) {
    start().interrupt_at_ = n;
    interruption_ = std::move(interruption);
  }
  /// `visit` is run so before every call, and told its number.
  void visit_each(std::function<Awaitable<>(std::uint64_t n)> visit) { start().visit_ = std::move(visit); }
  /// Nothing befalls any call; counting begins at 1.
  Faults& start();

  std::uint64_t calls() const { return calls_; }
  /// Has what was asked for come to pass?
  bool struck() const { return struck_; }

  enum class Verdict : std::uint8_t { go_on, fail, do_and_fail };
  /// Asked before every call.
  Awaitable<Verdict> next_call(bool is_commit);

 private:
  std::uint64_t calls_ = 0;
  std::optional<std::uint64_t> fail_at_;
  std::optional<std::uint64_t> interrupt_at_;
  std::function<Awaitable<>()> interruption_;
  std::function<Awaitable<>(std::uint64_t)> visit_;
  bool loses_answers_ = false;
  bool is_cut_ = false;
  bool yields_ = false;
  bool interrupted_ = false;
  bool struck_ = false;
};

/// An index whose calls may fail.
class FaultyIndex : public Index {
 public:
  FaultyIndex(Index& inner, Faults& faults) : inner_(inner), faults_(faults) {}
  std::unique_ptr<Transaction> begin() override;
  Task<std::optional<std::string>> get(std::string_view key) override;

 private:
  Index& inner_;
  Faults& faults_;
};

/// An extent store whose calls may fail, and those of its writers and sources.
class FaultyExtents : public ExtentStore {
 public:
  FaultyExtents(ExtentStore& inner, Faults& faults) : inner_(inner), faults_(faults) {}
  std::uint64_t extent_length_max() const override { return inner_.extent_length_max(); }
  Task<std::unique_ptr<ExtentWriter>> create(std::optional<std::uint64_t> length_expected) override;
  Task<std::unique_ptr<BodySource>> open(const Extent& extent, ByteRange range) override;
  Task<> release(const Extent& extent) override;
  Task<Reconciled> reconcile(LiveExtents& live, bool give_back) override;

 private:
  ExtentStore& inner_;
  Faults& faults_;
};

/// A backend around a backend, which must outlive it.
class FaultyBackend {
 public:
  explicit FaultyBackend(Backend inner)
      : index_(inner.index, faults), extents_(inner.extents, faults), inline_size_max_(inner.inline_size_max) {}

  Faults faults;
  Backend backend() { return {index_, extents_, inline_size_max_}; }

 private:
  FaultyIndex index_;
  FaultyExtents extents_;
  std::size_t inline_size_max_;
};

}  // namespace sluice::test
