#include "auth/policy_condition.h"

#include <algorithm>
#include <charconv>

#include "auth/sas_token.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

enum class Kind : std::uint8_t { text, number, date, boolean, address, presence };

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Seconds since 1970, as such or as a date of ISO 8601.
std::optional<double> parse_date(std::string_view text) {
  if (const auto seconds = parse_number(text)) return seconds;
  const auto time = parse_sas_time(text);
  if (!time) return std::nullopt;
  return static_cast<double>(time->time_since_epoch().count()) / 1000;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (equals_ignoring_case(text, "true")) return true;
  if (equals_ignoring_case(text, "false")) return false;
  return std::nullopt;
}

struct Network {
  AddressRange range;
  bool wide = false;
};

/// An address, or a network as `203.0.113.0/24`.
std::optional<Network> parse_network(std::string_view text) {
  constexpr std::size_t kBits = 128;
  constexpr std::size_t kVersion4Bits = 32;
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address || text.contains('%')) return std::nullopt;
  const bool version4 = !text.substr(0, slash).contains(':');
  std::size_t bits = kBits;
  if (slash != text.npos) {
    const auto number = parse_decimal(text.substr(slash + 1));
    if (!number || *number > (version4 ? kVersion4Bits : kBits)) return std::nullopt;
    bits = static_cast<std::size_t>(*number) + (version4 ? kBits - kVersion4Bits : 0);
  }
  Network network{.range = {*address, *address}};
  for (std::size_t bit = bits; bit < kBits; ++bit) {
    const auto mask = static_cast<unsigned char>(0x80U >> (bit % 8));
    auto& first = network.range.first[bit / 8];
    auto& last = network.range.last[bit / 8];
    first = static_cast<unsigned char>(first & ~mask);
    last = static_cast<unsigned char>(last | mask);
  }
  network.wide = version4 ? bits < kBits - kVersion4Bits + 8 : bits < kVersion4Bits;
  return network;
}

// Facts that name who asks, or from where.
constexpr std::string_view kIdentifying[] = {"aws:userid", "aws:username", "aws:principalaccount", "aws:principalarn"};

}  // namespace

struct PolicyCondition::Operator {
  std::string_view name;
  Kind kind;
  Comparison comparison = Comparison::equal;
  bool negated = false;
  bool wildcards = false;
  bool ignore_case = false;
};

namespace {

struct Parts {
  std::string_view name;
  std::string_view quantifier;
  bool if_exists = false;
};

Parts split(std::string_view text) {
  constexpr std::string_view kIfExists = "IfExists";
  Parts parts{.name = text, .quantifier = {}};
  if (const auto colon = text.find(':'); colon != text.npos) {
    parts.quantifier = text.substr(0, colon);
    parts.name = text.substr(colon + 1);
  }
  if (parts.name.ends_with(kIfExists)) {
    parts.if_exists = true;
    parts.name.remove_suffix(kIfExists.size());
  }
  return parts;
}

std::unexpected<std::string> invalid_value(std::string_view condition_operator, std::string_view text) {
  return std::unexpected("Invalid value " + std::string(text) + " of the condition " + std::string(condition_operator));
}

}  // namespace

std::expected<PolicyCondition, std::string> PolicyCondition::parse(std::string_view condition_operator,
                                                                   std::string_view key,
                                                                   const std::vector<std::string>& values,
                                                                   bool variables) {
  using enum Comparison;
  static constexpr Operator kOperators[] = {
      {"StringEquals", Kind::text},
      {"StringNotEquals", Kind::text, equal, true},
      {"StringEqualsIgnoreCase", Kind::text, equal, false, false, true},
      {"StringNotEqualsIgnoreCase", Kind::text, equal, true, false, true},
      {"StringLike", Kind::text, equal, false, true},
      {"StringNotLike", Kind::text, equal, true, true},
      {"ArnEquals", Kind::text, equal, false, true},
      {"ArnLike", Kind::text, equal, false, true},
      {"ArnNotEquals", Kind::text, equal, true, true},
      {"ArnNotLike", Kind::text, equal, true, true},
      {"NumericEquals", Kind::number},
      {"NumericNotEquals", Kind::number, equal, true},
      {"NumericLessThan", Kind::number, less},
      {"NumericLessThanEquals", Kind::number, less_or_equal},
      {"NumericGreaterThan", Kind::number, greater},
      {"NumericGreaterThanEquals", Kind::number, greater_or_equal},
      {"DateEquals", Kind::date},
      {"DateNotEquals", Kind::date, equal, true},
      {"DateLessThan", Kind::date, less},
      {"DateLessThanEquals", Kind::date, less_or_equal},
      {"DateGreaterThan", Kind::date, greater},
      {"DateGreaterThanEquals", Kind::date, greater_or_equal},
      {"Bool", Kind::boolean},
      {"IpAddress", Kind::address, within},
      {"NotIpAddress", Kind::address, within, true},
      {"Null", Kind::presence, null},
  };

  const Parts parts = split(condition_operator);
  PolicyCondition condition;
  const auto* const row = std::ranges::find(kOperators, parts.name, &Operator::name);
  const auto invalid = [&] { return std::unexpected("Invalid Condition type : " + std::string(condition_operator)); };
  if (row == std::end(kOperators) || (parts.if_exists && row->comparison == null)) return invalid();
  if (parts.quantifier == "ForAnyValue") {
    condition.quantifier_ = Quantifier::any;
  } else if (parts.quantifier == "ForAllValues") {
    condition.quantifier_ = Quantifier::all;
  } else if (parts.name.size() + (parts.if_exists ? 8 : 0) != condition_operator.size()) {
    return invalid();
  }
  condition.operator_ = row;
  condition.if_exists_ = parts.if_exists;
  auto known = condition_key(key);
  if (!known) return std::unexpected("Policy has an invalid condition key: " + std::string(key));
  condition.key_ = *std::move(known);
  if (values.empty()) return invalid_value(condition_operator, "(none)");
  for (const std::string& value : values) {
    if (auto fault = condition.add(value, variables)) return std::unexpected(*std::move(fault));
  }
  return condition;
}

