#!/usr/bin/env python3
"""What the extent cluster costs beside the local backend, on this machine's loopback.

- The gateway's CPU time per GET of 1 MiB, over a cluster of three nodes and over the local backend.
- The latency of a PUT of 64 KiB, one after the other, over the cluster and over the local backend with the
  same index (PostgreSQL): their difference is what the append adds to a local flush.
- How long a writer stands still when a node that it appends to gets kill -9, and what readers see meanwhile.

Measured in turn, round after round; every round is told.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import bench

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "compat"))
from harness.cluster import Cluster  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.s3 import S3  # noqa: E402
from harness.server import ACCESS_KEY, SECRET_KEY, Server  # noqa: E402

NODES = 3
BUCKET = bench.bucket_of(bench.MIB)
APPEND = 64 * bench.KIB  # Beyond what the index holds, within one run of an extent.
COMMON = {"SLUICE_ACCESS_LOG": "", "SLUICE_LOG_LEVEL": "warning"}
SETTLED_S = 1.5
AFTER_KILL_S = 2


def percentile(values, part):
    return sorted(values)[int(part * (len(values) - 1))]


def ms(seconds):
    return f"{seconds * 1e3:.2f} ms"


@contextlib.contextmanager
def gateways(arguments, folder, node_count):
    """Yields {name: Server}: over a cluster, over the local backend, and over that with its index in PostgreSQL; the cluster."""
    with contextlib.ExitStack() as stack:
        databases = [stack.enter_context(Postgres()) for _ in range(2)]
        (folder / "nodes").mkdir()
        cluster = stack.enter_context(Cluster(arguments.server, folder / "nodes", node_count))
        kinds = {
            "cluster": cluster.settings | {"SLUICE_INDEX": databases[0].url},
            "local": {},
            "local, PostgreSQL": {"SLUICE_INDEX": databases[1].url},
        }
        servers = {}
        for name, settings in kinds.items():
            place = folder / name.replace(", ", "-")
            place.mkdir()
            server = Server(arguments.server, place, settings=COMMON | settings | {"SLUICE_THREADS": "1"})
            servers[name] = stack.enter_context(server)
        yield servers, cluster


def pin(pid, core):
    subprocess.run(["taskset", "-acp", core, str(pid)], check=True, capture_output=True)


def load(arguments, server, *flags):
    host, port = server.host_and_port
    return bench.load(arguments, bench.Server("", port, host), flags, arguments.seconds)


def cpu_of_reads(arguments, servers):
    """One round: microseconds of the gateway's CPU a MiB, by name."""
    found = {}
    for name, server in servers.items():
        before = bench.cpu_seconds(server.pid)
        result = load(arguments, server, *bench.op("get", bench.MIB, 4))
        found[name] = (bench.cpu_seconds(server.pid) - before) * 1e6 / result["requests"], result["mbps"]
    return found


