#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/shared_key.h"

namespace sluice::auth {

/// The strings a client may have signed, the documented one first, none twice.
using Texts = std::vector<std::string>;

/// The parts of the Shared Key string to sign: any of `heads`, any of `headers`,
/// any of `resources`, one after the other.
struct SharedKeyTexts {
  Texts heads;
  Texts headers;
  Texts resources;
};

SharedKeyTexts shared_key_texts(const SignedRequest& request, const AzureAddress& address);
SharedKeyTexts shared_key_lite_texts(const SignedRequest& request, const AzureAddress& address);

/// The string that nearly all clients sign: the first of each part above, made at once.
std::string usual_shared_key_text(const SignedRequest& request, const AzureAddress& address);
std::string usual_shared_key_lite_text(const SignedRequest& request, const AzureAddress& address);

/// Does the header name `left` stand before `right` where they are sorted as
/// words, which is how .NET, Python and JavaScript clients do it: punctuation
/// before digits before letters, `-` and `'` only where all else is equal. Both lower case.
bool sorts_before_as_word(std::string_view left, std::string_view right);

/// The name of a signed field that comes more than once, in lower case, or nothing.
std::string repeated_signed_field(const Fields& fields);

}  // namespace sluice::auth
