"""The extent cluster: several gateways over one store, and what dies of it."""
import contextlib
import http.client
import mmap
import os
import random
import signal
import subprocess
import threading
import time
import urllib.request

from clients.aws_cli import AwsCli
from clients.azcopy import Azcopy
from crash.ledger import Digests, Ledger
from crash.writer import BUCKET, Writer
from harness import azure
from harness.cluster import ETCD_PASSWORD, START_LIMIT_S
from harness.content import MIB, content, make_file, sha256, sha256_of_file
from harness.s3 import S3
from harness.scenario import Skip, expect, expect_equal, scenario
from harness.server import Server
from scenarios.blob import make_tree, tree_of
from scenarios.crash import verify
from scenarios.objects import BUCKET as COMPAT_BUCKET
from scenarios.objects import small_objects

SLAB_SIZE = 16 * MIB  # As the harness formats disks.
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

    def _refused(self, key, write, answer):
        """The index may have taken what got 503; once it answers again, the key says so itself."""
        if answer.status != 503:
            return super()._refused(key, write, answer)
        if not key.startswith(f"{self._folder}/"):
            return None  # Others write to it, too: it stays in doubt.
        found = answer
        while found.status == 503:
            found = self._request((200, 404), "GET", key)
        label = None if found.status == 404 else found.headers.get("x-amz-meta-label")
        if label == (write.value and write.value.label):
            self._ledger.acknowledge(write)
        else:
            self._ledger.refuse(key, write)
        return None


@contextlib.contextmanager
def second_gateway(stage, name="second", settings=None):
    folder = stage.folder / name
    folder.mkdir()
    settings = stage.cluster.settings | {"SLUICE_INDEX": stage.database.url} | (settings or {})
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


def await_more(writers, count=10):
    """Until so many more operations were acknowledged: writing goes on."""
    before = sum(writer.acknowledged for writer in writers)
    deadline = time.monotonic() + START_LIMIT_S
    while sum(writer.acknowledged for writer in writers) < before + count:
        expect(time.monotonic() < deadline, "writing does not go on")
        time.sleep(0.05)


def look_at_all(servers, ledger, digests):
    """Every key through each of the gateways: what one finds the others find."""
    for server in servers:
        verify(server, ledger, digests, ledger.keys())
    listings = [S3(server).list(BUCKET)[0] for server in servers]
    present = [key for key in ledger.keys() if ledger.current(key) is not None]
    for listing in listings:
        expect_equal(listing, present, "a listing")


def metric(server, name):
    with urllib.request.urlopen(f"{server.admin}/metrics", timeout=60) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    return 0.0


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


@scenario("cluster: etcd with TLS, certificates and users", postgres=True, cluster=3, gateways=2, etcds=3, guarded=True)
def guarded(stage):
    s3, cluster = S3(stage.server), stage.cluster
    s3.make_bucket("guarded")

    def write(name):
        for key, size in ((f"{name}-small", 900), (f"{name}-large", 3 * MIB)):
            s3.expect(200, "PUT", "guarded", key, body=content(key, size))
            expect_equal(sha256(S3(stage.server).get("guarded", key)), sha256(content(key, size)), key)

    write("first")
    expect_equal(sum("alive" in line for line in command(stage, "status").splitlines()), 3, "disks that are alive")
    cluster.etcd.forget_tokens()
    write("second")
    for etcd in cluster.etcds:
        etcd.kill()
    for etcd in cluster.etcds:
        etcd.begin()
    for etcd in cluster.etcds:
        etcd.await_ready()
    cluster.nodes[0].kill()
    cluster.nodes[0].start()
    stage.server.stop()
    stage.server.start()
    s3 = S3(stage.server)
    write("third")
    names = [f"{name}-{size}" for name in ("first", "second", "third") for size in ("large", "small")]
    expect_equal(s3.list("guarded")[0], names, "the listing")
    without = {"SLUICE_ETCD_USER": "", "SLUICE_ETCD_PASSWORD": ""}
    for changed, why in ((without, "etcdserver: "), ({"SLUICE_ETCD_CERT": "", "SLUICE_ETCD_KEY": ""}, "etcd")):
        said = refused(stage, changed)
        expect(why in said, f"it was refused for another reason: {said}")
    for path in stage.folder.rglob("*.log"):
        expect(ETCD_PASSWORD not in path.read_text(errors="replace"), f"the password stands in {path.name}")