def read_rounds(arguments, servers):
    taking_part = {name: servers[name] for name in ("cluster", "local")}
    for server in taking_part.values():
        S3(server).make_bucket(BUCKET)
        pin(server.pid, bench.SERVER_CORE)
        load(arguments, server, *bench.op("put", bench.MIB, 2, "--count", 64, "--sequential"))
    print("| GET 1 MiB, 4 connections | cluster, CPU us/MiB | local, CPU us/MiB | ratio | cluster MB/s | local MB/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for number in range(arguments.rounds):
        found = cpu_of_reads(arguments, taking_part)
        (far, far_rate), (near, near_rate) = found["cluster"], found["local"]
        print(f"| round {number + 1} | {far:.0f} | {near:.0f} | {far / near:.2f} | {far_rate:.0f} | {near_rate:.0f} |", flush=True)


def flush_latency(folder):
    """Seconds of a write and fdatasync of the same size, the median of many."""
    taken = []
    file = os.open(folder / "flushed", os.O_CREAT | os.O_WRONLY)
    body = os.urandom(APPEND)
    for number in range(100):
        begin = time.monotonic()
        os.pwrite(file, body, number * APPEND)
        os.fdatasync(file)
        taken.append(time.monotonic() - begin)
    os.close(file)
    return statistics.median(taken)


def put_latencies(server, count, name):
    s3, body, taken = S3(server), os.urandom(APPEND), []
    for number in range(count):
        begin = time.monotonic()
        s3.put("appends", f"{name}/{number % 100}", body)
        taken.append(time.monotonic() - begin)
    return taken


def append_rounds(arguments, servers, folder):
    taking_part = {name: servers[name] for name in ("cluster", "local, PostgreSQL")}
    for server in taking_part.values():
        S3(server).make_bucket("appends")
        put_latencies(server, 50, "warm")
    print("\n| PUT 64 KiB, one after the other | cluster p50 | local p50 | added | cluster p99 | local p99 | write + fdatasync |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number in range(arguments.rounds):
        taken = {name: put_latencies(server, arguments.puts, "round") for name, server in taking_part.items()}
        far, near = taken["cluster"], taken["local, PostgreSQL"]
        medians = statistics.median(far), statistics.median(near)
        print(f"| round {number + 1} | {ms(medians[0])} | {ms(medians[1])} | {ms(medians[0] - medians[1])} | "
              f"{ms(percentile(far, 0.99))} | {ms(percentile(near, 0.99))} | {ms(flush_latency(folder))} |", flush=True)


class Loop:
    """One client in a thread of its own, and when each of its requests began and ended."""

    def __init__(self, play):
        self.times, self.faults = [], []
        self._ending = False
        self._thread = threading.Thread(target=self._run, args=(play,), daemon=True)
        self._thread.start()

    def _run(self, play):
        while not self._ending:
            begin = time.monotonic()
            try:
                play(len(self.times))
            except Exception as fault:  # What a client sees is what is measured.
                self.faults.append(repr(fault)[:200])
            self.times.append((begin, time.monotonic()))

    def end(self):
        self._ending = True
        self._thread.join()

    def taken(self, since, until):
        """Seconds of the requests that were under way at some time between the two."""
        return [end - begin for begin, end in self.times if end >= since and begin <= until]


def appends(node):
    return node.metric("sluice_node_appends_total")


def busiest(nodes, seconds):
    """The node that most was appended to."""
    before = [appends(node) for node in nodes]
    time.sleep(seconds)
    return max(zip(nodes, before), key=lambda pair: appends(pair[0]) - pair[1])[0]


def kill_rounds(arguments, folder):
    folder.mkdir()
    with gateways(arguments, folder, NODES + 1) as (servers, cluster):
        server = servers["cluster"]
        S3(server).make_bucket("appends")
        put_latencies(server, 100, "read")
        print("\n| kill -9 of a node, of four | PUT 64 KiB p50 and longest before | longest after | GETs, failed | longest GET after |")
        print("| --- | --- | --- | --- | --- |")
        for number in range(arguments.kills):
            writing, reading, body = S3(server), S3(server), os.urandom(APPEND)
            writer = Loop(lambda n: writing.put("appends", f"written/{n % 100}", body))
            reader = Loop(lambda n: reading.get("appends", f"read/{n % 100}"))
            node = busiest(cluster.nodes, SETTLED_S)
            killed = time.monotonic()
            node.kill()
            time.sleep(AFTER_KILL_S)
            for loop in (writer, reader):
                loop.end()
            before = [end - start for start, end in writer.times if end < killed]
            after = writer.taken(killed, killed + AFTER_KILL_S)
            reads = reader.taken(killed, killed + AFTER_KILL_S)
            if writer.faults:
                print(f"writes failed: {writer.faults[:3]}")
            print(f"| kill {number + 1} | {ms(statistics.median(before))}, {ms(max(before))} | {ms(max(after))} | "
                  f"{len(reads)}, {len(reader.faults)} | {ms(max(reads))} |", flush=True)
            node.start()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="build/release/sluice", help="sluice-extent-node stands beside it")
    parser.add_argument("--load", default="build/release/tests/bench/sluice_load")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of reads, in each round")
    parser.add_argument("--puts", type=int, default=300, help="in each round")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--work", default=None, help="a folder on the disk to measure")
    arguments = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        folder = pathlib.Path(name)
        with gateways(arguments, folder, NODES) as (servers, _):
            # First what must not be pinned.
            append_rounds(arguments, servers, folder)
            read_rounds(arguments, servers)
        if arguments.kills:
            kill_rounds(arguments, folder / "kills")


if __name__ == "__main__":
    sys.exit(main())
