#include "gateway/blob/tags.h"

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/http/uri.h"

namespace sluice::blob {
namespace {

constexpr std::size_t kTagsMax = 10;
constexpr std::size_t kKeySizeMax = 128;
constexpr std::size_t kValueSizeMax = 256;

bool is_spelled(std::string_view text) {
  constexpr std::string_view kSigns = " +-./:=_";
  return std::ranges::all_of(text, [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || kSigns.find(c) != kSigns.npos;
  });
}

/// In order of their keys.
Outcome<object::Tags> checked(object::Tags tags) {
  if (tags.size() > kTagsMax) return refuse(Code::tags_too_large);
  for (const auto& [key, value] : tags) {
    if (key.empty()) return refuse(Code::empty_tag_name);
    if (key.size() > kKeySizeMax || value.size() > kValueSizeMax) return refuse(Code::tags_too_large);
    if (!is_spelled(key) || !is_spelled(value)) return refuse(Code::invalid_tag);
  }
  std::ranges::sort(tags, {}, &object::Tags::value_type::first);
  const auto same = std::ranges::adjacent_find(tags, {}, &object::Tags::value_type::first);
  if (same != tags.end()) return refuse(Code::duplicate_tag_names);
  return tags;
}

}  // namespace

Outcome<object::Tags> parse_tags(std::string_view header) {
  const auto query = http::parse_query(header, http::Plus::space);
  if (!query) return invalid_header("x-ms-tags", header);
  object::Tags tags;
  for (const auto& [name, value, has_value] : query->items()) {
    if (!has_value) return invalid_header("x-ms-tags", header);
    tags.emplace_back(name, value);
  }
  return checked(std::move(tags));
}

Outcome<object::Tags> read_tags(std::string_view text) {
  TRY(const xml::Document document, xml::Document::parse(text, "Tags"));
  const xml::Element set = document.root().child("TagSet");
  if (!set) return refuse(Code::invalid_xml_document);
  object::Tags tags;
  for (const xml::Element& element : set.children()) {
    const xml::Element key = element.child("Key");
    const xml::Element value = element.child("Value");
    if (element.name() != "Tag" || !key || !value) return refuse(Code::invalid_xml_document);
    tags.emplace_back(key.raw_text(), value.raw_text());
  }
  return checked(std::move(tags));
}

void write_tags(xml::Writer& xml, const object::Tags& tags, const std::function<bool(std::string_view)>& wanted) {
  xml.open("Tags");
  xml.open("TagSet");
  for (const auto& [key, value] : tags) {
    if (wanted && !wanted(key)) continue;
    xml.open("Tag");
    xml.element("Key", key);
    xml.element("Value", value);
    xml.close();
  }
  xml.close();
  xml.close();
}

}  // namespace sluice::blob
