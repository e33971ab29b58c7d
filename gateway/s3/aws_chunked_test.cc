#include "gateway/s3/aws_chunked.h"

#include <catch2/catch.hpp>

#include "gateway/core/encoding.h"
#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kScope = "20130524/us-east-1/s3/aws4_request";
constexpr std::string_view kAmzDate = "20130524T000000Z";
constexpr std::string_view kSeed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";

auth::SignedIdentity seed() {
  auth::SignedIdentity identity;
  identity.payload = auth::Payload::streaming_signed;
  identity.signing_key = auth::signing_key(kSecret, "20130524", "us-east-1", "s3");
  identity.seed_signature = kSeed;
  identity.amz_date = kAmzDate;
  identity.scope = kScope;
  return identity;
}

/// What a client signs, computed apart from the code under test.
class Signer {
 public:
  std::string chunk(std::string_view bytes) {
    const std::string empty = to_hex(digest_of(DigestAlgorithm::sha256, "").bytes);
    const std::string hash = to_hex(digest_of(DigestAlgorithm::sha256, bytes).bytes);
    return sign("AWS4-HMAC-SHA256-PAYLOAD", empty + "\n" + hash);
  }
  std::string trailer(std::string_view canonical) {
    return sign("AWS4-HMAC-SHA256-TRAILER", to_hex(digest_of(DigestAlgorithm::sha256, canonical).bytes));
  }

 private:
  std::string sign(std::string_view algorithm, const std::string& what) {
    std::string text(algorithm);
    text.append("\n").append(kAmzDate).append("\n").append(kScope).append("\n").append(previous_).append("\n");
    text += what;
    previous_ = to_hex(hmac_sha256(seed().signing_key, text));
    return previous_;
  }
  std::string previous_{kSeed};
};

std::string hex(std::size_t size) {
  char text[20];
  std::snprintf(text, sizeof text, "%zx", size);
  return text;
}

std::string signed_body(const std::vector<std::string>& chunks) {
  Signer signer;
  std::string body;
  for (const std::string& chunk : chunks) {
    body += hex(chunk.size()) + ";chunk-signature=" + signer.chunk(chunk) + "\r\n" + chunk + "\r\n";
  }
  return body + "0;chunk-signature=" + signer.chunk("") + "\r\n\r\n";
}

struct Decoded {
  Result<std::string> text;
  std::optional<Code> fault;
  std::optional<std::string> trailer;
};

Decoded decode(const std::string& body, ChunkedForm form, bool is_signed, std::size_t step) {
  test::StringSource inner(body, step);
  std::optional<auth::ChunkSignatureChain> chain;
  if (is_signed) chain.emplace(seed());
  AwsChunkedSource source(inner, std::move(form), std::move(chain));
  Decoded decoded{.text = test::run(read_all(source, 1 << 20)), .fault = source.fault(), .trailer = {}};
  if (const auto value = source.trailer("x-amz-checksum-crc32")) decoded.trailer = std::string(*value);
  return decoded;
}

ChunkedForm form_of(std::uint64_t length, std::vector<std::string> trailers = {}, bool signed_trailer = false) {
  return {.decoded_length = length, .trailers = std::move(trailers), .signed_trailer = signed_trailer};
}

Result<std::string> decode_unsigned(const std::string& body, std::uint64_t length, std::size_t step = 5) {
  return decode(body, form_of(length), false, step).text;
}

TEST_CASE("the vendor's example of a signed chunked upload is verified") {
  const std::string body =
      "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
      std::string(65536, 'a') +
      "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
      std::string(1024, 'a') +
      "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";

  const auto decoded = decode(body, form_of(66560), true, 4096);

  REQUIRE(decoded.text);
  CHECK(*decoded.text == std::string(66560, 'a'));
}

TEST_CASE("a body is decoded alike however it is cut") {
  const std::string body = "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
  for (std::size_t step = 1; step <= body.size(); ++step) {
    CAPTURE(step);
    const auto decoded = decode(body, form_of(11, {"x-amz-checksum-crc32"}), false, step);
    REQUIRE(decoded.text);
    CHECK(*decoded.text == "hello world");
    CHECK(decoded.trailer == "AAAAAA==");
  }
}

TEST_CASE("a signed body is decoded alike however it is cut") {
  const std::string body = signed_body({std::string(8192, 'x'), "tail"});
  for (const std::size_t step : std::vector<std::size_t>{1, 2, 3, 89, 90, 91, 8282, 8283, 8284, 100000}) {
    CAPTURE(step);
    const auto decoded = decode(body, form_of(8196), true, step);
    REQUIRE(decoded.text);
    CHECK(*decoded.text == std::string(8192, 'x') + "tail");
  }
}

TEST_CASE("an empty body is its last chunk alone") {
  CHECK(decode(signed_body({}), form_of(0), true, 7).text == "");
  CHECK(decode_unsigned("0\r\n\r\n", 0) == "");
}

TEST_CASE("a wrong byte, size or signature of a signed chunk fails the body") {
  const std::string good = signed_body({std::string(9000, 'x'), "tail"});

  std::string wrong_byte = good;
  wrong_byte[5000] = 'y';
  CHECK(decode(wrong_byte, form_of(9004), true, 512).text.error().code == ErrorCode::signature_mismatch);

  std::string wrong_signature = good;
  auto& digit = wrong_signature[good.find("chunk-signature=") + 20];
  digit = digit == '0' ? '1' : '0';
  CHECK(decode(wrong_signature, form_of(9004), true, 512).text.error().code == ErrorCode::signature_mismatch);
}

