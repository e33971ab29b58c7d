#include "gateway/http/deadlines.h"

#include <catch2/catch.hpp>
#include <memory>

namespace sluice::http {
namespace {

using std::chrono_literals::operator""s;

class Alarm : public Deadline {
 public:
  using Deadline::Deadline;
  int rings = 0;

 private:
  void expire() override { ++rings; }
};

TEST_CASE("a deadline expires once, after its whole time") {
  Deadlines all;
  Alarm alarm(all);
  alarm.set(2s);

  all.tick();
  all.tick();
  CHECK(alarm.rings == 0);
  all.tick();
  CHECK(alarm.rings == 1);
  all.tick();
  CHECK(alarm.rings == 1);
}

TEST_CASE("a deadline set anew or cleared does not expire") {
  Deadlines all;
  Alarm renewed(all);
  Alarm cleared(all);
  for (int i = 0; i < 5; ++i) {
    renewed.set(1s);
    cleared.set(1s);
    all.tick();
    cleared.clear();
  }
  all.tick();

  CHECK(renewed.rings == 1);
  CHECK(cleared.rings == 0);
}

TEST_CASE("only idle deadlines are ended early") {
  Deadlines all;
  Alarm idle(all);
  Alarm busy(all);
  Alarm unset(all);
  idle.set_idle(60s);
  busy.set_idle(60s);
  busy.set(60s);
  all.expire_idle();

  CHECK(idle.rings == 1);
  CHECK(busy.rings == 0);
  CHECK(unset.rings == 0);
}

TEST_CASE("deadlines come and go in any order") {
  Deadlines all;
  auto first = std::make_unique<Alarm>(all);
  auto second = std::make_unique<Alarm>(all);
  auto third = std::make_unique<Alarm>(all);
  second.reset();
  first->set(0s);
  third->set(0s);
  all.tick();
  CHECK(first->rings + third->rings == 2);

  first.reset();
  CHECK(all.count() == 1);
  third.reset();
  CHECK(all.count() == 0);
  all.tick();
}

}  // namespace
}  // namespace sluice::http
