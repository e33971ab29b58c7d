"""Encryption as clients ask for it, and the bytes on the disk."""
import base64
import hashlib
import os
import secrets

from clients.aws_cli import AwsCli, NewestAwsCli
from clients.boto3_client import Boto3, NewestBoto3
from clients.node import AwsSdkJs, Node
from harness import azure
from harness.content import sha256
from harness.s3 import S3
from harness.scenario import Scenario, add, expect, expect_equal, scenario

BUCKET = "encryption-bucket"
KEY = "0123456789abcdefghijklmnopqrstuv"  # 32 bytes: the customer's
OTHER = KEY[::-1]
SMALL, LARGE = 900, 12 << 20  # in the index; in parts
SETTINGS = {"SLUICE_ENCRYPTION_KEYS_CREATE": "true"}


class Sdk:
    """A client whose verbs take further parameters."""

    def __init__(self, client):
        self._client = client

    def move(self, verb, name, path, key=None, managed=False):
        extra = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key} if key else {}
        if managed:
            extra["ServerSideEncryption"] = "AES256"
        self._client._call(verb, bucket=BUCKET, key=name, path=str(path), extra=extra)


class CommandLine:
    """aws s3 cp: its own words for the same."""

    def __init__(self, client):
        self._client = client

    def move(self, verb, name, path, key=None, managed=False):
        remote = f"s3://{BUCKET}/{name}"
        names = [path, remote] if verb in ("put", "upload") else [remote, path]
        flags = ["--sse", "AES256"] if managed else []
        if key:
            file = self._client.folder / "customer.key"
            file.write_text(key)
            flags += ["--sse-c", "AES256", "--sse-c-key", f"fileb://{file}"]
        self._client._aws("s3", "cp", "--no-progress", *names, *flags)


