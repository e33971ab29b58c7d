#include "gateway/check.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

#include "gateway/config.h"
#include "gateway/object/fsck.h"
#include "gateway/store.h"

namespace sluice {
namespace {

void show_progress(const object::FsckReport& report) {
  std::fputs(fmt::format("fsck: {} objects, {} extents, {} MiB read, {} faults so far\n", report.objects,
                         report.extents, report.bytes_checked >> 20, report.faults)
                 .c_str(),
             stderr);
}

void show_summary(const object::FsckReport& report) {
  std::fputs(
      fmt::format(
          "buckets {}\nobjects {}\nversions {}\nuploads {}\nparts {}\nextents {}\nbytes_checked {}\ngarbage_rows {}\n"
          "orphan_rows {}\norphan_bytes {}\nfaults {}\n{}\n",
          report.buckets, report.objects, report.versions, report.uploads, report.parts, report.extents,
          report.bytes_checked, report.garbage_rows, report.orphan_rows, report.orphan_bytes, report.faults,
          report.faults == 0 ? "clean" : "NOT CLEAN")
          .c_str(),
      stdout);
}

}  // namespace

int check(std::span<const std::string_view> arguments, const std::map<std::string, std::string>& environment) {
  object::FsckOptions options;
  std::vector<std::string_view> rest;
  for (const std::string_view argument : arguments) {
    if (argument == "--quick") {
      options.read_bytes = false;
    } else if (argument == "--repair") {
      options.repair = true;
    } else {
      rest.push_back(argument);
    }
  }
  const Config config = read_config(rest, environment);
  const auto log = open_log(config.log, LogLevel::warning);
  BufferPool pool(config.body_memory_size);
  if (!config.extents.empty() && options.repair) {
    throw std::invalid_argument("a cluster is repaired by its manager, not by fsck");
  }
  if (config.extents.empty() && !std::filesystem::is_directory(config.data))
    throw std::invalid_argument("there is no directory " + config.data);
  Store store(config, pool, *log);

  // The coroutine refers to them to its end.
  const std::function<void(const std::string&)> found = [](const std::string& fault) { std::puts(fault.c_str()); };
  const std::function<void(const object::FsckReport&)> progress = show_progress;
  boost::asio::io_context io(1);
  std::optional<Result<object::FsckReport>> report;
  boost::asio::co_spawn(io, object::fsck(store.backend(), options, found, progress),
                        [&](std::exception_ptr thrown, Result<object::FsckReport> result) {
                          if (thrown) std::rethrow_exception(thrown);
                          report = std::move(result);
                        });
  io.run();
  if (!report || !*report) {
    throw std::runtime_error("fsck could not finish: " + (report ? report->error().detail : std::string("it stalled")));
  }
  show_summary(**report);
  return (*report)->faults == 0 ? 0 : 1;
}

}  // namespace sluice
