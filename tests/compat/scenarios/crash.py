"""kill -9, and power cuts, at random moments under load: nothing acknowledged is lost, nothing is torn, nothing leaks."""
import concurrent.futures
import random
import threading
import time

from crash.in_place import CONTAINER, CONTAINER_LEASE, InPlaceWriter, SharedAppends
from crash.ledger import Digests, Ledger
from crash.writer import BUCKET, Writer, check_bytes
from harness.azure import Blob
from harness.power import VolatileMount
from harness.s3 import S3
from harness.scenario import expect, expect_equal, scenario

WRITER_COUNT = 5
LOAD_S_MAX = 0.8


@scenario("crash: kill -9 under load loses nothing acknowledged")
def kill_and_verify(stage):
    ledger, digests = play_rounds(stage, stage.options.rounds, lambda: None)
    check_store(stage)
    stage.server.start()
    verify(stage.server, ledger, digests, ledger.keys())


@scenario("crash: a power cut under load loses nothing acknowledged")
def cut_power_and_verify(stage):
    """Served from a file system that forgets, at the cut, any part of what was not synced."""
    chance = random.Random(stage.options.seed)
    stage.server.stop()
    with VolatileMount(stage.options.tools, stage.folder, stage.server.data, chance) as mount:
        stage.server.start()
        play_rounds(stage, max(stage.options.rounds // 2, 1), mount.cut)
        check_store(stage)


@scenario("crash: kill -9 of the gateway and of PostgreSQL loses nothing acknowledged", postgres=True)
def kill_both_and_verify(stage):
    chance = random.Random(stage.options.seed)

    def lose():
        if chance.random() < 0.5:
            stage.database.crash()
            stage.database.start()

    play_rounds(stage, max(stage.options.rounds // 4, 1), lose)
    check_store(stage)


@scenario("crash: kill -9 under appends, page writes and leases loses nothing acknowledged")
def kill_in_place(stage):
    play_in_place(stage, max(stage.options.rounds // 2, 1), lambda: None)
    check_store(stage)


@scenario("crash: a power cut under appends, page writes and leases loses nothing acknowledged")
def cut_power_in_place(stage):
    chance = random.Random(stage.options.seed)
    stage.server.stop()
    with VolatileMount(stage.options.tools, stage.folder, stage.server.data, chance) as mount:
        stage.server.start()
        play_in_place(stage, max(stage.options.rounds // 2, 1), mount.cut)
        check_store(stage)


def play_in_place(stage, round_count, lose):
    """As play_rounds, of blobs that change in place. All of it is looked at after each crash."""
    print(f"seed {stage.options.seed}, {round_count} rounds", flush=True)
    chance = random.Random(stage.options.seed)
    shared = SharedAppends()
    witness = Blob(stage.server)
    witness.expect(201, "PUT", f"/{CONTAINER}", "restype=container")
    witness.expect(201, "PUT", f"/{CONTAINER}/shared", headers={"x-ms-blob-type": "AppendBlob"})
    lease = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1", "x-ms-proposed-lease-id": CONTAINER_LEASE}
    witness.expect(201, "PUT", f"/{CONTAINER}", "restype=container&comp=lease", lease)
    writers = [InPlaceWriter(n, shared, stage.options.seed) for n in range(WRITER_COUNT)]
    for writer in writers:
        writer.connect(stage.server)
        writer.make_blobs()
    for number in range(round_count):
        load_until_killed(stage.server, writers, chance.uniform(0.05, LOAD_S_MAX))
        lose()
        stage.server.start()
        try:
            verify_in_place(stage.server, writers, shared)
        except AssertionError as fault:
            raise AssertionError(f"round {number}: {fault}") from fault
    acknowledged = sum(writer.acknowledged for writer in writers)
    print(f"{acknowledged} operations were acknowledged")
    expect(acknowledged > round_count, "the writers did hardly anything")


def verify_in_place(server, writers, shared):
    for writer in writers:
        writer.connect(server)
        writer.verify()
    witness = Blob(server)
    shared.check(witness.expect(200, "GET", f"/{CONTAINER}/shared").body)
    refused = witness.expect(412, "DELETE", f"/{CONTAINER}", "restype=container")
    expect_equal(refused.headers.get("x-ms-error-code"), "LeaseIdMissing", "why a leased container stays")


def play_rounds(stage, round_count, lose):
    """Load, a kill, `lose()`, a start and a look at everything in doubt, so many times; then at everything."""
    print(f"seed {stage.options.seed}, {round_count} rounds", flush=True)
    chance = random.Random(stage.options.seed)
    ledger, digests = Ledger(), Digests()
    S3(stage.server).make_bucket(BUCKET)
    acknowledged = 0
    uploads = [[] for _ in range(WRITER_COUNT)]
    for number in range(round_count):
        writers = [Writer(stage.server, n, number, ledger, stage.options.seed) for n in range(WRITER_COUNT)]
        for writer, left in zip(writers, uploads):
            writer.uploads = left
        load_until_killed(stage.server, writers, chance.uniform(0.05, LOAD_S_MAX))
        acknowledged += sum(writer.acknowledged for writer in writers)
        uploads = [writer.uploads for writer in writers]
        lose()
        stage.server.start()
        try:
            verify(stage.server, ledger, digests, ledger.unsettled())
            verify_uploads(stage.server, uploads)
        except AssertionError as fault:
            raise AssertionError(f"round {number}: {fault}") from fault
    print(f"{acknowledged} operations were acknowledged")
    expect(acknowledged > round_count, "the writers did hardly anything")
    finish_uploads(stage.server, ledger, uploads)
    verify(stage.server, ledger, digests, ledger.keys())
    check_listing(stage.server, ledger)
    return ledger, digests


def load_until_killed(server, writers, seconds):
    faults = []

    def run(writer):
        try:
            writer.run()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    time.sleep(seconds)  # The moment of the kill is random; nothing below depends on it.
    alive = server.alive()
    server.kill()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    expect(alive, "the server ended by itself under load")


def verify(server, ledger, digests, keys):
    """Each key holds one of its possible values; from now on it is known which."""
    local = threading.local()

    def look(key):
        if not hasattr(local, "s3"):
            local.s3 = S3(server)
        answer = local.s3.request("GET", BUCKET, key)
        expect(answer.status in (200, 404), f"GET {key}: {answer.status} {answer.body[:200]!r}")
        ledger.settle(key, check_bytes(key, answer, ledger.possible(key), digests))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(look, keys))


def verify_uploads(server, uploads):
    """Acknowledged parts are still staged."""
    s3 = S3(server)
    for upload in (upload for left in uploads for upload in left):
        staged = s3.list_parts(BUCKET, upload.key, upload.id)
        for number, etag in upload.etags.items():
            expect_equal(staged.get(number), etag, f"part {number} of {upload.key}")


def finish_uploads(server, ledger, uploads):
    """Completes what can be completed and aborts the rest, then every upload of which no id was heard."""
    writer = Writer(server, "last", "last", ledger, 0)
    for upload in (upload for left in uploads for upload in list(left)):
        writer.uploads = [upload]
        for number in range(1, len(upload.value.parts) + 1):
            if number not in upload.etags:
                writer.stage_part(upload, number)
        writer.complete(upload)
    s3 = S3(server)
    body = s3.expect(200, "GET", BUCKET, query={"uploads": ""}).body.decode()
    for entry in body.split("<Upload>")[1:]:
        key = entry.partition("<Key>")[2].partition("</Key>")[0]
        upload_id = entry.partition("<UploadId>")[2].partition("</UploadId>")[0]
        s3.expect(204, "DELETE", BUCKET, key, query={"uploadId": upload_id})


def check_listing(server, ledger):
    present = [key for key in ledger.keys() if ledger.current(key) is not None]
    expect_equal(S3(server).list(BUCKET)[0], present, "the listing at the end")


def check_store(stage):
    """After a last kill, a start that reconciles and a proper end, the store holds exactly what it should."""
    stage.server.kill()
    stage.server.start()
    stage.server.await_log("reconciled")
    stage.server.stop()
    report = stage.server.fsck()
    print(report)
    counts = dict(line.split() for line in report.splitlines() if len(line.split()) == 2)
    for what in ("faults", "orphan_rows", "orphan_bytes", "uploads"):
        expect_equal(counts.get(what), "0", f"what fsck says of {what}")
