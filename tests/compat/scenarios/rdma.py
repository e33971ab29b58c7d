"""Objects that go between the memory of a client and the gateway over RDMA. Needs a device: tests/verbs plays it."""
import concurrent.futures
import hashlib
import re
import urllib.request

from harness.content import KIB, MIB
from harness.rdma import Memory
from harness.s3 import S3
from harness.scenario import expect, expect_equal, scenario
from harness.sigv4 import UNSIGNED

BUCKET = "rdma-bucket"
DEVICE = "rxe0"
SIZES = (1, 4 * KIB, 70_001, MIB, MIB + 1, 8 * MIB)
HALF = 12 * MIB  # Of the memory: what is sent stands in the first one, what comes in the other.
THREADS = 6


def content(size, seed):
    """Bytes that repeat nowhere within reach."""
    block = hashlib.shake_128(f"{seed}".encode()).digest(min(size, 70_003))
    return (block * (size // len(block) + 1))[:size]


def put(s3, memory, key, size, query=(), headers=None, token=None):
    offered = {**(headers or {}), "x-amz-rdma-token": token or memory.token(0, size)}
    return s3.request("PUT", BUCKET, key, query=query, headers=offered, payload_hash=UNSIGNED)


def get(s3, memory, key, size, headers=None, token=None):
    offered = {**(headers or {}), "x-amz-rdma-token": token or memory.token(HALF, size)}
    return s3.request("GET", BUCKET, key, headers=offered)


def expect_declined(answer, what):
    expect_equal((answer.status, answer.headers["x-amz-rdma-reply"]), (501, "501"), what)


def expect_moved(answer, size, status=200):
    expect_equal(answer.status, status, f"the status of {size} bytes over RDMA ({answer.body[:300]!r})")
    expect_equal(answer.headers["x-amz-rdma-reply"], str(status), "x-amz-rdma-reply")
    expect_equal(answer.headers["x-amz-rdma-bytes-transferred"], str(size), "x-amz-rdma-bytes-transferred")
    expect_equal(answer.body, b"", "the body over HTTP")


def metric(server, name):
    with urllib.request.urlopen(f"{server.admin}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    return int(float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1)))


@scenario("rdma: objects go to and from a client's memory", rdma=True, settings={"SLUICE_S3_RDMA": DEVICE})
def objects_over_rdma(stage):
    s3, memory = S3(stage.server), Memory(DEVICE, 2 * HALF)
    s3.make_bucket(BUCKET)
    declined_before_it_is_connected(s3, memory)
    memory.connect(s3)
    both_ways(s3, memory)
    parts_ranges_and_conditions(s3, memory)
    refused_by_the_client(s3, memory)
    many_at_a_time(stage.server, memory)

    failures = metric(stage.server, 'sluice_s3_rdma_failures_total{direction="in"}')
    expect_equal(failures, 1, "failures that were counted")
    expect(metric(stage.server, 'sluice_s3_rdma_declined_total{reason="connection"}') >= 2, "no decline was counted")
    moved = metric(stage.server, 'sluice_s3_rdma_transfers_total{direction="in"}')
    expect(moved >= len(SIZES) + THREADS, f"{moved} transfers in were counted")
    expect_equal(metric(stage.server, "sluice_s3_rdma_connections_total"), 2, "connections that were counted")


def declined_before_it_is_connected(s3, memory):
    expect_declined(put(s3, memory, "fallen/back", 4 * KIB), "a PUT before there is a connection")
    expect_equal(s3.request("GET", BUCKET, "fallen/back").status, 404, "what the declined PUT left")
    s3.put(BUCKET, "fallen/back", b"by HTTP")
    expect_declined(get(s3, memory, "fallen/back", 4 * KIB), "a GET before there is a connection")
    expect_equal(s3.get(BUCKET, "fallen/back"), b"by HTTP", "what came by HTTP")
    expect_equal(put(s3, memory, "x", 1, token="zz").status, 400, "the status of what is no token")


def both_ways(s3, memory):
    for size in SIZES:
        data = content(size, size)
        memory.write(0, data)
        stored = put(s3, memory, f"of {size}", size)
        expect_moved(stored, size)
        expect_equal(stored.etag(), hashlib.md5(data).hexdigest(), "the ETag")  # noqa: S324
        expect(s3.get(BUCKET, f"of {size}") == data, f"what was stored of {size} bytes is something else")

        memory.write(HALF, b"-" * (size + 8))
        got = get(s3, memory, f"of {size}", size)
        expect_moved(got, size)
        expect_equal(got.etag(), stored.etag(), "the ETag of the read")
        expect(memory.read(HALF, size) == data, f"what came of {size} bytes is something else")
        expect_equal(memory.read(HALF + size, 8), b"-" * 8, "the bytes behind the object")


def parts_ranges_and_conditions(s3, memory):
    data = content(8 * MIB, 8 * MIB)
    key = f"of {8 * MIB}"
    part = get(s3, memory, key, 3 * MIB, headers={"Range": f"bytes={MIB}-{4 * MIB - 1}"})
    expect_moved(part, 3 * MIB, 206)
    expect_equal(part.headers["content-range"], f"bytes {MIB}-{4 * MIB - 1}/{8 * MIB}", "Content-Range")
    expect(memory.read(HALF, 3 * MIB) == data[MIB : 4 * MIB], "the range is something else")
    expect_declined(get(s3, memory, key, 8 * MIB - 1), "a GET into less memory than the object is long")

    upload = s3.start_upload(BUCKET, "in parts")
    etags, pieces = {}, [content(5 * MIB, "first"), content(5 * MIB, "second"), content(70_001, "third")]
    for number, piece in enumerate(pieces, 1):
        memory.write(0, piece)
        answer = put(s3, memory, "in parts", len(piece), query={"partNumber": number, "uploadId": upload})
        expect_moved(answer, len(piece))
        etags[number] = answer.etag()
    s3.finish_upload(BUCKET, "in parts", upload, etags)
    whole = b"".join(pieces)
    expect_moved(get(s3, memory, "in parts", HALF), len(whole))
    expect(memory.read(HALF, len(whole)) == whole, "the object in parts is something else")

    refused = put(s3, memory, key, 4 * KIB, headers={"If-None-Match": "*"})
    expect_equal(refused.status, 412, "a conditional PUT of what is there")
    spoilt = put(s3, memory, "spoilt", 4 * KIB, headers={"x-amz-checksum-crc32": "AAAAAA=="})
    expect_equal((spoilt.status, spoilt.code()), (400, "BadDigest"), "a PUT with another checksum")
    expect_equal(s3.request("GET", BUCKET, "spoilt").status, 404, "what it left")
    expect(s3.get(BUCKET, key) == data, "the old object is something else")


def refused_by_the_client(s3, memory):
    """A wrong key is refused by the client's own device: nothing is stored, and the connection is over."""
    old = content(4 * KIB, 4 * KIB)
    answer = put(s3, memory, f"of {4 * KIB}", 4 * KIB, token=memory.token(0, 4 * KIB, key=memory.key + 0x111))
    expect_equal((answer.status, answer.headers["x-amz-rdma-reply"]), (503, "503"), "a PUT with a wrong key")
    expect(s3.get(BUCKET, f"of {4 * KIB}") == old, "the old object is something else")
    expect_declined(put(s3, memory, "x", 4 * KIB), "a PUT by a connection that is over")

    memory.renew()
    memory.connect(s3)
    expect_moved(get(s3, memory, f"of {4 * KIB}", 4 * KIB), 4 * KIB)
    expect(memory.read(HALF, 4 * KIB) == old, "what came by the new connection is something else")


def many_at_a_time(server, memory):
    """By connections of their own over HTTP, and one over RDMA."""
    size = MIB + 4321

    def play(number):
        s3 = S3(server)
        data = content(size, f"thread {number}")
        memory.write(number * size, data)
        sent, room = memory.token(number * size, size), HALF + number * size
        expect_moved(put(s3, memory, f"thread {number}", size, token=sent), size)
        expect_moved(get(s3, memory, f"thread {number}", size, token=memory.token(room, size)), size)
        expect(memory.read(room, size) == data, f"what thread {number} got is something else")
        s3.close()

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(play, number) for number in range(THREADS)]:
            done.result()
