"""Objects that are read again and again come out of memory, whose pages are lent to sockets: what was asked for
arrives, whatever is read, replaced and removed before it does."""
import random
import threading

from harness import raw
from harness.content import KIB, MIB, content
from harness.s3 import S3
from harness.scenario import expect_equal, scenario

BUCKET = "hot-bucket"
SIZES = (16 * KIB + 1, 64 * KIB, 100_000, 256 * KIB, 700_001, 3 * MIB)
OBJECTS = 60  # Some 40 MiB: far more than there is room for.
READERS = 4
READS = 400
SLOW = 24


def body_of(number, generation):
    return content(f"hot-{number}-{generation}", SIZES[number % len(SIZES)])


# Eight MiB are four blocks: what is kept leaves again all the time.
@scenario("memory: what is read often arrives as it was asked for", settings={"SLUICE_READ_CACHE": "8MiB"})
def hot_objects(stage):
    s3 = S3(stage.server)
    s3.make_bucket(BUCKET)
    bodies = [body_of(number, 0) for number in range(OBJECTS)]
    for number, body in enumerate(bodies):
        s3.put(BUCKET, f"{number}", body)
    for _ in range(3):  # All that fits is kept after the second.
        for number in range(OBJECTS):
            expect_equal(s3.get(BUCKET, f"{number}") == bodies[number], True, f"object {number}, read whole")

    # They are sent what fits their sockets, and take it only after everything else.
    slow = [(number, ask(stage.server, s3, number)) for number in range(SLOW)]
    readers = [Reader(stage.server, seed, bodies) for seed in range(READERS)]
    for reader in readers:
        reader.start()
    for generation in range(1, 4):
        for number in range(SLOW):
            if generation == 2 and number % 3 == 0:
                s3.expect(204, "DELETE", BUCKET, f"{number}")
            s3.put(BUCKET, f"{number}", body_of(number, generation))
            for _ in range(3):
                got = s3.get(BUCKET, f"{number}")
                expect_equal(got == body_of(number, generation), True, f"object {number} as it was put last")
    for reader in readers:
        reader.join()
        expect_equal(reader.fault, None, "what a reader met")
    for number, connection in slow:
        received = raw.read_to_end(connection)
        expect_equal(received.partition(b"\r\n\r\n")[2] == bodies[number], True, f"object {number}, taken late")
        connection.close()


def ask(server, s3, number):
    connection = raw.connect(server)
    connection.sendall(raw.signed_request(s3, "GET", BUCKET, f"{number}", [b"Connection: close"]))
    return connection


class Reader(threading.Thread):
    """Reads ranges of the objects that nobody replaces."""

    def __init__(self, server, seed, bodies):
        super().__init__()
        self._s3 = S3(server)
        self._random = random.Random(seed)
        self._bodies = bodies
        self.fault = None

    def run(self):
        try:
            for _ in range(READS):
                self._read()
        except Exception as error:  # Told by the scenario.
            self.fault = error

    def _read(self):
        number = self._random.choice([self._random.randrange(SLOW, OBJECTS), SLOW, SLOW + 1, SLOW + 3])
        body = self._bodies[number]
        first = self._random.randrange(len(body))
        last = min(len(body), first + self._random.choice([1, 5000, 64 * KIB, MIB])) - 1
        headers = {"Range": f"bytes={first}-{last}"}
        answer = self._s3.expect(206, "GET", BUCKET, f"{number}", headers=headers)
        if answer.body != body[first : last + 1]:
            raise AssertionError(f"object {number}, bytes {first} to {last}")
