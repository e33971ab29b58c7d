"""The extent cluster: several gateways over one store, and what dies of it."""
import contextlib
import random
import signal
import threading
import time

from crash.ledger import Digests, Ledger
from crash.writer import BUCKET, Writer, check_bytes
from harness.cluster import START_LIMIT_S
from harness.content import MIB, content, sha256
from harness.s3 import S3
from harness.scenario import expect, expect_equal, scenario
from harness.server import Server
from scenarios.crash import verify

NODE_COUNT = 4
WRITER_COUNT = 4
LOAD_S = 1.5


class Stopped(OSError):
    pass


class StoppableWriter(Writer):
    """Ends when told, as if its connection broke: the write it was about to make is in doubt."""

    stopping = False

    def _request(self, *arguments, **keywords):
        if self.stopping:
            raise Stopped
        return super()._request(*arguments, **keywords)


@contextlib.contextmanager
def second_gateway(stage, name="second"):
    folder = stage.folder / name
    folder.mkdir()
    settings = stage.cluster.settings | {"SLUICE_INDEX": stage.database.url}
    with Server(stage.server.binary, folder, settings=settings) as server:
        yield server


@contextlib.contextmanager
def load(servers, ledger, seed, round_number):
    """Writers on all the servers, while the body runs; then they end. Those of a server that died have ended before."""
    writers = [
        StoppableWriter(servers[n % len(servers)], n, round_number, ledger, seed) for n in range(WRITER_COUNT)
    ]
    faults = []

    def run(writer):
        try:
            writer.run()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stopping = True
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


def write_for(seconds):
    time.sleep(seconds)  # Nothing depends on how much is written meanwhile.


def look_at_all(servers, ledger, digests):
    """Every key through each of the gateways: what one finds the others find."""
    for server in servers:
        verify(server, ledger, digests, ledger.keys())
    listings = [S3(server).list(BUCKET)[0] for server in servers]
    present = [key for key in ledger.keys() if ledger.current(key) is not None]
    for listing in listings:
        expect_equal(listing, present, "a listing")


def await_appended(cluster, size):
    """The bytes are on the nodes, as they say themselves, a moment later."""
    deadline = time.monotonic() + START_LIMIT_S
    while sum(node.metric("sluice_node_append_bytes_total") for node in cluster.nodes) < size:
        expect(time.monotonic() < deadline, "the nodes count fewer bytes than were written, three times each")
        time.sleep(0.1)


@scenario("cluster: two gateways share one store", postgres=True, cluster=NODE_COUNT)
def share(stage):
    with second_gateway(stage) as second:
        one, other = S3(stage.server), S3(second)
        one.make_bucket("shared")
        hashes = {}
        for number, size in enumerate((0, 1, 4096, 100_000, MIB, 3 * MIB + 17, 20 * MIB)):
            key, body = f"key-{number}", content(f"shared/{number}", size)
            hashes[key] = sha256(body)
            (one if number % 2 == 0 else other).expect(200, "PUT", "shared", key, body=body)
        for s3 in (one, other):
            expect_equal(s3.list("shared")[0], sorted(hashes), "the listing")
            for key, digest in hashes.items():
                expect_equal(sha256(s3.expect(200, "GET", "shared", key).body), digest, key)
        ranged = one.expect(206, "GET", "shared", "key-6", headers={"Range": "bytes=5000000-5999999"}).body
        expect_equal(sha256(ranged), sha256(content("shared/6", 20 * MIB)[5_000_000:6_000_000]), "a range")
        await_appended(stage.cluster, 3 * 24 * MIB)
        other.expect(412, "PUT", "shared", "key-1", headers={"If-None-Match": "*"}, body=b"other")
        other.expect(204, "DELETE", "shared", "key-2")
        one.expect(404, "GET", "shared", "key-2")
        other.expect(200, "PUT", "shared", "key-3", body=b"overwritten")
        expect_equal(one.expect(200, "GET", "shared", "key-3").body, b"overwritten", "what the other wrote")


@scenario("cluster: a node killed in the middle of writes loses nothing acknowledged", postgres=True, cluster=NODE_COUNT)
def kill_node(stage):
    ledger, digests = Ledger(), Digests()
    S3(stage.server).make_bucket(BUCKET)
    with second_gateway(stage) as second:
        servers = (stage.server, second)
        with load(servers, ledger, stage.options.seed, 0) as writers:
            write_for(LOAD_S)
            stage.cluster.nodes[1].kill()
            write_for(LOAD_S)
        expect(sum(writer.acknowledged for writer in writers) > 20, "the writers did hardly anything")
        look_at_all(servers, ledger, digests)
        # It comes back with what it had, and its place is taken by another in what was written since.
        stage.cluster.nodes[1].start()
        with load(servers, ledger, stage.options.seed, 1):
            write_for(LOAD_S)
            stage.cluster.nodes[2].kill()
            write_for(LOAD_S)
        look_at_all(servers, ledger, digests)
        stage.cluster.nodes[2].start()
