"""What users do with files, through every client, checked by content hashes."""
import http.client
import os
import ssl
import urllib.parse

from clients import CLIENTS, Boto3, Rclone
from harness.content import KIB, MIB, make_file, sha256, sha256_of_file
from harness.s3 import S3
from harness.scenario import Scenario, add, expect, expect_equal

BUCKET = "compat-bucket"
LONG_AGO_S = 1_700_000_000
SMALL_SIZES = (0, 1, 4 * KIB, 70_001, MIB + 1)
UNUSUAL_KEYS = (
    "space +plus %25 100%", "ünï/cödé-\N{CRAB}", "quote'and\"<a>&amp;", "what?#;=&", "(r) [s] {c} back\\slash ~!*$,@:",
    "a//b", "/leading", "trailing/", ".", "..", "./dot", "dir/../dot", "dir", "dir/below", "k" * 1024,
)  # fmt: skip


def small_objects(client, stage):
    """Objects of small sizes come back whole, and an overwrite replaces."""
    client.make_bucket(BUCKET)
    witness = S3(stage.server)
    for size in SMALL_SIZES:
        path = stage.folder / f"small-{size}"
        digest = make_file(path, size)
        client.upload(BUCKET, "some/object", path)
        expect_equal(sha256(witness.get(BUCKET, "some/object")), digest, f"what the server holds of {size} bytes")
        expect_equal(download(client, "some/object", stage), digest, f"what {client.name} reads of {size} bytes")


def large_object(client, stage):
    """A large object goes up and down, in parts where the client makes parts."""
    client.make_bucket(BUCKET)
    path = stage.folder / "large"
    digest = make_file(path, client.large_size)
    client.upload(BUCKET, "large", path)
    expect_equal(download(client, "large", stage), digest, "the bytes that came back")


def copies_and_deletions(client, stage):
    """A copy equals its source; deleting many removes those and no other."""
    client.make_bucket(BUCKET)
    witness = S3(stage.server)
    path = stage.folder / "source"
    digest = make_file(path, 70_001)
    client.upload(BUCKET, "source", path)
    client.copy(BUCKET, "source", "folder/copy of it")
    expect_equal(sha256(witness.get(BUCKET, "folder/copy of it")), digest, "the copy")

    doomed = [f"doomed/{number:03}" for number in range(40)] + ["folder/copy of it"]
    for key in doomed[:-1]:
        witness.put(BUCKET, key, b"x")
    client.remove(BUCKET, doomed)
    expect_equal(witness.list(BUCKET)[0], ["source"], "what is left")
    expect_equal(download(client, "source", stage), digest, "the bytes of the source")


def unusual_keys(client, stage):
    """Each key is a name of its own: stored, listed and read back as it is."""
    client.make_bucket(BUCKET)
    witness = S3(stage.server)
    keys = [key for key in UNUSUAL_KEYS if key not in client.cannot_name]
    paths = {key: stage.folder / f"unusual-{number}" for number, key in enumerate(keys)}
    digests = {key: make_file(path, 100 + number) for number, (key, path) in enumerate(paths.items())}
    client.put_many(BUCKET, paths)
    expect_equal(witness.list(BUCKET)[0], sorted(keys, key=str.encode), "the keys the server holds")
    expect_equal(sorted(client.list(BUCKET)[0]), sorted(keys), f"the keys {client.name} lists")
    for key, path in paths.items():
        expect_equal(sha256(witness.get(BUCKET, key)), digests[key], f"what the server holds under {key!r}")
        path.unlink()
    client.get_many(BUCKET, paths)
    for key, path in paths.items():
        expect_equal(sha256_of_file(path), digests[key], f"what {client.name} reads under {key!r}")


