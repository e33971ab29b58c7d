#!/usr/bin/env bash
# What needs RDMA, in a guest with a software RDMA device. The cluster over libfabric's provider `verbs`: the fabric's
# own tests, the contract suite of four nodes with its faults, and gateway and nodes as processes of which one is
# killed. S3 over RDMA: the device's own tests, and a client with memory against the gateway as a process.
# Last line: N passed, N failed (programs).
#   run.sh BUILD-DIRECTORY BUILD-DIRECTORY-OF-RELEASE
set -euo pipefail
here=$(dirname "$0")
build=$1
release=$2
passed=0
failed=0
# run PROGRAM [ARG]...
run() {
  if "$here/guest.sh" --timeout 1200 --env SLUICE_TEST_PROVIDER=verbs --env SLUICE_TEST_HOST=10.99.0.1 "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
}
run "$build/backends/rdma/backend_rdma_test" "[fabric]" --durations yes
run "$build/tests/contract/cluster_contract_test" --durations yes
run python3 -B "$here/../compat/run.py" --server "$release/sluice" --work /tmp/verbs \
  "cluster: a node killed in the middle of writes loses nothing acknowledged"
run "$build/gateway/verbs/gateway_verbs_test" "[.rxe]" --durations yes
# Debian's Python, whose pyverbs the client is made of.
run /usr/bin/python3 -B "$here/../compat/run.py" --server "$release/sluice" --work /tmp/verbs \
  "rdma: objects go to and from a client's memory"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
