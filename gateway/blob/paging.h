#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/blob/error.h"
#include "gateway/http/uri.h"
#include "gateway/xml/xml.h"

namespace sluice::blob {

/// Where in a listing a page begins, and how much it holds.
struct Paging {
  std::string prefix;
  std::string after;  ///< What `marker` stands for.
  std::size_t limit = 5000;
};

/// Reads prefix, marker and maxresults (1 to 5000; more is 5000). Fails with
/// OutOfRangeQueryParameterValue, InvalidQueryParameterValue.
Outcome<Paging> read_paging(const http::Query& query);

/// The marker after which the entry `name` is not listed again; empty for an empty name.
std::string marker_of(std::string_view name);

/// The words of `include`.
struct Includes {
  std::vector<std::string> words;
  bool has(std::string_view word) const;
};

/// Fails with InvalidQueryParameterValue for a word that is not `known`.
Outcome<Includes> read_includes(const http::Query& query, std::initializer_list<std::string_view> known);

/// Prefix, Marker and MaxResults as they were asked for.
void echo(xml::Writer& xml, const Paging& paging, const http::Query& query);

/// A text as it stands in an attribute.
std::string attribute_text(std::string_view text);

/// `<Name>`, or `<Name Encoded="true">` where XML has no way to write the name.
void write_name(xml::Writer& xml, std::string_view name);

}  // namespace sluice::blob
