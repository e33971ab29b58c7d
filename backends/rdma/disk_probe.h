#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backends/rdma/disk.h"
#include "backends/rdma/disk_io.h"

namespace sluice::rdma {

/// A disk on a thread that runs only while a test asks; for tests.
class DiskProbe {
 public:
  explicit DiskProbe(const std::filesystem::path& path, DiskOptions options = {})
      : disk_(path, io_.get_executor(), std::move(options)) {}

  Disk& disk() { return disk_; }

  template <class T>
  Result<T> run(Task<T> task) {
    std::optional<Result<T>> outcome;
    boost::asio::co_spawn(io_, std::move(task),
                          [&](std::exception_ptr, Result<T> result) { outcome.emplace(std::move(result)); });
    io_.restart();
    io_.run();
    return std::move(outcome).value();
  }

  /// Runs them at one time; the first that failed.
  Result<> run_all(std::vector<Task<>> tasks) {
    Result<> first;
    for (auto& task : tasks) {
      boost::asio::co_spawn(io_, std::move(task), [&first](std::exception_ptr, Result<> result) {
        if (first) first = std::move(result);
      });
    }
    io_.restart();
    io_.run();
    return first;
  }

  /// Appends as a node does, by the replica's rules; the run.
  Task<Run> append(ExtentNumber extent, std::string bytes, Epoch epoch = Epoch{1}) {
    Replica& replica = disk_.replica(extent);
    Pages page = 0;
    for (const auto& [at, state] : replica.runs()) page = end_of(state.run);
    const RunHeader header = describe({disk_.superblock().incarnation, extent}, epoch, page, bytes);
    if (replica.append(epoch, header.run) != Replica::Verdict::write) co_return fail(ErrorCode::conflict, "refused");
    CO_TRY(co_await disk_.write(extent, header.run, aligned_chunk(encode_page(header) + bytes)));
    replica.written(page);
    co_return header.run;
  }

  /// All bytes of a run, checked.
  Task<std::string> bytes_of_run(ExtentNumber extent, Pages page) {
    CO_TRY(const auto header, co_await disk_.header(extent, page));
    const Chunk memory = aligned_memory(kRunLengthMax);
    CO_TRY(const auto begin, co_await disk_.read(header, 0, header.run.length, memory));
    co_return std::string(memory.text().substr(begin, header.run.length));
  }

 private:
  boost::asio::io_context io_{1};
  Disk disk_;
};

}  // namespace sluice::rdma
