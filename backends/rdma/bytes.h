#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace sluice::rdma {

static_assert(std::endian::native == std::endian::little, "formats are little-endian, and copied as they are");

template <class T>
concept StoredNumber = std::unsigned_integral<T> || std::is_enum_v<T>;

/// Appends little-endian numbers and bytes to a string.
class BytesOut {
 public:
  explicit BytesOut(std::string& out) : out_(out) {}

  template <StoredNumber T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <StoredNumber T>
  void number_at(std::size_t at, T value) {
    std::memcpy(out_.data() + at, &value, sizeof value);
  }
  void text(std::string_view bytes) { out_.append(bytes); }

 private:
  std::string& out_;
};

/// Takes them off again. Beyond the end everything is zero, and at_end() is false.
class BytesIn {
 public:
  explicit BytesIn(std::string_view in) : in_(in) {}

  template <StoredNumber T>
  T number() {
    T value{};
    copy(&value, sizeof value);
    return value;
  }
  void copy(void* to, std::size_t size) {
    if (size > in_.size()) {
      in_ = {};
      short_ = true;
      return;
    }
    std::memcpy(to, in_.data(), size);
    in_.remove_prefix(size);
  }

  bool is_short() const { return short_; }
  bool at_end() const { return in_.empty() && !short_; }

 private:
  std::string_view in_;
  bool short_ = false;
};

}  // namespace sluice::rdma
