#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <stdexcept>

#include "gateway/core/result.h"

namespace sluice::test {

/// Runs one coroutine to its end on an io_context of its own. Throws
/// std::runtime_error if it can never end.
template <class T>
T run(Awaitable<T> task) {
  boost::asio::io_context io(1);
  std::optional<T> result;
  std::exception_ptr thrown;
  boost::asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& error, T value) {
    thrown = error;
    if (!error) result.emplace(std::move(value));
  });
  io.run();
  if (thrown) std::rethrow_exception(thrown);
  if (!result) throw std::runtime_error("the coroutine never ended");
  return std::move(*result);
}

}  // namespace sluice::test
