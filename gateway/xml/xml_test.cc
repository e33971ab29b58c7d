#include "gateway/xml/xml.h"

#include <catch2/catch.hpp>

namespace sluice::xml {
namespace {

constexpr std::string_view kProlog = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

bool parses(std::string_view text, std::string_view root = "A") { return Document::parse(text, root).has_value(); }

TEST_CASE("text is written so that a parser gives it back") {
  Writer xml;
  xml.open("A");
  xml.element("B", std::string_view("<&>\"'\x01\r\n\t\xC3\xBC"));
  xml.close();

  const std::string text = xml.take();
  CHECK(text == std::string(kProlog) + "<A><B>&lt;&amp;&gt;\"'&#x1;&#xD;&#xA;&#x9;\xC3\xBC</B></A>");
  const auto document = Document::parse(text, "A");
  REQUIRE(document);
  CHECK(document->root().child("B").raw_text() == "<&>\"'\x01\r\n\t\xC3\xBC");
}

TEST_CASE("numbers and truths are written plainly") {
  Writer xml;
  xml.open_raw("R", " xmlns=\"x\"");
  xml.element("N", std::uint64_t{18446744073709551615U});
  xml.element("T", true);
  xml.close();

  CHECK(xml.take() == std::string(kProlog) +
                          "<R xmlns=\"x\"><N>18446744073709551615</N>"
                          "<T>true</T></R>");
}

TEST_CASE("a document is read with the namespace, with a prefix or with none") {
  for (const std::string_view text :
       {"<A><B>1</B></A>", "<A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><B>1</B></A>",
        "<s3:A xmlns:s3=\"x\"><s3:B>1</s3:B></s3:A>", "<?xml version=\"1.0\"?>\n<A>\n <B> 1 </B>\n</A>\n"}) {
    CAPTURE(text);
    const auto document = Document::parse(text, "A");
    REQUIRE(document);
    CHECK(document->root().text_of("B") == "1");
  }
}

TEST_CASE("the five entities, numeric ones and CDATA are understood") {
  const auto document = Document::parse("<A><B>&#34;&quot;&#x41;&lt;&#xD;</B><C><![CDATA[<x>]]></C></A>", "A");

  REQUIRE(document);
  CHECK(document->root().child("B").raw_text() == "\"\"A<\r");
  CHECK(document->root().child("C").raw_text() == "<x>");
}

TEST_CASE("a text of spaces alone is kept, for it may be a key") {
  const auto document = Document::parse("<A><B> </B></A>", "A");

  REQUIRE(document);
  CHECK(document->root().child("B").raw_text() == " ");
  CHECK(document->root().child("B").text().empty());
}

TEST_CASE("what is not a document of that root is refused") {
  CHECK_FALSE(parses(""));
  CHECK_FALSE(parses("A"));
  CHECK_FALSE(parses("<A>"));
  CHECK_FALSE(parses("<A></B>"));
  CHECK_FALSE(parses("<B/>"));
  CHECK_FALSE(parses("<A>\xFF</A>"));
  CHECK(parses("<A/>"));
}

TEST_CASE("a document type is refused") {
  CHECK_FALSE(parses("<!DOCTYPE A [<!ENTITY x \"y\">]><A>&x;</A>"));
  CHECK_FALSE(parses("<!DOCTYPE A><A/>"));
}

TEST_CASE("nesting is bounded") {
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "<A>";
    for (int i = 0; i < depth; ++i) text += "</A>";
    return text;
  };
  CHECK(parses(nested(10)));
  CHECK_FALSE(parses(nested(100)));
  CHECK_FALSE(parses(nested(100000)));
}

TEST_CASE("a text that would be cut short is refused") {
  CHECK_FALSE(parses("<A><B>a<!-- -->b</B></A>"));
  CHECK_FALSE(parses("<A><B>a<C/>b</B></A>"));
  CHECK_FALSE(parses("<A><B>a<![CDATA[b]]></B></A>"));
  CHECK_FALSE(parses("<A><B>a&#0;b</B></A>"));
  CHECK_FALSE(parses("<A><B>a&#x00;b</B></A>"));
  CHECK_FALSE(parses(std::string("<A><B>a\0b</B></A>", 17)));
}

TEST_CASE("attributes are found by their local name") {
  const auto document = Document::parse("<A xmlns:xsi=\"i\" xsi:type=\"CanonicalUser\"/>", "A");

  REQUIRE(document);
  CHECK(document->root().attribute("type") == "CanonicalUser");
  CHECK_FALSE(document->root().attribute("kind"));
}

}  // namespace
}  // namespace sluice::xml
