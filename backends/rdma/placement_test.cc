#include "backends/rdma/placement.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

namespace sluice::rdma {
namespace {

DiskChoice disk(std::uint8_t name, const std::string& host, const std::string& zone, std::uint64_t free = 10) {
  DiskChoice choice{.incarnation = {}, .host = host, .zone = zone, .free_slabs = free};
  choice.incarnation.bytes[0] = name;
  return choice;
}

const DiskChoice& of(const std::vector<DiskChoice>& disks, const Uuid& incarnation) {
  for (const DiskChoice& one : disks) {
    if (one.incarnation == incarnation) return one;
  }
  throw std::out_of_range("no such disk");
}

}  // namespace

TEST_CASE("replicas are on different hosts and, while there are enough, in different zones") {
  const std::vector<DiskChoice> disks = {disk(1, "a", "1"), disk(2, "a", "1"), disk(3, "b", "1"),
                                         disk(4, "c", "2"), disk(5, "d", "2"), disk(6, "e", "3")};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto members = place(disks, 3, seed);

    REQUIRE(members);
    std::set<std::string> hosts, zones;
    for (const Uuid& member : *members) {
      hosts.insert(of(disks, member).host);
      zones.insert(of(disks, member).zone);
    }
    CHECK(hosts.size() == 3);
    CHECK(zones.size() == 3);
  }
}

TEST_CASE("with fewer zones than replicas they are spread evenly") {
  const std::vector<DiskChoice> disks = {disk(1, "a", "1"), disk(2, "b", "1"), disk(3, "c", "1"), disk(4, "d", "2")};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto members = place(disks, 3, seed);

    REQUIRE(members);
    std::set<std::string> zones;
    for (const Uuid& member : *members) zones.insert(of(disks, member).zone);
    CHECK(zones.size() == 2);
  }
}

TEST_CASE("a full disk is never chosen, and too few hosts are out of space") {
  const std::vector<DiskChoice> disks = {disk(1, "a", "1"), disk(2, "b", "1", 0), disk(3, "c", "1"), disk(4, "c", "1"),
                                         disk(5, "d", "1")};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto members = place(disks, 3, seed);
    REQUIRE(members);
    for (const Uuid& member : *members) CHECK(member.bytes[0] != 2);
  }
  CHECK(place(disks, 4, 1).error().code == ErrorCode::out_of_space);
  CHECK(place({}, 1, 1).error().code == ErrorCode::out_of_space);
}

TEST_CASE("the same seed chooses the same, and emptier disks are chosen more often") {
  const std::vector<DiskChoice> disks = {disk(1, "a", "1", 1000), disk(2, "b", "2", 10), disk(3, "c", "3", 10),
                                         disk(4, "d", "4", 10)};
  std::map<std::uint8_t, int> chosen;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const auto members = place(disks, 1, seed);
    REQUIRE(members);
    CHECK(*members == place(disks, 1, seed).value());
    ++chosen[members->front().bytes[0]];
  }
  CHECK(chosen[1] > 300);
}

}  // namespace sluice::rdma
