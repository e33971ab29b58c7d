#!/usr/bin/env python3
"""The latency of healthy clients while 2,000 slow ones hold what they can and others fill the disk's queue.

Healthy clients read objects of 4 KiB that are in memory, at half of the rate that the server
could do, alone and then under pressure; the p99 of both is told, and their ratio.
"""
import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types

import bench

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "compat"))
from harness import raw  # noqa: E402
from harness.s3 import S3  # noqa: E402

LARGE = 64 * bench.MIB
WRITTEN = bench.MIB
SLOW = 1000  # Readers, and as many writers.
DISK_WRITERS = 4
SETTLED_S = 2  # Until the slow ones have what they get.


def slow_clients(server):
    """Readers that read nothing and writers that stop after the first bytes; their sockets."""
    address = ("127.0.0.1", server.port)
    s3 = S3(types.SimpleNamespace(host_and_port=address, ca_file=None, access_key="sluicedev",
                                  secret_key="sluicedevsecret", region="us-east-1"))
    held = []
    for number in range(SLOW):
        for request in [raw.signed_request(s3, "GET", bench.bucket_of(LARGE), "load/00000000"),
                        raw.signed_request(s3, "PUT", bench.bucket_of(LARGE), f"slow/{number}", length=WRITTEN) +
                        bytes(50_000)]:  # fmt: skip
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            connection.connect(address)
            connection.sendall(request)
            held.append(connection)
    return held


@contextlib.contextmanager
def busy_disk(folder):
    """Keeps the queue of the disk full, past the page cache and so nearly without CPU."""
    writers = []
    try:
        for number in range(DISK_WRITERS):
            command = (f"while :; do dd if=/dev/zero of={folder}/busy-{number} bs=1M count=256 oflag=direct "
                       "conv=notrunc status=none; done")  # fmt: skip
            writers.append(subprocess.Popen(["nice", "-n", "19", "sh", "-c", command], start_new_session=True))
        yield
    finally:
        for writer in writers:
            os.killpg(writer.pid, signal.SIGTERM)
            writer.wait()


def reads(arguments, server, rate):
    flags = bench.op("get", 4 * bench.KIB, 16, *(["--rate", int(rate)] if rate else []))
    return bench.measure(arguments, server, flags)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", default="build/release/sluice")
    parser.add_argument("--load", default="build/release/tests/bench/sluice_load")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--directory", help="where data goes during the run; a temporary folder by default")
    arguments = parser.parse_args()
    arguments.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pressure-", dir=arguments.directory))
    held = []
    try:
        with bench.sluice(arguments.sluice, arguments.root / "data") as (server, _):
            for size in (4 * bench.KIB, bench.MIB, LARGE):
                bench.fill(arguments, server, size)
            rate = reads(arguments, server, None)["rps"] / 2
            idle = reads(arguments, server, rate)
            with busy_disk(arguments.root):
                held = slow_clients(server)
                time.sleep(SETTLED_S)
                pressed = reads(arguments, server, rate)
            print("| healthy clients | GET/s | p50 us | p99 us | p99.9 us | peak RSS MiB |\n|" + " --- |" * 6)
            for name, found in [("alone", idle), ("under pressure", pressed)]:
                print(f"| {name} | {found['rps']:,.0f} | {found['p50_us']:,.0f} | {found['p99_us']:,.0f} | "
                      f"{found['p999_us']:,.0f} | {found['rss_mib']:,.0f} |")
            print(f"\np99 under pressure: {pressed['p99_us'] / idle['p99_us']:.1f} times the idle one")
            for connection in held:
                connection.close()
    finally:
        shutil.rmtree(arguments.root, ignore_errors=True)


if __name__ == "__main__":
    main()
