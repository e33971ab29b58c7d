"""Ten thousand keys, listed page by page through many clients."""
import concurrent.futures
import threading
import xml.etree.ElementTree as ElementTree

from clients import CLIENTS
from harness.content import sha256
from harness.s3 import S3, child, plain
from harness.scenario import Skip, expect, expect_equal, scenario

BUCKET = "listing-bucket"
THREAD_COUNT = 4
KEY_COUNT = 10_000


def fill(stage, keys):
    """Creates an object under every key over a few keep-alive connections."""
    local = threading.local()

    def create(key):
        if not hasattr(local, "s3"):
            local.s3 = S3(stage.server)
        local.s3.put(BUCKET, key, key.encode())

    with concurrent.futures.ThreadPoolExecutor(THREAD_COUNT) as pool:
        list(pool.map(create, keys))


@scenario("listing: 10,000 keys, flat and by folder, through every client", client=True)
def ten_thousand_keys(stage):
    folders = [f"folder-{number:03}/" for number in range(100)]
    keys = [f"{folder}file-{number:03}" for folder in folders for number in range(KEY_COUNT // 100 - 1)]
    keys += [f"top-{number:03}" for number in range(100)]
    S3(stage.server).make_bucket(BUCKET)
    fill(stage, keys)

    wanted = sha256("\n".join(sorted(keys)).encode())
    listed, missing = [], []
    for kind in CLIENTS:
        try:
            client = kind(stage.server, stage.folder)
        except Skip as reason:
            missing.append(f"{kind.name}: {reason}")
            continue
        flat, _ = client.list(BUCKET)
        expect_equal(len(flat), KEY_COUNT, f"keys {client.name} lists")
        expect_equal(sha256("\n".join(sorted(flat)).encode()), wanted, f"the keys {client.name} lists")
        top, prefixes = client.list(BUCKET, delimiter="/")
        expect_equal(sorted(top), keys[-100:], f"the top keys {client.name} lists")
        expect_equal(sorted(prefixes), folders, f"the folders {client.name} lists")
        inner, _ = client.list(BUCKET, prefix="folder-042/", delimiter="/")
        expect_equal(len(inner), KEY_COUNT // 100 - 1, f"keys of one folder {client.name} lists")
        listed.append(client.name)
    print("listed through:", ", ".join(listed))
    print("\n".join(missing))


@scenario("listing: pages of every size join to the whole", sanitized=True)
def every_page_size(stage):
    witness = S3(stage.server)
    witness.make_bucket(BUCKET)
    keys = sorted(["a", "a-b", "a/", "a/b", "a/c/d", "a0", "b/x", "b/y", "c", "ä/1", "ä/2", "z/z/z"], key=str.encode)
    fill(stage, keys)
    for size in range(1, len(keys) + 2):
        for delimiter, wanted in (("", keys), ("/", sorted(["a", "a-b", "a/", "a0", "b/", "c", "z/", "ä/"], key=str.encode))):
            found = page_by_page(witness, size, delimiter)
            expect_equal(found, wanted, f"pages of {size} with delimiter {delimiter!r}")


def page_by_page(s3, size, delimiter):
    found = []
    query = {"list-type": "2", "delimiter": delimiter, "max-keys": size}
    while True:
        root = ElementTree.fromstring(s3.expect(200, "GET", BUCKET, query=query).body)
        names = [child(node, "Key") for node in root if plain(node.tag) == "Contents"]
        names += [child(node, "Prefix") for node in root if plain(node.tag) == "CommonPrefixes"]
        expect(len(names) <= size, f"a page of {len(names)} entries when {size} were asked for")
        expect_equal(int(child(root, "KeyCount")), len(names), "KeyCount")
        found += names
        if child(root, "IsTruncated") != "true":
            return sorted(found, key=str.encode)
        expect(names, "an empty page that says there is more")
        query["continuation-token"] = child(root, "NextContinuationToken")
