#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

/// What a protocol's error code says: a row of its table.
template <class CodeOf>
struct CodeRow {
  CodeOf code;
  unsigned status;
  std::string_view name;
  std::string_view message;
};

/// Is there one row for each code up to `last`, in the order of the enum? Who finds a row by
/// its code relies on it.
template <class CodeOf, std::size_t Count>
constexpr bool in_enum_order(const CodeRow<CodeOf> (&rows)[Count], CodeOf last) {
  for (std::size_t i = 0; i < Count; ++i) {
    if (static_cast<std::size_t>(rows[i].code) != i) return false;
  }
  return Count == static_cast<std::size_t>(last) + 1;
}

/// An answer that is an error, in the codes of one protocol, and what its document says
/// beside the code.
template <class CodeOf>
struct FailureParts {
  using Named = std::vector<std::pair<std::string_view, std::string>>;

  /// Adds an element to the document.
  template <class Self>
  Self&& with(this Self&& self, std::string_view name, std::string value) {
    self.elements.emplace_back(name, std::move(value));
    return std::forward<Self>(self);
  }
  /// Adds a header field to the response.
  template <class Self>
  Self&& with_header(this Self&& self, std::string_view name, std::string value) {
    self.headers.emplace_back(name, std::move(value));
    return std::forward<Self>(self);
  }

  CodeOf code = CodeOf::internal_error;
  std::string message;  ///< Empty: the code's own.
  std::string detail;   ///< For the access log alone.
  Named elements;
  Named headers;
};

}  // namespace sluice::http
