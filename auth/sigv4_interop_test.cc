#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "auth/example_for_test.h"
#include "auth/sigv4.h"

namespace sluice::auth {
namespace {

using test::authorization;
using test::Example;
using test::FieldList;
using test::kEmptySha256;
using test::kTime;

/// A request as botocore 1.43 sends it and what it signed: with the credentials
/// and at the time of the examples, for us-east-1, to http://127.0.0.1:9000.
struct Sent {
  std::string_view name;
  std::string_view method;
  std::string_view target;
  FieldList fields;
  std::string_view signed_headers;  ///< Empty: signed in the query.
  std::string_view signature;
};

const std::vector<Sent> kSent{
    {.name = "key with a space",
     .method = "GET",
     .target = "/b/a%20b",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "4830e0177c21202c29e11f28c1376707345444719199f5c88c2bef2c08e5a0a5"},
    {.name = "key with a plus",
     .method = "GET",
     .target = "/b/a%2Bb",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "ead3485c7d2ea81e3cc3cc5a04020ad82be8c3d4edf54514beb8c8d57aec26be"},
    {.name = "key with a percent sign",
     .method = "GET",
     .target = "/b/100%25",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "0b269bf2166824795006de65dc7d1b70ca9aad1d99e2798a3a542ad19844c908"},
    {.name = "key that looks escaped",
     .method = "GET",
     .target = "/b/a%2520b",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "e653f5507d549d9028d9dc325e74d88e4d9b4f217b43b492f0c6a62477cb5a91"},
    {.name = "key outside ASCII",
     .method = "GET",
     .target = "/b/gr%C3%BCn/%E6%97%A5%E6%9C%AC",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "2783edc8c1ab16f79e4f1fdc5b4b817aff49ba26498b03cd2219244b68ebd771"},
    {.name = "key with a control character",
     .method = "GET",
     .target = "/b/a%01b",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "30c966c571666667a8843b3796c53736debe0be18b034160eb27b4733c67e6ba"},
    {.name = "key with a question mark",
     .method = "GET",
     .target = "/b/a%3Fb%3Dc",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "da5a62eeded1ac7380d13bd564f8b9d7663b51628c592bf1c4dc83868b6a9793"},
    {.name = "key with a hash",
     .method = "GET",
     .target = "/b/a%23b",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "845fd8788ca20c7fb62bd55485314c8a394d30965f71f9b123c877a0654138e5"},
    {.name = "key with empty segments",
     .method = "GET",
     .target = "/b/a//b///c",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "a679efa88a809bf93e1bb2d22097d44aa0177e1ed212cd4bb936209968ecf439"},
    {.name = "key with dot segments",
     .method = "GET",
     .target = "/b/a/./b/../c",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "a3c1a65b01b7849f6e8f710e5714baf1754906ab1468c04e54be138df0eb9879"},
    {.name = "key with a trailing slash",
     .method = "PUT",
     .target = "/b/dir/",
     .fields = {{"x-amz-checksum-crc32", "AAAAAA=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"X-Amz-Date", kTime},
                {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-sdk-checksum-algorithm",
     .signature = "47e981eeb377146025a39cc424a5ade8320cf3478425d1cab362f10df6f9d2c4"},
    {.name = "key with other punctuation",
     .method = "GET",
     .target = "/b/%21%2A%27%28%29%3B%3A%40%26%3D%2C%24%5B%5D~",
     .fields = {{"x-amz-checksum-mode", "ENABLED"}, {"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
     .signature = "9b4937b49b7b2e75ac8a7228d0a2f8c222b94dee7796ae474bd5bad89a7796d0"},
    {.name = "prefix with separators",
     .method = "GET",
     .target = "/b?list-type=2&prefix=a%3Db%26c%20d%2Be%2F%25&delimiter=%2F&encoding-type=url",
     .fields = {{"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-content-sha256;x-amz-date",
     .signature = "a4040dce702a8b6fdc8eba706bf4ef4ddf4a210e6e47e07250208555dc7d9b02"},
    {.name = "list of object versions",
     .method = "GET",
     .target = "/b?versions&key-marker=k&version-id-marker=&encoding-type=url",
     .fields = {{"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-content-sha256;x-amz-date",
     .signature = "21fcb90a10e0ed3bf435e6be9be9f1b1f9b0f20a38d7b9ee07ce42f6900a3288"},
    {.name = "body with a checksum",
     .method = "PUT",
     .target = "/b/k",
     .fields = {{"x-amz-checksum-crc32", "NhCmhg=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"X-Amz-Date", kTime},
                {"X-Amz-Content-SHA256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}},
     .signed_headers = "host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-sdk-checksum-algorithm",
     .signature = "b9cf9cfbb5ce8fb1afd8f196fd4b1eb78decbc029ca37e4f6cce04acd20d19b5"},
    {.name = "metadata with inner spaces",
     .method = "PUT",
     .target = "/b/k",
     .fields = {{"x-amz-meta-note", "two  spaces   inside"},
                {"x-amz-meta-Upper", "V"},
                {"x-amz-checksum-crc32", "jNwWgw=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"X-Amz-Date", kTime},
                {"X-Amz-Content-SHA256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}},
     .signed_headers = "host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-meta-note;x-amz-meta-upper;x-"
                       "amz-sdk-checksum-algorithm",
     .signature = "b1ea9a0c0ade30d0ed8969e281c967e3b8051d2eaf55e130cf43f473d8ea53b0"},
    {.name = "date header instead of x-amz-date",
     .method = "PUT",
     .target = "/b/k",
     .fields = {{"x-amz-checksum-crc32", "jNwWgw=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"Date", "Fri, 24 May 2013 00:00:00 -0000"},
                {"X-Amz-Content-SHA256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}},
     .signed_headers = "date;host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-sdk-checksum-algorithm",
     .signature = "989d17d678e37d311522cb43163de933b636a6912ac9709eaffd7d3988218ca6"},
    {.name = "part of an upload",
     .method = "PUT",
     .target = "/b/k?uploadId=id%2B%2F%3D&partNumber=7",
     .fields = {{"x-amz-checksum-crc32", "SQ9wxg=="},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"X-Amz-Date", kTime},
                {"X-Amz-Content-SHA256", "37a680133bd09342f934afb8dd2c7d9e1b624da5f35e3a38adb103e37c055ed1"}},
     .signed_headers = "host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-sdk-checksum-algorithm",
     .signature = "2704f9bfaf606d61d4f25bb2f941e63c1750b8a6771753ba0557330a90ef53bc"},
    {.name = "unsigned trailer",
     .method = "PUT",
     .target = "/b/k",
     .fields = {{"Content-Encoding", "aws-chunked"},
                {"X-Amz-Trailer", "x-amz-checksum-crc32"},
                {"X-Amz-Decoded-Content-Length", "5"},
                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                {"X-Amz-Date", kTime},
                {"X-Amz-Content-SHA256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}},
     .signed_headers = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-sdk-"
                       "checksum-algorithm;x-amz-trailer",
     .signature = "bc402eba924b1b27e368de108ebea1ab709339d02ca0de63ef34dfdeb458ff5a"},
    {.name = "presigned get",
     .method = "GET",
     .target = "/b/a%20b%2Bc%25/"
               "%C3%BC?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%"
               "2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-"
               "Signature=d08feb0e2b0ac3e3955f9f9c32556719cf34dd58364a18a8a0e53d13d29e01fc",
     .fields = {},
     .signed_headers = "",
     .signature = ""},
    {.name = "presigned get with response headers",
     .method = "GET",
     .target = "/b/"
               "k?response-content-disposition=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&X-Amz-Algorithm=AWS4-"
               "HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-"
               "Date=20130524T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature="
               "33a3bc2e97fd0765f6199a9c12f681e90502068ff484d9595c3c150d36b12d74",
     .fields = {},
     .signed_headers = "",
     .signature = ""},
    {.name = "presigned list",
     .method = "GET",
     .target = "/b?list-type=2&prefix=a%20b&delimiter=%2F&encoding-type=url&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-"
               "Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&"
               "X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature="
               "e4abbf6d0a42f415628be196d06db39d7bd196fd31eae6841e7a12885f6c55dd",
     .fields = {},
     .signed_headers = "",
     .signature = ""},
    {.name = "repeated query names",
     .method = "GET",
     .target = "/b?tag=b&tag=a&tag=%C3%BC&uploads",
     .fields = {{"X-Amz-Date", kTime}, {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-content-sha256;x-amz-date",
     .signature = "4cdaea5e615ff1421d2f4774d1c90fd865e4f52e80ccee561efc617ec25ea59d"},
    {.name = "repeated header",
     .method = "GET",
     .target = "/b/k",
     .fields = {{"X-Amz-Meta-A", "one"},
                {"X-Amz-Meta-A", "two  2"},
                {"X-Amz-Date", kTime},
                {"X-Amz-Content-SHA256", kEmptySha256}},
     .signed_headers = "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a",
     .signature = "bde9f8cecfa8100a6c104238cdeff6f0c1e015b022859fc552c02ec50de71817"},
};

Fields fields_of(const Sent& sent) {
  Fields fields = test::fields_of(sent.fields);
  fields.add("Host", "127.0.0.1:9000");
  fields.add("User-Agent", "botocore");
  if (!sent.signed_headers.empty()) fields.add("Authorization", authorization(sent.signed_headers, sent.signature));
  return fields;
}

const Sent& sent_as(std::string_view name) {
  for (const Sent& sent : kSent) {
    if (sent.name == name) return sent;
  }
  throw std::invalid_argument(std::string(name));
}

/// Does the signature of the request of that name hold for `target` as well?
bool holds_for(std::string_view name, std::string_view target) {
  const Example example;
  const Sent& sent = sent_as(name);
  const Fields fields = fields_of(sent);
  return example.sigv4.authenticate({.method = sent.method, .target = target, .fields = fields}).has_value();
}

}  // namespace

TEST_CASE("what botocore signs is accepted") {
  const Example example;
  for (const Sent& sent : kSent) {
    DYNAMIC_SECTION(sent.name) {
      const Fields fields = fields_of(sent);
      const auto identity =
          example.sigv4.authenticate({.method = sent.method, .target = sent.target, .fields = fields});

      INFO((identity ? std::string() : identity.error().canonical_request));
      REQUIRE(identity);
      CHECK(identity->identity.account() == "acme");
      CHECK(identity->presigned == sent.signed_headers.empty());
    }
  }
}

TEST_CASE("what botocore signs does not hold for another request") {
  const Example example;
  for (const Sent& sent : kSent) {
    DYNAMIC_SECTION(sent.name) {
      const Fields fields = fields_of(sent);
      const std::string target = std::string(sent.target).insert(2, "x");

      const auto elsewhere = example.sigv4.authenticate({.method = sent.method, .target = target, .fields = fields});
      REQUIRE_FALSE(elsewhere);
      CHECK(elsewhere.error().error.code == ErrorCode::signature_mismatch);

      const auto otherwise = example.sigv4.authenticate({.method = "DELETE", .target = sent.target, .fields = fields});
      REQUIRE_FALSE(otherwise);
      CHECK(otherwise.error().error.code == ErrorCode::signature_mismatch);
    }
  }
}

TEST_CASE("a path signs the same whether its characters are escaped or not") {
  CHECK(holds_for("key with other punctuation", "/b/!*'();:@&=,$[]~"));
  CHECK(holds_for("key with other punctuation", "/b/%21%2a%27%28%29%3b%3a%40%26%3d%2c%24%5b%5d%7e"));
  CHECK(holds_for("key with a plus", "/b/a+b"));
  CHECK(holds_for("key outside ASCII", "/b/gr\xc3\xbcn/\xe6\x97\xa5\xe6\x9c\xac"));
  CHECK(holds_for("key with a hash", "/b/a#b"));
}

TEST_CASE("a path is never normalised") {
  CHECK_FALSE(holds_for("key with dot segments", "/b/a/c"));
  CHECK_FALSE(holds_for("key with empty segments", "/b/a/b/c"));
  CHECK_FALSE(holds_for("key with a trailing slash", "/b/dir"));
  CHECK_FALSE(holds_for("key that looks escaped", "/b/a%20b"));
  CHECK_FALSE(holds_for("key with a space", "/b/a+b"));
}

TEST_CASE("a query signs the same in any order and spelling") {
  CHECK(
      holds_for("prefix with separators", "/b?encoding-type=url&delimiter=/&prefix=a=b%26c%20d%2be%2f%25&list-type=2"));
  CHECK(holds_for("list of object versions", "/b?versions=&key-marker=k&version-id-marker&encoding-type=url"));
  CHECK(holds_for("repeated query names", "/b?tag=%c3%bc&uploads=&tag=a&tag=b"));
  CHECK_FALSE(holds_for("repeated query names", "/b?tag=b&tag=b&tag=%C3%BC&uploads"));
}

TEST_CASE("a plus in a query is a plus where that was signed, else a space") {
  const Example example;
  const auto ask = [&](std::string_view name, std::string_view from) {
    std::string target(sent_as(name).target);
    target.replace(target.find(from), from.size(), "+");
    const Fields fields = fields_of(sent_as(name));
    return example.sigv4.authenticate({.method = "GET", .target = target, .fields = fields});
  };

  const auto plus = ask("prefix with separators", "%2B");
  REQUIRE(plus);
  CHECK_FALSE(plus->plus_is_space);

  const auto space = ask("presigned list", "%20");
  REQUIRE(space);
  CHECK(space->plus_is_space);

  CHECK_FALSE(ask("prefix with separators", "%26"));
}

}  // namespace sluice::auth
