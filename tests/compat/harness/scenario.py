"""Scenarios: functions that talk to a running server and raise when it answers wrongly."""
import dataclasses
import pathlib
from typing import Callable

from harness.server import Server

SKIPPED = 77  # CTest's SKIP_RETURN_CODE


class Skip(Exception):
    """This machine lacks what the scenario needs; the reason is shown."""


@dataclasses.dataclass
class Options:
    """What the command line says."""

    large_size: int  # bytes of the object in the memory scenario
    rounds: int  # kills in the crash scenario
    seed: int
    tools: str | None  # where volatile-fs is


@dataclasses.dataclass
class Stage:
    """What a scenario is given: a running server, an empty folder, the options."""

    server: Server
    folder: pathlib.Path
    options: Options
    database: object = None  # the harness's Postgres, where the scenario asks for one
    cluster: object = None  # the harness's Cluster, where the scenario asks for one


@dataclasses.dataclass
class Scenario:
    name: str
    play: Callable[[Stage], None]
    tls: bool = False
    sanitized: bool = False  # also played against the sanitized server
    settings: dict = dataclasses.field(default_factory=dict)  # environment of the server
    postgres: bool = False  # the server's index is in a PostgreSQL of the scenario's own
    cluster: int = 0  # the server's extents are on a cluster of the scenario's own, of so many nodes
    standby: bool = False  # that PostgreSQL has a synchronous standby
    etcds: int = 1  # members of the cluster's etcd
    guarded: bool = False  # that etcd speaks TLS, asks for certificates, and has users
    links: bool = False  # the ways to the cluster's nodes and of these to etcd can be cut
    long: bool = False  # only played by `./dev test cluster`
    rdma: bool = False  # needs an RDMA device: in no list, played by tests/verbs
    client: bool = False  # of a real client: `./dev test cluster` plays it over a cluster too
    gateways: int = 1  # over the cluster; the scenario's server is then all of them, connection by connection


SCENARIOS: dict[str, Scenario] = {}


def add(scenario):
    assert scenario.name not in SCENARIOS, scenario.name
    SCENARIOS[scenario.name] = scenario


def scenario(name, **attributes):
    """Registers the function below it as a scenario."""

    def register(play):
        add(Scenario(name, play, **attributes))
        return play

    return register


def expect(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


def expect_equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, expected {wanted!r}")
