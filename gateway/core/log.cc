#include "gateway/core/log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "gateway/core/encoding.h"

namespace sluice {
namespace {

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

/// The present time as RFC 3339 has it; the seconds are made once a second on each thread.
void append_time(fmt::memory_buffer& out) {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  using std::chrono::system_clock;
  thread_local std::chrono::sys_seconds made{};
  thread_local std::string text;
  const auto now = floor<milliseconds>(system_clock::now());
  const auto second = floor<seconds>(now);
  if (second != made) {
    made = second;
    text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(system_clock::to_time_t(second)));
  }
  out.append(text);
  fmt::format_to(fmt::appender(out), ".{:03}Z", (now - second).count());
}

/// Opens what is written to; nothing for nowhere.
int open_destination(const std::string& destination) {
  if (destination.empty()) return -1;
  if (destination == "-") return ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  const int file = ::open(destination.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) {
    throw std::runtime_error(fmt::format("cannot open the log {}: {}", destination, std::strerror(errno)));
  }
  return file;
}

// Lines gather for a moment and go out in one write, so that a line costs its
// thread no system call and no wake-up.
class BufferedLog : public Log {
 public:
  BufferedLog(const std::string& destination, LogLevel least)
      : least_(least), file_(open_destination(destination)), writer_([this] { run(); }) {}

  ~BufferedLog() override {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    writer_.join();
    if (file_ >= 0) ::close(file_);
  }
  BufferedLog(const BufferedLog&) = delete;
  BufferedLog& operator=(const BufferedLog&) = delete;

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override {
    if (level < least_ || file_ < 0) return;
    fmt::memory_buffer line;
    line.append(std::string_view("{\"time\":\""));
    append_time(line);
    line.append(std::string_view("\",\"level\":\""));
    line.append(name_of(level));
    line.append(std::string_view("\",\"event\":"));
    append_string(line, event);
    for (const LogField& field : fields) append_field(line, field);
    line.append(std::string_view("}\n"));
    append(level, {line.data(), line.size()});
  }

 private:
  static constexpr std::size_t kPendingMax = 8 << 20;
  static constexpr auto kGatherTime = std::chrono::milliseconds(20);

  void append(LogLevel level, std::string_view line) {
    bool first = false;
    bool urgent = false;
    {
      const std::scoped_lock lock(mutex_);
      if (pending_.size() + line.size() > kPendingMax) {
        ++dropped_;
        return;
      }
      first = pending_.empty();
      pending_.append(line);
      urgent = level >= LogLevel::warning && !std::exchange(urgent_, urgent_ || level >= LogLevel::warning);
    }
    if (first || urgent) wake_.notify_one();
  }

  void run() {
    std::string lines;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
      wake_.wait_for(lock, kGatherTime, [this] { return stopping_ || urgent_; });
      if (pending_.empty()) return;
      lines.clear();
      lines.swap(pending_);
      const auto dropped = std::exchange(dropped_, 0);
      urgent_ = false;
      lock.unlock();
      if (dropped != 0)
        lines += fmt::format("{{\"level\":\"warning\",\"event\":\"log_lines_dropped\",\"count\":{}}}\n", dropped);
      write_out(lines);
      lock.lock();
    }
  }

  void write_out(std::string_view lines) const {
    while (!lines.empty()) {
      const auto count = ::write(file_, lines.data(), lines.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;  // There is nobody to tell.
      lines.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  const LogLevel least_;
  const int file_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  std::uint64_t dropped_ = 0;
  bool urgent_ = false;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace

std::unique_ptr<Log> open_log(const std::string& destination, LogLevel least) {
  return std::make_unique<BufferedLog>(destination, least);
}

}  // namespace sluice
