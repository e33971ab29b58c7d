"""Two thousand slow clients and a full disk queue at once: what must hold, holds."""
import hashlib
import http.client
import resource
import selectors
import socket
import threading
import time

from harness import raw, sigv4
from harness.content import MIB, pieces
from harness.s3 import S3, TIMEOUT_S
from harness.scenario import expect, expect_equal, scenario

BUCKET = "pressure-bucket"
SLOW_READERS = 1500  # More than the body memory has chunks (256) and may be waited for (1024).
SLOW_WRITERS = 500
FAST_WRITERS = 8
HOT = {f"hot-{number:03}": hashlib.sha256(str(number).encode()).digest() * 128 for number in range(100)}  # 4 KiB each
LARGE = 64 * MIB
LIMIT_S = 120
WRITTEN = 4 * MIB
BOUND = 300 * MIB  # Body memory, index cache, write buffers and checked extents are 64 MiB each at most.


# Nothing is cut for being slow while the scenario lasts, however slow the machine is.
@scenario("memory: 2,000 slow clients and a full disk queue", settings={"SLUICE_BODY_TIMEOUT": 1500})
def pressure(stage):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    s3 = S3(stage.server)
    s3.make_bucket(BUCKET)
    s3.put(BUCKET, "large", b"".join(pieces("pressure", LARGE)), payload_hash=sigv4.UNSIGNED)
    for key, body in HOT.items():
        s3.put(BUCKET, key, body)
        expect_equal(s3.get(BUCKET, key), body, key)  # It is in memory now.

    writers = [FastWriter(stage.server, number) for number in range(FAST_WRITERS)]
    healthy = Healthy(stage.server)
    slow = []
    try:
        for thread in [*writers, healthy]:
            thread.start()
        slow += [slow_writer(stage.server, s3, number) for number in range(SLOW_WRITERS)]
        slow += [slow_reader(stage.server, s3) for _ in range(SLOW_READERS)]
        await_refusal(slow, lambda: slow_reader(stage.server, s3), "a large read")
        await_refusal(slow, lambda: small_put(stage.server, s3), "a small put")
        healthy.await_more(healthy.served + 500)
        peak = stage.server.memory_peak()
        print(f"largest resident size {peak / MIB:.0f} MiB; {healthy.served} reads were served meanwhile")
        expect(peak < BOUND, f"the server grew to {peak / MIB:.0f} MiB")
    finally:
        for connection in slow:
            connection.close()
        for thread in [*writers, healthy]:
            thread.stop()
    expect_equal(healthy.fault, None, "a healthy client's fault")
    await_status(s3, 200, "PUT", "probe", b"probe")
    for writer in writers:
        expect_equal(writer.fault, None, "a writer's fault")
        for key, digest in writer.acknowledged.items():
            body = await_status(s3, 200, "GET", key).body
            expect_equal(hashlib.sha256(body).hexdigest(), digest, f"what was acknowledged of {key}")
    expect(any(writer.acknowledged for writer in writers), "some writers were served")
    expect(stage.server.memory_peak() < BOUND, f"the server grew to {stage.server.memory_peak() / MIB:.0f} MiB")


def await_refusal(slow, ask, what):
    """Asks until one is refused with SlowDown. Who is not refused waits for memory, or has the last of it."""
    asked = []
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        asked.append(ask())
        slow.append(asked[-1])
        for connection in readable(asked):
            asked.remove(connection)
            answer = connection.recv(4096)
            if answer.startswith(b"HTTP/1.1 200 "):
                continue
            expect(answer.startswith(b"HTTP/1.1 503 ") and b"SlowDown" in answer, f"{what} beyond the limit: {answer!r}")
            return
    raise AssertionError(f"{what} was never refused")


def readable(connections):
    """Those of them that have something, once there is one; none after a second."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(1)]


def await_status(s3, status, method, key, body=b""):
    """Asks until memory is free again for what was asked."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        answer = s3.request(method, BUCKET, key, body=body)
        if answer.status == status:
            return answer
        expect_equal(answer.status, 503, f"{method} {key} after the slow clients have left")
        expect(time.monotonic() < deadline, "memory never became free")
        time.sleep(0.1)


def slow_writer(server, s3, number):
    """Sends the beginning of its body, and then no more."""
    connection = raw.connect(server)
    connection.sendall(raw.signed_request(s3, "PUT", BUCKET, f"slow-{number}", length=LARGE) + bytes(50_000))
    return connection


def slow_reader(server, s3):
    """Asks for much and reads nothing of it; the kernel shall not hold it either."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.settimeout(TIMEOUT_S)
    connection.connect(server.host_and_port)
    connection.sendall(raw.signed_request(s3, "GET", BUCKET, "large"))
    return connection


def small_put(server, s3):
    connection = raw.connect(server)
    connection.sendall(raw.signed_request(s3, "PUT", BUCKET, "probe", length=5) + b"probe")
    return connection


class Client(threading.Thread):
    """Does one thing again and again until it is stopped; what went wrong is in `fault`."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.s3 = S3(server)
        self.fault = None
        self._stopped = threading.Event()

    def run(self):
        try:
            while not self._stopped.is_set():
                self.step()
        except (AssertionError, OSError, http.client.HTTPException) as error:
            self.fault = f"{type(error).__name__}: {error}"

    def stop(self):
        self._stopped.set()
        if self.is_alive():
            self.join(TIMEOUT_S)

    def step(self):
        raise NotImplementedError


class FastWriter(Client):
    """Keeps the disk busy. It may be refused, but what is acknowledged is kept."""

    def __init__(self, server, number):
        super().__init__(server)
        self._number = number
        self._turn = 0
        self.acknowledged = {}

    def step(self):
        key = f"fast-{self._number}-{self._turn % 4}"
        body = hashlib.sha256(f"{key} {self._turn}".encode()).digest() * (WRITTEN // 32)
        self._turn += 1
        try:
            answer = self.s3.request("PUT", BUCKET, key, body=body, payload_hash=sigv4.UNSIGNED)
        except (ConnectionError, http.client.RemoteDisconnected):
            answer = None  # It was refused while it was still sending.
        if answer and answer.status == 200:
            self.acknowledged[key] = hashlib.sha256(body).hexdigest()
            return
        if answer:
            expect_equal((answer.status, answer.code()), (503, "SlowDown"), "a put under pressure")
        self.s3.close()
        self._stopped.wait(0.2)


class Healthy(Client):
    """Reads what is in memory; it is served right whatever else happens."""

    def __init__(self, server):
        super().__init__(server)
        self.served = 0
        self._progress = threading.Condition()

    def step(self):
        key = f"hot-{self.served % len(HOT):03}"
        expect_equal(self.s3.get(BUCKET, key), HOT[key], f"{key} under pressure")
        with self._progress:
            self.served += 1
            self._progress.notify_all()

    def await_more(self, count):
        with self._progress:
            self._progress.wait_for(lambda: self.served >= count or self.fault, TIMEOUT_S)
        expect(self.served >= count, f"healthy clients are served under pressure: {self.fault or self.served}")
