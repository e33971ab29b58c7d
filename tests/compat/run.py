#!/usr/bin/env python3
"""Plays one scenario against a server it starts, or lists them all. See README.md."""
import argparse
import contextlib
import dataclasses
import pathlib
import random
import re
import shutil
import sys
import tempfile
import traceback

import scenarios  # noqa: F401  (registers every scenario)
from harness.cluster import Cluster
from harness.gateways import Gateways
from harness.postgres import Postgres
from harness.scenario import SCENARIOS, SKIPPED, Options, Skip, Stage
from harness.server import Server


def play(chosen, arguments):
    work = pathlib.Path(arguments.work)
    work.mkdir(parents=True, exist_ok=True)
    prefix = re.sub(r"[^a-z0-9]+", "-", chosen.name.lower())[:60] + "-"
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=work))
    options = Options(arguments.large_size, arguments.rounds, arguments.seed, arguments.tools)
    try:
        server = cluster = None
        try:
            with contextlib.ExitStack() as around:
                database = around.enter_context(Postgres(chosen.standby)) if chosen.postgres else None
                if chosen.cluster:
                    made = Cluster(arguments.server, folder, chosen.cluster, chosen.settings, chosen.etcds, chosen.links,
                                   chosen.guarded)
                    cluster = around.enter_context(made)
                settings = chosen.settings | ({"SLUICE_INDEX": database.url} if database else {})
                settings |= cluster.settings | chosen.settings if cluster else {}
                if chosen.gateways > 1:
                    server = Gateways(arguments.server, folder, chosen.gateways, tls=chosen.tls, settings=settings)
                else:
                    server = Server(arguments.server, folder, tls=chosen.tls, settings=settings)
                with server:
                    chosen.play(Stage(server, folder, options, database, cluster))
        except Skip as reason:
            print(f"skipped: {reason}")
            return SKIPPED
        except BaseException:
            traceback.print_exc()
            if server is not None:
                print(f"--- the server's log\n{server.log_tail()}")
            if cluster is not None:
                print(cluster.logs())
            return 1
        print(f"passed: {chosen.name}")
        return 0
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", help="its name, as --list prints it")
    parser.add_argument("--list", action="store_true", help="print the names of all scenarios")
    parser.add_argument("--list-long", action="store_true", help="print those that take long")
    parser.add_argument("--list-sanitized", action="store_true", help="print those also played on a sanitized server")
    parser.add_argument("--list-clients", action="store_true", help="print those that real clients play")
    parser.add_argument("--on-cluster", action="store_true", help="by two gateways over PostgreSQL and an extent cluster")
    parser.add_argument("--server", help="the sluice binary")
    parser.add_argument("--work", default="build/compat", help="where data and downloads of a run live")
    parser.add_argument("--keep", action="store_true", help="leave the run's folder for inspection")
    parser.add_argument("--large-size", type=int, default=1 << 30, help="bytes of the memory scenario's object")
    parser.add_argument("--rounds", type=int, default=50, help="kills in the crash scenario")
    parser.add_argument("--tools", help="the folder of the programs that some scenarios need beside the server")
    parser.add_argument("--seed", type=int, default=None, help="repeats a random scenario")
    arguments = parser.parse_args()
    if arguments.list_clients:
        print("\n".join(s.name for s in SCENARIOS.values() if s.client))
        return 0
    if arguments.list or arguments.list_sanitized or arguments.list_long:
        listed = [s for s in SCENARIOS.values() if not s.rdma]
        wanted = [s.name for s in listed
                  if (s.long if arguments.list_long else not s.long and (arguments.list or s.sanitized))]  # fmt: skip
        print("\n".join(wanted))
        return 0
    if arguments.scenario not in SCENARIOS:
        parser.error("name a scenario that --list prints")
    if not arguments.server:
        parser.error("--server is needed")
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(1 << 32)
    chosen = SCENARIOS[arguments.scenario]
    if arguments.on_cluster:
        chosen = dataclasses.replace(chosen, postgres=True, cluster=3, gateways=2)
    return play(chosen, arguments)


if __name__ == "__main__":
    sys.exit(main())
