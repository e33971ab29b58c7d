#include "gateway/http/message.h"

#include <array>
#include <charconv>

#include "gateway/core/encoding.h"

namespace sluice::http {
namespace {

constexpr std::size_t kUsualSize = 768;  ///< Of all lines.

/// Replaces what would end a line, from `start` on.
void make_safe(std::string& lines, std::size_t start) {
  if (!has_control(std::string_view(lines).substr(start))) return;
  for (std::size_t i = start; i < lines.size(); ++i) {
    if (lines[i] == '\r' || lines[i] == '\n' || lines[i] == '\0') lines[i] = ' ';
  }
}

}  // namespace

void ResponseHeader::add(std::string_view name, std::string_view value) {
  if (lines_.empty()) lines_.reserve(kUsualSize);
  const std::size_t start = lines_.size();
  lines_.append(name).append(": ").append(value);
  make_safe(lines_, start);
  lines_.append("\r\n");
}

void ResponseHeader::add_lines(std::string_view lines) {
  if (lines_.empty()) lines_.reserve(kUsualSize);
  lines_.append(lines);
}

void ResponseHeader::add(std::string_view name, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  add(name, std::string_view(digits.data(), end));
}

Response Handler::refuse(RequestContext&, const Refusal& refusal) {
  Response response{.header = ResponseHeader(refusal.status)};
  response.header.add("Content-Type", "text/plain; charset=utf-8");
  response.content = Chunk::of(std::string(refusal.message) + "\n");
  return response;
}

}  // namespace sluice::http
