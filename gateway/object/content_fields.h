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

/// Do the places where the bytes are come to the size of the object?
bool covers(const Content& content, std::uint64_t size);

}  // namespace sluice::object
