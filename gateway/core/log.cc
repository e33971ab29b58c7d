#include "gateway/core/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <cmath>

#include "gateway/core/encoding.h"

namespace sluice {
namespace {

constexpr std::size_t kQueuedLinesMax = 16384;

void append_string(fmt::memory_buffer& out, std::string_view text) {
  const bool utf8 = is_utf8(text);  // JSON is; what a client sends need not be.
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      fmt::format_to(fmt::appender(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void append_field(fmt::memory_buffer& out, const LogField& field) {
  out.push_back(',');
  append_string(out, field.name);
  out.push_back(':');
  std::visit(
      [&out](const auto& value) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
          append_string(out, value);
        } else if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
          fmt::format_to(fmt::appender(out), "{}", std::isfinite(value) ? fmt::to_string(value) : "null");
        } else {
          fmt::format_to(fmt::appender(out), "{}", value);
        }
      },
      field.value);
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "info";
}

std::shared_ptr<spdlog::sinks::sink> sink_for(const std::string& destination) {
  if (destination.empty()) return std::make_shared<spdlog::sinks::null_sink_mt>();
  if (destination == "-") return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  return std::make_shared<spdlog::sinks::basic_file_sink_mt>(destination);
}

class SpdLog : public Log {
 public:
  SpdLog(const std::string& destination, LogLevel least)
      : least_(least),
        threads_(std::make_shared<spdlog::details::thread_pool>(kQueuedLinesMax, 1)),
        logger_(std::make_shared<spdlog::async_logger>("sluice", sink_for(destination), threads_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_pattern("%v");
    logger_->set_level(spdlog::level::trace);
    logger_->flush_on(spdlog::level::warn);
  }

  ~SpdLog() override { logger_->flush(); }

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override {
    if (level < least_) return;
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto millis = now.time_since_epoch().count() % 1000;
    fmt::memory_buffer line;
    fmt::format_to(fmt::appender(line), "{{\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\",\"level\":\"{}\",\"event\":",
                   fmt::gmtime(std::chrono::system_clock::to_time_t(now)), millis, name_of(level));
    append_string(line, event);
    for (const LogField& field : fields) append_field(line, field);
    line.push_back('}');
    logger_->log(level >= LogLevel::warning ? spdlog::level::warn : spdlog::level::info,
                 spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  LogLevel least_;
  std::shared_ptr<spdlog::details::thread_pool> threads_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

}  // namespace

std::unique_ptr<Log> open_log(const std::string& destination, LogLevel least) {
  try {
    return std::make_unique<SpdLog>(destination, least);
  } catch (const spdlog::spdlog_ex& error) {
    throw std::runtime_error(error.what());
  }
}

}  // namespace sluice