def marked(stage, name, size):
    """A file of that size that says the same thing over and over, and what it says."""
    mark = secrets.token_hex(32).encode()
    path = stage.folder / name
    path.write_bytes((mark * (size // len(mark) + 1))[:size])
    return path, mark


def customer_headers(key):
    prefix = "x-amz-server-side-encryption-customer-"
    md5 = base64.b64encode(hashlib.md5(key.encode()).digest()).decode()
    encoded = base64.b64encode(key.encode()).decode()
    return {f"{prefix}algorithm": "AES256", f"{prefix}key": encoded, f"{prefix}key-md5": md5}


def check_refusals(witness, name, wanted):
    """Who has not the key is told nothing, and harms nothing."""
    for headers in ({}, customer_headers(OTHER)):
        for method in ("GET", "HEAD"):
            answer = witness.request(method, BUCKET, name, headers=headers)
            expect_equal(answer.status, 400, f"{method} with another key or none")
    broken = customer_headers(KEY) | {"x-amz-server-side-encryption-customer-key-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    answer = witness.request("PUT", BUCKET, name, headers=broken, body=b"lost")
    expect_equal((answer.status, answer.code()), (400, "InvalidArgument"), "a wrong hash of the key")
    answer = witness.request("GET", BUCKET, name, headers=customer_headers(KEY))
    expect_equal((answer.status, sha256(answer.body)), (200, sha256(wanted)), "the object after the refusals")


def stored(stage):
    """The files that what is stored ends up in."""
    if stage.cluster is None:
        return [path for path in stage.server.data.rglob("*") if path.is_file()]
    in_index = [path for path in stage.database.folder.rglob("*") if path.is_file()]
    return in_index + [node.disk for node in stage.cluster.nodes]


def written(path):
    """The pieces of a file between its holes."""
    with open(path, "rb") as file:
        end, at = file.seek(0, os.SEEK_END), 0
        while at < end:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return  # Nothing but a hole.
            hole = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            yield os.pread(file.fileno(), hole - at, at)
            at = hole


def holds(stage, marks):
    """Which of the marks stand in any file of what is stored."""
    found = set()
    for path in stored(stage):
        for piece in written(path):
            found |= {mark for mark in marks if mark in piece}
    return found


def play(stage, client, wrap):
    sdk = wrap(client(stage.server, stage.folder))
    witness = S3(stage.server)
    witness.make_bucket(BUCKET)
    hidden, plain = [], []
    for verb, back, size in (("put", "get", SMALL), ("upload", "download", LARGE)):
        back = "get" if client is AwsSdkJs else back  # which has no other
        for kind, words in (("customer", {"key": KEY}), ("managed", {"managed": True}), ("plain", {})):
            name = f"{kind}-{size}"
            path, mark = marked(stage, name, size)
            (plain if kind == "plain" else hidden).append(mark)
            got = stage.folder / "got"
            sdk.move(verb, name, path, **words)
            sdk.move(back, name, got, key=words.get("key"))
            expect_equal(sha256(got.read_bytes()), sha256(path.read_bytes()), f"the content of {name}")
            if kind == "customer":
                check_refusals(witness, name, path.read_bytes())
    stage.server.stop()
    expect_equal(holds(stage, hidden), set(), "encrypted contents on the disk")
    expect(holds(stage, plain) == set(plain), "plain contents are not where they are looked for")
    stage.server.fsck()
    stage.server.start()
    answer = S3(stage.server).request("GET", BUCKET, f"managed-{LARGE}")
    expect_equal(answer.headers.get("x-amz-server-side-encryption"), "AES256", "how it is encrypted")
    expect_equal(sha256(answer.body), sha256((stage.folder / f"managed-{LARGE}").read_bytes()), "after a restart")


for _client, _wrap in (
    (Boto3, Sdk),
    (NewestBoto3, Sdk),
    (AwsSdkJs, Sdk),
    (AwsCli, CommandLine),
    (NewestAwsCli, CommandLine),
):
    add(
        Scenario(
            f"encryption: {_client.name}",
            lambda stage, client=_client, wrap=_wrap: play(stage, client, wrap),
            settings=SETTINGS,
            client=True,
        )
    )


class AzureSdk(Node):
    """@azure/storage-blob with customerProvidedKey, which it sends over TLS alone."""

    library = "azure"

    def _endpoint(self):
        return f"{self.server.endpoints['blob']}/{azure.ACCOUNT}"

    def _credentials(self):
        return {"accessKey": azure.ACCOUNT, "secretKey": azure.KEY}

    def length(self, name, secret=None):
        return self._call("lengthUnderKey", bucket=BUCKET, key=name, secret=secret)


@scenario("encryption: @azure/storage-blob with a customer's key over TLS", tls=True, client=True)
def azure_customer_key(stage):
    client = AzureSdk(stage.server, stage.folder)
    client.make_bucket(BUCKET)
    hidden = []
    for size, blocks in ((SMALL, False), (LARGE, False), (LARGE, True)):
        name = f"blob-{size}-{blocks}"
        path, mark = marked(stage, name, size)
        hidden.append(mark)
        got = stage.folder / "got"
        client._call("putUnderKey", bucket=BUCKET, key=name, path=str(path), secret=KEY, blocks=blocks)
        client._call("getUnderKey", bucket=BUCKET, key=name, path=str(got), secret=KEY)
        expect_equal(sha256(got.read_bytes()), sha256(path.read_bytes()), f"the content of {name}")
        expect_equal(client.length(name, KEY), size, "the length that who has the key is told")
        expect_equal(client.length(name), "BlobUsesCustomerSpecifiedEncryption", "without the key")
        expect_equal(client.length(name, OTHER), "BlobCustomerSpecifiedEncryptionMismatch", "with another key")
        through_s3 = S3(stage.server).request("GET", BUCKET, name, headers=customer_headers(KEY))
        expect_equal(sha256(through_s3.body), sha256(path.read_bytes()), "the same key through S3")
    plain, mark = marked(stage, "plain", LARGE)
    client.put(BUCKET, "plain", plain)
    stage.server.stop()
    expect_equal(holds(stage, hidden + [mark]), {mark}, "what stands on the disk in the clear")


IN_PLACE = (("append", SMALL, 90), ("append", 3 << 20, 400_000), ("page", 1 << 20, 4096), ("page", LARGE, 4 << 20))


def content_of(path, kind):
    """What a marked file leaves in a blob of that kind: of pages, two are cleared in the end."""
    data = bytearray(path.read_bytes())
    if kind == "page":
        data[1024:2048] = bytes(1024)
    return bytes(data)


def write_in_place(stage, client, name, kind, size, step, secret):
    """A blob that is written piece by piece, and the mark in it; read whole, in ranges, and from a snapshot."""
    path, mark = marked(stage, name, size if kind == "append" else size // 512 * 512)
    gap = [1024, 1024] if kind == "page" else None
    words = {"bucket": BUCKET, "key": name, "secret": secret}
    client._call("writeUnderKey", path=str(path), kind=kind, step=step, gap=gap, **words)
    content, got = content_of(path, kind), stage.folder / "got"
    client._call("getUnderKey", path=str(got), **words)
    expect_equal(sha256(got.read_bytes()), sha256(content), f"the content of {name}")
    for offset, length in ((0, 1), (len(content) // 2 - 7, 300), (len(content) - 5, 5)):
        wanted = content[offset : offset + length].hex()
        expect_equal(client._call("rangeUnderKey", offset=offset, length=length, **words), wanted, f"a range of {name}")
    taken = client._call("snapshotUnderKey", **words)
    client._call("writeUnderKey", path=str(path), kind=kind, step=step, gap=[0, 512] if gap else None, **words)
    return path, mark, taken


@scenario("encryption: @azure/storage-blob, append and page blobs over TLS", tls=True, client=True, settings=SETTINGS)
def azure_in_place(stage):
    client = AzureSdk(stage.server, stage.folder)
    client.make_bucket(BUCKET)
    marks, kept = [], []
    for kind, size, step in IN_PLACE:
        name = f"{kind}-{size}"
        path, mark, _ = write_in_place(stage, client, name, kind, size, step, KEY)
        marks.append(mark)
        refusals = ((None, "BlobUsesCustomerSpecifiedEncryption"), (OTHER, "BlobCustomerSpecifiedEncryptionMismatch"))
        for secret, code in refusals:
            codes = client._call("refusedWrites", bucket=BUCKET, key=name, kind=kind, secret=secret)
            expect_equal(set(codes), {code}, f"writes to {name} without its key")
            expect_equal(client.length(name, secret), code, f"properties of {name} without its key")
        through_s3 = S3(stage.server).request("GET", BUCKET, name, headers=customer_headers(KEY))
        kept.append((name, sha256(through_s3.body), KEY))
    # What is said by the bucket alone.
    witness = S3(stage.server)
    rule = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
    rule += "</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    answer = witness.request("PUT", BUCKET, query=[("encryption", "")], body=rule.encode())
    expect_equal(answer.status, 200, "the encryption of the bucket")
    for kind, size, step in IN_PLACE:
        name = f"managed-{kind}-{size}"
        _, mark, taken = write_in_place(stage, client, name, kind, size, step, None)
        marks.append(mark)
        client.copy(BUCKET, name, f"copy-{name}")
        kept.append((name, sha256(witness.request("GET", BUCKET, name).body), None))
        kept.append((f"copy-{name}", kept[-1][1], None))
        answer = witness.request("HEAD", BUCKET, f"copy-{name}")
        expect_equal(answer.headers.get("x-amz-server-side-encryption"), "AES256", "how the copy is encrypted")
    stage.server.stop()
    expect_equal(holds(stage, marks), set(), "what stands on the disk in the clear")
    stage.server.fsck()
    stage.server.start()
    for name, wanted, secret in kept:
        got = stage.folder / "got"
        AzureSdk(stage.server, stage.folder)._call("getUnderKey", bucket=BUCKET, key=name, path=str(got), secret=secret)
        expect_equal(sha256(got.read_bytes()), wanted, f"{name} after a restart")
