"""Versioning and tags, as the aws command line sees them."""
import json

from clients.aws_cli import AwsCli
from harness.s3 import S3
from harness.scenario import expect, expect_equal, scenario

BUCKET = "versions-bucket"


class CommandLine(AwsCli):
    """aws s3api, answers as JSON."""

    def api(self, verb, *arguments):
        text = self._api(verb, BUCKET, *arguments)
        return json.loads(text) if text.strip() else {}


def states(cli):
    """Of each version and delete marker: key, id, latest, marker."""
    listed = cli.api("list-object-versions")
    rows = [(row["Key"], row["VersionId"], row["IsLatest"], False) for row in listed.get("Versions", [])]
    return rows + [(row["Key"], row["VersionId"], row["IsLatest"], True) for row in listed.get("DeleteMarkers", [])]


@scenario("versions: put, remove, restore and empty a versioned bucket by aws s3api", sanitized=True, client=True)
def versions_by_command_line(stage):
    cli = CommandLine(stage.server, stage.folder)
    witness = S3(stage.server)
    witness.make_bucket(BUCKET)
    expect_equal(cli.api("get-bucket-versioning"), {}, "versioning of a fresh bucket")
    cli.api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled")
    expect_equal(cli.api("get-bucket-versioning"), {"Status": "Enabled"}, "versioning")

    ids = []
    for text in ("one", "two"):
        path = stage.folder / text
        path.write_text(text)
        made = cli.api("put-object", "--key", "key", "--body", str(path), "--tagging", f"text={text}")
        ids.append(made["VersionId"])
    marker = cli.api("delete-object", "--key", "key")
    expect(marker["DeleteMarker"], "a removal that makes no delete marker")
    expect_equal(witness.request("GET", BUCKET, "key").status, 404, "the status of a removed object")
    for version, text in zip(ids, ("one", "two")):
        path = stage.folder / "got"
        cli.api("get-object", "--key", "key", "--version-id", version, str(path))
        expect_equal(path.read_text(), text, f"version {text}")
        tags = cli.api("get-object-tagging", "--key", "key", "--version-id", version)["TagSet"]
        expect_equal(tags, [{"Key": "text", "Value": text}], "tags of a version")
    wanted = [("key", ids[1], False, False), ("key", ids[0], False, False), ("key", marker["VersionId"], True, True)]
    expect_equal(states(cli), wanted, "versions")

    undone = cli.api("delete-object", "--key", "key", "--version-id", marker["VersionId"])
    expect(undone["DeleteMarker"], "the removal of a marker that does not say so")
    expect_equal(witness.request("GET", BUCKET, "key").body, b"two", "the object whose marker is gone")
    cli.api("copy-object", "--key", "key", "--copy-source", f"{BUCKET}/key?versionId={ids[0]}")
    expect_equal(witness.request("GET", BUCKET, "key").body, b"one", "the restored object")

    doomed = {"Objects": [{"Key": key, "VersionId": version} for key, version, _, _ in states(cli)], "Quiet": True}
    cli.api("delete-objects", "--delete", json.dumps(doomed))
    expect_equal(states(cli), [], "what is left")
    expect_equal(witness.request("DELETE", BUCKET).status, 204, "the removal of the empty bucket")
