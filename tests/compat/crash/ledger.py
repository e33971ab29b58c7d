"""What each key may hold, given what was acknowledged and what was cut off."""
import dataclasses
import itertools
import threading

from harness.content import content, sha256


@dataclasses.dataclass(frozen=True)
class Value:
    """A stored object. `parts` are the sizes of its parts, or empty for a single PUT."""

    label: str
    size: int
    parts: tuple = ()

    def bytes(self):
        if not self.parts:
            return content(self.label, self.size)
        return b"".join(self.part(number) for number in range(1, len(self.parts) + 1))

    def part(self, number):
        return content(f"{self.label}/{number}", self.parts[number - 1])


ABSENT = None


@dataclasses.dataclass
class Write:
    """One write of a key: begun, perhaps ended, and what it leaves."""

    value: Value | None
    begun: int
    ended: int | None = None


NEVER_WRITTEN = Write(ABSENT, -2, -1)


class Ledger:
    """The writes of each key since it was last looked at. Safe for concurrent use.

    A value is possible if no other acknowledged write began after its own had ended: then
    any number of writers may share a key, and a write that was cut off may or may not count.
    """

    def __init__(self):
        self._clock = itertools.count()
        self._lock = threading.Lock()
        self._writes = {}

    def begin(self, key, value):
        with self._lock:
            write = Write(value, next(self._clock))
            self._writes.setdefault(key, [NEVER_WRITTEN]).append(write)
            return write

    def acknowledge(self, write):
        with self._lock:
            write.ended = next(self._clock)

    def refuse(self, key, write):
        """The server said that nothing was written."""
        with self._lock:
            self._writes[key].remove(write)

    def possible(self, key):
        writes = self._writes.get(key, [NEVER_WRITTEN])
        latest_begun = max(write.begun for write in writes if write.ended is not None)
        return [write.value for write in writes if write.ended is None or write.ended > latest_begun]

    def settle(self, key, value):
        """The key was looked at while nobody wrote, and holds this."""
        with self._lock:
            self._writes[key] = [Write(value, next(self._clock), next(self._clock))]

    def current(self, key):
        """What a key holds that has one writer with no write in doubt."""
        found = self.possible(key)
        assert len(found) == 1, (key, found)
        return found[0]

    def unsettled(self):
        """Keys that were written to since they were last looked at."""
        return sorted(key for key, writes in self._writes.items() if len(writes) > 1)

    def keys(self):
        return sorted(self._writes)


class Digests:
    """SHA-256 of values, each computed once."""

    def __init__(self):
        self._known = {}

    def of(self, value):
        if value not in self._known:
            self._known[value] = sha256(value.bytes())
        return self._known[value]
