#pragma once

#include <optional>
#include <string_view>

#include "gateway/blob/error.h"
#include "gateway/core/context.h"
#include "gateway/object/encryption.h"

namespace sluice::blob {

/// Whose key a header is about: the blob's, or that of the source of a copy.
inline constexpr std::string_view kBlobKey = "x-ms-encryption-";
inline constexpr std::string_view kSourceKey = "x-ms-source-encryption-";

/// The key that `names`key, -key-sha256 and -algorithm give ("Provide an encryption
/// key on a request to Blob storage", Azure Storage); nothing without any of them. Fails
/// with MissingRequiredHeader or InvalidHeaderValue where the three are not all there and
/// right, and with InvalidInput where keys may not come over that connection: it must be
/// TLS or of this machine, unless `over_http`.
Outcome<std::optional<SecretKey>> read_customer_key(const RequestContext& context, const Fields& fields, bool over_http,
                                                    std::string_view names = kBlobKey);

/// Is the object a customer's, who alone has the key?
bool by_customer(const object::ObjectInfo& info);

/// How a blob is encrypted; nothing: it is not.
std::optional<object::EncryptionMode> mode_of(const object::ObjectInfo& info);

/// Whether a blob or block is encrypted, and with which key if it was given: `name` is
/// x-ms-server-encrypted, or x-ms-request-server-encrypted of a write.
void add_encryption(http::ResponseHeader& header, std::string_view name, const Fields& request,
                    std::optional<object::EncryptionMode> mode);

}  // namespace sluice::blob
