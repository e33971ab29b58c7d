#include "gateway/core/encoding.h"

#include <catch2/catch.hpp>
#include <string>

namespace sluice {

TEST_CASE("hex is written in lower case and read in either") {
  CHECK(to_hex(std::string("\x00\x7f\xff", 3)) == "007fff");
  CHECK(to_hex("").empty());
  CHECK(from_hex("007fFF") == std::string("\x00\x7f\xff", 3));
  CHECK(from_hex("") == "");
}

TEST_CASE("what is not hex is nothing") {
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
  CHECK_FALSE(from_hex(" 0"));
  CHECK_FALSE(from_hex("0x00"));
}

TEST_CASE("base64 is what RFC 4648 says it is") {
  CHECK(to_base64("").empty());
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(to_base64("foob") == "Zm9vYg==");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
  CHECK(to_base64("\xfb\xff\xbf") == "+/+/");
}

TEST_CASE("base64 of every byte reads back") {
  std::string bytes;
  for (int c = 0; c < 256; ++c) {
    CHECK(from_base64(to_base64(bytes)) == bytes);
    bytes.push_back(static_cast<char>(c));
  }
}

TEST_CASE("base64 that is not padded, canonical and without spaces is nothing") {
  CHECK_FALSE(from_base64("Zg"));
  CHECK_FALSE(from_base64("Zg="));
  CHECK_FALSE(from_base64("Z==="));
  CHECK_FALSE(from_base64("===="));
  CHECK_FALSE(from_base64("Zh=="));
  CHECK_FALSE(from_base64("Zm9="));
  CHECK_FALSE(from_base64("Zg==Zg=="));
  CHECK_FALSE(from_base64("Zm9v\n"));
  CHECK_FALSE(from_base64(" Zg="));
  CHECK_FALSE(from_base64("-_-_"));
  CHECK_FALSE(from_base64(std::string("Zm9\0", 4)));
}

TEST_CASE("percent-encoding leaves the unreserved alone, and the slash where asked") {
  CHECK(percent_encode("AZaz09-._~", false) == "AZaz09-._~");
  CHECK(percent_encode("a b+c/d%", false) == "a%20b%2Bc%2Fd%25");
  CHECK(percent_encode("a/b\xc3\xbc", true) == "a/b%C3%BC");
  CHECK(percent_encode(std::string("\0!*'()", 6), true) == "%00%21%2A%27%28%29");
}

TEST_CASE("percent-decoding reads escapes of either case and nothing else") {
  CHECK(percent_decode("a%20b%2bc%2F+") == "a b+c/+");
  CHECK(percent_decode("%2520") == "%20");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  CHECK(percent_decode("") == "");
}

TEST_CASE("a malformed escape is nothing") {
  CHECK_FALSE(percent_decode("%"));
  CHECK_FALSE(percent_decode("a%2"));
  CHECK_FALSE(percent_decode("%zz"));
  CHECK_FALSE(percent_decode("%2 "));
  CHECK_FALSE(percent_decode("%-1"));
}

TEST_CASE("texts are compared whole, in constant time") {
  CHECK(constant_time_equal("", ""));
  CHECK(constant_time_equal("abc", "abc"));
  CHECK_FALSE(constant_time_equal("abc", "abd"));
  CHECK_FALSE(constant_time_equal("abc", "ab"));
  CHECK_FALSE(constant_time_equal("", "a"));
}

TEST_CASE("case is ignored in ASCII alone") {
  CHECK(equals_ignoring_case("Content-MD5", "content-md5"));
  CHECK_FALSE(equals_ignoring_case("a", "ab"));
  CHECK_FALSE(equals_ignoring_case("[", "{"));
  CHECK_FALSE(equals_ignoring_case("\xc3\x84", "\xc3\xa4"));
  CHECK(to_lower("ETag-\xc3\x84[Z") == "etag-\xc3\x84[z");
}

TEST_CASE("a decimal number is digits alone, and fits") {
  CHECK(parse_decimal("0") == 0);
  CHECK(parse_decimal("007") == 7);
  CHECK(parse_decimal("18446744073709551615") == 18446744073709551615U);
  CHECK_FALSE(parse_decimal("18446744073709551616"));
  CHECK_FALSE(parse_decimal(""));
  CHECK_FALSE(parse_decimal("+1"));
  CHECK_FALSE(parse_decimal("-1"));
  CHECK_FALSE(parse_decimal(" 1"));
  CHECK_FALSE(parse_decimal("1 "));
  CHECK_FALSE(parse_decimal("0x1"));
  CHECK_FALSE(parse_decimal("1.0"));
}

TEST_CASE("trimming takes spaces and tabs off both ends") {
  CHECK(trim(" \t a b \t") == "a b");
  CHECK(trim("a") == "a");
  CHECK(trim(" \t ").empty());
  CHECK(trim("").empty());
  CHECK(trim("\na") == "\na");
}

TEST_CASE("case is ignored in letters of ASCII alone, wherever they stand") {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const char other = static_cast<char>(byte ^ 0x20);
    for (std::size_t at = 0; at < 19; ++at) {
      std::string left(19, 'x'), right(19, 'X');
      left[at] = c, right[at] = other;
      CHECK(equals_ignoring_case(left, right) == letter);
      CHECK(equals_ignoring_case(left, left));
    }
  }
  CHECK_FALSE(equals_ignoring_case("content-length", "content-lengths"));
}

TEST_CASE("control characters are found wherever they stand") {
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::size_t size : {5UZ, 8UZ, 19UZ}) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, '\xFF');
        text[at] = static_cast<char>(byte);
        CHECK(has_control(text) == (byte < 0x20 || byte == 0x7F));
      }
    }
  }
  CHECK_FALSE(has_control(""));
}

TEST_CASE("hex goes behind what is there") {
  std::string text = "0x";
  append_hex(text, "\x01\xAB");
  CHECK(text == "0x01ab");
}

TEST_CASE("well-formed UTF-8 is recognised") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("ascii"));
  CHECK(is_utf8("\xc2\x80\xdf\xbf"));
  CHECK(is_utf8("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"));
  CHECK(is_utf8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
}

TEST_CASE("overlong, cut, surrogate and too high sequences are not UTF-8") {
  CHECK_FALSE(is_utf8("\x80"));
  CHECK_FALSE(is_utf8("\xc0\xaf"));
  CHECK_FALSE(is_utf8("\xc1\xbf"));
  CHECK_FALSE(is_utf8("\xe0\x9f\xbf"));
  CHECK_FALSE(is_utf8("\xed\xa0\x80"));
  CHECK_FALSE(is_utf8("\xf0\x8f\xbf\xbf"));
  CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));
  CHECK_FALSE(is_utf8("\xf5\x80\x80\x80"));
  CHECK_FALSE(is_utf8("a\xc3"));
  CHECK_FALSE(is_utf8("\xe2\x82"));
  CHECK_FALSE(is_utf8("\xe2\x28\xa1"));
  CHECK_FALSE(is_utf8("\xff"));
}

TEST_CASE("random bytes are as many as asked and differ") {
  CHECK(random_bytes(0).empty());
  CHECK(random_bytes(16).size() == 16);
  CHECK(random_bytes(16) != random_bytes(16));
}

}  // namespace sluice
