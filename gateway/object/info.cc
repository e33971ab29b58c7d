#include "gateway/object/info.h"

#include <array>
#include <cinttypes>
#include <cstdio>

#include "gateway/core/encoding.h"

namespace sluice::object {

std::string ObjectInfo::content_tag() const {
  auto tag = to_hex(md5);
  if (part_count != 0) tag += '-' + std::to_string(part_count);
  return tag;
}

std::string ObjectInfo::revision_tag() const {
  std::array<char, sizeof("0x0123456789ABCDEF")> text{};
  std::snprintf(text.data(), text.size(), "0x%016" PRIX64, revision);
  return text.data();
}

std::string PartInfo::content_tag() const { return to_hex(md5); }

}  // namespace sluice::object
