#include "backends/rdma/seal.h"

#include <algorithm>
#include <cassert>

namespace sluice::rdma {
namespace {

// Of members that all restarted, so many must answer: one of them may be damaged.
constexpr std::size_t kWitnesses = 2;

}  // namespace

bool is_final(const ExtentRecord& record) {
  return record.state == ExtentState::sealed || record.state == ExtentState::coded;
}

bool is_replicated(const ExtentRecord& record) { return !record.place && !record.stripe; }

bool is_fragment(const ExtentRecord& record) { return record.place && record.state != ExtentState::coded; }

bool counts_on(const ExtentRecord* record, const Uuid& disk) {
  if (record == nullptr) return false;
  if (!is_final(*record)) return true;
  return std::ranges::count(record->members, disk) > 0 || std::ranges::count(record->partial, disk) > 0;
}

ExtentRecord begin_seal(const ExtentRecord& record, Pages acknowledged) {
  assert(!is_final(record));
  ExtentRecord begun = record;
  begun.state = ExtentState::sealing;
  begun.epoch = Epoch{static_cast<std::uint64_t>(record.epoch) + 1};
  begun.pages = std::max(record.pages, acknowledged);
  return begun;
}

void Sealing::gone([[maybe_unused]] std::size_t member) {
  assert(!answers_.at(member));
  ++gone_;
}

bool Sealing::possible() const { return length().has_value(); }

bool Sealing::complete() const {
  const auto answered = std::ranges::count_if(answers_, [](const auto& answer) { return answer.has_value(); });
  return static_cast<std::size_t>(answered) + gone_ == answers_.size();
}

// None if it is not known. Who has less than what is known to be acknowledged has lost something.
std::optional<Pages> Sealing::length() const {
  std::optional<Pages> smallest, greatest;
  std::size_t witnesses = 0;
  for (const auto& answer : answers_) {
    if (!answer) continue;
    ++witnesses;
    if (answer->durable < begun_.pages) continue;
    greatest = std::max(greatest.value_or(0), answer->durable);
    if (answer->certain) smallest = std::min(smallest.value_or(answer->durable), answer->durable);
  }
  if (smallest) return smallest;
  return witnesses >= std::min(kWitnesses, answers_.size() - gone_) ? greatest : std::nullopt;
}

ExtentRecord Sealing::sealed() const {
  assert(possible());
  ExtentRecord sealed = begun_;
  sealed.state = ExtentState::sealed;
  sealed.pages = *length();
  sealed.members.clear();
  for (std::size_t member = 0; member < answers_.size(); ++member) {
    const auto& answer = answers_[member];
    const bool has_all = answer && answer->durable >= sealed.pages;
    (has_all ? sealed.members : sealed.partial).push_back(begun_.members[member]);
  }
  return sealed;
}

}  // namespace sluice::rdma
