"""Azure Blob: its own clients, and the same objects through S3."""
import base64
import concurrent.futures
import email.utils
import hashlib
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request

from clients.azcopy import Azcopy
from clients.client import required_program
from clients.node import installed
from harness import azure
from harness.content import sha256
from harness.s3 import S3
from harness.scenario import expect, expect_equal, scenario

SMALL_COUNT = 500
KINDS = ("AppendBlob", "PageBlob")


def blob_scenario(name, **attributes):
    """As scenario(), over HTTP and over TLS, with an account of Azure Blob."""

    def register(play):
        for tls in (False, True):
            title = f"{name} over {'TLS' if tls else 'HTTP'}"
            scenario(title, tls=tls, client=not tls, **attributes)(play)
        return play

    return register


def run(command, environment=None, folder=None):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    expect(done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def tree_of(folder):
    root = pathlib.Path(folder)
    return {str(p.relative_to(root)): sha256(p.read_bytes()) for p in root.rglob("*") if p.is_file()}


def make_tree(folder, count):
    for i in range(count):
        path = folder / f"d{i % 7}" / f"file {i:04}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.sha256(str(i).encode()).digest() * (i % 90))


@blob_scenario("blob: @azure/storage-blob")
def storage_blob(stage):
    scripts = installed(stage.folder.parent)
    request = {"endpoint": stage.server.endpoints["blob"], "account": azure.ACCOUNT, "key": azure.KEY}
    request["locked"] = "js-immutability"
    headers = {"x-amz-bucket-object-lock-enabled": "true"}
    S3(stage.server).expect(200, "PUT", request["locked"], headers=headers)
    path = stage.folder / "request.json"
    path.write_text(json.dumps(request))
    trust = {"NODE_EXTRA_CA_CERTS": stage.server.ca_file} if stage.server.ca_file else {}
    output = run([required_program("node"), scripts / "blob.mjs", path], trust)
    expect_equal(output.count("ok "), 22, "steps that passed")


@blob_scenario("blob: azcopy")
def azcopy(stage):
    client = Azcopy(stage.server, stage.folder)
    service = azure.Blob(stage.server)
    for container in ("azcopy", "copied"):
        service.expect(201, "PUT", f"/{container}", "restype=container")
    here = stage.folder / "up"
    make_tree(here, SMALL_COUNT)
    sums = tree_of(here)
    for kind, sas in (("account", azure.account_sas()), ("service", azure.container_sas("azcopy"))):
        client.copy(f"{here}/*", client.url("azcopy", sas, kind + "/"), "LocalBlob", "--recursive")
        back = stage.folder / f"down-{kind}"
        client.copy(client.url("azcopy", sas, kind + "/*"), back, "BlobLocal", "--recursive",
                    "--check-md5=FailIfDifferent")  # fmt: skip
        expect_equal(tree_of(back), sums, f"the files azcopy brought back ({kind} SAS)")
    sas = azure.account_sas()
    listed = client.run("list", client.url("azcopy", sas), "--location=Blob", "--machine-readable")
    expect(listed.count("account/") == SMALL_COUNT, "azcopy list does not show every file")

    (here / "d0" / "file 0000.bin").write_bytes(b"changed")
    os.utime(here / "d0" / "file 0000.bin", (2e9, 2e9))
    (here / "d1" / "file 0001.bin").unlink()
    client.run("sync", here, client.url("azcopy", sas, "account/"), "--from-to=LocalBlob", "--delete-destination=true")
    expect_equal(service.expect(200, "GET", "/azcopy/account/d0/file%200000.bin").body, b"changed", "a synced file")
    service.expect(404, "HEAD", "/azcopy/account/d1/file%200001.bin")

    client.copy(client.url("azcopy", sas, "service"), client.url("copied", sas), "BlobBlob", "--recursive",
                "--s2s-preserve-access-tier=false")  # fmt: skip
    back = stage.folder / "down-copied"
    client.copy(client.url("copied", sas, "service/*"), back, "BlobLocal", "--recursive")
    expect_equal(tree_of(back), sums, "the files azcopy copied on the server")
    client.run("remove", client.url("copied", sas, "service"), "--recursive", "--from-to=BlobTrash")
    expect(b"<Blob>" not in service.expect(200, "GET", "/copied", "restype=container&comp=list").body, "not all removed")

    large = stage.folder / "large"
    block = os.urandom(1 << 20)
    with open(large, "wb") as out:
        for i in range(600):
            out.write(block[i:] + block[:i])
    client.copy(large, client.url("azcopy", sas, "large"), "LocalBlob", "--put-md5")
    client.copy(client.url("azcopy", sas, "large"), stage.folder / "large-back", "BlobLocal",
                "--check-md5=FailIfDifferent")  # fmt: skip
    run(["cmp", large, stage.folder / "large-back"])


@blob_scenario("blob: azcopy resumes what was killed")
def azcopy_resumes(stage):
    client = Azcopy(stage.server, stage.folder)
    service, sas = azure.Blob(stage.server), azure.account_sas()
    service.expect(201, "PUT", "/resumed", "restype=container")
    large = stage.folder / "large"
    large.write_bytes(os.urandom(1 << 20) * 64)
    to = client.url("resumed", sas, "large")
    begun = client.begin("copy", large, to, "--from-to=LocalBlob", "--block-size-mb=1", "--cap-mbps=80")
    try:
        # Some of its blocks have come, and it has not come to the end.
        while service.request("GET", "/resumed/large", "comp=blocklist&blocklisttype=uncommitted").body.count(b"<Name>") < 4:
            expect(begun.poll() is None, "azcopy ended before it was killed")
            time.sleep(0.05)
    finally:
        begun.kill()
        begun.wait()
    service.expect(404, "HEAD", "/resumed/large")
    jobs = re.findall(r"JobId: (\S+)", client.run("jobs", "list"))
    expect_equal(len(jobs), 1, "jobs that azcopy knows")
    client.run("jobs", "resume", jobs[0], f"--destination-sas={sas}")
    client.copy(to, stage.folder / "large-back", "BlobLocal")
    run(["cmp", large, stage.folder / "large-back"])


@blob_scenario("blob: azcopy, blobs written in place")
def azcopy_kinds(stage):
    client = Azcopy(stage.server, stage.folder)
    service = azure.Blob(stage.server)
    service.expect(201, "PUT", "/kinds", "restype=container")
    sas = azure.account_sas()
    original = stage.folder / "original"
    original.write_bytes(os.urandom(9 << 20) + bytes(5 << 20) + os.urandom(1 << 20))
    for kind in KINDS:
        client.copy(original, client.url("kinds", sas, kind), "LocalBlob", f"--blob-type={kind}")
        properties = service.expect(200, "HEAD", f"/kinds/{kind}")
        expect_equal(properties.headers["x-ms-blob-type"], kind, "the type of the blob")
        back = stage.folder / f"back-{kind}"
        client.copy(client.url("kinds", sas, kind), back, "BlobLocal")
        expect_equal(sha256(back.read_bytes()), sha256(original.read_bytes()), f"what azcopy brought back of a {kind}")


@blob_scenario("blob: rclone")
def rclone(stage):
    program = required_program("rclone")
    config = stage.folder / "rclone.conf"
    endpoint = f"{stage.server.endpoints['blob']}/{azure.ACCOUNT}"
    # With a key, Debian's rclone only ever asks https://account.endpoint.
    config.write_text(f"[it]\ntype = azureblob\nsas_url = {endpoint}?{azure.account_sas()}\n")

    def call(*arguments):
        flags = ["--config", config, "--retries", "1", "--low-level-retries", "1"]
        if stage.server.ca_file:
            flags += ["--ca-cert", stage.server.ca_file]
        return run([program, *flags, *arguments])

    here = stage.folder / "up"
    make_tree(here, 100)
    (here / "large").write_bytes(os.urandom(1 << 20) * 30)
    call("mkdir", "it:rclone")
    call("sync", here, "it:rclone/tree")
    call("check", here, "it:rclone/tree")
    call("copy", "it:rclone/tree", "it:rclone/copy")
    back = stage.folder / "down"
    call("sync", "it:rclone/copy", back)
    expect_equal(tree_of(back), tree_of(here), "the files rclone brought back")
    expect_equal(len(call("lsf", "-R", "--files-only", "it:rclone").splitlines()), 202, "files rclone lists")
    call("purge", "it:rclone")


@blob_scenario("blob: curl with a shared access signature")
def curl(stage):
    service = azure.Blob(stage.server)
    service.expect(201, "PUT", "/curl", "restype=container")
    url = f"{stage.server.endpoints['blob']}/{azure.ACCOUNT}/curl/a%20file?{azure.container_sas('curl')}"
    content = stage.folder / "content"
    content.write_bytes(os.urandom(100_000))
    trust = ["--cacert", stage.server.ca_file] if stage.server.ca_file else []
    curl_program = [required_program("curl"), "-q", "--silent", "--show-error", "--fail-with-body", *trust]
    run([*curl_program, "-H", "x-ms-blob-type: BlockBlob", "-T", content, url])
    run([*curl_program, "-o", stage.folder / "back", url])
    expect_equal((stage.folder / "back").read_bytes(), content.read_bytes(), "what curl brought back")


@blob_scenario("blob: azure-cli")
def azure_cli(stage):
    endpoint = f"{stage.server.endpoints['blob']}/{azure.ACCOUNT}"
    scheme = endpoint.split(":")[0]
    environment = {
        "AZURE_CONFIG_DIR": str(stage.folder / "azure"), "AZURE_CORE_COLLECT_TELEMETRY": "0",
        "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol={scheme};AccountName={azure.ACCOUNT};"
                                           f"AccountKey={azure.KEY};BlobEndpoint={endpoint};",
    }  # fmt: skip
    if stage.server.ca_file:
        environment["REQUESTS_CA_BUNDLE"] = str(stage.server.ca_file)

    def call(*arguments):
        command = [required_program("az"), "storage", *arguments, "--only-show-errors", "--output", "json"]
        return json.loads(run(command, environment) or "null")

    here = stage.folder / "up"
    make_tree(here, 12)
    sums = tree_of(here)
    expect(call("container", "create", "--name", "cli")["created"], "a container is made")
    call("blob", "upload-batch", "--destination", "cli", "--source", here)
    listed = call("blob", "list", "--container-name", "cli")
    expect_equal(sorted(blob["name"] for blob in listed), sorted(sums), "the blobs azure-cli lists")
    large = stage.folder / "large"
    large.write_bytes(os.urandom(1 << 20) * 70)
    blob = ["--container-name", "cli", "--name", "large"]
    call("blob", "upload", *blob, "--file", large, "--tags", "kind=big")
    tags = azure.Blob(stage.server).expect(200, "GET", "/cli/large", "comp=tags").body
    expect(b"<Key>kind</Key><Value>big</Value>" in tags, "its tags")
    taken = call("blob", "snapshot", *blob)["snapshot"]
    call("blob", "download", *blob, "--snapshot", taken, "--file", stage.folder / "large-back")
    run(["cmp", large, stage.folder / "large-back"])
    call("blob", "delete", *blob, "--delete-snapshots", "include")
    disk = ["--container-name", "cli", "--name", "disk"]
    call("blob", "upload", *disk, "--file", large, "--type", "page")
    call("blob", "download", *disk, "--file", stage.folder / "disk-back")
    run(["cmp", large, stage.folder / "disk-back"])
    call("blob", "delete", *disk)
    expect(not call("blob", "exists", *blob)["exists"], "what was deleted is gone")
    back = stage.folder / "down"
    back.mkdir()
    call("blob", "download-batch", "--source", "cli", "--destination", back)
    expect_equal(tree_of(back), sums, "the files azure-cli brought back")
    call("container", "delete", "--name", "cli")
    keep_by_cli(stage, call, here)


def keep_by_cli(stage, call, folder):
    service = azure.Blob(stage.server)
    S3(stage.server).expect(200, "PUT", "cli-kept", headers={"x-amz-bucket-object-lock-enabled": "true"})
    kept = ["--container-name", "cli-kept", "--name", "kept"]
    call("blob", "upload", *kept, "--file", next(path for path in folder.rglob("*") if path.is_file()))
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    call("blob", "immutability-policy", "set", *kept, "--expiry-time", until, "--policy-mode", "Unlocked")
    call("blob", "set-legal-hold", *kept, "--legal-hold", "true")
    shown = service.expect(200, "HEAD", "/cli-kept/kept").headers
    expect_equal(shown["x-ms-immutability-policy-mode"], "unlocked", "the policy that azure-cli set")
    seconds = email.utils.parsedate_to_datetime(shown["x-ms-immutability-policy-until-date"])
    expect_equal(seconds.strftime("%Y-%m-%dT%H:%M:%SZ"), until, "its time")
    expect_equal(shown["x-ms-legal-hold"], "true", "the legal hold that azure-cli set")
    call("blob", "set-legal-hold", *kept, "--legal-hold", "false")
    call("blob", "immutability-policy", "delete", *kept)
    shown = service.expect(200, "HEAD", "/cli-kept/kept").headers
    expect("x-ms-immutability-policy-mode" not in shown, "azure-cli deleted the policy")
    expect_equal(shown["x-ms-legal-hold"], "false", "azure-cli took the hold off")


@blob_scenario("blob and S3: one namespace")
def one_namespace(stage):
    s3, service = S3(stage.server), azure.Blob(stage.server)
    service.expect(201, "PUT", "/shared", "restype=container")
    body = os.urandom(70_000)
    md5 = hashlib.md5(body)

    s3.expect(200, "PUT", "shared", "from s3", body=body,
              headers={"Content-Type": "image/png", "x-amz-meta-colour": "blue", "Cache-Control": "no-store"})  # fmt: skip
    got = service.expect(200, "GET", "/shared/from%20s3")
    expect_equal(got.body, body, "the bytes of an S3 object through Blob")
    expect_equal(got.headers["content-type"], "image/png", "its type")
    expect_equal(got.headers["cache-control"], "no-store", "its Cache-Control")
    expect_equal(got.headers["x-ms-meta-colour"], "blue", "its metadata")
    expect_equal(got.headers["content-md5"], base64.b64encode(md5.digest()).decode(), "its MD5")
    expect(got.headers["etag"].startswith('"0x'), "Blob shows its own ETag")

    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": "text/plain", "x-ms-meta-Colour": "red"}
    put = service.expect(201, "PUT", "/shared/from%20blob", headers=headers, body=body)
    seen = s3.expect(200, "GET", "shared", "from blob")
    expect_equal(seen.body, body, "the bytes of a blob through S3")
    expect_equal(seen.etag(), md5.hexdigest(), "the S3 face of its ETag")
    expect_equal(seen.headers["content-type"], "text/plain", "its type through S3")
    expect_equal(seen.headers["x-amz-meta-colour"], "red", "its metadata through S3")
    # Either face is taken by either protocol.
    expect_equal(s3.request("GET", "shared", "from blob", headers={"If-Match": put.headers["etag"]}).status, 200, "face")
    match = {"If-Match": f'"{md5.hexdigest()}"'}
    expect_equal(service.request("GET", "/shared/from%20blob", headers=match).status, 200, "the S3 face through Blob")

    ids = [base64.b64encode(f"{i:04}".encode()).decode() for i in range(3)]
    parts = [os.urandom(40_000) for _ in ids]
    for name, part in zip(ids, parts):
        service.expect(201, "PUT", "/shared/blocks", f"comp=block&blockid={urllib.request.quote(name)}", body=part)
    listing = "".join(f"<Latest>{name}</Latest>" for name in ids)
    service.expect(201, "PUT", "/shared/blocks", "comp=blocklist", body=f"<BlockList>{listing}</BlockList>".encode())
    seen = s3.expect(200, "GET", "shared", "blocks")
    expect_equal(seen.body, b"".join(parts), "a block blob through S3")
    expect(seen.etag().endswith("-3"), "the S3 face counts its blocks")

    names = [key for key in ("blocks", "from blob", "from s3")]
    page = service.expect(200, "GET", "/shared", "restype=container&comp=list").body.decode()
    expect([name for name in names if f"<Name>{name}</Name>" in page] == names, "Blob lists all")
    s3.expect(200, "PUT", "shared", "copy", headers={"x-amz-copy-source": "shared/blocks"})
    expect_equal(service.expect(200, "GET", "/shared/copy").body, b"".join(parts), "an S3 copy of a block blob")
    service.expect(202, "DELETE", "/shared/from%20s3")
    expect_equal(s3.request("GET", "shared", "from s3").status, 404, "what Blob deleted")
    expect_equal(s3.request("DELETE", "shared", "from blob").status, 204, "what S3 deletes")
    service.expect(404, "GET", "/shared/from%20blob")


@blob_scenario("blob and S3: leases and append blobs")
def leases_and_appends(stage):
    s3, service = S3(stage.server), azure.Blob(stage.server)
    service.expect(201, "PUT", "/locked", "restype=container")
    s3.expect(200, "PUT", "locked", "key", body=b"old")
    lease = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
    name = service.expect(201, "PUT", "/locked/key", "comp=lease", headers=lease).headers["x-ms-lease-id"]
    refusals = [
        s3.request("PUT", "locked", "key", body=b"new"),
        s3.request("PUT", "locked", "key",
                   headers={"x-amz-copy-source": "locked/key", "x-amz-metadata-directive": "REPLACE"}),  # fmt: skip
        s3.request("DELETE", "locked", "key"),
    ]
    for refusal in refusals:
        expect_equal((refusal.status, refusal.code()), (409, "OperationAborted"), "what S3 is told of a lease")
    expect_equal(s3.expect(200, "GET", "locked", "key").body, b"old", "a leased object through S3")
    release = {"x-ms-lease-action": "release", "x-ms-lease-id": name}
    service.expect(200, "PUT", "/locked/key", "comp=lease", headers=release)
    s3.expect(200, "PUT", "locked", "key", body=b"new")

    service.expect(201, "PUT", "/locked/log", headers={"x-ms-blob-type": "AppendBlob"})
    text = b""
    for i in range(50):
        line = os.urandom(40_000) if i == 25 else f"line {i}\n".encode()
        service.expect(201, "PUT", "/locked/log", "comp=appendblock", body=line)
        text += line
    seen = s3.expect(200, "GET", "locked", "log")
    expect_equal(seen.body, text, "an append blob through S3")
    expect(seen.etag().endswith("-50"), "its ETag is no MD5")
    ranged = s3.request("GET", "locked", "log", headers={"Range": "bytes=100-40300"})
    expect_equal(ranged.body, text[100:40301], "a range of it")
    s3.expect(200, "PUT", "locked", "copy", headers={"x-amz-copy-source": "locked/log"})
    service.expect(201, "PUT", "/locked/copy", "comp=appendblock", body=b"more")
    expect_equal(s3.expect(200, "GET", "locked", "copy").body, text + b"more", "a copy that goes on growing")
    expect_equal(s3.expect(200, "GET", "locked", "log").body, text, "what it was copied from")
    s3.expect(200, "PUT", "locked", "log", body=b"whole")
    properties = service.expect(200, "HEAD", "/locked/log").headers
    expect_equal(properties["x-ms-blob-type"], "BlockBlob", "what S3 put in its place")


def with_md5(text):
    return {"body": text, "headers": {"Content-MD5": base64.b64encode(hashlib.md5(text).digest()).decode()}}


def version_query(version):
    return f"versionid={urllib.request.quote(version)}"


@blob_scenario("blob and S3: retention and legal holds")
def protection(stage):
    s3, service = S3(stage.server), azure.Blob(stage.server)
    s3.expect(200, "PUT", "kept", headers={"x-amz-bucket-object-lock-enabled": "true"})
    expect_equal(
        service.expect(200, "HEAD", "/kept", "restype=container").headers[
            "x-ms-immutable-storage-with-versioning-enabled"
        ],
        "true",
        "object lock through Blob",
    )
    s3_hold_through_blob(s3, service)
    blob_policy_through_s3(s3, service)
    compliance_through_both(s3, service)
    expect_equal(s3.request("DELETE", "kept").code(), "BucketNotEmpty", "a bucket that protects, through S3")
    refusal = service.request("DELETE", "/kept", "restype=container")
    expect_equal(refusal.headers["x-ms-error-code"], "ContainerProtectedFromDeletion", "the same through Blob")

    # What Blob makes so has S3's object lock.
    enabled = {"x-ms-immutable-storage-with-versioning-enabled": "true"}
    service.expect(201, "PUT", "/made-by-blob", "restype=container", headers=enabled)
    lock = s3.expect(200, "GET", "made-by-blob", query={"object-lock": ""}).body
    expect(b"<ObjectLockEnabled>Enabled<" in lock, "object lock of a container that Blob made")


def s3_hold_through_blob(s3, service):
    s3.expect(200, "PUT", "kept", "key", body=b"old")
    version = service.expect(200, "HEAD", "/kept/key").headers["x-ms-version-id"]
    this = version_query(version)
    on = b"<LegalHold><Status>ON</Status></LegalHold>"
    s3.expect(200, "PUT", "kept", "key", query={"legal-hold": ""}, **with_md5(on))
    expect_equal(service.expect(200, "HEAD", "/kept/key").headers["x-ms-legal-hold"], "true", "S3's hold through Blob")
    service.expect(201, "PUT", "/kept/key", headers={"x-ms-blob-type": "BlockBlob"}, body=b"new")
    refusal = service.request("DELETE", "/kept/key", this)
    expect_equal((refusal.status, refusal.headers["x-ms-error-code"]), (409, "BlobImmutableDueToLegalHold"), "refusal")
    expect_equal(service.expect(200, "GET", "/kept/key", this).body, b"old", "what is held")
    service.expect(200, "PUT", "/kept/key", f"comp=legalhold&{this}", headers={"x-ms-legal-hold": "false"})
    service.expect(202, "DELETE", "/kept/key", this)


def blob_policy_through_s3(s3, service):
    policy = {"x-ms-immutability-policy-until-date": email.utils.formatdate(time.time() + 3600, usegmt=True)}
    service.expect(200, "PUT", "/kept/key", "comp=immutabilityPolicies", headers=policy)
    head = s3.expect(200, "HEAD", "kept", "key").headers
    expect_equal(head["x-amz-object-lock-mode"], "GOVERNANCE", "an unlocked policy through S3")
    one = {"query": {"versionId": head["x-amz-version-id"]}}
    s3.expect(200, "PUT", "kept", "key", body=b"newest")
    refusal = s3.request("DELETE", "kept", "key", **one)
    expect_equal((refusal.status, refusal.code()), (403, "AccessDenied"), "what S3 is told of a policy")
    s3.expect(204, "DELETE", "kept", "key")
    expect_equal(s3.expect(200, "GET", "kept", "key", **one).body, b"new", "what the policy keeps")
    passing = {"x-amz-bypass-governance-retention": "true"}
    s3.expect(204, "DELETE", "kept", "key", headers=passing, **one)
    expect_equal(s3.request("GET", "kept", "key", **one).status, 404, "what S3 may pass by")


def compliance_through_both(s3, service):
    made = service.expect(201, "PUT", "/kept/firm", headers={"x-ms-blob-type": "BlockBlob"}, body=b"firm")
    this = version_query(made.headers["x-ms-version-id"])
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    retention = f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>".encode()
    s3.expect(200, "PUT", "kept", "firm", query={"retention": ""}, **with_md5(retention))
    shown = service.expect(200, "HEAD", "/kept/firm", this).headers
    expect_equal(shown["x-ms-immutability-policy-mode"], "locked", "compliance through Blob")
    seconds = email.utils.parsedate_to_datetime(shown["x-ms-immutability-policy-until-date"])
    expect_equal(seconds.strftime("%Y-%m-%dT%H:%M:%SZ"), until, "its time through Blob")
    refusal = service.request("DELETE", "/kept/firm", f"comp=immutabilityPolicies&{this}")
    expect_equal((refusal.status, refusal.headers["x-ms-error-code"]), (409, "BlobImmutableDueToPolicy"), "refusal")
    longer = {
        "x-ms-immutability-policy-until-date": email.utils.formatdate(time.time() + 7200, usegmt=True),
        "x-ms-immutability-policy-mode": "Locked",
    }
    service.expect(200, "PUT", "/kept/firm", f"comp=immutabilityPolicies&{this}", headers=longer)
    head = s3.expect(200, "HEAD", "kept", "firm").headers
    expect_equal(head["x-amz-object-lock-mode"], "COMPLIANCE", "what Blob prolonged")
    expect(head["x-amz-object-lock-retain-until-date"] > until, "it lasts longer through S3")
    one = {"query": {"versionId": head["x-amz-version-id"]}}
    refusal = s3.request("DELETE", "kept", "firm", headers={"x-amz-bypass-governance-retention": "true"}, **one)
    expect_equal(refusal.status, 403, "compliance is not passed by")
    service.expect(202, "DELETE", "/kept/firm")
    expect_equal(service.request("GET", "/kept/firm").status, 404, "the blob that was removed")
    expect_equal(service.expect(200, "GET", "/kept/firm", this).body, b"firm", "its version through Blob")
    expect_equal(s3.expect(200, "GET", "kept", "firm", **one).body, b"firm", "its version through S3")


@blob_scenario("blob and S3: page blobs")
def pages(stage):
    s3, service = S3(stage.server), azure.Blob(stage.server)
    service.expect(201, "PUT", "/disks", "restype=container")
    size = 10 << 20
    service.expect(201, "PUT", "/disks/disk",
                   headers={"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": str(size)})  # fmt: skip
    image = bytearray(size)

    def write(offset, text, name="disk"):
        last = offset + len(text) - 1
        headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={offset}-{last}"}
        service.expect(201, "PUT", f"/disks/{name}", "comp=page", headers=headers, body=text)

    for offset, length in ((0, 4096), ((4 << 20) - 512, 1024), (5 << 20, 3 << 20)):
        text = os.urandom(length)
        write(offset, text)
        image[offset : offset + length] = text
    seen = s3.expect(200, "GET", "disks", "disk")
    expect_equal(sha256(seen.body), sha256(bytes(image)), "a page blob through S3")
    ranged = s3.request("GET", "disks", "disk", headers={"Range": f"bytes={(4 << 20) - 1000}-{(6 << 20) + 7}"})
    expect_equal(ranged.body, bytes(image[(4 << 20) - 1000 : (6 << 20) + 8]), "a range of it")
    s3.expect(200, "PUT", "disks", "copy", headers={"x-amz-copy-source": "disks/disk"})
    write(512, os.urandom(512))
    expect(s3.expect(200, "GET", "disks", "disk").etag() != seen.etag(), "another write, another ETag")
    copied = service.expect(200, "GET", "/disks/copy")
    expect_equal(copied.headers["x-ms-blob-type"], "PageBlob", "what an S3 copy makes of it")
    expect_equal(sha256(copied.body), sha256(bytes(image)), "the copy stays as it was")
    s3.expect(200, "PUT", "disks", "disk", body=b"whole")
    properties = service.expect(200, "HEAD", "/disks/disk").headers
    expect_equal(properties["x-ms-blob-type"], "BlockBlob", "what S3 put in its place")


@blob_scenario("blob and S3: racing conditional writes")
def races(stage):
    azure.Blob(stage.server).expect(201, "PUT", "/races", "restype=container")

    def by_s3(key, text):
        return S3(stage.server).request("PUT", "races", key, headers={"If-None-Match": "*"}, body=text).status == 200

    def by_blob(key, text):
        headers = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
        return azure.Blob(stage.server).request("PUT", f"/races/{key}", headers=headers, body=text).status == 201

    for round_number in range(20):
        key = f"key-{round_number}"
        writers = [by_s3, by_blob] * 4
        with concurrent.futures.ThreadPoolExecutor(len(writers)) as pool:
            won = list(pool.map(lambda i: writers[i](key, str(i).encode()), range(len(writers))))
        expect_equal(sum(won), 1, f"winners of round {round_number}")
        kept = S3(stage.server).expect(200, "GET", "races", key).body
        expect_equal(kept, str(won.index(True)).encode(), "what the winner wrote")


@scenario("blob: the development account, by its name alone", settings={"SLUICE_AZURE_ACCOUNTS": "devstoreaccount1"})
def development(stage):
    service = azure.Blob(stage.server, azure.DEVELOPMENT_ACCOUNT, azure.DEVELOPMENT_KEY)
    service.expect(201, "PUT", "/first", "restype=container")
    service.expect(201, "PUT", "/first/a", headers={"x-ms-blob-type": "BlockBlob"}, body=b"hello")
    expect_equal(service.expect(200, "GET", "/first/a").body, b"hello", "a blob")
