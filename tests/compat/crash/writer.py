"""One writer: a random operation after another over a keep-alive connection, until the server is gone."""
import dataclasses
import http.client
import random

from crash.ledger import ABSENT, Value
from harness.content import KIB, MIB, sha256
from harness.s3 import S3, complete_document

BUCKET = "crash-bucket"
SMALL_KEYS = 40
LARGE_KEYS = 3
SHARED_KEYS = 3
PART_SIZE = 5 * MIB
GONE = (OSError, http.client.HTTPException)


@dataclasses.dataclass
class Upload:
    """A multipart upload that was begun and not yet ended; acknowledged parts only."""

    key: str
    id: str
    value: Value
    etags: dict


class WrongAnswer(AssertionError):
    pass


class Writer:
    """Owns its keys alone, but for the shared ones. After a crash its uploads in progress stay open."""

    def __init__(self, server, number, round_number, ledger, seed):
        self._folder = f"writer-{number}"
        self._origin = f"{round_number}/{number}"  # of everything this writer writes
        self._ledger = ledger
        self._chance = random.Random(f"{seed}/{self._origin}")
        self._s3 = S3(server)
        self._label = 0
        self._etags = {}  # of keys whose current value we put ourselves
        self.uploads = []
        self.acknowledged = 0

    def run(self):
        """Writes until the connection breaks. Raises WrongAnswer where the server is wrong."""
        operations = (
            (30, self._put_small), (12, self._overwrite), (12, self._remove), (8, self._copy), (8, self._put_large),
            (10, self._put_conditionally), (6, self._put_shared), (6, self._begin_upload), (12, self._go_on_with_upload),
        )  # fmt: skip
        weights, plays = zip(*operations)
        try:
            while True:
                self._chance.choices(plays, weights)[0]()
        except GONE:
            self._s3.close()

    def _value(self, size, parts=()):
        self._label += 1
        return Value(f"{self._origin}/{self._label}", size, parts)

    def _small_key(self):
        return f"{self._folder}/small-{self._chance.randrange(SMALL_KEYS)}"

    def _large_key(self):
        return f"{self._folder}/large-{self._chance.randrange(LARGE_KEYS)}"

    def _request(self, wanted, method, key, query=(), headers=None, body=b""):
        answer = self._s3.request(method, BUCKET, key, query=query, headers=headers, body=body)
        # A server going down may refuse, but nothing was done then.
        if answer.status not in wanted and answer.status != 503:
            raise WrongAnswer(f"{method} {key} {query} {headers}: {answer.status} {answer.body[:300]!r}")
        if answer.status < 300:
            self.acknowledged += 1
        return answer

    def _write(self, method, key, value, headers=None, body=b"", wanted=(200,)):
        """A write of one key: into the ledger before it starts, and after its answer."""
        write = self._ledger.begin(key, value)
        self._etags.pop(key, None)
        answer = self._request(wanted, method, key, headers=headers, body=body)
        if answer.status < 300:
            self._ledger.acknowledge(write)
            if answer.etag():
                self._etags[key] = answer.etag()
        else:
            self._refused(key, write, answer)
        return answer

    def _refused(self, key, write, answer):
        """The server answered that it was not written."""
        self._ledger.refuse(key, write)

    def _put(self, key, size, **keywords):
        value = self._value(size)
        headers = {"x-amz-meta-label": value.label, **keywords.pop("headers", {})}
        return self._write("PUT", key, value, headers=headers, body=value.bytes(), **keywords)

    def _put_small(self):
        self._put(self._small_key(), self._chance.choice((0, 1, 100, 4 * KIB, 20 * KIB, 70 * KIB)))

    def _overwrite(self):
        self._put(f"{self._folder}/small-0", self._chance.randrange(64 * KIB))

    def _put_large(self):
        self._put(self._large_key(), self._chance.randrange(MIB, 6 * MIB))

    def _put_shared(self):
        self._put(f"shared/{self._chance.randrange(SHARED_KEYS)}", self._chance.randrange(200 * KIB))

    def _remove(self):
        self._write("DELETE", self._small_key(), ABSENT, wanted=(204,))

    def _copy(self):
        source, target = self._small_key(), self._small_key()
        value = self._ledger.current(source)
        if value is ABSENT or source == target:
            return
        self._write("PUT", target, value, headers={"x-amz-copy-source": f"/{BUCKET}/{source}"})

    def _put_conditionally(self):
        key = self._small_key()
        present = self._ledger.current(key) is not ABSENT
        if self._chance.random() < 0.5:
            condition = {"If-None-Match": "*"}
            wanted = 412 if present else 200
        elif key in self._etags and self._chance.random() < 0.7:
            condition = {"If-Match": f'"{self._etags[key]}"'}
            wanted = 200
        else:
            condition = {"If-Match": '"00000000000000000000000000000000"'}
            wanted = 412 if present else 404
        self._put(key, self._chance.randrange(40 * KIB), headers=condition, wanted=(wanted,))

    def _begin_upload(self):
        if len(self.uploads) >= 2:
            return
        key = self._large_key()
        parts = (PART_SIZE,) * self._chance.randrange(0, 2) + (self._chance.randrange(1, MIB),)
        value = self._value(sum(parts), parts)
        answer = self._request((200,), "POST", key, {"uploads": ""}, {"x-amz-meta-label": value.label})
        if answer.status == 200:
            upload_id = answer.body.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
            self.uploads.append(Upload(key, upload_id, value, {}))

    def _go_on_with_upload(self):
        """Stages a part, or when all are there completes, or now and then aborts."""
        if not self.uploads:
            return
        upload = self._chance.choice(self.uploads)
        missing = [n for n in range(1, len(upload.value.parts) + 1) if n not in upload.etags]
        if missing:
            self.stage_part(upload, self._chance.choice(missing))
        elif self._chance.random() < 0.2:
            self.uploads.remove(upload)
            self._request((204,), "DELETE", upload.key, {"uploadId": upload.id})
        else:
            self.complete(upload)

    def stage_part(self, upload, number):
        query = {"partNumber": number, "uploadId": upload.id}
        answer = self._request((200,), "PUT", upload.key, query, body=upload.value.part(number))
        if answer.status == 200:
            upload.etags[number] = answer.etag()

    def complete(self, upload):
        """Once begun it may have happened, so the upload is forgotten first."""
        self.uploads.remove(upload)
        write = self._ledger.begin(upload.key, upload.value)
        self._etags.pop(upload.key, None)
        body = complete_document(upload.etags)
        answer = self._request((200,), "POST", upload.key, {"uploadId": upload.id}, body=body)
        if answer.status == 200:
            self._ledger.acknowledge(write)
        else:
            self._refused(upload.key, write, answer)


def check_bytes(key, answer, values, digests):
    """The value among the possible ones that a GET found. Raises when it is none of them, or torn."""
    if answer.status == 404:
        found = [value for value in values if value is ABSENT]
    else:
        digest = sha256(answer.body)
        found = [value for value in values if value is not ABSENT and digests.of(value) == digest]
    label = answer.headers.get("x-amz-meta-label")
    if not found:
        shown = [value and (value.label, value.size) for value in values]
        raise AssertionError(
            f"{key} holds none of {shown}: {answer.status}, {len(answer.body)} bytes, labelled {label}: {answer.body[:80]!r}"
        )
    # Short values may well have the same bytes: the label tells which of them it is.
    labelled = [value for value in found if value is ABSENT or value.label == label]
    if not labelled:
        raise AssertionError(f"{key} has the bytes of {found[0].label} and the metadata of {answer.headers}")
    return labelled[0]
