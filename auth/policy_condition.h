#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/address_range.h"
#include "auth/policy_pattern.h"

namespace sluice::auth {

/// How the values of a condition are compared with a fact's.
enum class Comparison : std::uint8_t { equal, less, less_or_equal, greater, greater_or_equal, within, null };

/// One key of one operator of a policy's Condition element ("IAM JSON policy
/// elements: Condition operators", AWS IAM User Guide).
class PolicyCondition {
 public:
  /// Fails, with a sentence for its author, for an operator, key or value that is not
  /// known: a condition that is not understood must not be passed over. `variables`:
  /// the policy's version knows them.
  static std::expected<PolicyCondition, std::string> parse(std::string_view condition_operator, std::string_view key,
                                                           const std::vector<std::string>& values, bool variables);

  bool holds(Facts facts) const;

  /// Does it keep all but some fixed callers or addresses out? ("The meaning of
  /// 'public'", Amazon S3 User Guide.)
  bool restricts() const;

  /// Does it ask about the object's own tags?
  bool asks_object() const { return key_.starts_with("s3:existingobjecttag/"); }

 private:
  struct Operator;
  using Value = std::variant<Pattern, double, AddressRange, bool>;

  std::optional<std::string> add(std::string_view text, bool variables);
  bool compare(const Value& value, std::string_view fact, Facts facts) const;
  bool satisfied_by(std::string_view fact, Facts facts) const;

  const Operator* operator_ = nullptr;
  enum class Quantifier : std::uint8_t { none, any, all } quantifier_ = Quantifier::none;
  bool if_exists_ = false;
  bool wide_ = false;  ///< Of addresses: one of the ranges holds a good part of all there are.
  std::string key_;
  std::vector<Value> values_;
};

}  // namespace sluice::auth
