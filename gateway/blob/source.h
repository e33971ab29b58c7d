#pragma once

#include <optional>
#include <string>

#include "gateway/blob/call.h"
#include "gateway/core/digest.h"
#include "gateway/core/extent_store.h"
#include "gateway/object/conditions.h"
#include "gateway/object/name.h"

namespace sluice::blob {

/// A blob that bytes are taken from, by the URL in x-ms-copy-source: one of this
/// gateway, which the sender has been found to be allowed to read.
struct Source {
  object::ObjectName name;
  object::Which which;
  object::Conditions conditions;
  std::string url;  ///< Of its query, the snapshot or version alone.
};

/// x-ms-source-range: `bytes=first-last`. Fails with InvalidHeaderValue.
Outcome<std::optional<ByteRange>> read_source_range(const Fields& fields);

/// x-ms-source-content-md5 or -crc64: what the bytes that are taken must be.
Outcome<std::optional<Digest>> read_source_digest(const Fields& fields);

/// Holds the bytes of a source to the digest that was sent for them.
void expect_source(DigestSource& body, const Digest& digest);

/// The answer for `error`, which taking bytes from a source came to.
Failure explain_source(const Error& error);

/// The URL of a source taken apart: scheme and host, and the target behind them.
/// Nothing if it is no URL. A path alone is one of this host.
struct SourceUrl {
  bool secure = false;
  std::string_view host;  ///< Empty: a path alone.
  std::string_view target;
};
std::optional<SourceUrl> parse_source_url(std::string_view url);

}  // namespace sluice::blob