def sync_twice(client, stage):
    """A second sync in either direction moves nothing; after a change it moves the change."""
    client.make_bucket(BUCKET)
    local, back = stage.folder / "local", stage.folder / "replica"
    digests = {}
    for number in range(12):
        path = local / f"folder-{number % 3}" / f"file {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        digests[path.relative_to(local)] = make_file(path, number * 20_000)
        # Servers tell times in whole seconds: a file of this very second would look newer than its own copy.
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    back.mkdir()

    expect_equal(client.sync_up(local, BUCKET), 12, "moved by the first sync up")
    expect_equal(client.sync_up(local, BUCKET), 0, "moved by the second sync up")
    client.sync_down(BUCKET, back)
    expect_equal(client.sync_down(BUCKET, back), 0, "moved by the second sync down")
    found = {path.relative_to(back): sha256_of_file(path) for path in back.rglob("*") if path.is_file()}
    expect_equal(found, digests, "the files that came back")

    (local / "folder-0" / "file 0").unlink()
    make_file(local / "folder-1" / "one more", 999)
    expect_equal(client.sync_up(local, BUCKET), 2, "moved after one file went and one came")


def presigned_links(client, stage):
    """Links made by the client read and write without credentials, and only as they were signed."""
    client.make_bucket(BUCKET)
    witness = S3(stage.server)
    witness.put(BUCKET, "a file", b"read me by link")
    link = client.presigned_get(BUCKET, "a file")
    expect_equal(follow(stage, link), (200, b"read me by link"), "a presigned GET")
    status, _ = follow(stage, link.replace("a%20file", "a%20fine").replace("a+file", "a+fine"))
    expect_equal(status, 403, "the link of another key")
    status, _ = follow(stage, link, "PUT", b"written")
    expect_equal(status, 403, "a PUT over a GET's link")
    if client.can_presign_put:
        status, _ = follow(stage, client.presigned_put(BUCKET, "written"), "PUT", b"written by link")
        expect_equal(status, 200, "a presigned PUT")
        expect_equal(witness.get(BUCKET, "written"), b"written by link", "what the link wrote")


def download(client, key, stage):
    back = stage.folder / "back"
    back.unlink(missing_ok=True)
    client.download(BUCKET, key, back)
    return sha256_of_file(back)


def follow(stage, link, method="GET", body=None):
    """What a browser without credentials gets."""
    parts = urllib.parse.urlsplit(link)
    expect(parts.netloc == stage.server.endpoint.partition("://")[2], f"the link leads elsewhere: {link}")
    if stage.server.ca_file:
        context = ssl.create_default_context(cafile=stage.server.ca_file)
        connection = http.client.HTTPSConnection(parts.netloc, timeout=60, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request(method, f"{parts.path}?{parts.query}", body=body)
    answer = connection.getresponse()
    result = answer.status, answer.read()
    connection.close()
    return result


def register(kind, what, play, tls=False, postgres=False):
    transport = "over TLS" if tls else "over HTTP"
    index = ", index in PostgreSQL" if postgres else ""
    name = f"{kind.name} {transport}{index}: {what}"
    # What is only played over TLS is played over a cluster as it is; of the rest, HTTP will do there.
    client = not postgres and (not tls or play is sync_twice)
    add(Scenario(name, lambda stage: play(kind(stage.server, stage.folder), stage), tls=tls, postgres=postgres,
                 client=client))  # fmt: skip


for each in CLIENTS:
    for over_tls in (False, True):
        register(each, "small objects", small_objects, over_tls)
        register(each, "a large object", large_object, over_tls)
    register(each, "copies and deletions", copies_and_deletions)
    register(each, "unusual keys", unusual_keys)
    if each.can_sync:
        register(each, "a sync moves nothing twice", sync_twice, tls=True)
    if each.can_presign:
        register(each, "presigned links", presigned_links)
        register(each, "presigned links", presigned_links, tls=True)

register(Boto3, "small objects", small_objects, postgres=True)
register(Boto3, "unusual keys", unusual_keys, postgres=True)
register(Rclone, "copies and deletions", copies_and_deletions, postgres=True)
register(Rclone, "a sync moves nothing twice", sync_twice, postgres=True)
