#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/result.h"

namespace sluice::xml {

/// Appends `text` to a document as Writer::characters() does.
void append_characters(std::string& document, std::string_view text);

/// Writes one document, element by element, into a string. Text is escaped so
/// that any bytes of UTF-8 come out of a parser as they went in; control
/// characters that XML 1.0 has no way to write become numeric references.
/// Element names must be literals.
class Writer {
 public:
  Writer();

  /// There are about `size` bytes to come.
  void reserve(std::size_t size) { out_.reserve(out_.size() + size); }

  void open(std::string_view name);
  /// An opening tag with attributes as they stand: `Grantee xmlns:xsi="..."`.
  void open_raw(std::string_view name, std::string_view attributes);
  void close();

  void element(std::string_view name, std::string_view text);
  void element(std::string_view name, std::uint64_t number);
  /// Of a bool and nothing else, or a literal would be one.
  template <std::same_as<bool> Truth>
  void element(std::string_view name, Truth value) {
    element(name, std::string_view(value ? "true" : "false"));
  }
  /// Text inside the element that is open.
  void characters(std::string_view text) { append_characters(out_, text); }

  /// The document so far, and nothing of it here; what is open is for its holder to close.
  std::string take_open();
  /// The document; all that was opened must be closed.
  std::string take();

 private:
  std::string out_;
  std::vector<std::string_view> open_;
};

/// One element of a parsed document; a view into it. Names are compared without
/// their namespace prefix: clients send the S3 namespace, another one, or none.
class Element {
 public:
  Element() = default;
  explicit Element(pugi::xml_node node) : node_(node) {}

  explicit operator bool() const { return !node_.empty(); }
  std::string_view name() const;
  /// The character data, without spaces around it.
  std::string_view text() const;
  /// The character data as it stands.
  std::string_view raw_text() const;
  std::optional<std::string_view> attribute(std::string_view name) const;

  /// The first child element of that name, or nothing.
  Element child(std::string_view name) const;
  /// All child elements, in order.
  std::vector<Element> children() const;
  /// The text of the child of that name, or nothing where there is none.
  std::optional<std::string_view> text_of(std::string_view name) const;

 private:
  pugi::xml_node node_;
};

/// A document a client sent.
class Document {
 public:
  static constexpr int kDepthMax = 16;

  /// Fails with malformed_xml for what is not well-formed UTF-8 XML, has another root
  /// than `root`, nests deeper than kDepthMax, or has a document type.
  static Result<Document> parse(std::string_view text, std::string_view root);

  Element root() const;

 private:
  std::unique_ptr<pugi::xml_document> document_;
};

}  // namespace sluice::xml
