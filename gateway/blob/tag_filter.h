#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "gateway/object/tag_query.h"

namespace sluice::blob {

/// Why a filter is none, in a sentence.
template <class T>
using Parsed = std::expected<T, std::string>;

/// The most bytes of a filter, comparisons in it, and parentheses within each other.
inline constexpr std::size_t kFilterSizeMax = 8 << 10;
inline constexpr std::size_t kFilterComparisonsMax = 100;
inline constexpr std::size_t kFilterDepthMax = 16;

/// x-ms-if-tags: comparisons of tags (= <> < <= > >=), AND, OR and parentheses
/// ("Specifying conditional headers for Blob service operations", Azure Storage REST API).
Parsed<object::TagQuery> parse_tag_condition(std::string_view text);

/// `where` of Find Blobs by Tags: comparisons (= < <= > >=) of at most 10 tags, and of
/// @container, that must all hold ("Find Blobs by Tags", Azure Storage REST API).
Parsed<object::TagQuery> parse_tag_search(std::string_view text);

}  // namespace sluice::blob
