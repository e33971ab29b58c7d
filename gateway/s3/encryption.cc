#include "gateway/s3/encryption.h"

#include <openssl/crypto.h>

#include "gateway/core/encoding.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kMethod = "x-amz-server-side-encryption";
constexpr std::string_view kKeyId = "x-amz-server-side-encryption-aws-kms-key-id";

struct KeyHeaders {
  std::string_view algorithm, key, md5;
};
constexpr KeyHeaders kObjectKey{"x-amz-server-side-encryption-customer-algorithm",
                                "x-amz-server-side-encryption-customer-key",
                                "x-amz-server-side-encryption-customer-key-md5"};
constexpr KeyHeaders kSourceKey{"x-amz-copy-source-server-side-encryption-customer-algorithm",
                                "x-amz-copy-source-server-side-encryption-customer-key",
                                "x-amz-copy-source-server-side-encryption-customer-key-md5"};

std::unexpected<Failure> invalid(std::string_view what) {
  return refuse(Code::invalid_argument,
                "Requests specifying Server Side Encryption with Customer provided keys must " + std::string(what));
}

Outcome<SecretKey> parse_key(std::string_view key_text, std::string_view md5_text) {
  auto bytes = from_base64(key_text);
  const auto key = bytes ? SecretKey::of(*bytes) : std::nullopt;
  if (bytes) OPENSSL_cleanse(bytes->data(), bytes->size());
  if (!key) return refuse(Code::invalid_argument, "The secret key was invalid for the specified algorithm.");
  const auto md5 = from_base64(md5_text);
  if (!md5 || *md5 != digest_of(DigestAlgorithm::md5, key->bytes()).bytes) {
    return refuse(Code::invalid_argument,
                  "The calculated MD5 hash of the key did not match the hash that was provided.");
  }
  return *key;
}

}  // namespace

bool may_carry_keys(const RequestContext& context, bool anywhere) {
  const std::string_view from = context.remote_address;
  return anywhere || context.secure || from == "::1" || from.starts_with("127.") || from.starts_with("::ffff:127.");
}

Outcome<std::optional<SecretKey>> customer_key(const Fields& fields, bool may_carry, KeyOf whose) {
  const KeyHeaders& names = whose == KeyOf::object ? kObjectKey : kSourceKey;
  const auto algorithm = fields.find(names.algorithm);
  const auto key = fields.find(names.key);
  const auto md5 = fields.find(names.md5);
  if (!algorithm && !key && !md5) return std::nullopt;
  if (!may_carry) {
    return refuse(Code::invalid_request,
                  "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure "
                  "connection.");
  }
  if (!algorithm) return invalid("provide a valid encryption algorithm.");
  if (*algorithm != "AES256") return refuse(Code::invalid_encryption_algorithm);
  if (!key) return invalid("provide an appropriate secret key.");
  if (!md5) return invalid("provide the client calculated MD5 of the secret key.");
  return parse_key(*key, *md5);
}

Outcome<object::EncryptionChoice> parse_choice(std::string_view algorithm, std::string_view key_id) {
  if (algorithm == "AES256") {
    if (key_id.empty()) return object::EncryptionChoice{};
    return refuse(Code::invalid_argument, "A key id goes with the encryption method aws:kms alone.");
  }
  if (algorithm == "aws:kms:dsse" || algorithm == "aws:fsx") {
    return refuse(Code::not_implemented, "The encryption method " + std::string(algorithm) + " is not supported.");
  }
  if (algorithm != "aws:kms") {
    return refuse(Code::invalid_argument, "The encryption method specified is not supported");
  }
  if (key_id.empty()) return refuse(Code::invalid_argument, "The encryption method aws:kms needs a key id here.");
  return object::EncryptionChoice{object::EncryptionMode::named, std::string(key_id)};
}

Outcome<object::EncryptionRequest> encryption_request(const Fields& fields, bool may_carry) {
  object::EncryptionRequest request;
  const auto method = fields.find(kMethod);
  const bool names_key = fields.has(kKeyId);
  const bool by_customer = fields.has(kObjectKey.algorithm) || fields.has(kObjectKey.key) || fields.has(kObjectKey.md5);
  if (by_customer && (method || names_key)) {
    return refuse(Code::invalid_argument,
                  "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                  "specified");
  }
  if (!method && names_key) {
    return refuse(Code::invalid_argument, "A key id goes with the encryption method aws:kms alone.");
  }
  if (method) {
    TRY(request.choice, parse_choice(*method, fields.get(kKeyId)));
  }
  TRY(request.customer_key, customer_key(fields, may_carry));
  return request;
}

Outcome<> check_read_encryption(const Fields& fields) {
  for (const std::string_view name : {kMethod, kKeyId}) {
    if (!fields.has(name)) continue;
    return std::unexpected(
        Failure(Code::invalid_argument, std::string(name) + " header is not supported for this operation.")
            .with("ArgumentName", std::string(name))
            .with("ArgumentValue", std::string(fields.get(name))));
  }
  return {};
}

std::string_view to_text(object::EncryptionMode mode) {
  return mode == object::EncryptionMode::named ? "aws:kms" : "AES256";
}

void add_encryption(http::ResponseHeader& header, const Fields& request,
                    const std::optional<object::EncryptionChoice>& how) {
  if (!how) return;
  if (how->mode != object::EncryptionMode::customer) {
    header.add(kMethod, to_text(how->mode));
    if (how->mode == object::EncryptionMode::named) header.add(kKeyId, how->master);
    return;
  }
  // Who has the key has said its hash; the end of an upload may come without.
  header.add(kObjectKey.algorithm, "AES256");
  if (const auto md5 = request.find(kObjectKey.md5)) header.add("x-amz-server-side-encryption-customer-key-MD5", *md5);
}

void add_encryption(http::ResponseHeader& header, const Fields& request, const std::optional<object::Encryption>& how) {
  if (how) add_encryption(header, request, object::EncryptionChoice{how->mode, how->master});
}

}  // namespace sluice::s3
