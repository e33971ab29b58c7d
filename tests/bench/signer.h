#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::bench {

/// Who signs, and for where.
struct Signer {
  std::string access_key;
  std::string secret_key;
  std::string region = "us-east-1";
  std::string host;

  /// The header lines (each with CRLF) that sign `method` of `path` and a canonical
  /// `query` at the present time. `payload` is what x-amz-content-sha256 says.
  std::string sign(std::string_view method, std::string_view path, std::string_view query,
                   std::string_view payload) const;

  /// The same by Shared Key: access_key is the account, secret_key its key in base64, and
  /// `path` begins with the account. A PUT with a body is one of a block blob.
  std::string sign_blob(std::string_view method, std::string_view path, std::string_view query,
                        std::uint64_t body_size) const;
};

}  // namespace sluice::bench
