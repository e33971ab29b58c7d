#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace sluice {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// One `name: value` of a log line.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;
};

/// Structured lines: one JSON object each, with `time`, `level` and `event`.
/// Values are escaped, so a client cannot forge a line. Never give it a secret.
/// Written in the background by one thread, a few milliseconds later, warnings and
/// errors at once; when it cannot keep up, lines are dropped and counted, and no
/// request waits. Safe for concurrent use.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) = 0;

  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, event, fields);
  }
};

/// A log to standard error ("-"), a file (reopened on SIGHUP by making a new
/// one), or nowhere (""). Lines below `least` are left out. Throws
/// std::runtime_error if the file cannot be opened.
std::unique_ptr<Log> open_log(const std::string& destination, LogLevel least);

/// Takes every line and keeps none.
class NullLog : public Log {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace sluice
