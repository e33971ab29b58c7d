#pragma once

#include "gateway/object/objects.h"
#include "gateway/object/record.h"

namespace sluice::object {

/// Of what fills in something of the caller's, so that nothing large is handed from
/// coroutine to coroutine.
struct Done {};

/// The bytes that `range` means of `size` bytes (RFC 9110 14.1.2). Fails with
/// range_not_satisfiable, the size as its detail.
Result<ByteRange> resolve(const RangeRequest& range, std::uint64_t size);

/// Makes `selection` what a read of the object is about; takes the info out of
/// `record`. Nothing: the object was replaced meanwhile. Fails as Objects::stat.
Task<std::optional<Done>> select(Index& index, ObjectRecord& record, const OpenOptions& options, Selection& selection);

}  // namespace sluice::object
