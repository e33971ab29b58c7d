#include "gateway/blob/tag_filter.h"

#include <catch2/catch.hpp>

namespace sluice::blob {
namespace {

const object::Tags kTags{{"Status", "In Progress"}, {"age", "7"}, {"a b", "x=y"}};

bool holds(std::string_view text) { return parse_tag_condition(text).value().matches(kTags, "photos"); }
bool finds(std::string_view text) { return parse_tag_search(text).value().matches(kTags, "photos"); }

std::string nested(std::size_t depth) { return std::string(depth, '(') + "age = '7'" + std::string(depth, ')'); }

std::string many(std::size_t count, bool distinct, std::string_view word) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) text += word;
    text += (distinct ? "k" + std::to_string(i) : "k") + " = 'v'";
  }
  return text;
}

}  // namespace

TEST_CASE("a condition compares tags, and knows AND before OR") {
  CHECK(holds("\"Status\" = 'In Progress'"));
  CHECK(holds("Status='In Progress'"));
  CHECK_FALSE(holds("Status = 'Done'"));
  CHECK(holds("\"a b\" = 'x=y'"));
  CHECK(holds("age >= '6' and age < '8'"));
  CHECK(holds("age <> '8'"));
  CHECK_FALSE(holds("none <> '8'"));
  CHECK(holds("age = '7' OR age = '8' AND Status = 'Done'"));
  CHECK_FALSE(holds("(age = '7' Or age = '8') AND Status = 'Done'"));
  CHECK(holds(nested(kFilterDepthMax)));
}

TEST_CASE("a search has neither OR nor <>, but @container") {
  CHECK(finds("@container = 'photos' AND age > '5'"));
  CHECK_FALSE(finds("@container = 'album' AND age > '5'"));
  CHECK_FALSE(parse_tag_search("age = '7' OR age = '8'"));
  CHECK_FALSE(parse_tag_search("age <> '7'"));
  CHECK_FALSE(parse_tag_condition("@container = 'photos'"));
}

TEST_CASE("what is no filter is refused with a reason") {
  for (const std::string text :
       {"", "age", "age =", "age = 7", "age = '7", "\"age = '7'", "= '7'", "age == '7'", "age = '7' age = '8'",
        "age = '7' AND", "(age = '7'", "age = '7')", "age = '7' ANDage = '8'", "age ! '7'", "'age' = '7'"}) {
    INFO(text);
    CHECK_FALSE(parse_tag_condition(text));
    CHECK_FALSE(parse_tag_search(text));
  }
  CHECK(parse_tag_condition("age = 7").error() == "expected a tag value in single quotes at position 6");
}

TEST_CASE("filters are bounded") {
  CHECK_FALSE(parse_tag_condition(nested(kFilterDepthMax + 1)));
  CHECK(parse_tag_condition(many(kFilterComparisonsMax, false, " OR ")));
  CHECK_FALSE(parse_tag_condition(many(kFilterComparisonsMax + 1, false, " OR ")));
  CHECK(parse_tag_search(many(10, true, " AND ")));
  CHECK_FALSE(parse_tag_search(many(11, true, " AND ")));
  CHECK_FALSE(parse_tag_condition("k = '" + std::string(kFilterSizeMax, 'v') + "'"));
}

}  // namespace sluice::blob