std::optional<std::string> PolicyCondition::add(std::string_view text, bool variables) {
  std::optional<Value> value;
  switch (operator_->kind) {
    case Kind::text:
      value = Pattern::parse(
          text, {.wildcards = operator_->wildcards, .variables = variables, .ignore_case = operator_->ignore_case});
      break;
    case Kind::number:
      value = parse_number(text);
      break;
    case Kind::date:
      value = parse_date(text);
      break;
    case Kind::boolean:
    case Kind::presence:
      value = parse_bool(text);
      break;
    case Kind::address:
      if (const auto network = parse_network(text)) {
        value = network->range;
        wide_ |= network->wide;
      }
      break;
  }
  if (!value) return invalid_value(operator_->name, text).error();
  values_.push_back(*std::move(value));
  return std::nullopt;
}

bool PolicyCondition::compare(const Value& value, std::string_view fact, Facts facts) const {
  if (const auto* pattern = std::get_if<Pattern>(&value)) return pattern->matches(fact, facts);
  if (const auto* wanted = std::get_if<bool>(&value)) return parse_bool(fact) == *wanted;
  if (const auto* range = std::get_if<AddressRange>(&value)) {
    const auto address = parse_address(fact);
    return address && range->contains(*address);
  }
  const double limit = std::get<double>(value);
  const auto number = operator_->kind == Kind::date ? parse_date(fact) : parse_number(fact);
  if (!number) return false;
  switch (operator_->comparison) {
    case Comparison::less:
      return *number < limit;
    case Comparison::less_or_equal:
      return *number <= limit;
    case Comparison::greater:
      return *number > limit;
    case Comparison::greater_or_equal:
      return *number >= limit;
    default:
      return *number == limit;
  }
}

bool PolicyCondition::satisfied_by(std::string_view fact, Facts facts) const {
  const bool any = std::ranges::any_of(values_, [&](const Value& value) { return compare(value, fact, facts); });
  return any != operator_->negated;
}

bool PolicyCondition::holds(Facts facts) const {
  const auto of_key = [&](const Fact& fact) { return fact.key == key_; };
  const bool present = std::ranges::any_of(facts, of_key);
  if (operator_->comparison == Comparison::null) {
    return std::ranges::any_of(values_, [&](const Value& value) { return std::get<bool>(value) != present; });
  }
  if (!present) {
    if (quantifier_ == Quantifier::all || if_exists_) return true;
    return quantifier_ == Quantifier::none && operator_->negated;
  }
  const auto satisfied = [&](const Fact& fact) { return !of_key(fact) || satisfied_by(fact.value, facts); };
  if (quantifier_ == Quantifier::all) return std::ranges::all_of(facts, satisfied);
  return std::ranges::any_of(facts, [&](const Fact& fact) { return of_key(fact) && satisfied(fact); });
}

bool PolicyCondition::restricts() const {
  if (operator_->negated || if_exists_ || quantifier_ == Quantifier::all) return false;
  if (operator_->kind == Kind::address) return key_ == "aws:sourceip" && !wide_;
  if (operator_->kind != Kind::text || std::ranges::count(kIdentifying, key_) == 0) return false;
  return std::ranges::all_of(values_, [](const Value& value) { return std::get<Pattern>(value).is_fixed(); });
}

}  // namespace sluice::auth