def refused(stage, changed):
    """What `sluice cluster status` says to who must not have it."""
    settings = os.environ | stage.cluster.settings | {"SLUICE_INDEX": stage.database.url} | changed
    done = subprocess.run([stage.server.binary, "cluster", "status"], env=settings, text=True, capture_output=True)
    expect(done.returncode != 0, "the status was told")
    expect(ETCD_PASSWORD not in done.stdout + done.stderr, "the password was told")
    return done.stderr


@scenario("cluster: aws-cli and azcopy through two gateways", postgres=True, cluster=3, gateways=2)
def two_clients(stage):
    aws, blob = AwsCli(stage.server, stage.folder), Azcopy(stage.server, stage.folder)
    small_objects(aws, stage)
    path, back = stage.folder / "large", stage.folder / "large-back"
    digest = make_file(path, 20 * MIB)
    aws.upload(COMPAT_BUCKET, "large", path)
    container, sas = COMPAT_BUCKET, azure.account_sas()
    blob.copy(blob.url(container, sas, "large"), back, "BlobLocal", "--check-md5=LogOnly")
    expect_equal(sha256_of_file(back), digest, "what azcopy reads of what aws-cli wrote")
    here, there = stage.folder / "up", stage.folder / "down"
    make_tree(here, 40)
    blob.copy(f"{here}/*", blob.url(container, sas, "tree/"), "LocalBlob", "--recursive")
    blob.copy(blob.url(container, sas, "tree/*"), there, "BlobLocal", "--recursive", "--check-md5=FailIfDifferent")
    expect_equal(tree_of(there), tree_of(here), "the files azcopy brought back")
    blob.copy(path, blob.url(container, sas, "large-by-azcopy"), "LocalBlob", "--put-md5")
    aws.download(container, "large-by-azcopy", back)
    expect_equal(sha256_of_file(back), digest, "what aws-cli reads of what azcopy wrote")
    names, _ = S3(stage.server).list(container)
    expect_equal(len(names), 40 + 3, "objects in the bucket")
    expect_equal(aws.list(container)[0], names, "the keys aws-cli lists")


# ---- what is repaired; long, since leases have to run out

REPAIR_SETTINGS = {"SLUICE_CLUSTER_LOST_AFTER": 0, "SLUICE_CLUSTER_COLLECT_PERIOD": 2, "SLUICE_NODE_ORPHAN_AFTER": 2}


def command(stage, *words):
    """What `sluice cluster` prints."""
    settings = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    settings |= stage.cluster.settings | {"SLUICE_INDEX": stage.database.url}
    done = subprocess.run([stage.server.binary, "cluster", *words], env=settings, text=True, capture_output=True)
    expect_equal(done.returncode, 0, f"sluice cluster {words}: {done.stderr}")
    return done.stdout


def await_status(stage, what, holds):
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        status = command(stage, "status")
        counts = {w[0]: int(w[1]) for w in map(str.split, status.splitlines()) if len(w) == 2}
        disks = {w[0]: w for w in map(str.split, status.splitlines()) if len(w) >= 5 and w[0] != "disk"}
        if holds(counts, disks):
            return
        expect(time.monotonic() < deadline, f"not in time: {what}\n{status}")
        time.sleep(0.5)


def whole(counts, _):
    return counts["endangered"] == 0


@scenario("cluster: what dies is sealed, copied and collected", postgres=True, cluster=NODE_COUNT, long=True,
          settings=REPAIR_SETTINGS)  # fmt: skip
