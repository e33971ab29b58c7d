#include "gateway/blob/describe.h"

#include "gateway/blob/customer_key.h"
#include "gateway/blob/headers.h"

namespace sluice::blob {
namespace {

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" + std::to_string(range.offset + range.length - 1) + "/" +
         std::to_string(size);
}

}  // namespace

http::Response describe(const Call& call, const Shown& shown, UtcTime now) {
  const auto& [info, range, partial] = shown;
  http::Response response{.header = http::ResponseHeader(partial ? 206 : 200),
                          .content = {},
                          .body = nullptr,
                          .content_length = range.length};
  add_blob(response.header, info, now);
  add_encryption(response.header, "x-ms-server-encrypted", call.fields(), mode_of(info));
  const std::string md5 = md5_text(info);
  if (partial) response.header.add("Content-Range", content_range(range, info.size));
  if (!md5.empty()) response.header.add(partial ? "x-ms-blob-content-md5" : "Content-MD5", md5);
  return response;
}

}  // namespace sluice::blob
