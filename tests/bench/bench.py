#!/usr/bin/env python3
"""Compares Sluice with nginx serving static files, and with any other S3 endpoint.

One run, interleaved: each workload is measured in turn on every server, round
after round, and the table shows medians. Servers are pinned to one core, the load
generator to another, so the figures are "per server core". A request that fails, or
whose answer is not what it has to be, fails the run.
"""
import argparse
import contextlib
import dataclasses
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
import urllib.parse

SERVER_CORE, LOAD_CORE = "0", "1"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
OBJECTS = {4 * KIB: 1000, 64 * KIB: 500, MIB: 64, 64 * MIB: 4, GIB: 1}
LISTED = "bench-listed"
HALF = "half"  # A rate that is found out.
DELETED = ("--bucket", "bench-deleted", "--count", "20000", "--objects", "20000", "--sequential")


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is measured, and who takes part beside Sluice's S3 and the other endpoint."""

    name: str
    flags: tuple
    nginx: bool = False  # It is about static files.
    blob: bool = False  # Azure Blob has the same.
    tls: bool = False  # Sluice and nginx alone, by TLS.


def op(name, size, connections, *more):
    flags = ["--op", name, "--connections", str(connections), *map(str, more)]
    return tuple(flags + (["--size", str(size)] if size else []))


def workloads():
    for connections in (1, 16, 64):
        yield Workload(f"GET 4 KiB, {connections} conn", op("get", 4 * KIB, connections), nginx=True, blob=True)
    for connections in (1, 16, 64):
        yield Workload(f"GET 64 KiB, {connections} conn", op("get", 64 * KIB, connections), nginx=True,
                       blob=connections == 64)
    yield Workload("half load: GET 4 KiB, 16 conn", op("get", 4 * KIB, 16, "--rate", HALF), nginx=True)
    yield Workload("GET 1 MiB, 16 conn", op("get", MIB, 16), nginx=True, blob=True)
    yield Workload("GET 64 MiB, 16 conn", op("get", 64 * MIB, 16), nginx=True, blob=True)
    yield Workload("64 KiB ranges of 64 MiB, 64 conn", op("get", 64 * MIB, 64, "--range", 64 * KIB), nginx=True)
    yield Workload("64 KiB ranges of 1 GiB, 64 conn", op("get", GIB, 64, "--range", 64 * KIB), nginx=True)
    yield Workload("HEAD, 64 conn", op("head", 4 * KIB, 64), nginx=True, blob=True)
    for connections in (1, 16, 64):
        yield Workload(f"PUT 4 KiB, {connections} conn", op("put", 4 * KIB, connections), blob=True)
    yield Workload("PUT 4 KiB signed, 64 conn", op("put", 4 * KIB, 64, "--payload", "signed"))
    yield Workload("PUT 1 MiB, 16 conn", op("put", MIB, 16), blob=True)
    yield Workload("PUT 1 MiB signed, 16 conn", op("put", MIB, 16, "--payload", "signed"))
    yield Workload("PUT 64 MiB, 16 conn", op("put", 64 * MIB, 16), blob=True)
    yield Workload("PUT 64 MiB signed, 16 conn", op("put", 64 * MIB, 16, "--payload", "signed"))
    yield Workload("multipart 8 x 16 MiB, 4 conn", op("multipart", 16 * MIB, 4, "--objects", 4))
    yield Workload("70 % GET, 30 % PUT of 4 KiB, 64 conn", op("mixed", 4 * KIB, 64), blob=True)
    yield Workload("DELETE, 64 conn", op("delete", 0, 64, *DELETED))
    for connections in (1, 4, 64):
        yield Workload(f"LIST 1000, {connections} conn", op("list", 0, connections, "--folders"))
    yield Workload("LIST 1000 of the last page, 4 conn", op("list", 0, 4, "--folders", "--last-page"))
    yield Workload("LIST of folders by delimiter, 4 conn", op("list", 0, 4, "--folders", "--delimiter"))
    for connections in (1, 64):
        yield Workload(f"TLS: GET 4 KiB, {connections} conn", op("get", 4 * KIB, connections), nginx=True, tls=True)
    yield Workload("TLS: GET 64 KiB, 64 conn", op("get", 64 * KIB, 64), nginx=True, tls=True)
    yield Workload("TLS: GET 1 MiB, 16 conn", op("get", MIB, 16), nginx=True, tls=True)
    yield Workload("TLS: GET 64 MiB, 16 conn", op("get", 64 * MIB, 16), nginx=True, tls=True)
    yield Workload("TLS: PUT 4 KiB, 64 conn", op("put", 4 * KIB, 64), tls=True)
    yield Workload("TLS: PUT 64 MiB, 16 conn", op("put", 64 * MIB, 16), tls=True)


