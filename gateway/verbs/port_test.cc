#include "gateway/verbs/port.h"

#include <catch2/catch.hpp>

#include "gateway/core/log.h"
#include "gateway/verbs/device.h"

namespace sluice::verbs {

TEST_CASE("a port is named by its device, and perhaps the number of its address") {
  CHECK(parse_port_name("rxe0") == PortName{.device = "rxe0", .gid = {}});
  CHECK(parse_port_name("mlx5_1:3") == PortName{.device = "mlx5_1", .gid = 3});
  const auto wrong = GENERATE(as<std::string>{}, "", ":", ":3", "rxe0:", "rxe0:x", "rxe0:-1", "rxe0:256", "rxe0:1:2");
  CAPTURE(wrong);
  CHECK_FALSE(parse_port_name(wrong));
}

TEST_CASE("a device that is not there is told by its name") {
  NullLog log;
  CHECK_THROWS_WITH(Device({.port = {.device = "none0", .gid = {}}}, log), Catch::Contains("none0"));
}

}  // namespace sluice::verbs
