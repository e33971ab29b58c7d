#include <catch2/catch.hpp>

#include "backends/rdma/etcd_control.h"
#include "backends/rdma/striping.h"

namespace sluice::rdma {
namespace {

Uuid disk(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes.fill(number);
  return uuid;
}

std::string digits(char digit) { return std::string(32, digit); }

ExtentRecord whole_stripe() {
  Stripe stripe{{4, 2}, {}, {}};
  for (std::uint64_t n = 0; n < 4; ++n) stripe.places.push_back({ExtentNumber{0x10 + n}, 300});
  std::vector<std::pair<std::size_t, Fragment>> fragments;
  for (std::uint64_t n = 0; n < 6; ++n) {
    fragments.push_back({n, {ExtentNumber{0x20 + n}, disk(static_cast<std::uint8_t>(0x11 * (n + 1)))}});
  }
  return with_fragments(stripe_record(stripe), fragments);
}

bool is_refused(const std::string& text) {
  const auto decoded = decode_record(text);
  return !decoded && decoded.error().code == ErrorCode::corrupt;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("records from before there were stripes are read, and what is no stripe's is written so that it is") {
  const std::string old = R"({"epoch":2,"format":1,"members":[")" + digits('1') +
                          R"("],"pages":300,"state":3,"writer":")" + digits('9') + R"("})";
  const auto record = decode_record(old);
  REQUIRE(record);
  CHECK(record->sealed_s == 0);
  CHECK(is_replicated(*record));
  CHECK(encode_record(*record) == old);
  ExtentRecord dated = *record;
  dated.sealed_s = 1'700'000'000;
  CHECK(encode_record(dated).find(R"("format":1,)") != std::string::npos);
  CHECK(decode_record(encode_record(dated)) == dated);
}

TEST_CASE("the records of a stripe and of what is in it have another format, which who knows only the first refuses") {
  const ExtentRecord coded =
      coded_record({.state = ExtentState::sealed, .writer = disk(9), .members = {disk(1)}, .pages = 300, .sealed_s = 5},
                   {ExtentNumber{0x30}, 3});
  const ExtentRecord open = fragment_record({ExtentNumber{0x30}, 5}, disk(7));
  const ExtentRecord begun = stripe_record({{4, 2}, whole_stripe().stripe->places, {}});
  for (const ExtentRecord& record : {coded, open, sealed_fragment(open, 302), begun, whole_stripe()}) {
    const std::string text = encode_record(record);
    CHECK(text.find(R"("format":2)") != std::string::npos);
    CHECK(decode_record(text) == record);
    CHECK(is_refused(replaced(text, R"("format":2)", R"("format":3)")));
    CHECK(is_refused(replaced(text, R"("format":2)", R"("format":4)")));
    std::size_t taken = 0;
    for (std::size_t length = 0; length < text.size(); ++length) taken += decode_record(text.substr(0, length)) ? 1 : 0;
    CHECK(taken == 0);
  }
  CHECK(encode_record(coded) ==
        R"({"epoch":2,"format":2,"members":[],"pages":300,"place":{"index":3,"stripe":"0000000000000030"},"sealed":5,)"
        R"("state":4,"writer":"09090909090909090909090909090909"})");
}

TEST_CASE("the record of an extent with lost runs has another format, and comes back") {
  ExtentRecord record{.state = ExtentState::sealed,
                      .epoch = Epoch{2},
                      .writer = disk(9),
                      .members = {disk(1)},
                      .partial = {disk(2)},
                      .pages = 300};
  record.lost = {{4, 5000, 77}, {9, 1, 78}};
  const std::string text = encode_record(record);
  CHECK(text ==
        R"({"epoch":2,"format":3,"lost":[{"crc32c":77,"length":5000,"page":4},{"crc32c":78,"length":1,"page":9}],)"
        R"("members":["01010101010101010101010101010101"],"pages":300,)"
        R"("partial":["02020202020202020202020202020202"],"state":3,)"
        R"("writer":"09090909090909090909090909090909"})");
  CHECK(decode_record(text) == record);
  CHECK(is_refused(replaced(text, R"("format":3)", R"("format":4)")));
  CHECK(is_refused(replaced(text, R"("state":3)", R"("state":1)")));
  CHECK(is_refused(replaced(text, R"("length":5000)", R"("length":"5000")")));
  CHECK(is_refused(replaced(text, R"("page":9)", R"("pag":9)")));
  CHECK(is_refused(replaced(text, R"("lost")", R"("lots")")));
}

TEST_CASE("a stripe's record that does not fit together is refused") {
  const std::string text = encode_record(whole_stripe());
  CHECK(is_refused(replaced(text, R"("scheme":"4+2")", R"("scheme":"6+3")")));
  CHECK(is_refused(replaced(text, R"("scheme":"4+2")", R"("scheme":7)")));
  CHECK(is_refused(replaced(text, R"("pages":300})", R"("pages":"300"})")));
  CHECK(is_refused(replaced(text, "0000000000000021", "")));
  CHECK(is_refused(replaced(text, std::string(32, '2'), "")));
  CHECK(is_refused(replaced(text, R"("members":[])", R"("members":[")" + digits('1') + R"("])")));
  CHECK(is_refused(replaced(text, R"("state":3)", R"("state":4)")));
  const std::string fragment = encode_record(fragment_record({ExtentNumber{0x30}, 5}, disk(0x77)));
  CHECK(is_refused(replaced(fragment, R"(")" + digits('7') + R"(")", "")));
  CHECK(is_refused(replaced(fragment, R"("index":5)", R"("index":"5")")));
  CHECK(is_refused(replaced(fragment, "0000000000000030", "")));
}

}  // namespace sluice::rdma
