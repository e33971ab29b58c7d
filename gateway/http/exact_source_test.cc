#include "gateway/http/exact_source.h"

#include <catch2/catch.hpp>

#include "gateway/http/wire_test.h"
#include "tests/support/run_task.h"

namespace sluice::http {
namespace {

using sluice::test::run;
using test::PieceSource;
using test::response_of;

/// The pieces of a response, with `.` for the end and `!` for an error.
std::string pieces_of(Response response) {
  ExactSource source(response);
  std::string said;
  for (int i = 0; i < 10; ++i) {
    const auto piece = run(source.next());
    if (!piece) return said + "!";
    if (piece->empty()) return said + ".";
    said += "[" + std::string(piece->text()) + "]";
    if (source.finished()) return said + ".";
  }
  return said;
}

Response body_of(std::vector<std::string> pieces, bool fails, std::optional<std::uint64_t> length) {
  return response_of(std::make_unique<PieceSource>(std::move(pieces), fails), length);
}

TEST_CASE("a body of its declared length is given whole") {
  CHECK(pieces_of(body_of({"ab", "c"}, false, 3)) == "[ab][c].");
  CHECK(pieces_of(body_of({}, false, 0)) == ".");
  CHECK(pieces_of(body_of({"ab", "c"}, false, std::nullopt)) == "[ab][c].");
}

TEST_CASE("the last piece waits for the body to end well") {
  CHECK(pieces_of(body_of({"ab", "c"}, true, 3)) == "[ab]!");
  CHECK(pieces_of(body_of({"ab", "c", "d"}, false, 3)) == "[ab]!");
}

TEST_CASE("a body of another length is an error") {
  CHECK(pieces_of(body_of({"ab", "cd"}, false, 3)) == "[ab]!");
  CHECK(pieces_of(body_of({"ab"}, false, 3)) == "[ab]!");
  CHECK(pieces_of(body_of({}, true, 0)) == "!");
}

TEST_CASE("content goes first and counts") {
  Response both = body_of({"b"}, false, 2);
  both.content = Chunk::of("a");
  const std::string of_both = pieces_of(std::move(both));
  CHECK(of_both == "[a][b].");

  Response alone = response_of("abc");
  alone.content_length = 4;
  const std::string of_alone = pieces_of(std::move(alone));
  CHECK(of_alone == "[abc]!");
}

}  // namespace
}  // namespace sluice::http