@dataclasses.dataclass
class Server:
    name: str
    port: int
    host: str = "127.0.0.1"
    pid: int = 0  # 0: not on this machine.
    flags: tuple = ()
    tls: bool = False
    ranges: bool = False
    static: bool = False
    blob: bool = False


def size_of(flags):
    return int(flags[flags.index("--size") + 1]) if "--size" in flags else 4 * KIB


def bucket_of(size):
    return f"bench-{size}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate(root):
    """Makes a certificate of its own; paths of it and of its key."""
    paths = root / "cert.pem", root / "key.pem"
    if not paths[0].exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "1", "-subj", "/CN=127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
                       check=True, capture_output=True)
    return paths


@contextlib.contextmanager
def sluice(binary, data, under=(), more=()):
    """Yields its S3 and its Blob server."""
    command = ["taskset", "-c", SERVER_CORE, *under, binary, "serve", "--data", str(data), "--s3", "127.0.0.1:0",
               "--blob", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "1", "--quiet", "--access-log", "",
               "--log-level", "warning", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        ports = {}
        for line in process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "ready":
                break
            if rest.startswith("http"):
                ports[word] = int(rest.rsplit(":", 1)[1])
        if "s3" not in ports:
            raise SystemExit("sluice did not start")
        tls = "--tls-cert" in more
        yield (Server("sluice", ports["s3"], pid=process.pid, flags=("--tls",) if tls else (), tls=tls),
               Server("sluice, Blob", ports["blob"], pid=process.pid, flags=("--protocol", "blob"), blob=True))
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def nginx(root):
    """Yields its plain server, the one for ranges, and that by TLS."""
    ports = free_port(), free_port(), free_port()
    cert, key = certificate(root)
    config = root / "nginx.conf"
    config.write_text(f"""
worker_processes 1; daemon off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=10000;
  server {{ listen 127.0.0.1:{ports[0]}; root {root}/files; }}
  server {{ listen 127.0.0.1:{ports[1]} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
            ssl_protocols TLSv1.3; root {root}/files; }}
  # With tcp_nopush the end of a range waits for a delayed acknowledgement, 40 ms.
  server {{ listen 127.0.0.1:{ports[2]}; root {root}/files; tcp_nopush off; }} }}
""")
    (root / "files").mkdir(exist_ok=True)
    for directory in [root, root / "files"]:
        directory.chmod(0o755)
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, "nginx", "-c", str(config), "-p", str(root)])
    try:
        wait_for(ports[0])
        yield (Server("nginx", ports[0], pid=process.pid, flags=("--plain",), static=True),
               Server("nginx", ports[2], pid=process.pid, flags=("--plain",), static=True, ranges=True),
               Server("nginx", ports[1], pid=process.pid, flags=("--plain", "--tls"), static=True, tls=True))
    finally:
        process.terminate()
        process.wait()


def endpoint(text):
    """A server that is named by its URL, or by HOST:PORT alone."""
    url = urllib.parse.urlsplit(text if "://" in text else "http://" + text)
    tls = url.scheme == "https"
    return Server(text, url.port or (443 if tls else 80), url.hostname, flags=("--tls",) if tls else ())


