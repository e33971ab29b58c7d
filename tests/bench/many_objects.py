#!/usr/bin/env python3
"""What a bucket of very many small objects costs: loading it, its space, restarts, listings, reads and removals.

Prints a table as it goes along. The data stays where `--data` says only if `--keep` is given.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import time

import bench

SIZE = 4 * bench.KIB
SLICE = 50_000  # Objects between two lines of progress.
REMOVED_PART = 10  # One of so many objects is removed in the end.


def print_row(what, figure):
    print(f"| {what} | {figure} |", flush=True)


def space(folder):
    """Bytes that a folder takes on the disk."""
    return int(subprocess.run(["du", "-s", "--block-size=1", folder], capture_output=True, text=True,
                              check=True).stdout.split()[0])


def keys(arguments, count):
    return ["--bucket", bench.LISTED, "--folders", "--objects", str(count), "--size", str(SIZE)]


def fill(arguments, server):
    """Puts objects until there are enough or the time is over; their number."""
    bench.make_bucket(arguments, server, bench.LISTED)
    begun, done = time.monotonic(), 0
    while done < arguments.objects and time.monotonic() - begun < arguments.minutes * 60:
        count = min(SLICE, arguments.objects - done)
        flags = bench.op("put", 0, arguments.connections, *keys(arguments, count), "--first", done, "--count", count,
                         "--sequential")
        loaded = bench.load(arguments, server, flags, 0)
        done += count
        print(f"{done:,} objects, {loaded['rps']:,.0f}/s", file=sys.stderr, flush=True)
    took = time.monotonic() - begun
    print_row(f"load of {done:,} objects of 4 KiB, {arguments.connections} connections",
              f"{took / 60:.1f} minutes, {done / took:,.0f}/s")
    return done


def resident_mib(server):
    for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def print_found(name, found):
    print_row(name, f"{found['rps']:,.0f}/s, p50 {found['p50_us'] / 1000:.2f} ms, p99 {found['p99_us'] / 1000:.2f} ms, "
                    f"{found['cpu_us']:,.0f} us CPU, peak RSS {found['rss_mib']:.0f} MiB")


def measure(arguments, server, count):
    for name, flags in [
        ("LIST 1000 from a random key on, 4 connections", bench.op("list", 0, 4)),
        ("LIST 1000, the last page, 4 connections", bench.op("list", 0, 4, "--last-page")),
        ("LIST of 1000 folders by delimiter, 4 connections", bench.op("list", 0, 4, "--delimiter")),
        ("GET 4 KiB of a random object, 1 connection", bench.op("get", 0, 1)),
        ("GET 4 KiB of a random object, 16 connections", bench.op("get", 0, 16)),
        ("PUT 4 KiB over a random object, 64 connections", bench.op("put", 0, 64)),
    ]:
        found = bench.measure(arguments, server, [*flags, *keys(arguments, count)])
        print_found(name, found)


def remove(arguments, server, count):
    """Removes the first objects, and lists from places where they were."""
    removed = max(2, count // REMOVED_PART)
    flags = bench.op("delete", 0, 64, *keys(arguments, count), "--count", removed, "--sequential")
    found = bench.load(arguments, server, flags, 0)
    print_row(f"DELETE of the first {removed:,} objects, 64 connections",
              f"{found['rps']:,.0f}/s, p50 {found['p50_us'] / 1000:.2f} ms, p99 {found['p99_us'] / 1000:.2f} ms")
    for when in ("right after that", "later", "later still"):
        found = bench.measure(arguments, server, [*bench.op("list", 0, 4), *keys(arguments, removed)])
        print_found(f"LIST 1000 from a removed key on, 4 connections, {when}", found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", default="build/release/sluice")
    parser.add_argument("--load", default="build/release/tests/bench/sluice_load")
    parser.add_argument("--objects", type=int, default=10_000_000)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop loading after that")
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--data", default="data/many-objects", help="a folder that is not there yet")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    data = pathlib.Path(arguments.data)
    if data.exists():
        raise SystemExit(f"{data} is there already")
    try:
        print("| what | figure |\n| --- | --- |", flush=True)
        with bench.sluice(arguments.sluice, data) as (server, _):
            count = fill(arguments, server)
            print_row("peak RSS while loading", f"{bench.peak_rss_mib(server.pid):.0f} MiB")
            begun = time.monotonic()
        print_row("orderly stop", f"{time.monotonic() - begun:.1f} s")
        taken = space(data)
        print_row("space", f"{taken / bench.GIB:.1f} GiB, {taken / count - SIZE:,.0f} bytes an object beside its 4 KiB "
                           f"({taken / count / SIZE - 1:.0%})")
        begun = time.monotonic()
        with bench.sluice(arguments.sluice, data) as (server, _):
            print_row("start until ready", f"{time.monotonic() - begun:.1f} s, RSS {resident_mib(server):.0f} MiB")
            measure(arguments, server, count)
            remove(arguments, server, count)
            subprocess.run(["kill", "-9", str(server.pid)], check=True)
        begun = time.monotonic()
        with bench.sluice(arguments.sluice, data) as (server, _):
            print_row("start after kill -9", f"{time.monotonic() - begun:.1f} s, RSS {resident_mib(server):.0f} MiB")
    finally:
        if not arguments.keep:
            shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
