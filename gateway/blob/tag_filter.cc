#include "gateway/blob/tag_filter.h"

#include <algorithm>
#include <set>

#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

using object::TagQuery;

constexpr std::size_t kSearchTagsMax = 10;
constexpr std::string_view kContainer = "@container";

std::unexpected<std::string> wrong(std::string reason) { return std::unexpected(std::move(reason)); }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '@';
}

struct OperatorRow {
  std::string_view text;
  TagQuery::Operator compares;
};
// Those of two characters first.
constexpr OperatorRow kOperators[] = {{"<>", TagQuery::Operator::not_equal},
                                      {"<=", TagQuery::Operator::less_or_equal},
                                      {">=", TagQuery::Operator::greater_or_equal},
                                      {"=", TagQuery::Operator::equal},
                                      {"<", TagQuery::Operator::less},
                                      {">", TagQuery::Operator::greater}};

/// Recursive descent; one level of it for each open parenthesis.
class FilterParser {
 public:
  FilterParser(std::string_view text, bool is_search) : text_(text), is_search_(is_search) {}

  Parsed<TagQuery> parse() {
    if (text_.size() > kFilterSizeMax) return wrong("the expression is too long");
    TRY(TagQuery query, parse_any());
    skip_spaces();
    if (at_ != text_.size()) return wrong("unexpected '" + std::string(text_.substr(at_, 1)) + "'" + place());
    return query;
  }

 private:
  std::string place() const { return " at position " + std::to_string(at_); }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  bool take(std::string_view sign) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }

  bool take_word(std::string_view word) {
    skip_spaces();
    const auto rest = text_.substr(at_);
    if (!equals_ignoring_case(rest.substr(0, word.size()), word)) return false;
    if (rest.size() > word.size() && is_word(rest[word.size()])) return false;
    at_ += word.size();
    return true;
  }

  Parsed<TagQuery> parse_any() {
    TagQuery query{.kind = TagQuery::Kind::any};
    do {
      TRY(query.parts.emplace_back(), parse_all());
      if (query.parts.size() > 1 && is_search_) return wrong("unexpected OR" + place());
    } while (take_word("or"));
    return simplified(std::move(query));
  }

  Parsed<TagQuery> parse_all() {
    TagQuery query{.kind = TagQuery::Kind::all};
    do {
      TRY(query.parts.emplace_back(), parse_one());
    } while (take_word("and"));
    return simplified(std::move(query));
  }

  static TagQuery simplified(TagQuery query) {
    if (query.parts.size() != 1) return query;
    return std::move(query.parts.front());
  }

  Parsed<TagQuery> parse_one() {
    if (!take("(")) return parse_comparison();
    if (++depth_ > kFilterDepthMax) return wrong("too many parentheses within each other");
    TRY(TagQuery query, parse_any());
    if (!take(")")) return wrong("expected ')'" + place());
    --depth_;
    return query;
  }

  Parsed<TagQuery> parse_comparison() {
    TagQuery query{.kind = TagQuery::Kind::comparison};
    TRY(query.key, parse_key());
    skip_spaces();
    const auto row = std::ranges::find_if(kOperators, [&](const OperatorRow& one) { return take(one.text); });
    if (row == std::end(kOperators)) return wrong("expected an operator" + place());
    query.compares = row->compares;
    if (is_search_ && query.compares == TagQuery::Operator::not_equal) return wrong("unexpected <>" + place());
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != '\'') return wrong("expected a tag value in single quotes" + place());
    TRY(query.value, parse_quoted('\''));
    query.of_bucket = query.key == kContainer;
    if (query.of_bucket && !is_search_) return wrong("@container is no tag");
    TRY(count(query));
    return query;
  }

  Parsed<std::string> parse_key() {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '"') return parse_quoted('"');
    const auto begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ == begin) return wrong("expected the name of a tag" + place());
    return std::string(text_.substr(begin, at_ - begin));
  }

  Parsed<std::string> parse_quoted(char quote) {
    const auto begin = at_ + 1;
    const auto end = text_.find(quote, begin);
    if (end == text_.npos) return wrong("a quotation without an end" + place());
    at_ = end + 1;
    return std::string(text_.substr(begin, end - begin));
  }

  Parsed<void> count(const TagQuery& comparison) {
    if (++comparisons_ > kFilterComparisonsMax) return wrong("too many comparisons");
    if (!comparison.of_bucket) keys_.insert(comparison.key);
    if (is_search_ && keys_.size() > kSearchTagsMax) return wrong("there can be at most 10 unique tags in a query");
    return {};
  }

  const std::string_view text_;
  const bool is_search_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t comparisons_ = 0;
  std::set<std::string> keys_;
};

}  // namespace

Parsed<TagQuery> parse_tag_condition(std::string_view text) { return FilterParser(text, false).parse(); }
Parsed<TagQuery> parse_tag_search(std::string_view text) { return FilterParser(text, true).parse(); }

}  // namespace sluice::blob
