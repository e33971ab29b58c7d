#include "auth/chunk_signature.h"

#include <catch2/catch.hpp>
#include <string>

#include "auth/example_for_test.h"
#include "auth/hmac_key.h"

namespace sluice::auth {
namespace {

using test::authorization;
using test::Example;
using test::fields_of;
using test::kSecretKey;
using test::kTime;

constexpr std::string_view kFirst = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
constexpr std::string_view kSecond = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497";
constexpr std::string_view kFinal = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9";

/// What the chain of AWS's example starts from ("Transferring Payload in Multiple Chunks").
SignedIdentity example_seed(std::string_view signature) {
  SignedIdentity seed;
  seed.signing_key = signing_key(kSecretKey, "20130524", "us-east-1", "s3");
  seed.seed_signature = signature;
  seed.amz_date = kTime;
  seed.scope = "20130524/us-east-1/s3/aws4_request";
  return seed;
}

ChunkSignatureChain example_chain() {
  return ChunkSignatureChain(example_seed("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"));
}

Result<> check(ChunkSignatureChain& chain, std::string_view chunk, std::string_view signature) {
  return chain.check_chunk(sha256(chunk).view(), signature);
}

const std::string kLong(65536, 'a');
const std::string kShort(1024, 'a');

}  // namespace

TEST_CASE("the chunks of AWS's example are accepted in their order") {
  ChunkSignatureChain chain = example_chain();

  CHECK(check(chain, kLong, kFirst));
  CHECK(check(chain, kShort, kSecond));
  CHECK(check(chain, "", kFinal));
}

TEST_CASE("a changed chunk is refused") {
  ChunkSignatureChain chain = example_chain();

  const auto refused = check(chain, kLong + "a", kFirst);

  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::signature_mismatch);
}

TEST_CASE("chunks out of order, left out or repeated are refused") {
  ChunkSignatureChain swapped = example_chain();
  CHECK_FALSE(check(swapped, kShort, kSecond));

  ChunkSignatureChain cut = example_chain();
  CHECK(check(cut, kLong, kFirst));
  CHECK_FALSE(check(cut, "", kFinal));

  ChunkSignatureChain repeated = example_chain();
  CHECK(check(repeated, kLong, kFirst));
  CHECK_FALSE(check(repeated, kLong, kFirst));
}

TEST_CASE("a signature that is no signature is refused") {
  ChunkSignatureChain chain = example_chain();

  CHECK_FALSE(check(chain, kLong, ""));
  CHECK_FALSE(check(chain, kLong, std::string(64, '0')));
  CHECK_FALSE(check(chain, kLong, kFirst.substr(1)));
}

TEST_CASE("the chunks and the trailer of AWS's example are accepted") {
  Example example;
  const Fields fields =
      fields_of({{"Host", "s3.amazonaws.com"},
                 {"x-amz-date", kTime},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                 {"Content-Encoding", "aws-chunked"},
                 {"x-amz-decoded-content-length", "66560"},
                 {"x-amz-trailer", "x-amz-checksum-crc32c"},
                 {"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"},
                 {"Authorization",
                  authorization("content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
                                "x-amz-storage-class;x-amz-trailer",
                                "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")}});
  const auto seed =
      example.sigv4.authenticate({.method = "PUT", .target = "/examplebucket/chunkObject.txt", .fields = fields});
  REQUIRE(seed);
  CHECK(seed->payload == Payload::streaming_signed_trailer);
  ChunkSignatureChain chain(*seed);

  CHECK(check(chain, kLong, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"));
  CHECK(check(chain, kShort, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"));
  CHECK(check(chain, "", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"));
  CHECK_FALSE(chain.check_trailer("x-amz-checksum-crc32c:AAAAAA==\n",
                                  "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"));
  CHECK(chain.check_trailer("x-amz-checksum-crc32c:sOO8/Q==\n",
                            "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"));
}

}  // namespace sluice::auth
