#include "gateway/http/uri.h"

#include <catch2/catch.hpp>

namespace sluice::http {
namespace {

TEST_CASE("a target splits at its first question mark") {
  CHECK(split_target("/a/b?c=d?e").path == "/a/b");
  CHECK(split_target("/a/b?c=d?e").query == "c=d?e");
  CHECK(split_target("/a%3Fb").path == "/a%3Fb");
  CHECK(split_target("/a?").query.empty());
  CHECK(split_target("*").path == "*");
  CHECK(split_target("//a//b/").path == "//a//b/");
}

TEST_CASE("the absolute form loses scheme and authority") {
  CHECK(split_target("http://host:80/a?b").path == "/a");
  CHECK(split_target("HTTPS://host?b").path == "/");
  CHECK(split_target("http://host?b").query == "b");
  CHECK(split_target("http://host").path == "/");
  CHECK(split_target("/a?u=http://x/y").path == "/a");
  CHECK(split_target("/http://x/y").path == "/http://x/y");
}

std::string shown(std::optional<Query> query) {
  if (!query) return "nothing";
  std::string text;
  for (const auto& item : query->items()) text += "[" + item.name + (item.has_value ? "=" : "") + item.value + "]";
  return text;
}

TEST_CASE("a query is its items in order, decoded") {
  CHECK(shown(parse_query("b=2&a=1&b=3", Plus::literal)) == "[b=2][a=1][b=3]");
  CHECK(shown(parse_query("uploads", Plus::literal)) == "[uploads]");
  CHECK(shown(parse_query("uploads=", Plus::literal)) == "[uploads=]");
  CHECK(shown(parse_query("a%3Db=c%26d", Plus::literal)) == "[a=b=c&d]");
  CHECK(shown(parse_query("a=b=c", Plus::literal)) == "[a=b=c]");
  CHECK(shown(parse_query("&&a&&", Plus::literal)) == "[a]");
  CHECK(shown(parse_query("=v", Plus::literal)) == "[=v]");
  CHECK(shown(parse_query("", Plus::literal)).empty());
}

TEST_CASE("a plus is a space only where asked for") {
  CHECK(shown(parse_query("a=b+c%2Bd", Plus::literal)) == "[a=b+c+d]");
  CHECK(shown(parse_query("a=b+c%2Bd", Plus::space)) == "[a=b c+d]");
}

TEST_CASE("a malformed escape spoils the query") {
  for (const auto* bad : {"a=%", "a=%4", "a=%4g", "%zz=1"}) {
    CAPTURE(bad);
    CHECK(shown(parse_query(bad, Plus::literal)) == "nothing");
  }
}

TEST_CASE("items are found by name") {
  const auto query = parse_query("a=1&b&a=2", Plus::literal);
  REQUIRE(query);
  CHECK(query->value("a") == "1");
  CHECK(query->has("b"));
  CHECK(query->get("b").empty());
  CHECK_FALSE(query->has("B"));
  CHECK_FALSE(query->value("c"));
}

TEST_CASE("a host is read without its port") {
  const auto named = parse_host("photos.s3.example.com:9000");
  REQUIRE(named);
  CHECK(named->name == "photos.s3.example.com");
  CHECK(named->port == 9000);
  CHECK_FALSE(named->is_address);
  CHECK(parse_host("localhost")->name == "localhost");
  CHECK_FALSE(parse_host("localhost:")->port);
  CHECK(parse_host("10.0.0.1:80")->is_address);
  CHECK_FALSE(parse_host("10.0.0.1.example")->is_address);
  CHECK_FALSE(parse_host("10.0.0.256")->is_address);
}

TEST_CASE("an IPv6 host loses its brackets") {
  const auto host = parse_host("[::1]:9000");
  REQUIRE(host);
  CHECK(host->name == "::1");
  CHECK(host->port == 9000);
  CHECK(host->is_address);
  CHECK(parse_host("[2001:db8::1]")->name == "2001:db8::1");
}

TEST_CASE("what is no host is nothing") {
  for (const auto* bad :
       {"", ":80", "a b", "a/b", "a:b", "a:99999", "a:1:2", "[::1", "[]", "[::1]x", "[g]", "user@a"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_host(bad));
  }
}

}  // namespace
}  // namespace sluice::http
