"""A body larger than memory's bound passes through in both directions."""
import hashlib

from harness.content import MIB, make_file, pieces
from harness.s3 import S3, TIMEOUT_S
from harness.scenario import expect, expect_equal, scenario
from harness import raw, sigv4

BOUND = 200 * MIB
BUCKET = "memory-bucket"


@scenario("memory: a large object up and down in under 200 MB")
def large_object(stage):
    size = stage.options.large_size
    path = stage.folder / "large"
    digest = make_file(path, size)
    s3 = S3(stage.server)
    s3.make_bucket(BUCKET)
    with open(path, "rb") as file:
        s3.expect(200, "PUT", BUCKET, "large", headers={"Content-Length": str(size)}, body=file)
    path.unlink()
    expect_equal(digest_of_download(stage, s3, "large"), digest, "the hash of what came back")
    peak = stage.server.memory_peak()
    print(f"{size / MIB:.0f} MiB up and down, largest resident size {peak / MIB:.0f} MiB")
    expect(peak < BOUND, f"the server grew to {peak / MIB:.0f} MiB")


@scenario("memory: many slow readers and writers share one bound")
def slow_clients(stage):
    """Readers that do not read and writers that do not write: the server may not hold their bodies."""
    s3 = S3(stage.server)
    s3.make_bucket(BUCKET)
    size = 64 * MIB
    s3.put(BUCKET, "large", b"".join(pieces("slow", size)), payload_hash=sigv4.UNSIGNED)
    idle = []
    for number in range(100):
        reader = raw.connect(stage.server)
        reader.sendall(raw.signed_request(s3, "GET", BUCKET, "large"))
        writer = raw.connect(stage.server)
        writer.sendall(raw.signed_request(s3, "PUT", BUCKET, f"slow-{number}", length=size) + bytes(100_000))
        idle += [reader, writer]
    for connection in idle[::2]:
        connection.settimeout(TIMEOUT_S)
        expect(connection.recv(12).startswith(b"HTTP/1.1 200"), "every reader is answered")
    peak = stage.server.memory_peak()
    print(f"largest resident size with 200 slow clients: {peak / MIB:.0f} MiB")
    for connection in idle:
        connection.close()
    expect(peak < BOUND, f"the server grew to {peak / MIB:.0f} MiB")


def digest_of_download(stage, s3, key):
    digest = hashlib.sha256()
    with raw.connect(stage.server) as connection:
        connection.sendall(raw.signed_request(s3, "GET", BUCKET, key, [b"Connection: close"]))
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            expect(piece, "an answer")
            head += piece
        digest.update(head.partition(b"\r\n\r\n")[2])
        buffer = bytearray(MIB)
        while count := connection.recv_into(buffer):
            digest.update(memoryview(buffer)[:count])
    return digest.hexdigest()
