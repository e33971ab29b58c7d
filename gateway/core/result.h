#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <expected>
#include <string>
#include <utility>

#include "gateway/core/error.h"

namespace sluice {

/// The value of an operation, or the Error that explains its absence.
template <class T = void>
using Result = std::expected<T, Error>;

/// Where every coroutine of ours runs: the one thread of one io_context. Named
/// concretely so that no executor is type-erased on the hot path.
using Executor = boost::asio::io_context::executor_type;

/// A coroutine that may throw: the session's own level, and nothing below it.
template <class T = void>
using Awaitable = boost::asio::awaitable<T, Executor>;

/// What every coroutine below the HTTP session returns.
template <class T = void>
using Task = Awaitable<Result<T>>;

/// The completion token that turns an Asio operation into an Awaitable.
inline constexpr boost::asio::use_awaitable_t<Executor> use_task;

inline const Result<> done;  ///< What an operation with nothing to say returns.

/// `return fail(ErrorCode::corrupt, "extent 17");`
inline std::unexpected<Error> fail(ErrorCode code, std::string detail = {}) {
  return std::unexpected(Error{code, std::move(detail)});
}

}  // namespace sluice

// TRY binds the value of a Result, or returns its error to the caller.
//
//   TRY(auto range, parse_range(header));            in a function
//   CO_TRY(auto chunk, co_await source.read());      in a coroutine
//   CO_TRY(co_await transaction->commit());          where there is no value
//
// It expands to several statements: brace it under an `if`.
#define TRY(...) \
  SLUICE_TRY_ARITY_(__VA_ARGS__, SLUICE_TRY2_, SLUICE_TRY1_)(return, SLUICE_TRY_NAME_(__COUNTER__), __VA_ARGS__)
#define CO_TRY(...) \
  SLUICE_TRY_ARITY_(__VA_ARGS__, SLUICE_TRY2_, SLUICE_TRY1_)(co_return, SLUICE_TRY_NAME_(__COUNTER__), __VA_ARGS__)
#define SLUICE_TRY_ARITY_(_1, _2, macro, ...) macro
#define SLUICE_TRY_NAME_(n) SLUICE_TRY_PASTE_(n)
#define SLUICE_TRY_PASTE_(n) try_##n
#define SLUICE_TRY1_(leave, result, expr) \
  auto result = (expr);                   \
  if (!result) leave std::unexpected(std::move(result).error())
#define SLUICE_TRY2_(leave, result, target, expr) \
  SLUICE_TRY1_(leave, result, expr);              \
  target = *std::move(result)
