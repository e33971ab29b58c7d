#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

/// One thing known about a request that a bucket policy may ask of: the name of a
/// condition key, as condition_key() writes it, and a value. A key of several values
/// stands several times.
struct Fact {
  std::string key;
  std::string value;
};
using Facts = std::span<const Fact>;

/// The name of a condition key as facts carry it, where it is one that is known:
/// lower case, but for the name of a tag behind a slash.
std::optional<std::string> condition_key(std::string_view name);

/// What of a pattern's text has a meaning of its own.
struct PatternSyntax {
  bool wildcards = true;   ///< `*`: any text, `?`: any one byte.
  bool variables = false;  ///< `${key}`: a fact's value; `${*}`, `${?}`, `${$}`: those characters.
  bool ignore_case = false;
};

/// A text to compare others with, as the values of a bucket policy are written
/// ("IAM policy elements: Variables and tags", AWS IAM User Guide).
class Pattern {
 public:
  /// Nothing if a variable is not one that is known.
  static std::optional<Pattern> parse(std::string_view text, PatternSyntax syntax);

  /// A variable without a fact, or with several, makes it match nothing.
  bool matches(std::string_view subject, Facts facts) const;

  /// Does it match one text only, whoever asks?
  bool is_fixed() const { return fixed_; }

 private:
  std::u16string tokens_;  ///< Bytes, wildcards, and variables by number.
  std::vector<std::string> variables_;
  bool ignore_case_ = false;
  bool fixed_ = true;
};

}  // namespace sluice::auth
