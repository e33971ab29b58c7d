#include "gateway/blob/customer_key.h"

#include <openssl/crypto.h>

#include <string>

#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

bool is_private(const RequestContext& context) {
  const std::string_view from = context.remote_address;
  return context.secure || from == "::1" || from.starts_with("127.") || from.starts_with("::ffff:127.");
}

std::optional<SecretKey> parse_key(std::string_view text) {
  auto bytes = from_base64(text);
  auto key = bytes ? SecretKey::of(*bytes) : std::nullopt;
  if (bytes) OPENSSL_cleanse(bytes->data(), bytes->size());
  return key;
}

}  // namespace

Outcome<std::optional<SecretKey>> read_customer_key(const RequestContext& context, const Fields& fields, bool over_http,
                                                    std::string_view names) {
  const std::string key_name = std::string(names) + "key";
  const std::string hash_name = std::string(names) + "key-sha256";
  const std::string algorithm_name = std::string(names) + "algorithm";
  const auto key_text = fields.find(key_name);
  const auto hash_text = fields.find(hash_name);
  const auto algorithm = fields.find(algorithm_name);
  if (!key_text && !hash_text && !algorithm) return std::nullopt;
  if (!over_http && !is_private(context)) {
    return refuse(Code::invalid_input, "A key of the customer's must come over HTTPS.");
  }
  if (!key_text) return missing_header(key_name);
  if (!hash_text) return missing_header(hash_name);
  if (!algorithm) return missing_header(algorithm_name);
  if (*algorithm != "AES256") return invalid_header(algorithm_name, *algorithm);
  auto key = parse_key(*key_text);
  if (!key) return invalid_header(key_name, "(not shown)");
  const auto hash = from_base64(*hash_text);
  const bool same = hash && *hash == digest_of(DigestAlgorithm::sha256, key->bytes()).bytes;
  if (!same) return invalid_header(hash_name, *hash_text);
  return key;
}

bool by_customer(const object::ObjectInfo& info) { return mode_of(info) == object::EncryptionMode::customer; }

std::optional<object::EncryptionMode> mode_of(const object::ObjectInfo& info) {
  return info.encryption ? std::optional(info.encryption->mode) : std::nullopt;
}

void add_encryption(http::ResponseHeader& header, std::string_view name, const Fields& request,
                    std::optional<object::EncryptionMode> mode) {
  header.add(name, mode ? "true" : "false");
  if (mode != object::EncryptionMode::customer) return;
  if (const auto hash = request.find("x-ms-encryption-key-sha256")) header.add("x-ms-encryption-key-sha256", *hash);
}

}  // namespace sluice::blob
