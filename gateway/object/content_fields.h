#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/object/record.h"

// Where bytes are, as the bytes of a field; otherwise as row_fields.h.

namespace sluice::object {

/// Decoding fails where `slices` has some already.
std::string encode_slices(const std::vector<Slice>& slices);
bool decode_slices(std::string_view in, std::vector<Slice>& slices);

std::string encode_manifest(const Manifest& manifest);
bool decode_manifest(std::string_view bytes, Manifest& manifest);

std::string encode_appended(const Appended& content);
bool decode_appended(std::string_view bytes, Appended& content);

std::string encode_sealed(const SealedExtent& sealed);
bool decode_sealed(std::string_view bytes, SealedExtent& sealed);

/// Are all seals there that the content of an object needs, and no other? `has_seal` of its record. Those of
/// manifests and maps are in their rows.
bool is_sealed_right(const Content& content, bool encrypted, bool has_seal);

/// Do the places where the bytes are come to the size of the object?
bool covers(const Content& content, std::uint64_t size);

}  // namespace sluice::object