TEST_CASE("chunks in another order than they were signed fail the body") {
  Signer signer;
  const std::string first(9000, 'a');
  const std::string second(9000, 'b');
  const std::string first_signature = signer.chunk(first);
  const std::string second_signature = signer.chunk(second);
  const std::string body = "2328;chunk-signature=" + second_signature + "\r\n" + second +
                           "\r\n2328;chunk-signature=" + first_signature + "\r\n" + first +
                           "\r\n0;chunk-signature=" + signer.chunk("") + "\r\n\r\n";

  CHECK(decode(body, form_of(18000), true, 512).text.error().code == ErrorCode::signature_mismatch);
}

TEST_CASE("a signed body without its final chunk fails") {
  const std::string good = signed_body({std::string(9000, 'x')});
  const std::string cut = good.substr(0, good.rfind("0;chunk"));

  CHECK(decode(cut, form_of(9000), true, 512).text.error().code == ErrorCode::incomplete_body);
}

TEST_CASE("a signed body may not have unsigned chunks") {
  const auto decoded = decode("5\r\nhello\r\n0\r\n\r\n", form_of(5), true, 5);

  CHECK(decoded.text.error().code == ErrorCode::invalid_chunk);
}

TEST_CASE("only the last signed chunk may be small") {
  const auto decoded = decode(signed_body({"small", "more"}), form_of(9), true, 5);

  CHECK(decoded.text.error().code == ErrorCode::invalid_chunk);
  CHECK(decoded.fault == Code::invalid_chunk_size);
}

TEST_CASE("a signed trailer is verified") {
  Signer signer;
  const std::string canonical = "x-amz-checksum-crc32:AAAAAA==\n";
  const std::string start =
      "5;chunk-signature=" + signer.chunk("hello") + "\r\nhello\r\n0;chunk-signature=" + signer.chunk("") + "\r\n";
  const std::string signature = signer.trailer(canonical);
  const auto form = form_of(5, {"x-amz-checksum-crc32"}, true);
  const auto with = [&](const std::string& value, const std::string& signed_by) {
    return start + "x-amz-checksum-crc32:" + value + "\r\nx-amz-trailer-signature:" + signed_by + "\r\n\r\n";
  };

  CHECK(decode(with("AAAAAA==", signature), form, true, 11).text == "hello");
  CHECK(decode(with("BAAAAA==", signature), form, true, 11).text.error().code == ErrorCode::signature_mismatch);
  CHECK(decode(with("AAAAAA==", "00"), form, true, 11).text.error().code == ErrorCode::signature_mismatch);
  CHECK(decode(start + "x-amz-checksum-crc32:AAAAAA==\r\n\r\n", form, true, 11).text.error().code ==
        ErrorCode::signature_mismatch);
}

TEST_CASE("a trailer must be the one announced") {
  const auto fault_of = [](const std::string& trailer, std::vector<std::string> announced) {
    const auto decoded = decode("5\r\nhello\r\n0\r\n" + trailer + "\r\n", form_of(5, std::move(announced)), false, 4);
    REQUIRE_FALSE(decoded.text);
    return decoded.fault;
  };

  CHECK(fault_of("", {"x-amz-checksum-crc32"}) == Code::malformed_trailer);
  CHECK(fault_of("x-amz-checksum-sha1:AA\r\n", {"x-amz-checksum-crc32"}) == Code::malformed_trailer);
  CHECK(fault_of("x-amz-checksum-crc32:AA\r\n", {}) == Code::malformed_trailer);
  CHECK(fault_of("no colon\r\n", {"x-amz-checksum-crc32"}) == Code::malformed_trailer);
  CHECK(fault_of("x-amz-checksum-crc32:A\r\nx-amz-checksum-crc32:B\r\n", {"x-amz-checksum-crc32"}) ==
        Code::malformed_trailer);
}

TEST_CASE("a body cut anywhere is incomplete") {
  const std::string body = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
  for (std::size_t size = 0; size < body.size(); ++size) {
    CAPTURE(size);
    const auto decoded = decode(body.substr(0, size), form_of(5, {"x-amz-checksum-crc32"}), false, 6);
    CHECK_FALSE(decoded.text);
  }
}

TEST_CASE("the empty line that ends a body without trailer may be missing") {
  CHECK(decode_unsigned("5\r\nhello\r\n0\r\n", 5) == "hello");
}

TEST_CASE("the decoded length must be met exactly") {
  CHECK(decode_unsigned("5\r\nhello\r\n0\r\n\r\n", 4).error().code == ErrorCode::incomplete_body);
  CHECK(decode_unsigned("5\r\nhello\r\n0\r\n\r\n", 6).error().code == ErrorCode::incomplete_body);
}

TEST_CASE("framing that is wrong is refused") {
  CHECK(decode_unsigned("x\r\nhello\r\n0\r\n\r\n", 5).error().code == ErrorCode::invalid_chunk);
  CHECK(decode_unsigned("\r\nhello\r\n0\r\n\r\n", 5).error().code == ErrorCode::invalid_chunk);
  CHECK(decode_unsigned("-1\r\nhello\r\n0\r\n\r\n", 5).error().code == ErrorCode::invalid_chunk);
  CHECK(decode_unsigned("4\r\nhello\r\n0\r\n\r\n", 5).error().code == ErrorCode::invalid_chunk);
  CHECK(decode_unsigned("5\r\nhello\r\n0\r\n\r\nmore", 5).error().code == ErrorCode::invalid_chunk);
  CHECK(decode_unsigned("ffffffffffffffffff\r\n", 5).error().code == ErrorCode::invalid_chunk);
  CHECK(decode_unsigned("ffffffffffffffff\r\n", 5).error().code == ErrorCode::incomplete_body);
  CHECK(decode_unsigned(std::string(5000, '0'), 5).error().code == ErrorCode::invalid_chunk);
}

}  // namespace
}  // namespace sluice::s3
