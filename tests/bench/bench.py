#!/usr/bin/env python3
"""Compares Sluice with nginx serving static files, and with any other S3 endpoint.

One run, interleaved: each workload is measured in turn on every server, round
after round, and the table shows medians. Servers are pinned to one core, the load
generator to another, so the figures are "per server core".
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SERVER_CORE, LOAD_CORE = "0", "1"
KIB, MIB = 1024, 1024 * 1024

# name, load flags, does nginx serve it too
SMALL = ["--size", str(4 * KIB)]
DELETES = ["--op", "put", *SMALL, "--connections", "64", "--count", "20000", "--objects", "20000", "--sequential"]
WORKLOADS = [
    ("GET 4 KiB, 64 conn", ["--op", "get", *SMALL, "--connections", "64"], True),
    ("GET 4 KiB, 16 conn", ["--op", "get", *SMALL, "--connections", "16"], True),
    ("GET 4 KiB, 1 conn", ["--op", "get", *SMALL, "--connections", "1"], True),
    ("GET 64 KiB, 64 conn", ["--op", "get", "--size", str(64 * KIB), "--connections", "64"], True),
    ("GET 1 MiB, 16 conn", ["--op", "get", "--size", str(MIB), "--connections", "16"], True),
    ("GET 64 MiB, 16 conn", ["--op", "get", "--size", str(64 * MIB), "--connections", "16"], True),
    ("64 KiB ranges of 64 MiB, 64 conn",
     ["--op", "get", "--size", str(64 * MIB), "--range", str(64 * KIB), "--connections", "64"], True),
    ("HEAD, 64 conn", ["--op", "head", *SMALL, "--connections", "64"], True),
    ("PUT 4 KiB, 64 conn", ["--op", "put", *SMALL, "--connections", "64"], False),
    ("PUT 4 KiB signed, 64 conn", ["--op", "put", *SMALL, "--connections", "64", "--payload", "signed"], False),
    ("PUT 4 KiB, 1 conn", ["--op", "put", *SMALL, "--connections", "1"], False),
    ("PUT 1 MiB, 16 conn", ["--op", "put", "--size", str(MIB), "--connections", "16"], False),
    ("PUT 64 MiB, 16 conn", ["--op", "put", "--size", str(64 * MIB), "--connections", "16"], False),
    ("PUT 64 MiB signed, 16 conn",
     ["--op", "put", "--size", str(64 * MIB), "--connections", "16", "--payload", "signed"], False),
    ("70 % GET, 30 % PUT of 4 KiB, 64 conn", ["--op", "mixed", *SMALL, "--connections", "64"], False),
    ("DELETE, 64 conn", ["--op", "delete", *DELETES[2:]], False),
    ("LIST 1000, 4 conn", ["--op", "list", "--connections", "4"], False),
    ("LIST 1000 of the last page, 4 conn", ["--op", "list", "--last-page", "--connections", "4"], False),
    ("LIST with delimiter, 4 conn", ["--op", "list", "--delimiter", "--connections", "4"], False),
]
LISTED = "bench-listed"
OBJECTS = {4 * KIB: 1000, 64 * KIB: 500, MIB: 64, 64 * MIB: 4}


def size_of(flags):
    return int(flags[flags.index("--size") + 1]) if "--size" in flags else 4 * KIB


def bucket_of(size):
    return f"bench-{size}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def sluice(binary, data, under=()):
    command = ["taskset", "-c", SERVER_CORE, *under, binary, "serve", "--data", str(data), "--s3", "127.0.0.1:0", "--blob",
               "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "1", "--quiet", "--access-log", ""]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = None
        for line in process.stdout:
            if line.startswith("s3 "):
                port = int(line.rsplit(":", 1)[1])
            if line.strip() == "ready":
                break
        if port is None:
            raise SystemExit("sluice did not start")
        yield {"name": "sluice", "port": port, "pid": process.pid, "flags": []}
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def nginx(root):
    port = free_port()
    config = root / "nginx.conf"
    config.write_text(f"""
worker_processes 1; daemon off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=10000;
  server {{ listen 127.0.0.1:{port}; root {root}/files; }} }}
