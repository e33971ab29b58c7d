#include "gateway/http/request_id.h"

#include <cstring>
#include <string_view>

#include "gateway/core/encoding.h"

namespace sluice::http {
namespace {

// SplitMix64: a bijection of the counter, so ids repeat only when it does.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

}  // namespace

RequestIds::RequestIds() : state_(0) {
  const std::string seed = random_bytes(sizeof(state_));
  std::memcpy(&state_, seed.data(), sizeof(state_));
}

void RequestIds::next(std::string& id) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t value = mix(state_);
  id.resize(16);
  for (char& digit : id) {
    digit = kDigits[value >> 60];
    value <<= 4;
  }
}

}  // namespace sluice::http