def repair(stage):
    ledger, digests = Ledger(), Digests()
    S3(stage.server).make_bucket(BUCKET)
    nodes = stage.cluster.nodes
    stage.cluster.settings |= {name: str(value) for name, value in REPAIR_SETTINGS.items()}
    with second_gateway(stage) as second:
        servers = (stage.server, second)
        with load(servers, ledger, stage.options.seed, 0):
            write_for(LOAD_S)
            # Gone for good, with its disk.
            nodes[0].kill()
            write_for(LOAD_S)
        nodes[0].disk.unlink()
        nodes[0].format()
        nodes[0].start()
        await_status(stage, "full redundancy after a disk was lost", whole)
        look_at_all(servers, ledger, digests)
        # Any two of the others may go now: what is left has everything.
        with load(servers, ledger, stage.options.seed, 1):
            write_for(LOAD_S)
            second.kill()
        await_status(stage, "the seal of what a dead gateway left",
                     lambda counts, disks: whole(counts, disks) and counts["open"] <= 1)  # fmt: skip
        verify(stage.server, ledger, digests, ledger.keys())
        second.start()
        drained = nodes[1].incarnation
        command(stage, "drain", drained)
        await_status(stage, "an empty disk after it was drained",
                     lambda counts, disks: whole(counts, disks) and disks[drained][-1] == "0")  # fmt: skip
        command(stage, "remove", drained)
        nodes[1].kill()
        look_at_all(servers, ledger, digests)
        collect_all(stage, servers, ledger)


def collect_all(stage, servers, ledger):
    """With all objects and gateways' extents gone, so is what they took."""
    s3 = S3(servers[0])
    for key in ledger.keys():
        s3.expect(204, "DELETE", BUCKET, key)
    body = s3.expect(200, "GET", BUCKET, query={"uploads": ""}).body.decode()
    for entry in body.split("<Upload>")[1:]:
        key = entry.partition("<Key>")[2].partition("</Key>")[0]
        upload_id = entry.partition("<UploadId>")[2].partition("</UploadId>")[0]
        s3.expect(204, "DELETE", BUCKET, key, query={"uploadId": upload_id})
    # Open extents stay until their gateway ends.
    servers[1].stop()
    stage.server.stop()
    stage.server.start()
    await_status(stage, "no extent is left", lambda counts, _: counts["sealed"] == 0)
    deadline = time.monotonic() + START_LIMIT_S
    for node in (stage.cluster.nodes[0], *stage.cluster.nodes[2:]):
        # One slab is kept for compaction, and counts as free for nobody else.
        while node.metric("sluice_node_disk_free_bytes") < node.metric("sluice_node_disk_bytes") - SLAB_SIZE:
            expect(time.monotonic() < deadline, f"{node.name} does not give its space back")
            time.sleep(0.5)
    servers[1].start()


# ---- what is moved

BALANCE_SETTINGS = REPAIR_SETTINGS | {"SLUICE_CLUSTER_MOVE_RATE": "8MiB"}


def await_balanced(stage):
    await_status(stage, "balanced disks",
                 lambda counts, disks: whole(counts, disks) and counts["rebalancing"] == 0)  # fmt: skip


def shrink(node, size):
    """Formats the disk anew, with room for a few extents."""
    node.kill()
    node.disk.unlink()
    node.size = size
    node.format()
    node.start()


@scenario("cluster: a new node gets its part, whatever is killed meanwhile", postgres=True, cluster=3, long=True,
          settings=BALANCE_SETTINGS)  # fmt: skip
def rebalance(stage):
    cluster = stage.cluster
    for node in cluster.nodes:
        shrink(node, "330MiB")
    s3 = S3(stage.server)
    bodies = put_all(s3, "balanced", 120)
    new = cluster.add_node(size="330MiB")

    def extents(disks):
        return {node.name: int(disks[node.incarnation][-1]) for node in cluster.nodes}

    with second_gateway(stage, settings={k: str(v) for k, v in BALANCE_SETTINGS.items()}) as second:
        command(stage, "rebalance")
        command(stage, "rebalance", "stop")
        await_status(stage, "the end of a request", lambda counts, _: counts["rebalancing"] == 0)
        command(stage, "rebalance")
        await_status(stage, "the first extent on the new node", lambda _, disks: extents(disks)[new.name] > 0)
        managers = [server for server in (stage.server, second) if metric(server, "sluice_cluster_manager") == 1]
        expect(managers, "there is no manager")
        managers[0].kill()
        await_status(stage, "another manager that goes on", lambda counts, disks: extents(disks)[new.name] > 2)
        new.kill()
        managers[0].start()
        new.start()
        # While it was gone what it had was copied; now it may be moved there again.
        command(stage, "add", new.incarnation)
        await_balanced(stage)
        loads = []
        await_status(stage, "loads", lambda _, disks: loads.append(extents(disks)) or True)
        print(f"extents: {loads[0]}")
        expect(max(loads[0].values()) - min(loads[0].values()) <= 3, f"not balanced: {loads[0]}")
        for gone in cluster.nodes[:2]:
            gone.kill()
        look_at_bodies(S3(stage.server), "balanced", bodies)


