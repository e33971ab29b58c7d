#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// A program whose first word is a verb.
struct Program {
  using Words = std::span<const std::string_view>;

  std::string_view name;
  std::string usage;
  /// Does what `verb` says; its exit status, or nothing if it is no verb of this program.
  /// std::invalid_argument is a mistake of who typed the words.
  std::optional<int> (*run)(std::string_view verb, Words rest);
};

/// Runs `program` and answers for what all programs have in common: help, version, and how
/// an error is told. The exit status: 2 for wrong words, 1 for any other failure.
int run(const Program& program, int argc, char** argv);

}  // namespace sluice
