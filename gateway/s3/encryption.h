#pragma once

#include <optional>

#include "gateway/object/encryption.h"
#include "gateway/s3/call.h"
#include "gateway/s3/error.h"

namespace sluice::s3 {

/// Whose customer key a header is about.
enum class KeyOf : std::uint8_t { object, copy_source };

/// May customers' keys come over that connection: TLS, from this machine, or where
/// `anywhere` says that something else protects them?
bool may_carry_keys(const RequestContext& context, bool anywhere);

/// The key that x-amz-server-side-encryption-customer-* give; nothing without any of
/// them. Fails with Amazon's errors where the three are not all there and right, and
/// where `may_carry` is false.
Outcome<std::optional<SecretKey>> customer_key(const Fields& fields, bool may_carry, KeyOf whose = KeyOf::object);

/// What a write asks: a customer's key, or x-amz-server-side-encryption. Fails with
/// InvalidArgument for both, NotImplemented for what is not served.
Outcome<object::EncryptionRequest> encryption_request(const Fields& fields, bool may_carry);

/// A read says nothing of how the deployment encrypts. Fails with InvalidArgument.
Outcome<> check_read_encryption(const Fields& fields);

/// How something is encrypted, if it is: told as headers.
void add_encryption(http::ResponseHeader& header, const Fields& request,
                    const std::optional<object::EncryptionChoice>& how);
void add_encryption(http::ResponseHeader& header, const Fields& request, const std::optional<object::Encryption>& how);

/// The name of an algorithm in x-amz-server-side-encryption and in documents.
std::string_view to_text(object::EncryptionMode mode);
/// AES256 or aws:kms, with the key it names. Fails as encryption_request().
Outcome<object::EncryptionChoice> parse_choice(std::string_view algorithm, std::string_view key_id);

}  // namespace sluice::s3
