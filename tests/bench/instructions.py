#!/usr/bin/env python3
"""Counts the instructions that one request costs Sluice in user space, by callgrind.

They depend on neither the machine's load nor its clock, so a few per cent more or less
can be seen where a time would drown in noise. SHA-256 runs without the CPU's own
instructions under valgrind: look at the function table (`--keep`) before you judge it.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import bench

REQUESTS = 2000
KINDS = {
    "GET 4 KiB": ["--op", "get", "--size", "4096"],
    "Blob: GET 4 KiB": ["--op", "get", "--size", "4096", "--protocol", "blob"],
    "HEAD": ["--op", "head", "--size", "4096"],
    "Blob: HEAD": ["--op", "head", "--size", "4096", "--protocol", "blob"],
    "PUT 4 KiB": ["--op", "put", "--size", "4096"],
    "Blob: PUT 4 KiB": ["--op", "put", "--size", "4096", "--protocol", "blob"],
    "GET 64 KiB": ["--op", "get", "--size", "65536"],
    "LIST 1000": ["--op", "list", "--folders"],
}
KNOWN = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 1.05  # Runs differ by less; compilers by more, so record anew with another one.
KEYS = 5000  # In the bucket that is listed,
PAGES = 200  # of which so many are counted.


def count(arguments, root, flags):
    """Instructions a request; the profile stays in root/profile."""
    binary = root / "sluice"
    # Valgrind of Debian 12 cannot read this compiler's debug information.
    subprocess.run(["strip", "-g", arguments.sluice, "-o", binary], check=True)
    profile = root / "profile"
    tool = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={profile}"]
    lists = "list" in flags
    keys, requests = (KEYS, PAGES) if lists else (100, REQUESTS)
    with bench.sluice(str(binary), root / "data", tool) as servers:
        server = servers[0]
        asked = servers[1] if "blob" in flags else server
        size = bench.size_of(flags)
        of_bucket = ["--bucket", bench.bucket_of(size), "--objects", str(keys)]
        bench.make_bucket(arguments, server, bench.bucket_of(size))
        few = [*flags, *of_bucket, "--connections", "16"]
        filling = [*of_bucket, "--count", str(keys), "--sequential", *(["--folders"] if lists else [])]
        bench.load(arguments, server, bench.op("put", size, 64, *filling), 0)
        bench.load(arguments, asked, [*few, "--count", str(requests // 5)], 0)
        for state, number in [("on", requests), ("off", 1)]:
            subprocess.run(["callgrind_control", "-i", state, str(server.pid)], check=True, capture_output=True)
            bench.load(arguments, asked, [*few, "--count", str(number)], 0)
    totals = re.findall(r"^(?:totals|summary): (\d+)", profile.read_text(), re.M)
    return int(totals[-1]) / requests


def count_in_temporary(arguments, name, flags):
    root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-instructions-"))
    try:
        return round(count(arguments, root, flags))
    finally:
        if arguments.keep and (root / "profile").exists():
            shutil.copy(root / "profile", pathlib.Path(arguments.keep) / name.replace(" ", "-"))
        shutil.rmtree(root, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", default="build/release/sluice")
    parser.add_argument("--load", default="build/release/tests/bench/sluice_load")
    parser.add_argument("--only", default="", help="requests whose name holds this")
    parser.add_argument("--keep", help="a folder for the profiles, to be read with callgrind_annotate")
    parser.add_argument("--check", action="store_true", help="fail where there are more than instructions.json says")
    parser.add_argument("--record", action="store_true", help="write what is counted to instructions.json")
    arguments = parser.parse_args()
    counted = {}
    for name, flags in KINDS.items():
        if arguments.only in name:
            counted[name] = count_in_temporary(arguments, name, flags)
            print(json.dumps({"request": name, "instructions": counted[name]}), flush=True)
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    if arguments.record:
        KNOWN.write_text(json.dumps(known | counted, indent=2) + "\n")
    if arguments.check:
        grown = [f"{name}: {number}, known {known[name]}" for name, number in counted.items()
                 if number > known[name] * TOLERANCE]  # fmt: skip
        if grown:
            raise SystemExit("more instructions than were known:\n" + "\n".join(grown))


if __name__ == "__main__":
    main()
