#include "gateway/xml/xml.h"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "gateway/core/encoding.h"

namespace sluice::xml {
namespace {

std::string_view local_name(std::string_view name) {
  const auto colon = name.find(':');
  return colon == name.npos ? name : name.substr(colon + 1);
}

void append_reference(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out += "&#x";
  if (c >= 16) out += kHex[c >> 4];
  out += kHex[c & 15];
  out += ';';
}

/// A NUL, as it stands or as a reference, would cut a text short without a sign.
bool has_nul(std::string_view text) {
  if (text.find('\0') != text.npos) return true;
  for (auto at = text.find("&#"); at != text.npos; at = text.find("&#", at + 2)) {
    std::string_view digits = text.substr(at + 2, text.find(';', at) - at - 2);
    if (digits.starts_with('x')) digits.remove_prefix(1);
    if (digits.find_first_not_of('0') == digits.npos) return true;
  }
  return false;
}

bool is_text(const pugi::xml_node& node) { return node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata; }

/// Every node once, without recursion: nothing a client nests reaches our stack. A
/// text in several pieces (around a comment, say) is refused: we would read the first.
bool acceptable(const pugi::xml_document& document) {
  int depth = 0;
  pugi::xml_node node = document.first_child();
  while (node) {
    if (node.type() == pugi::node_doctype || depth > Document::kDepthMax) return false;
    if (is_text(node) && node.next_sibling()) return false;
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node && !node.next_sibling()) {
      node = node.parent();
      --depth;
      if (node == document) return true;
    }
    node = node.next_sibling();
  }
  return true;
}

}  // namespace

// Quotes stand as they are, which XML 1.0 2.4 allows in text: parsers that count
// entities refuse a page of a thousand ETags otherwise.
void append_characters(std::string& document, std::string_view text) {
  // Most text has nothing to spell out.
  const auto plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '&' && c != '<' && c != '>'; };
  const auto first = std::ranges::find_if_not(text, plain);
  document.append(text.begin(), first);
  for (const char c : text.substr(static_cast<std::size_t>(first - text.begin()))) {
    switch (c) {
      case '&':
        document += "&amp;";
        break;
      case '<':
        document += "&lt;";
        break;
      case '>':
        document += "&gt;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          append_reference(document, static_cast<unsigned char>(c));
        } else {
          document += c;
        }
    }
  }
}

Writer::Writer() : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}

void Writer::open(std::string_view name) {
  out_.append("<").append(name).append(">");
  open_.push_back(name);
}

void Writer::open_raw(std::string_view name, std::string_view attributes) {
  out_.append("<").append(name).append(attributes).append(">");
  open_.push_back(name);
}

void Writer::close() {
  assert(!open_.empty());
  out_.append("</").append(open_.back()).append(">");
  open_.pop_back();
}

void Writer::element(std::string_view name, std::string_view value) {
  out_.push_back('<');
  out_.append(name);
  out_.push_back('>');
  characters(value);
  out_.append("</").append(name).push_back('>');
}

void Writer::element(std::string_view name, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  element(name, std::string_view(digits, end));
}

std::string Writer::take() {
  assert(open_.empty());
  return std::move(out_);
}

std::string Writer::take_open() {
  open_.clear();
  return std::move(out_);
}

std::string_view Element::name() const { return local_name(node_.name()); }

std::string_view Element::raw_text() const { return node_.child_value(); }

std::string_view Element::text() const {
  std::string_view value = raw_text();
  const auto first = value.find_first_not_of(" \t\r\n");
  if (first == value.npos) return {};
  return value.substr(first, value.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<std::string_view> Element::attribute(std::string_view name) const {
  for (const pugi::xml_attribute& one : node_.attributes()) {
    if (local_name(one.name()) == name) return one.value();
  }
  return std::nullopt;
}

Element Element::child(std::string_view name) const {
  for (const pugi::xml_node& one : node_.children()) {
    if (one.type() == pugi::node_element && local_name(one.name()) == name) return Element(one);
  }
  return {};
}

std::vector<Element> Element::children() const {
  std::vector<Element> elements;
  for (const pugi::xml_node& one : node_.children()) {
    if (one.type() == pugi::node_element) elements.emplace_back(one);
  }
  return elements;
}

std::optional<std::string_view> Element::text_of(std::string_view name) const {
  const Element found = child(name);
  return found ? std::optional(found.text()) : std::nullopt;
}

Result<Document> Document::parse(std::string_view text, std::string_view root) {
  if (!is_utf8(text) || has_nul(text)) return fail(ErrorCode::malformed_xml);
  Document parsed;
  parsed.document_ = std::make_unique<pugi::xml_document>();
  constexpr unsigned kOptions =
      pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_doctype | pugi::parse_ws_pcdata_single;
  if (!parsed.document_->load_buffer(text.data(), text.size(), kOptions, pugi::encoding_utf8)) {
    return fail(ErrorCode::malformed_xml);
  }
  if (!acceptable(*parsed.document_)) return fail(ErrorCode::malformed_xml);
  if (parsed.root().name() != root) return fail(ErrorCode::malformed_xml);
  return parsed;
}

Element Document::root() const { return Element(document_->document_element()); }

}  // namespace sluice::xml
