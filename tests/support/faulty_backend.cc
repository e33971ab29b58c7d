#include "tests/support/faulty_backend.h"

#include <boost/asio/post.hpp>

namespace sluice::test {
namespace {

using Verdict = Faults::Verdict;

std::unexpected<Error> failure() { return fail(ErrorCode::unavailable, "the backend was told to fail"); }

class FaultyTransaction : public Transaction {
 public:
  FaultyTransaction(std::unique_ptr<Transaction> inner, Faults& faults) : inner_(std::move(inner)), faults_(faults) {}

  Task<std::optional<std::string>> get(std::string_view key) override {
    if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
    co_return co_await inner_->get(key);
  }

  Task<std::vector<Entry>> scan(const KeyRange& range, std::size_t limit) override {
    if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
    co_return co_await inner_->scan(range, limit);
  }

  void put(std::string key, std::string value) override { inner_->put(std::move(key), std::move(value)); }
  void erase(std::string key) override { inner_->erase(std::move(key)); }

  Task<> commit() override {
    const auto verdict = co_await faults_.next_call(true);
    if (verdict == Verdict::fail) co_return failure();
    const auto committed = co_await inner_->commit();
    if (verdict == Verdict::do_and_fail) co_return failure();
    co_return committed;
  }

 private:
  std::unique_ptr<Transaction> inner_;
  Faults& faults_;
};

class FaultyWriter : public ExtentWriter {
 public:
  FaultyWriter(std::unique_ptr<ExtentWriter> inner, Faults& faults) : inner_(std::move(inner)), faults_(faults) {}

  Task<> write(Chunk chunk) override {
    if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
    co_return co_await inner_->write(std::move(chunk));
  }

  Task<Extent> seal() override {
    if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
    co_return co_await inner_->seal();
  }

 private:
  std::unique_ptr<ExtentWriter> inner_;
  Faults& faults_;
};

class FaultySource : public BodySource {
 public:
  FaultySource(std::unique_ptr<BodySource> inner, Faults& faults) : inner_(std::move(inner)), faults_(faults) {}

  Task<Chunk> read() override {
    if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
    co_return co_await inner_->read();
  }

  std::optional<std::uint64_t> remaining() const override { return inner_->remaining(); }

 private:
  std::unique_ptr<BodySource> inner_;
  Faults& faults_;
};

}  // namespace

Faults& Faults::start() {
  *this = Faults();
  return *this;
}

Awaitable<Verdict> Faults::next_call(bool is_commit) {
  if (interrupted_) co_return Verdict::go_on;
  ++calls_;
  if (yields_) co_await boost::asio::post(use_task);
  if (visit_) {
    interrupted_ = true;
    co_await visit_(calls_);
    interrupted_ = false;
  }
  if (calls_ == interrupt_at_) {
    struck_ = interrupted_ = true;
    co_await interruption_();
    interrupted_ = false;
  }
  if (!fail_at_ || calls_ < *fail_at_ || (calls_ > *fail_at_ && !is_cut_)) co_return Verdict::go_on;
  struck_ = true;
  co_return loses_answers_&& is_commit ? Verdict::do_and_fail : Verdict::fail;
}

std::unique_ptr<Transaction> FaultyIndex::begin() {
  return std::make_unique<FaultyTransaction>(inner_.begin(), faults_);
}

Task<std::optional<std::string>> FaultyIndex::get(std::string_view key) {
  if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
  co_return co_await inner_.get(key);
}

Task<std::unique_ptr<ExtentWriter>> FaultyExtents::create(std::optional<std::uint64_t> length_expected) {
  if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
  CO_TRY(auto writer, co_await inner_.create(length_expected));
  co_return std::make_unique<FaultyWriter>(std::move(writer), faults_);
}

Task<std::unique_ptr<BodySource>> FaultyExtents::open(const Extent& extent, ByteRange range) {
  if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
  CO_TRY(auto source, co_await inner_.open(extent, range));
  co_return std::make_unique<FaultySource>(std::move(source), faults_);
}

Task<> FaultyExtents::release(const Extent& extent) {
  if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
  co_return co_await inner_.release(extent);
}

Task<Reconciled> FaultyExtents::reconcile(LiveExtents& live, bool give_back) {
  if (co_await faults_.next_call(false) != Verdict::go_on) co_return failure();
  co_return co_await inner_.reconcile(live, give_back);
}

}  // namespace sluice::test
