#include "backends/rdma/wire.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "gateway/core/encoding.h"

namespace sluice::rdma {
namespace {

Uuid uuid(std::uint8_t first) {
  Uuid made;
  for (std::size_t n = 0; n < made.bytes.size(); ++n) made.bytes[n] = static_cast<std::uint8_t>(first + n);
  return made;
}

template <class Bytes>
Bytes filled(std::uint8_t with) {
  Bytes bytes;
  bytes.fill(with);
  return bytes;
}

struct Golden {
  Envelope envelope;
  std::string hex;
};

// Every message once. The bytes are what goes on the wire: they must never change.
std::vector<Golden> golden() {
  const Replicated replica{uuid(0x10), ExtentNumber{0x0102030405060708}};
  const RemoteMemory memory{0x1112131415161718, 0x2122232425262728, 0x31323334};
  const Run run{0x41424344, 0x51525354, 0x61626364};
  const Epoch epoch{0x7172737475767778};
  BlockSums sums;
  sums.sums.front() = 0xa4a3a2a1;
  sums.sums.back() = 0xb4b3b2b1;
  const std::string at =
      "101112131415161718191a1b1c1d1e1f"
      "0807060504030201";
  const std::string where =
      "1817161514131211"
      "2827262524232221"
      "34333231";
  const std::string which =
      "44434241"
      "54535251"
      "64636261";
  const std::string in = "7877767574737271";
  const auto twice = [](const std::string& byte) {
    std::string text;
    for (int n = 0; n < 32; ++n) text += byte;
    return text;
  };
  const auto head = [](const std::string& kind, const std::string& size, const std::string& checksum) {
    return "534c5758"
           "0100" +
           kind +
           "00"
           "efbeadde00000000" +
           size + "000000" + checksum;
  };
  const std::uint64_t request = 0xdeadbeef;
  return {
      {{request, Hello{1, 3, uuid(0x20), filled<Nonce>(0xaa)}},
       head("01", "4c", "0da41dcd") +
           "0100"
           "0300"
           "202122232425262728292a2b2c2d2e2f" +
           twice("aa")},
      {{request, Challenge{2, uuid(0x10), filled<Nonce>(0xbb), filled<Mac>(0xcc)}},
       head("02", "6a", "3678e057") +
           "0200"
           "101112131415161718191a1b1c1d1e1f" +
           twice("bb") + twice("cc")},
      {{request, Proof{filled<Mac>(0xdd)}}, head("03", "38", "6633aa6e") + twice("dd")},
      {{request, Append{replica, epoch, run, memory}}, head("04", "58", "5cf9f8ef") + at + in + which + where},
      {{request, Read{replica, run, 0x81828384, 0x91929394, memory}},
       head("05", "58", "d943cae8") + at + which +
           "84838281"
           "94939291" +
           where},
      {{request, Fence{replica, epoch}}, head("06", "38", "17b8f211") + at + in},
      {{request, Seal{replica, epoch, 0x41424344}}, head("07", "3c", "c9a83c15") + at + in + "44434241"},
      {{request, Release{replica, 0x41424344}}, head("08", "34", "3d4a71f6") + at + "44434241"},
      {{request, List{replica, 0x41424344, memory}}, head("09", "48", "93832c23") + at + "44434241" + where},
      {{request, Status{}}, head("0a", "18", "0d8c36d4")},
      {{request, Reply{Refusal::corrupt, 0x0102030405060708, 0x11121314, 0x21222324}},
       head("0b", "2a", "ae36935b") + "0700"
                                      "0807060504030201"
                                      "14131211"
                                      "24232221"},
      {{request, Inspect{replica, 0x41424344, memory}}, head("0c", "48", "ada61c1c") + at + "44434241" + where},
      {{request, Describe{replica, 0x41424344, memory}}, head("0d", "48", "0badec10") + at + "44434241" + where},
      {{request, AppendLacking{replica, epoch, run, sums, memory}},
       head("0e", "98", "d9db99f1") + at + in + which + "a1a2a3a4" + std::string(14 * 8, '0') + "b1b2b3b4" + where},
      {{request, Patch{replica, run, memory}}, head("0f", "50", "7bef0ce1") + at + which + where},
  };
}

std::span<const std::byte> span_of(const std::string& bytes) { return std::as_bytes(std::span(bytes)); }

}  // namespace

TEST_CASE("every message has its bytes") {
  for (const Golden& one : golden()) CHECK(to_hex(encode(one.envelope)) == one.hex);
}

TEST_CASE("every message comes back from its bytes") {
  for (const Golden& one : golden()) {
    const auto back = decode(span_of(encode(one.envelope)));

    REQUIRE(back);
    CHECK(back->request == one.envelope.request);
    CHECK(back->message == one.envelope.message);
  }
}

TEST_CASE("a frame that is cut, longer, or has any bit changed is refused") {
  std::vector<std::string> accepted;
  for (const Golden& one : golden()) {
    const std::string frame = encode(one.envelope);
    for (std::size_t size = 0; size < frame.size(); ++size) {
      if (decode(span_of(frame.substr(0, size)))) accepted.push_back("cut to " + std::to_string(size));
    }
    for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit) {
      std::string changed = frame;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      if (decode(span_of(changed))) accepted.push_back("bit " + std::to_string(bit));
    }
    if (decode(span_of(frame + '\0'))) accepted.push_back("one byte more");
  }
  CHECK(accepted == std::vector<std::string>{});
}

TEST_CASE("runs are listed in twelve bytes each") {
  const std::vector<Run> runs = {{1, 2, 3}, {0x01020304, 0x11121314, 0x21222324}};

  const std::string bytes = encode_runs(runs);

  CHECK(to_hex(bytes) ==
        "010000000200000003000000"
        "040302011413121124232221");
  CHECK(decode_runs(bytes).value() == runs);
  CHECK(decode_runs("").value().empty());
  CHECK_FALSE(decode_runs(bytes.substr(1)));
}

}  // namespace sluice::rdma
