#include "backends/rdma/survey.h"

#include <catch2/catch.hpp>

#include "gateway/core/encoding.h"

namespace sluice::rdma {
namespace {

using Runs = std::vector<Run>;
using Ranges = std::vector<PageRange>;

// Of two pages, three, two and four.
constexpr Run kA{0, 4096, 1}, kB{2, 8192, 2}, kC{5, 4096, 3}, kD{7, 12288, 4};

}  // namespace

TEST_CASE("a run whose header is damaged on one disk is known of another") {
  const Survey one{.runs = {kA, kC, kD}, .lacking = {}, .released = {}, .unknown = {{2, 5}}};
  const Survey other{.runs = {kA, kB}, .lacking = {}, .released = {}, .unknown = {{5, 11}}};

  const Known known = merged({one, other});

  CHECK(known.runs == Runs{kA, kB, kC, kD});
  CHECK(known.unknown.empty());
  CHECK(merged({other, one}).runs == known.runs);
}

TEST_CASE("what no disk knows anything of is not taken for released") {
  const Survey one{.runs = {kA, kD}, .lacking = {}, .released = {}, .unknown = {{2, 7}}};
  const Survey other{.runs = {kA, kC}, .lacking = {}, .released = {}, .unknown = {{2, 5}, {7, 11}}};
  CHECK(merged({one, other}).runs == Runs{kA, kC, kD});
  CHECK(merged({one, other}).unknown == Ranges{{2, 5}});
  CHECK(merged({one}).unknown == Ranges{{2, 7}});
}

TEST_CASE("what one disk knows to be released is known, and a run that another needs is copied") {
  const Survey one{.runs = {kA}, .lacking = {}, .released = {{2, 5}, {7, 11}}, .unknown = {{5, 7}}};
  const Survey other{.runs = {kB, kC}, .lacking = {}, .released = {{7, 11}}, .unknown = {{0, 2}}};
  CHECK(merged({one, other}).runs == Runs{kA, kB, kC});
  CHECK(merged({one, other}).unknown.empty());
}

TEST_CASE("a run that lacks bytes is known all the same") {
  const Survey one{.runs = {kA, kC, kD}, .lacking = {kB}, .released = {}, .unknown = {}};
  const Survey other{.runs = {kA, kD}, .lacking = {}, .released = {}, .unknown = {{2, 7}}};
  CHECK(merged({other, one}).runs == Runs{kA, kB, kC, kD});
  CHECK(merged({other, one}).unknown.empty());
}

TEST_CASE("a survey has its bytes, and comes back from them") {
  const Survey survey{.runs = {kA}, .lacking = {kD}, .released = {{2, 5}}, .unknown = {{5, 7}}};
  const std::string bytes = encode_survey(survey);
  CHECK(to_hex(bytes) ==
        "000000000010000001000000"
        "020000000300008000000000"
        "050000000200004000000000"
        "070000000030002004000000");
  CHECK(decode_survey(bytes) == survey);
  CHECK(end_of(survey) == 11);
  // With a gap, out of order, of a kind that there is not, or cut.
  CHECK_FALSE(decode_survey(bytes.substr(0, 12) + bytes.substr(24)));
  CHECK_FALSE(decode_survey(bytes.substr(12, 12) + bytes.substr(0, 12)));
  CHECK_FALSE(decode_survey(encode_runs(Runs{{0, 0xc0000001, 0}})));
  CHECK_FALSE(decode_survey(encode_runs(Runs{{0, 0x80000000, 0}})));
  CHECK_FALSE(decode_survey(bytes.substr(1)));
}

}  // namespace sluice::rdma
