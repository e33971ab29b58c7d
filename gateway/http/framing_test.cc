#include "gateway/http/framing.h"

#include <catch2/catch.hpp>
#include <string>

namespace sluice::http {
namespace {

/// What a body given in pieces of `step` bytes says, with `!` for a fault and `.`
/// for its end, and what of the input is left after it.
std::string read(BodyFraming framing, std::string_view input, std::size_t step = 1000) {
  std::string said;
  std::size_t given = 0;
  std::string pending;
  while (!framing.done() && !framing.bad() && (given < input.size() || !pending.empty())) {
    pending += input.substr(given, step);
    given = std::min(given + step, input.size());
    for (;;) {
      pending.erase(0, framing.skim(pending));
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(framing.payload(), pending.size()));
      said += pending.substr(0, count);
      pending.erase(0, count);
      framing.take(count);
      if (count == 0) break;
    }
  }
  if (framing.bad()) return said + "!";
  if (!framing.done()) return said;
  return said + "." + pending + std::string(input.substr(given));
}

TEST_CASE("a counted body ends after its length") {
  CHECK(read(BodyFraming::length(3), "abcdef") == "abc.def");
  CHECK(read(BodyFraming::length(3), "abcdef", 1) == "abc.def");
  CHECK(read(BodyFraming::length(3), "ab") == "ab");
  CHECK(BodyFraming::length(0).done());
  CHECK(BodyFraming::length(7).remaining() == 7);
}

TEST_CASE("chunks are put together, extensions and trailers skipped") {
  const std::string body = "3\r\nabc\r\n0A;q=\"x\";y\r\n0123456789\r\n000;last\r\nA: b\r\nC:\r\n\r\nGET";
  for (std::size_t step = 1; step <= body.size(); ++step) {
    CAPTURE(step);
    CHECK(read(BodyFraming::chunked(), body, step).starts_with("abc0123456789."));
  }
  CHECK(read(BodyFraming::chunked(), body) == "abc0123456789.GET");
  CHECK(!BodyFraming::chunked().remaining());
}

TEST_CASE("chunks that are not by the grammar are faults") {
  for (const auto* bad :
       {"\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "3\nabc\r\n", "3\r\rabc\r\n", "g\r\n", "+3\r\nabc\r\n",
        "0x3\r\nabc\r\n", "3\r\nabcd\r\n", "3\r\nabc\r0", "3\r\nabc\n", "3;\x7f\r\nabc\r\n", "3;\nabc\r\n",
        "10000000000000000\r\n", "0\r\nA\n\r\n", "0\r\n\n", "0\r\nA\rB", "0\n\r\n"}) {
    CAPTURE(bad);
    CHECK(read(BodyFraming::chunked(), bad).ends_with("!"));
    CHECK(read(BodyFraming::chunked(), bad, 1).ends_with("!"));
  }
}

TEST_CASE("the largest size does not overflow") {
  BodyFraming framing = BodyFraming::chunked();
  framing.skim("ffffffffffffffff\r\n");
  CHECK(framing.payload() == 0xffffffffffffffff);
}

TEST_CASE("size lines and trailers have a greatest size") {
  CHECK(read(BodyFraming::chunked(), "3;" + std::string(2000, 'x') + "\r\nabc\r\n").ends_with("!"));
  CHECK(read(BodyFraming::chunked(), std::string(2000, '0') + "3\r\nabc\r\n").ends_with("!"));
  std::string trailers = "0\r\n";
  for (int i = 0; i < 5000; ++i) trailers += "A: b\r\n";
  CHECK(read(BodyFraming::chunked(), trailers + "\r\n").ends_with("!"));
}

}  // namespace
}  // namespace sluice::http
