#include "backends/rdma/cluster_url.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {

TEST_CASE("a cluster's URL names the members of etcd and the cluster") {
  CHECK(parse_cluster_url("cluster://10.0.0.1:2380,etcd-2/main") ==
        ClusterUrl{{"10.0.0.1:2380", "etcd-2:2379"}, "main"});
  CHECK(parse_cluster_url("cluster://localhost/a-1") == ClusterUrl{{"localhost:2379"}, "a-1"});
  CHECK(parse_cluster_url("cluster+https://etcd-1,etcd-2:23/main") ==
        ClusterUrl{{"etcd-1:2379", "etcd-2:23"}, "main", true});
}

TEST_CASE("what is not the URL of a cluster is refused") {
  const std::string wrong =
      GENERATE("", "main", "cluster://", "cluster:///main", "cluster://a", "cluster://a/", "cluster://a/Main",
               "cluster://a/b/c", "cluster://a,/main", "cluster://,a/main", "cluster://a:0/main",
               "cluster://a:65536/main", "cluster://a:x/main", "cluster://a:/main", "cluster://u@a/main",
               "etcd://a/main", "https://a/main", "cluster+https://", "cluster+http://a/main");
  const auto parsed = parse_cluster_url(wrong);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ErrorCode::invalid_argument);
}

}  // namespace sluice::rdma
