#pragma once

#include <string>

#include "gateway/config.h"
#include "gateway/object/encryption.h"

namespace sluice {

/// The master keys that the configuration names; none where it names none. Makes the
/// file, with one random key, if it is told to and there is none. Throws
/// std::invalid_argument with a sentence for the operator where the file is not
/// right, or is open to others than its owner.
object::KeyRing read_master_keys(const Config& config);

/// The keys of such a file's text. Each line is an id, spaces and 32 bytes in base64;
/// `#` begins a comment. Throws std::invalid_argument, which never tells a key.
object::KeyRing parse_master_keys(std::string_view text);

}  // namespace sluice
