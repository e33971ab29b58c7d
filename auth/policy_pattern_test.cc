#include "auth/policy_pattern.h"

#include <catch2/catch.hpp>

namespace sluice::auth {
namespace {

bool matches(std::string_view pattern, std::string_view subject, PatternSyntax syntax = {},
             const std::vector<Fact>& facts = {}) {
  return Pattern::parse(pattern, syntax).value().matches(subject, facts);
}

constexpr PatternSyntax kVariables{.wildcards = true, .variables = true};

}  // namespace

TEST_CASE("a star is any text, a question mark any one character") {
  CHECK(matches("photos/*", "photos/"));
  CHECK(matches("photos/*", "photos/2026/cat.jpg"));
  CHECK(matches("*cat*", "a cat sat"));
  CHECK(matches("a*b*c", "a-b-b-c"));
  CHECK(matches("**", ""));
  CHECK(matches("c?t", "cut"));
  CHECK_FALSE(matches("photos/*", "photos"));
  CHECK_FALSE(matches("a*b*c", "a-c-b"));
  CHECK_FALSE(matches("c?t", "ct"));
  CHECK_FALSE(matches("", "x"));
  CHECK_FALSE(matches("Cat", "cat"));
}

TEST_CASE("a pattern of many stars is matched without trying all ways") {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "a*";
  CHECK_FALSE(matches(pattern + "b", std::string(1000, 'a')));
}

TEST_CASE("without wildcards they are characters, and case can be ignored") {
  CHECK(matches("a*", "a*", {.wildcards = false}));
  CHECK_FALSE(matches("a*", "ab", {.wildcards = false}));
  CHECK(matches("s3:get*", "s3:GetObject", {.wildcards = true, .variables = false, .ignore_case = true}));
  CHECK(matches("TRUE", "true", {.wildcards = false, .variables = false, .ignore_case = true}));
}

TEST_CASE("a variable is the value of a fact, in which nothing is a wildcard") {
  const std::vector<Fact> alice{{"aws:username", "alice"}};
  const std::vector<Fact> star{{"aws:username", "*"}};

  CHECK(matches("home/${aws:username}/*", "home/alice/cat", kVariables, alice));
  CHECK(matches("home/${AWS:UserName}", "home/alice", kVariables, alice));
  CHECK_FALSE(matches("home/${aws:username}/*", "home/bob/cat", kVariables, alice));
  CHECK_FALSE(matches("home/${aws:username}/x", "home/alice/x", kVariables, star));
  CHECK(matches("home/${aws:username}/x", "home/*/x", kVariables, star));
}

TEST_CASE("a variable that is not known of a request, or of several values, matches nothing") {
  const std::vector<Fact> two{{"s3:requestobjecttagkeys", "a"}, {"s3:requestobjecttagkeys", "b"}};

  CHECK_FALSE(matches("${aws:username}", "", kVariables));
  CHECK_FALSE(matches("${s3:RequestObjectTagKeys}", "a", kVariables, two));
}

TEST_CASE("special characters can be meant as such") {
  CHECK(matches("${*}${?}${$}{", "*?${", kVariables));
  CHECK_FALSE(matches("${*}", "x", kVariables));
}

TEST_CASE("a variable nobody knows is refused where there are variables, and text where there are none") {
  CHECK_FALSE(Pattern::parse("${aws:Nonsense}", kVariables));
  CHECK_FALSE(Pattern::parse("${aws:username", kVariables));
  CHECK_FALSE(Pattern::parse("${aws:username, 'nobody'}", kVariables));
  CHECK(matches("${aws:username}", "${aws:username}"));
}

TEST_CASE("a pattern without wildcards and variables is fixed") {
  CHECK(Pattern::parse("alice", kVariables)->is_fixed());
  CHECK(Pattern::parse("${*}", kVariables)->is_fixed());
  CHECK_FALSE(Pattern::parse("a*", kVariables)->is_fixed());
  CHECK_FALSE(Pattern::parse("${aws:username}", kVariables)->is_fixed());
}

TEST_CASE("names of condition keys are known in any case, those of tags in theirs") {
  CHECK(condition_key("AWS:SourceIp") == "aws:sourceip");
  CHECK(condition_key("s3:ExistingObjectTag/Colour") == "s3:existingobjecttag/Colour");
  CHECK_FALSE(condition_key("s3:ExistingObjectTag"));
  CHECK_FALSE(condition_key("s3:ExistingObjectTag/"));
  CHECK_FALSE(condition_key("aws:SourceVpc"));
  CHECK_FALSE(condition_key("aws:SourceIp/x"));
  CHECK_FALSE(condition_key(""));
}

}  // namespace sluice::auth
