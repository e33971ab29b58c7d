#pragma once

#include "gateway/blob/call.h"
#include "gateway/core/clock.h"
#include "gateway/core/row.h"
#include "gateway/object/info.h"

namespace sluice::blob {

/// What a read shows of a blob.
struct Shown {
  const object::ObjectInfo& info;
  ByteRange range;
  bool partial = false;
  const MadeOnce<std::string>* description = nullptr;  ///< Where to keep the lines that tell of the blob.
};

/// The answer to a read, but for the bytes and what depends on the state that was asked
/// for; with what the signature of the request says instead of the blob ("Get Blob", "Get Blob Properties", Azure
/// Storage REST API).
http::Response describe(const Call& call, const Shown& shown, UtcTime now);

}  // namespace sluice::blob
