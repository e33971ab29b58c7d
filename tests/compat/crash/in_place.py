"""Writers of blobs that change in place: appended to, written page by page, leased."""
import dataclasses
import http.client
import itertools
import random
import threading
import time
import uuid

from harness.azure import Blob
from harness.content import KIB, MIB, content

CONTAINER = "crash-blobs"
CONTAINER_LEASE = str(uuid.UUID(int=1))
PAGE = 512
PAGE_BLOB_SIZES = (MIB, 5 * MIB)
BLOCK_SIZES = (16, 700, 4 * KIB, 20 * KIB, 300 * KIB)
BLOCKS_MAX = 60
SNAPSHOTS_MAX = 3
GONE = (OSError, http.client.HTTPException)
LEASED_BLOBS = 2


class WrongAnswer(AssertionError):
    pass


class State:
    """What something that one writer changes may be: one value, or two after a change that was cut off."""

    def __init__(self, value):
        self.values = [value]

    @property
    def current(self):
        assert len(self.values) == 1, self.values
        return self.values[0]

    def begin(self, value):
        self.values = [self.current, value]

    def end(self, happened):
        self.values = self.values[1:] if happened else self.values[:1]

    def settle(self, value):
        self.values = [value]


@dataclasses.dataclass
class Record:
    """An append of one of several writers to a blob they share."""

    bytes: bytes
    begun: int
    ended: int | None = None


class SharedAppends:
    """All that was appended to the shared blob. Safe for concurrent use."""

    PREFIX = 16  # Bytes that tell which record it is.

    def __init__(self):
        self._clock = itertools.count()
        self._lock = threading.Lock()
        self._records = {}
        self._seen = b""

    def begin(self, data):
        with self._lock:
            record = self._records[data[: self.PREFIX]] = Record(data, next(self._clock))
            return record

    def end(self, record, happened):
        with self._lock:
            if happened:
                record.ended = next(self._clock)
            else:
                del self._records[record.bytes[: self.PREFIX]]

    def check(self, found):
        """Whole records, none twice, none missing that was acknowledged, in an order that was possible; and what was
        there before is where it was."""
        if not found.startswith(self._seen):
            raise AssertionError("what was there at the last look has changed")
        place, missing, begun_max = 0, dict(self._records), -1
        while place < len(found):
            record = missing.pop(found[place : place + self.PREFIX], None)
            if record is None or not found.startswith(record.bytes, place):
                raise AssertionError(f"no whole record, or one a second time, at {place} of {len(found)}")
            if record.ended is not None and record.ended < begun_max:
                raise AssertionError(f"the record at {place} was acknowledged before one in front of it was begun")
            begun_max = max(begun_max, record.begun)
            place += len(record.bytes)
        lost = [record for record in missing.values() if record.ended is not None]
        if lost:
            raise AssertionError(f"{len(lost)} acknowledged appends are lost")
        # What was cut off and is not there will not come any more.
        for prefix in missing:
            del self._records[prefix]
        self._seen = found


@dataclasses.dataclass(frozen=True)
class Lease:
    id: str
    seconds: int | None  # None: until it is given up.
    since: float  # Before it was asked for.

    def is_over(self):
        """May it have ended by now? To be asked after an answer came."""
        return self.seconds is not None and time.time() >= self.since + self.seconds