@scenario("cluster: a gateway that stood still is given up and ends, and what it answered is true", postgres=True,
          cluster=NODE_COUNT, long=True, settings=REPAIR_SETTINGS)  # fmt: skip
def give_up(stage):
    stage.cluster.settings |= {name: str(value) for name, value in REPAIR_SETTINGS.items()}
    with second_gateway(stage) as second:
        paused, other = S3(second), S3(stage.server)
        other.make_bucket("paused")
        paused.expect(200, "PUT", "paused", "before", body=content("before", 100_000))
        second.process.send_signal(signal.SIGSTOP)
        # The other one manages, at the latest once the lease has run out, and seals what it left open.
        await_status(stage, "the seal of what it left", lambda counts, _: counts["open"] == 0)
        other.expect(200, "PUT", "paused", "meanwhile", body=content("meanwhile", 100_000))
        process = second.process
        process.send_signal(signal.SIGCONT)
        try:
            answer = paused.request("PUT", "paused", "after", body=content("after", 100_000))
        except (OSError, http.client.HTTPException):
            answer = None
        expect_equal(process.wait(START_LIMIT_S), 1, "how it ended")
        expect_equal(sha256(other.expect(200, "GET", "paused", "before").body), sha256(content("before", 100_000)), "before")
        if answer is not None:
            # Whether it was in time, before the index took nothing of it any more, is no matter.
            expect(answer.status == 200 or answer.status >= 500, f"a late write: {answer}")
            other.expect(200 if answer.status == 200 else 404, "GET", "paused", "after")
        second.kill()
        second.start()
        paused = S3(second)
        paused.expect(200, "PUT", "paused", "after", body=content("after", 100_000))
        for key in ("before", "meanwhile", "after"):
            expect_equal(sha256(other.expect(200, "GET", "paused", key).body), sha256(content(key, 100_000)), key)


@scenario("cluster: nodes, gateways, etcd and PostgreSQL die at random, and nothing acknowledged is lost",
          postgres=True, cluster=NODE_COUNT + 1, long=True, settings=REPAIR_SETTINGS)  # fmt: skip
