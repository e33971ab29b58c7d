#include "gateway/blob/paging.h"

#include <algorithm>

#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::size_t kResultsMax = 5000;

/// Can XML 1.0 write it? Of characters, all but most control characters, and U+FFFE
/// and U+FFFF.
bool is_xml_text(std::string_view text) {
  const bool controls = std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
  return !controls && text.find("\xEF\xBF\xBE") == text.npos && text.find("\xEF\xBF\xBF") == text.npos;
}

}  // namespace

Outcome<Paging> read_paging(const http::Query& query) {
  Paging paging;
  paging.prefix = query.get("prefix");
  if (const auto text = query.value("maxresults"); text && !text->empty()) {
    const auto number = parse_decimal(*text);
    if (!number) return invalid_parameter("maxresults", *text);
    if (*number == 0) {
      return std::unexpected(Failure(Code::out_of_range_query_parameter_value)
                                 .with("QueryParameterName", "maxresults")
                                 .with("QueryParameterValue", std::string(*text))
                                 .with("MinimumAllowed", "1")
                                 .with("MaximumAllowed", std::to_string(kResultsMax)));
    }
    paging.limit = static_cast<std::size_t>(std::min<std::uint64_t>(*number, kResultsMax));
  }
  const std::string_view marker = query.get("marker");
  auto after = from_base64(marker);
  if (!after) return invalid_parameter("marker", marker);
  paging.after = *std::move(after);
  return paging;
}

std::string marker_of(std::string_view name) { return to_base64(name); }

bool Includes::has(std::string_view word) const { return std::ranges::find(words, word) != words.end(); }

Outcome<Includes> read_includes(const http::Query& query, std::initializer_list<std::string_view> known) {
  Includes includes;
  for (const auto& [name, value, has_value] : query.items()) {
    if (name != "include") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      const std::string word = to_lower(trim(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      if (word.empty()) continue;
      if (std::ranges::find(known, word) == known.end()) return invalid_parameter("include", value);
      includes.words.push_back(word);
    }
  }
  return includes;
}

void echo(xml::Writer& xml, const Paging& paging, const http::Query& query) {
  if (query.has("prefix")) xml.element("Prefix", paging.prefix);
  if (query.has("marker")) xml.element("Marker", query.get("marker"));
  if (query.has("maxresults")) xml.element("MaxResults", std::uint64_t{paging.limit});
}

std::string attribute_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

void write_name(xml::Writer& xml, std::string_view name) {
  if (is_xml_text(name)) {
    xml.element("Name", name);
    return;
  }
  xml.open_raw("Name", " Encoded=\"true\"");
  xml.characters(percent_encode(name, false));
  xml.close();
}

}  // namespace sluice::blob
