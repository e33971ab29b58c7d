#include "gateway/s3/tags.h"

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/http/uri.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::size_t kKeyLengthMax = 128;
constexpr std::size_t kValueLengthMax = 256;

/// In characters of UTF-8.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Letters, digits and spaces of any script, and a few signs.
bool is_spelled(std::string_view text) {
  constexpr std::string_view kSigns = " +-=._:/@";
  const auto is_fit = [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || static_cast<unsigned char>(c) >= 0x80 || kSigns.find(c) != kSigns.npos;
  };
  return is_utf8(text) && std::ranges::all_of(text, is_fit);
}

std::unexpected<Failure> invalid_tag(std::string message) { return refuse(Code::invalid_tag, std::move(message)); }

Outcome<> check_tag(const std::string& key, const std::string& value) {
  if (key.empty() || length_of(key) > kKeyLengthMax || !is_spelled(key)) {
    return invalid_tag("The TagKey you have provided is invalid");
  }
  if (length_of(value) > kValueLengthMax || !is_spelled(value)) {
    return invalid_tag("The TagValue you have provided is invalid");
  }
  if (equals_ignoring_case(std::string_view(key).substr(0, 4), "aws:")) {
    return invalid_tag("System tags cannot be added/updated by requester");
  }
  return {};
}

/// Puts them in order of their keys, and looks at each and all.
Outcome<object::Tags> checked(object::Tags tags, std::size_t count_max) {
  if (tags.size() > count_max) {
    return invalid_tag("Tags cannot be greater than " + std::to_string(count_max));
  }
  for (const auto& [key, value] : tags) {
    TRY(check_tag(key, value));
  }
  std::ranges::sort(tags, {}, &object::Tags::value_type::first);
  const auto same = std::ranges::adjacent_find(tags, {}, &object::Tags::value_type::first);
  if (same != tags.end()) return invalid_tag("Cannot provide multiple Tags with the same key");
  return tags;
}

}  // namespace

Outcome<object::Tags> read_tagging(std::string_view text, std::size_t count_max) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "Tagging"));
  const XmlElement set = document.root().child("TagSet");
  if (!set) return refuse(Code::malformed_xml);
  object::Tags tags;
  for (const XmlElement& element : set.children()) {
    const XmlElement key = element.child("Key");
    const XmlElement value = element.child("Value");
    if (element.name() != "Tag" || !key || !value) return refuse(Code::malformed_xml);
    tags.emplace_back(key.raw_text(), value.raw_text());
  }
  return checked(std::move(tags), count_max);
}

Outcome<object::Tags> parse_tagging(std::string_view header) {
  const auto query = http::parse_query(header, http::Plus::space);
  if (!query) return refuse(Code::invalid_argument, "The header 'x-amz-tagging' shall be encoded as a query string");
  object::Tags tags;
  for (const auto& [name, value, has_value] : query->items()) tags.emplace_back(name, value);
  return checked(std::move(tags), kObjectTagsMax);
}

std::string tagging_document(const object::Tags& tags) {
  XmlWriter xml;
  xml.open_root("Tagging");
  xml.open("TagSet");
  for (const auto& [key, value] : tags) {
    xml.open("Tag");
    xml.element("Key", key);
    xml.element("Value", value);
    xml.close();
  }
  xml.close();
  xml.close();
  return xml.take();
}

}  // namespace sluice::s3
