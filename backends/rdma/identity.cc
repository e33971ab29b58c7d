#include "backends/rdma/identity.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::rdma {

Uuid Uuid::random() {
  Uuid made;
  std::ranges::copy(random_bytes(made.bytes.size()), made.bytes.begin());
  return made;
}

std::string to_text(const Uuid& uuid) {
  return to_hex({reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()});
}

Uuid uuid_of(std::string_view text) {
  Uuid made;
  const auto bytes = from_hex(text);
  if (bytes && bytes->size() == made.bytes.size()) std::ranges::copy(*bytes, made.bytes.begin());
  return made;
}

}  // namespace sluice::rdma