def wait_for(port):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def load(arguments, server, flags, seconds):
    size = size_of(flags)
    listed = "list" in flags
    flags = list(flags)
    if "--bucket" not in flags:
        flags += ["--bucket", LISTED if listed else bucket_of(size)]
    if "--objects" not in flags:
        flags += ["--objects", str(arguments.keys if listed else OBJECTS.get(size, 1000))]
    if "--count" not in flags:
        flags += ["--seconds", str(seconds)]
    command = ["taskset", "-c", LOAD_CORE, arguments.load, "--host", server.host, "--port", str(server.port), *flags,
               *server.flags]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return json.loads(result.stdout)


def make_bucket(arguments, server, name):
    load(arguments, server, ["--op", "make-bucket", "--bucket", name, "--connections", "1", "--count", "1"], 0)


def fill(arguments, server, size):
    """Makes the bucket and the objects that reads of that size need."""
    count = OBJECTS.get(size, 0)
    if server.static:
        folder = arguments.root / "files" / bucket_of(size) / "load"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            with open(folder / f"{number:08d}", "wb") as file:
                for at in range(0, size, MIB):
                    file.write(os.urandom(min(MIB, size - at)))
        return
    make_bucket(arguments, server, bucket_of(size))
    if count:
        load(arguments, server, ["--op", "put", "--size", str(size), "--connections", "4", "--count", str(count),
                                 "--sequential"], 0)


def fill_listed(arguments, server):
    """Makes the bucket that listings walk, of objects of 64 bytes."""
    make_bucket(arguments, server, LISTED)
    count = str(arguments.keys)
    loaded = load(arguments, server, ["--op", "put", "--size", "64", "--connections", "256", "--bucket", LISTED,
                                      "--folders", "--objects", count, "--count", count, "--sequential"], 0)
    print(f"{server.name}: {arguments.keys:,} keys by 256 connections, {loaded['rps']:,.0f}/s\n", flush=True)


class Filled:
    """Sees to it that each server has what a workload reads; nothing is made twice."""

    def __init__(self, arguments):
        self._arguments = arguments
        self._done = set()

    def prepare(self, server, flags):
        listed = "list" in flags
        # Blob sees what S3 has put, and both of nginx's servers have the same files.
        whose = "nginx" if server.static else (server.name.removesuffix(", Blob"), server.tls)
        what = whose, LISTED if listed else size_of(flags)
        if what in self._done:
            return
        self._done.add(what)
        if listed:
            fill_listed(self._arguments, server)
        else:
            fill(self._arguments, server, size_of(flags))


def processes(pid):
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [pid] + [int(child) for child in children.stdout.split()]


def cpu_seconds(pid):
    """User and system time of a process and its children that still run."""
    total = 0
    for one in processes(pid):
        fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def forget_peak_rss(pid):
    for one in processes(pid):
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{one}/clear_refs").write_text("5")


def peak_rss_mib(pid):
    total = 0
    for one in processes(pid):
        for line in pathlib.Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                total += int(line.split()[1]) / 1024
    return total


def measure(arguments, server, flags):
    if "delete" in flags:  # There must be something to remove.
        make_bucket(arguments, server, "bench-deleted")
        load(arguments, server, op("put", 4 * KIB, 64, *DELETED), 0)
    before = cpu_seconds(server.pid) if server.pid else 0
    if server.pid:
        forget_peak_rss(server.pid)
    result = load(arguments, server, flags, arguments.seconds)
    result["rss_mib"] = peak_rss_mib(server.pid) if server.pid else 0
    after = cpu_seconds(server.pid) if server.pid else 0
    result["cpu_us"] = (after - before) * 1e6 / max(1, result["requests"])
    return result


