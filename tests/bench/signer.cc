#include "tests/bench/signer.h"

#include <ctime>

#include "auth/sigv4.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::bench {

std::string Signer::sign(std::string_view method, std::string_view path, std::string_view query,
                         std::string_view payload) const {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char date[17];
  std::strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &utc);
  const std::string day(date, 8);
  const std::string scope = day + "/" + region + "/s3/aws4_request";
  static thread_local std::string key_day;
  static thread_local std::string key;
  if (key_day != day) {
    key = auth::signing_key(secret_key, day, region, "s3");
    key_day = day;
  }

  std::string canonical;
  canonical.append(method).append("\n").append(path).append("\n").append(query).append("\nhost:").append(host);
  canonical.append("\nx-amz-content-sha256:").append(payload).append("\nx-amz-date:").append(date);
  canonical.append("\n\nhost;x-amz-content-sha256;x-amz-date\n").append(payload);
  const std::string to_sign = std::string("AWS4-HMAC-SHA256\n") + date + "\n" + scope + "\n" +
                              to_hex(digest_of(DigestAlgorithm::sha256, canonical).bytes);

  std::string lines;
  lines.append("Host: ").append(host).append("\r\nx-amz-date: ").append(date);
  lines.append("\r\nx-amz-content-sha256: ").append(payload);
  lines.append("\r\nAuthorization: AWS4-HMAC-SHA256 Credential=").append(access_key).append("/").append(scope);
  lines.append(", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=");
  lines.append(to_hex(hmac_sha256(key, to_sign))).append("\r\n");
  return lines;
}

// The string to sign: "Authorize with Shared Key", Azure Storage REST API.
std::string Signer::sign_blob(std::string_view method, std::string_view path, std::string_view query,
                              std::uint64_t body_size) const {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char date[32];
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  std::string own = body_size != 0 ? "x-ms-blob-type:BlockBlob\n" : "";
  own.append("x-ms-date:").append(date).append("\nx-ms-version:2023-11-03\n");

  std::string text(method);
  text.append("\n\n\n").append(body_size != 0 ? std::to_string(body_size) : "").append("\n\n\n\n\n\n\n\n\n");
  text.append(own).append("/").append(access_key).append(path);
  if (!query.empty()) text.append("\n").append(query.substr(0, query.find('='))).append(":");
  if (!query.empty()) text.append(query.substr(query.find('=') + 1));

  std::string lines = "Host: " + host + "\r\n";
  lines.append(body_size != 0 ? "x-ms-blob-type: BlockBlob\r\n" : "");
  lines.append("x-ms-date: ").append(date).append("\r\nx-ms-version: 2023-11-03\r\nAuthorization: SharedKey ");
  lines.append(access_key).append(":");
  lines.append(to_base64(hmac_sha256(from_base64(secret_key).value_or(""), text))).append("\r\n");
  return lines;
}

}  // namespace sluice::bench
