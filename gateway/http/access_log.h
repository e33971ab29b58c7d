#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/core/context.h"
#include "gateway/core/log.h"
#include "gateway/http/message.h"

namespace sluice::http {

/// How the answer to a request ended.
enum class Outcome : std::uint8_t {
  complete,
  gone,  ///< The client took no more of it.
  cut,   ///< Its body failed, and the connection was cut.
};

/// One request as it went.
struct AccessRecord {
  const RequestContext& context;
  const RequestHeader& header;
  std::string_view protocol;
  std::string_view tls;  ///< The version, or nothing.
  unsigned status = 0;
  Outcome outcome = Outcome::complete;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t duration_us = 0;
};

/// Writes the `request` line of one request.
void log_access(Log& log, const AccessRecord& record);

/// `target` as it may be shown: the values of signatures and tokens left out, and
/// cut where it is very long.
std::string printable_target(std::string_view target);

}  // namespace sluice::http