""")
    (root / "files").mkdir(exist_ok=True)
    for directory in [root, root / "files"]:
        directory.chmod(0o755)
    for size, count in OBJECTS.items():
        folder = root / "files" / bucket_of(size) / "load"
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / str(number)).write_bytes(os.urandom(size))
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, "nginx", "-c", str(config), "-p", str(root)])
    try:
        wait_for(port)
        yield {"name": "nginx", "port": port, "pid": process.pid, "flags": ["--plain"]}
    finally:
        process.terminate()
        process.wait()


def wait_for(port):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def load(arguments, server, flags, seconds):
    size = size_of(flags)
    listed = "list" in flags
    bucket = LISTED if listed else bucket_of(size)
    objects = arguments.list_objects if listed else OBJECTS[size]
    command = ["taskset", "-c", LOAD_CORE, arguments.load, "--host", server.get("host", "127.0.0.1"),
               "--port", str(server["port"]), "--bucket", bucket, "--objects", str(objects), *flags, *server["flags"]]
    command += [] if "--count" in flags else ["--seconds", str(seconds)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return json.loads(result.stdout)


def make_bucket(server, name):
    url = f"http://{server.get('host', '127.0.0.1')}:{server['port']}/{name}"
    keys = ":".join(os.environ.get(*one) for one in
                    [("AWS_ACCESS_KEY_ID", "sluicedev"), ("AWS_SECRET_ACCESS_KEY", "sluicedevsecret")])
    subprocess.run(["curl", "-sS", "-o", "/dev/null", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u", keys, "-X", "PUT",
                    url], check=True)


def fill_listed(arguments, server):
    """Makes the bucket that listings walk; returns the rate."""
    make_bucket(server, LISTED)
    count = str(arguments.list_objects)
    return load(arguments, server, ["--op", "put", "--size", "4096", "--connections", "256", "--bucket", LISTED,
                                    "--objects", count, "--count", count, "--sequential"], 0)


def fill(arguments, server):
    """Makes the buckets and the objects that reads need."""
    for size, count in OBJECTS.items():
        make_bucket(server, bucket_of(size))
        load(arguments, server, ["--op", "put", "--size", str(size), "--connections", "4", "--count", str(count),
                                 "--sequential"], 0)


def cpu_seconds(pid):
    """User and system time of a process and its children that still run."""
    total = 0
    pids = [pid] + [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True,
                                                   check=False).stdout.split()]
    for one in pids:
        fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def measure(arguments, server, flags):
    if "delete" in flags:  # There must be something to remove.
        load(arguments, server, DELETES, 0)
    before = cpu_seconds(server["pid"]) if "pid" in server else 0
    result = load(arguments, server, flags, arguments.seconds)
    after = cpu_seconds(server["pid"]) if "pid" in server else 0
    result["cpu_us"] = (after - before) * 1e6 / max(1, result["requests"])
    return result


def peak_rss_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def row(name, server, results, reference):
    def median(key):
        return statistics.median(r[key] for r in results)
    ratio = f"{median('rps') / reference:.2f}" if reference else "-"
    print(f"| {name} | {server} | {median('rps'):,.0f} | {median('mbps'):,.0f} | {ratio} | {median('p50_us'):,.0f} | "
          f"{median('p99_us'):,.0f} | {median('p999_us'):,.0f} | {median('cpu_us'):.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", default="build/release/sluice")
    parser.add_argument("--load", default="build/release/tests/bench/sluice_load")
    parser.add_argument("--endpoint", help="HOST:PORT of another S3 server to compare with (keys: AWS_*)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--list-objects", type=int, default=100_000, help="keys in the bucket that is listed")
    parser.add_argument("--only", default="", help="workloads whose name holds this")
    parser.add_argument("--directory", help="where data goes during the run; a temporary folder by default")
    arguments = parser.parse_args()

    root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-", dir=arguments.directory))
    try:
        with sluice(arguments.sluice, root / "data") as ours, nginx(root) as static:
            servers = [ours, static]
            if arguments.endpoint:
                host, port = arguments.endpoint.rsplit(":", 1)
                servers.append({"name": arguments.endpoint, "host": host, "port": int(port), "flags": []})
            for server in servers:
                if server is not static:
                    fill(arguments, server)
                    if any(arguments.only in name and "list" in flags for name, flags, _ in WORKLOADS):
                        loaded = fill_listed(arguments, server)
                        print(f"{server['name']}: {arguments.list_objects} objects of 4 KiB loaded by 256 connections, "
                              f"{loaded['rps']:,.0f}/s\n")
            print("| workload | server | requests/s | MB/s | x nginx | p50 us | p99 us | p99.9 us | CPU us/request |")
            print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
            for name, flags, by_nginx in WORKLOADS:
                if arguments.only not in name:
                    continue
                taking_part = [s for s in servers if by_nginx or s is not static]
                results = {s["name"]: [] for s in taking_part}
                for _ in range(arguments.rounds):
                    for server in taking_part:
                        results[server["name"]].append(measure(arguments, server, flags))
                reference = statistics.median(r["rps"] for r in results["nginx"]) if by_nginx else None
                for server in taking_part:
                    row(name, server["name"], results[server["name"]], reference)
                sys.stdout.flush()
            print(f"\nSluice's peak RSS: {peak_rss_mib(ours['pid']):.0f} MiB")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
