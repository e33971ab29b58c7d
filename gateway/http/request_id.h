#pragma once

#include <cstdint>
#include <string>

namespace sluice::http {

/// Names requests by 16 upper-case hex digits: never the same twice from one
/// sequence, and from two only by a chance of 2^-64 a pair. One caller at a time.
class RequestIds {
 public:
  RequestIds();  ///< Starts at a random place.
  explicit RequestIds(std::uint64_t start) : state_(start) {}

  /// Writes the next id into `id`.
  void next(std::string& id);

 private:
  std::uint64_t state_;
};

}  // namespace sluice::http