def die_at_random(stage):
    ledger, digests = Ledger(), Digests()
    chance = random.Random(stage.options.seed)
    print(f"seed {stage.options.seed}", flush=True)
    S3(stage.server).make_bucket(BUCKET)
    stage.cluster.settings |= {name: str(value) for name, value in REPAIR_SETTINGS.items()}
    with second_gateway(stage) as second:
        servers = (stage.server, second)
        acknowledged = 0
        for number in range(max(stage.options.rounds // 5, 1)):
            fault = chance.choice(FAULTS)
            print(f"round {number}: {fault.__name__}", flush=True)
            with load(servers, ledger, stage.options.seed, number) as writers:
                write_for(chance.uniform(0.1, 0.8))
                undo = fault(stage, servers, chance)
                write_for(chance.uniform(0.1, 0.8))
            acknowledged += sum(writer.acknowledged for writer in writers)
            undo()
            await_status(stage, f"full redundancy after {fault.__name__}", whole)
            look_at_all(servers, ledger, digests)
        print(f"{acknowledged} operations were acknowledged")
        expect(acknowledged > stage.options.rounds, "the writers did hardly anything")


def kill_a_node(stage, _, chance):
    node = chance.choice(stage.cluster.nodes)
    node.kill()
    return node.start


def freeze_a_node(stage, _, chance):
    node = chance.choice(stage.cluster.nodes)
    node.signal(signal.SIGSTOP)
    return lambda: node.signal(signal.SIGCONT)


def kill_a_gateway(_, servers, chance):
    server = chance.choice(servers)
    server.kill()
    return server.start


def kill_etcd(stage, _, chance):
    stage.cluster.etcd.kill()
    if chance.random() < 0.5:
        write_for(1)
    stage.cluster.etcd.start()
    return lambda: None


def crash_postgres(stage, _servers, _chance):
    stage.database.crash()
    stage.database.start()
    return lambda: None


def fail_over(stage, _servers, _chance):
    stage.database.fail_over()
    return stage.database.add_standby


def kill_etcds_leader(stage, _servers, _chance):
    leader = next(etcd for etcd in stage.cluster.etcds if etcd.leads())
    leader.kill()
    return leader.start


FAULTS = (kill_a_node, kill_a_node, freeze_a_node, kill_a_gateway, kill_etcd, crash_postgres)


@scenario("cluster: PostgreSQL fails over to its synchronous standby, and nothing acknowledged is lost", postgres=True,
          standby=True, cluster=NODE_COUNT, long=True)  # fmt: skip
def postgres_fails_over(stage):
    with second_gateway(stage) as second:
        survive(stage, (stage.server, second), fail_over)


@scenario("cluster: the leader of an etcd of three is killed, and nothing acknowledged is lost", postgres=True,
          cluster=NODE_COUNT, etcds=3, long=True)  # fmt: skip
def etcd_changes_its_leader(stage):
    with second_gateway(stage) as second:
        survive(stage, (stage.server, second), kill_etcds_leader)


def survive(stage, servers, fault, rounds=2):
    """Under load the fault happens, writing goes on before it is undone, and all that was acknowledged is there."""
    ledger, digests = Ledger(), Digests()
    S3(servers[0]).make_bucket(BUCKET)
    for number in range(rounds):
        with load(servers, ledger, stage.options.seed, number) as writers:
            await_more(writers)
            undo = fault(stage, servers, None)
            await_more(writers)
            # Such that new extents are needed.
            stage.cluster.nodes[number].kill()
            await_more(writers)
            undo()
            stage.cluster.nodes[number].start()
            await_more(writers)
        look_at_all(servers, ledger, digests)


# ---- partitions


def state_of(node, disks):
    return disks[node.incarnation][-2]


@scenario("cluster: nodes cut off from gateways, from etcd or from both lose nothing acknowledged", postgres=True,
          cluster=NODE_COUNT, links=True, long=True, settings=REPAIR_SETTINGS)  # fmt: skip
def cut_off_nodes(stage):
    ledger, digests = Ledger(), Digests()
    S3(stage.server).make_bucket(BUCKET)
    nodes = stage.cluster.nodes
    stage.cluster.settings |= {name: str(value) for name, value in REPAIR_SETTINGS.items()}
    with second_gateway(stage) as second:
        servers = (stage.server, second)
        with load(servers, ledger, stage.options.seed, 0) as writers:
            await_more(writers)
            nodes[0].link.cut()
            await_more(writers)
        # It is alive, as it says itself; who asks it gets no answer, and asks another.
        look_at_all(servers, ledger, digests)
        nodes[0].link.heal()
        for number, cut in enumerate(((nodes[1].etcd_link,), (nodes[2].link, nodes[2].etcd_link)), 1):
            node = nodes[number]
            with load(servers, ledger, stage.options.seed, number) as writers:
                await_more(writers)
                for link in cut:
                    link.cut()
                await_more(writers)
                await_status(stage, "the end of a node's lease", lambda _, disks, at=node: state_of(at, disks) == "silent")
                await_more(writers)
            await_status(stage, "full redundancy without a node that is cut off", whole)
            look_at_all(servers, ledger, digests)
            for link in cut:
                link.heal()
            await_status(stage, "a node that is back", lambda _, disks, at=node: state_of(at, disks) == "alive")
            look_at_all(servers, ledger, digests)


@scenario("cluster: a gateway cut off from etcd is given up, and what it answered is true", postgres=True,
          cluster=NODE_COUNT, links=True, long=True, settings=REPAIR_SETTINGS)  # fmt: skip
def cut_off_gateway(stage):
    ledger, digests = Ledger(), Digests()
    S3(stage.server).make_bucket(BUCKET)
    link = stage.cluster.add_link(stage.cluster.etcd.endpoint)
    with second_gateway(stage, settings={"SLUICE_EXTENTS": stage.cluster.url(link.endpoint)}) as second:
        with load((stage.server, second), ledger, stage.options.seed, 0) as writers:
            await_more(writers)
            link.cut()
            await_more(writers)
            # Its lease runs out, the other one buries it, and its index takes nothing of it any more.
            await_status(stage, "the seal of what it left", lambda counts, _: counts["open"] <= 1)
            link.heal()
            expect_equal(second.process.wait(START_LIMIT_S), 1, "how it ended")
            await_more(writers)
        verify(stage.server, ledger, digests, ledger.keys())
        second.kill()
        second.start()
        look_at_all((stage.server, second), ledger, digests)


# ---- full disks


@scenario("cluster: disks fill up, and room is found again once objects are removed", postgres=True, cluster=2, long=True,
          settings=REPAIR_SETTINGS)  # fmt: skip
def fill_disks(stage):
    stage.cluster.add_node(size="70MiB")
    stage.cluster.add_node(size="70MiB")
    for node in stage.cluster.nodes[:2]:
        node.kill()
        node.disk.unlink()
        node.size = "150MiB"
        node.format()
        node.start()
    fill(stage)


@scenario("cluster: a disk whose file system is full keeps what it has, and others take the rest", postgres=True,
          cluster=NODE_COUNT - 1, long=True, settings=REPAIR_SETTINGS)  # fmt: skip
def fill_file_system(stage):
    place = stage.folder / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        raise Skip("file systems cannot be mounted here (that needs root)")
    try:
        small = stage.cluster.add_node(folder=place)
        s3 = S3(stage.server)
        s3.make_bucket("full")
        written = {}
        # Until a node has refused one: that is elsewhere then.
        while metric(stage.server, "sluice_cluster_append_failures_total") == 0:
            key = f"key-{len(written)}"
            s3.expect(200, "PUT", "full", key, body=content(key, MIB))
            written[key] = sha256(content(key, MIB))
            expect(len(written) < 500, "the file system never fills up")
        for key, digest in written.items():
            expect_equal(sha256(s3.expect(200, "GET", "full", key).body), digest, key)
    finally:
        small.kill()
        subprocess.run(["umount", "-l", place], check=True)


COMPACT_SETTINGS = REPAIR_SETTINGS | {"SLUICE_NODE_COMPACT_RATE": "4MiB"}


def put_until_full(s3, bodies):
    """How many more objects of a MiB found room."""
    before = len(bodies)
    while True:
        key = f"key-{len(bodies)}"
        body = content(key, MIB)
        answer = s3.request("PUT", "full", key, body=body)
        if answer.status != 200:
            expect(answer.status in (503, 507), f"a full cluster answers {answer}")
            return len(bodies) - before
        bodies[key] = body
        expect(len(bodies) < 1000, "the disks never fill up")


def await_emptied(node):
    deadline = time.monotonic() + START_LIMIT_S
    while node.metric("sluice_node_compacted_slabs_total") == 0:
        expect(time.monotonic() < deadline, f"{node.name} empties no slab")
        time.sleep(0.1)


@scenario("cluster: slabs of which little is needed are emptied, also while nodes are killed", postgres=True, cluster=3,
          long=True, settings=COMPACT_SETTINGS)  # fmt: skip
def compact(stage):
    for node in stage.cluster.nodes:
        shrink(node, "190MiB")
    s3 = S3(stage.server)
    s3.make_bucket("full")
    bodies = {}
    found = put_until_full(s3, bodies)
    expect(found > 60, "the disks were full at once")
    kept = {key: body for number, (key, body) in enumerate(bodies.items()) if number % 5 == 2}
    for key in bodies.keys() - kept.keys():
        s3.expect(204, "DELETE", "full", key)
    # Of each slab there is still something: none is free before it is emptied. Each node dies in the middle of that.
    for node in stage.cluster.nodes:
        await_emptied(node)
        node.kill()
        node.start()
    deadline = time.monotonic() + START_LIMIT_S
    more = 0
    while more < found // 2:
        expect(time.monotonic() < deadline, f"only {more} objects find room")
        more += put_until_full(s3, bodies)
    print(f"{found} objects, then {more} more")
    await_status(stage, "full redundancy", whole)
    kept |= {key: body for key, body in bodies.items() if int(key[4:]) >= found}
    look_at_each_alone(stage, stage.cluster.nodes, "full", kept)


def fill(stage):
    """Writes until there is no room, and again once there is some."""
    s3 = S3(stage.server)
    s3.make_bucket("full")
    written = {}
    while True:
        key = f"key-{len(written)}"
        answer = s3.request("PUT", "full", key, body=content(key, 3 * MIB))
        if answer.status != 200:
            expect(answer.status in (503, 507), f"a full cluster answers {answer}")
            break
        written[key] = sha256(content(key, 3 * MIB))
        expect(len(written) < 500, "the disks never fill up")
    print(f"{len(written)} objects of 3 MiB found room")
    expect(len(written) > 15, "the disks were full at once")
    for key, digest in written.items():
        expect_equal(sha256(s3.expect(200, "GET", "full", key).body), digest, key)
    for key in written:
        s3.expect(204, "DELETE", "full", key)
    deadline = time.monotonic() + START_LIMIT_S
    while s3.request("PUT", "full", "again", body=content("again", 3 * MIB)).status != 200:
        expect(time.monotonic() < deadline, "no room is found again")
        time.sleep(0.5)
    expect_equal(sha256(s3.expect(200, "GET", "full", "again").body), sha256(content("again", 3 * MIB)), "again")


# ---- damage


def flip_bits(node, contents):
    """In the middle of each of the contents that the node's disk has; how many."""
    flipped = 0
    with open(node.disk, "r+b") as file, mmap.mmap(file.fileno(), 0) as disk:
        for body in contents:
            at = disk.find(body[len(body) // 2 : len(body) // 2 + 64])
            if at < 0:
                continue
            disk[at] ^= 0x40
            flipped += 1
        disk.flush()
    return flipped


def find_damage(stage):
    command(stage, "scrub")
    await_status(stage, "the end of the scrub", lambda counts, _: counts["scrubbing"] == 0)


def await_good_copies(stage):
    await_status(stage, "good copies", lambda counts, disks: whole(counts, disks) and counts["damaged"] == 0)


def put_all(s3, bucket, count):
    s3.make_bucket(bucket)
    bodies = {f"key-{n}": content(f"{bucket}/{n}", MIB) for n in range(count)}
    for key, body in bodies.items():
        s3.expect(200, "PUT", bucket, key, body=body)
    return bodies


def look_at_bodies(s3, bucket, bodies):
    for key, body in bodies.items():
        expect_equal(sha256(s3.expect(200, "GET", bucket, key).body), sha256(body), key)


def look_at_each_alone(stage, nodes, bucket, bodies):
    """Each of the nodes has all, as is seen while the others are gone."""
    for alone in nodes:
        others = [node for node in stage.cluster.nodes if node is not alone]
        for node in others:
            node.kill()
        look_at_bodies(S3(stage.server), bucket, bodies)
        for node in others:
            node.start()


SCRUB_SETTINGS = REPAIR_SETTINGS | {"SLUICE_NODE_SCRUB_RATE": "1GiB"}


@scenario("cluster: bits flipped on a disk are read around, found and repaired", postgres=True, cluster=NODE_COUNT,
          long=True, settings=SCRUB_SETTINGS)  # fmt: skip
def scrub(stage):
    s3, nodes = S3(stage.server), stage.cluster.nodes
    bodies = put_all(s3, "scrubbed", 40)
    expect(flip_bits(nodes[0], list(bodies.values())[::3]) > 3, "the disk has hardly anything")
    find_damage(stage)
    expect(nodes[0].metric("sluice_node_scrub_damaged_total") > 0, "no damage was found")
    look_at_bodies(s3, "scrubbed", bodies)
    await_good_copies(stage)
    # Without the first one, of which some was copied elsewhere.
    nodes[0].kill()
    look_at_bodies(s3, "scrubbed", bodies)
    nodes[0].start()
    # What only reads meet is repaired as well.
    expect(flip_bits(nodes[1], bodies.values()) > 0, "the disk has nothing")
    look_at_bodies(s3, "scrubbed", bodies)
    find_damage(stage)
    await_good_copies(stage)
    look_at_bodies(s3, "scrubbed", bodies)


@scenario("cluster: where there is no other disk, bits flipped on one are made good on it", postgres=True, cluster=3,
          long=True, settings=SCRUB_SETTINGS)  # fmt: skip
def scrub_in_place(stage):
    s3, nodes = S3(stage.server), stage.cluster.nodes
    bodies = put_all(s3, "scrubbed", 40)
    expect(flip_bits(nodes[0], list(bodies.values())[::3]) > 10, "the disk has not all")
    find_damage(stage)
    await_good_copies(stage)
    look_at_each_alone(stage, nodes[:1], "scrubbed", bodies)