def row(workload, server, results, references):
    def median(key):
        return statistics.median(r[key] for r in results)

    def ratio(name):
        return f"{median('rps') / references[name]:.2f}" if references.get(name) and server.name != name else "-"

    rate = f"{median('rps'):,.0f}" if median("rps") >= 100 else f"{median('rps'):.1f}"
    print(f"| {workload.name} | {server.name} | {rate} | {median('mbps'):,.0f} | {ratio('nginx')} | {ratio('sluice')} | "
          f"{median('p50_us'):,.0f} | {median('p99_us'):,.0f} | {median('p999_us'):,.0f} | {median('cpu_us'):,.1f} | "
          f"{median('rss_mib'):,.0f} |")


def at_half_load(arguments, workload, ours, filled):
    """The workload at half of the rate that Sluice has without a limit."""
    flags = list(workload.flags)
    at = flags.index(HALF)
    filled.prepare(ours, flags)
    rate = str(int(measure(arguments, ours, flags[: at - 1] + flags[at + 1 :])["rps"] / 2))
    return dataclasses.replace(workload, flags=tuple(flags[:at] + [rate] + flags[at + 1 :]))


def run(arguments, workload, servers, filled):
    if HALF in workload.flags:
        workload = at_half_load(arguments, workload, servers[0], filled)
    ranges = "--range" in workload.flags
    taking_part = [s for s in servers if s.tls == workload.tls and (workload.blob or not s.blob) and
                   (not s.static or (workload.nginx and s.ranges == ranges))]  # fmt: skip
    if not workload.tls:
        taking_part += arguments.others
    for server in taking_part:
        filled.prepare(server, workload.flags)
    results = {server.name: [] for server in taking_part}
    for _ in range(arguments.rounds):
        for server in taking_part:
            results[server.name].append(measure(arguments, server, workload.flags))
    references = {name: statistics.median(r["rps"] for r in all_of) for name, all_of in results.items()}
    for server in taking_part:
        row(workload, server, results[server.name], references)
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", default="build/release/sluice")
    parser.add_argument("--load", default="build/release/tests/bench/sluice_load")
    parser.add_argument("--endpoint", action="append", default=[],
                        help="URL or HOST:PORT of another S3 server to compare with (keys and region: AWS_*)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys in the bucket that is listed")
    parser.add_argument("--only", action="append", default=[], help="workloads whose name begins with this")
    parser.add_argument("--list", action="store_true", help="the names of all workloads")
    parser.add_argument("--directory", help="where data goes during the run; a temporary folder by default")
    arguments = parser.parse_args()
    arguments.others = [endpoint(text) for text in arguments.endpoint]
    chosen = [w for w in workloads() if not arguments.only or any(w.name.startswith(only) for only in arguments.only)]
    if arguments.list:
        print("\n".join(workload.name for workload in chosen))
        return

    arguments.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-", dir=arguments.directory)).resolve()
    try:
        with contextlib.ExitStack() as stack:
            servers = [*stack.enter_context(sluice(arguments.sluice, arguments.root / "data")),
                       *stack.enter_context(nginx(arguments.root))]
            if any(workload.tls for workload in chosen):
                cert, key = certificate(arguments.root)
                more = ("--tls-cert", str(cert), "--tls-key", str(key))
                tls_data = arguments.root / "tls-data"
                servers.append(stack.enter_context(sluice(arguments.sluice, tls_data, more=more))[0])
            control = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
            print(f"TCP's congestion control: {control}\n")
            print("| workload | server | requests/s | MB/s | x nginx | x Sluice's S3 | p50 us | p99 us | p99.9 us | "
                  "CPU us/request | peak RSS MiB |")
            print("|" + " --- |" * 11)
            filled = Filled(arguments)
            for workload in chosen:
                run(arguments, workload, servers, filled)
    finally:
        shutil.rmtree(arguments.root, ignore_errors=True)


if __name__ == "__main__":
    main()
