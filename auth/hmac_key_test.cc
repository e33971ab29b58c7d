#include "auth/hmac_key.h"

#include <catch2/catch.hpp>
#include <string>

#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {

TEST_CASE("SHA-256 of known texts is what FIPS 180 says") {
  CHECK(to_hex(sha256("").view()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc").view()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("HMAC of known texts is what RFC 4231 says") {
  CHECK(to_hex(HmacKey(std::string(20, '\x0b')).sign("Hi There").view()) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(to_hex(HmacKey("Jefe").sign("what do ya want for nothing?").view()) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(
      to_hex(HmacKey(std::string(131, '\xaa')).sign("Test Using Larger Than Block-Size Key - Hash Key First").view()) ==
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("a key signs the same each time, whatever its length") {
  for (const unsigned size : {0U, 1U, 63U, 64U, 65U, 200U}) {
    const std::string key(size, 'k');
    const HmacKey prepared(key);
    CAPTURE(size);
    CHECK(prepared.sign("message").view() == hmac_sha256(key, "message"));
    CHECK(prepared.sign("").view() == hmac_sha256(key, ""));
    CHECK(prepared.sign("message").view() == hmac_sha256(key, "message"));
  }
}

}  // namespace sluice::auth