class InPlaceWriter:
    """Owns its blobs alone, but for the shared one. Lives through the crashes of a scenario."""

    def __init__(self, number, shared, seed):
        self._folder = f"/{CONTAINER}/writer-{number}"
        self._origin = f"in-place/{number}"
        self._chance = random.Random(f"{seed}/{self._origin}")
        self._shared = shared
        self._blob = None
        self._label = 0
        self.appended = State(None)  # The blocks.
        self.paged = State(None)  # The bytes.
        self.leases = [State(None) for _ in range(LEASED_BLOBS)]
        self.snapshots = []  # (path, query, bytes) of those that must be there.
        self.acknowledged = 0

    def connect(self, server):
        self._blob = Blob(server)

    def make_blobs(self):
        for path in map(self._leased, range(LEASED_BLOBS)):
            self._request((201,), "PUT", path, headers={"x-ms-blob-type": "BlockBlob"}, body=b"leased")

    def run(self):
        """Writes until the connection breaks. Raises WrongAnswer where the server is wrong."""
        operations = (
            (30, self._append), (10, self._append_to_shared), (3, self._create_append_blob), (30, self._put_page),
            (6, self._clear_page), (4, self._resize), (2, self._create_page_blob), (4, self._snapshot),
            (24, self._lease),
        )  # fmt: skip
        weights, plays = zip(*operations)
        try:
            while True:
                self._chance.choices(plays, weights)[0]()
        except GONE:
            pass

    def _request(self, wanted, method, path, query="", headers=None, body=b""):
        answer = self._blob.request(method, path, query, headers, body)
        # A server going down may refuse, but nothing was done then.
        if answer.status not in wanted and answer.status != 503:
            raise WrongAnswer(f"{method} {path}?{query} {headers}: {answer.status} {answer.body[:300]!r}")
        if answer.status < 300:
            self.acknowledged += 1
        return answer

    def _change(self, state, value, wanted, method, path, query="", headers=None, body=b""):
        """A change of what one state tells of: known before it starts, and after its answer."""
        state.begin(value)
        answer = self._request((wanted,), method, path, query, headers, body)
        state.end(answer.status == wanted)
        return answer

    def _content(self, size):
        self._label += 1
        return content(f"{self._origin}/{self._label}", size)

    # ---- appends

    @property
    def _appended_path(self):
        return f"{self._folder}/appended"

    def _create_append_blob(self):
        self._change(self.appended, (), 201, "PUT", self._appended_path, headers={"x-ms-blob-type": "AppendBlob"})

    def _append(self):
        blocks = self.appended.current
        if blocks is None or len(blocks) >= BLOCKS_MAX:
            self._create_append_blob()
            return
        block = self._content(self._chance.choice(BLOCK_SIZES))
        headers = {}
        if self._chance.random() < 0.5:
            headers["x-ms-blob-condition-appendpos"] = str(sum(map(len, blocks)))
        after = (*blocks, block)
        self._change(self.appended, after, 201, "PUT", self._appended_path, "comp=appendblock", headers, block)

    def _append_to_shared(self):
        block = self._content(self._chance.choice(BLOCK_SIZES[:-1]))
        record = self._shared.begin(block)
        answer = self._request((201,), "PUT", f"/{CONTAINER}/shared", "comp=appendblock", body=block)
        self._shared.end(record, answer.status == 201)

    # ---- pages

    @property
    def _paged_path(self):
        return f"{self._folder}/paged"

    def _create_page_blob(self):
        size = self._chance.choice(PAGE_BLOB_SIZES)
        headers = {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": str(size)}
        self._change(self.paged, bytes(size), 201, "PUT", self._paged_path, headers=headers)

    def _pages(self):
        """A range of the page blob's pages, often about the edge of a region of 4 MiB."""
        count = len(self.paged.current) // PAGE
        length = min(self._chance.choice((1, 1, 7, 16, 130, 1000)), count)
        begin = self._chance.randrange(count - length + 1)
        edge = 4 * MIB // PAGE
        if edge < count and self._chance.random() < 0.3:
            begin = min(edge - length // 2, count - length)
        return begin * PAGE, (begin + length) * PAGE

    def _write_pages(self, what, data_of):
        before = self.paged.current
        if before is None:
            self._create_page_blob()
            return
        begin, end = self._pages()
        data = data_of(end - begin)
        after = before[:begin] + (data or bytes(end - begin)) + before[end:]
        headers = {"x-ms-page-write": what, "x-ms-range": f"bytes={begin}-{end - 1}"}
        self._change(self.paged, after, 201, "PUT", self._paged_path, "comp=page", headers, data)

    def _put_page(self):
        self._write_pages("update", self._content)

    def _clear_page(self):
        self._write_pages("clear", lambda _: b"")

    def _resize(self):
        before = self.paged.current
        if before is None:
            return
        size = self._chance.choice((*PAGE_BLOB_SIZES, MIB - PAGE, 4 * MIB))
        headers = {"x-ms-blob-content-length": str(size)}
        after = before[:size].ljust(size, b"\0")
        self._change(self.paged, after, 200, "PUT", self._paged_path, "comp=properties", headers)

    # ---- snapshots

    def _snapshot(self):
        kinds = (self._appended_path, self.appended), (self._paged_path, self.paged)
        path, state = self._chance.choice(kinds)
        if state.current is None:
            return
        if len(self.snapshots) >= SNAPSHOTS_MAX:
            of, query, _ = self.snapshots.pop(0)
            self._request((202,), "DELETE", of, query)
        answer = self._request((201,), "PUT", path, "comp=snapshot")
        if answer.status == 201:
            self.snapshots.append((path, f"snapshot={answer.headers['x-ms-snapshot']}", bytes_of(state.current)))

    # ---- leases

    def _leased(self, number):
        return f"{self._folder}/leased-{number}"

    def _lease(self):
        number = self._chance.randrange(LEASED_BLOBS)
        path, state = self._leased(number), self.leases[number]
        if state.current is None:
            self._acquire(path, state)
        elif state.current.seconds is not None:
            self._renew_or_find_over(path, state)
        else:
            acts = self._write_leased, self._write_leased, self._renew, self._change_lease, self._release, self._break
            self._chance.choice(acts)(path, state)

    def _act(self, path, state, value, wanted, action, **headers):
        fields = {"x-ms-lease-action": action, **{name.replace("_", "-"): word for name, word in headers.items()}}
        return self._change(state, value, wanted, "PUT", path, "comp=lease", fields)

    def _new_id(self):
        return str(uuid.UUID(int=self._chance.getrandbits(128)))

    def _acquire(self, path, state):
        seconds = self._chance.choice((None, None, 15, 60))
        lease = Lease(self._new_id(), seconds, time.time())
        duration = str(seconds or -1)
        self._act(path, state, lease, 201, "acquire", x_ms_lease_duration=duration, x_ms_proposed_lease_id=lease.id)

    def _renew(self, path, state):
        self._act(path, state, state.current, 200, "renew", x_ms_lease_id=state.current.id)

    def _change_lease(self, path, state):
        lease = dataclasses.replace(state.current, id=self._new_id())
        self._act(path, state, lease, 200, "change", x_ms_lease_id=state.current.id, x_ms_proposed_lease_id=lease.id)

    def _release(self, path, state):
        self._act(path, state, None, 200, "release", x_ms_lease_id=state.current.id)

    def _break(self, path, state):
        self._act(path, state, None, 202, "break", x_ms_lease_break_period="0")

    def _renew_or_find_over(self, path, state):
        """Of a lease that ends by itself."""
        headers = {"x-ms-lease-action": "renew", "x-ms-lease-id": state.current.id}
        asked = time.time()
        answer = self._request((200, 409), "PUT", path, "comp=lease", headers)
        if answer.status == 200:
            state.settle(dataclasses.replace(state.current, since=asked))
        elif answer.status == 409:
            self._check_over(path, state)

    def _check_over(self, path, state):
        if not state.current.is_over():
            raise WrongAnswer(f"{path}: the lease is not held, and its time is not over")
        state.settle(None)

    def _write_leased(self, path, state):
        self.check_enforced(path, state.current)

    def check_enforced(self, path, lease):
        """Whoever names the lease may write, nobody else."""
        kind = {"x-ms-blob-type": "BlockBlob"}
        none, wrong = {}, {"x-ms-lease-id": self._new_id()}
        for other, code in ((none, "LeaseIdMissing"), (wrong, "LeaseIdMismatchWithBlobOperation")):
            answer = self._request((201, 412), "PUT", path, headers=kind | other, body=b"another's")
            found = answer.headers.get("x-ms-error-code")
            refused = answer.status == 503 or (answer.status == 412 and found == code)
            if not refused and not lease.is_over():
                raise WrongAnswer(f"{path} is leased, and a write of another's got {answer.status} {found}")
        answer = self._request((201, 412), "PUT", path, headers=kind | {"x-ms-lease-id": lease.id}, body=b"leased")
        if answer.status == 412 and not lease.is_over():
            raise WrongAnswer(f"{path} is leased, and its lease's own write was refused")

    # ---- the look at everything after a crash

    def verify(self):
        self._verify_content(self._appended_path, self.appended)
        self._verify_content(self._paged_path, self.paged)
        for path, query, data in self.snapshots:
            if self._blob.expect(200, "GET", path, query).body != data:
                raise AssertionError(f"{path}?{query} is not what it was taken of")
        for number, state in enumerate(self.leases):
            self._verify_lease(self._leased(number), state)

    def _verify_content(self, path, state):
        answer = self._blob.request("GET", path)
        state.settle(value_found(path, answer, state.values))
        if isinstance(state.current, tuple):
            count = answer.headers["x-ms-blob-committed-block-count"]
            if count != str(len(state.current)):
                raise AssertionError(f"{path} tells of {count} blocks, and has {len(state.current)}")

    def _verify_lease(self, path, state):
        held = self._blob.expect(200, "HEAD", path).headers["x-ms-lease-status"] == "locked"
        if not held:
            if not any(lease is None or lease.is_over() for lease in state.values):
                raise AssertionError(f"{path} is not leased any more: {state.values}")
            state.settle(None)
            return
        for lease in filter(None, state.values):
            headers = {"x-ms-lease-action": "renew", "x-ms-lease-id": lease.id}
            asked = time.time()
            if self._blob.request("PUT", path, "comp=lease", headers).status == 200:
                state.settle(dataclasses.replace(lease, since=asked))
                self.check_enforced(path, state.current)
                return
        if not any(lease is not None and lease.is_over() for lease in state.values):
            raise AssertionError(f"{path} has a lease that is none of {state.values}")
        state.settle(None)


def bytes_of(value):
    return b"".join(value) if isinstance(value, tuple) else value


def value_found(path, answer, values):
    """The value among the possible ones that a GET found. Raises when it is none of them, or torn."""
    if answer.status not in (200, 404):
        raise AssertionError(f"GET {path}: {answer.status} {answer.body[:200]!r}")
    found = answer.body if answer.status == 200 else None
    for value in values:
        if bytes_of(value) == found:
            return value
    sizes = [value if value is None else len(bytes_of(value)) for value in values]
    raise AssertionError(f"{path} has {found and len(found)} bytes that are none of what it may have: {sizes} bytes")
