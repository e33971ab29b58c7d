"""aws-cli: Debian's, and the newest on PATH."""
import json
import re
import subprocess

from clients.client import Client, programs_on_path
from harness.scenario import Skip

DEBIAN = "/usr/bin/aws"


class AwsCli(Client):
    name = "aws-cli (Debian)"
    large_size = 300 << 20
    can_sync = True
    can_presign = True

    def __init__(self, server, folder):
        super().__init__(server, folder)
        self._program = self._find()

    def _find(self):
        if DEBIAN not in programs_on_path("aws"):
            raise Skip(f"{DEBIAN} is not installed")
        return DEBIAN

    @property
    def environment(self):
        settings = {
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "AWS_DEFAULT_REGION": self.server.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
        }
        # Without being told, aws-cli 1 signs links by SigV2 when the endpoint is an address.
        config = self.folder / "aws-config"
        config.write_text("[default]\ns3 =\n  signature_version = s3v4\n")
        settings["AWS_CONFIG_FILE"] = str(config)
        if self.server.ca_file:
            settings["AWS_CA_BUNDLE"] = self.server.ca_file
        return super().environment | settings

    def _aws(self, *arguments):
        return self.run(self._program, "--endpoint-url", self.server.endpoint, *arguments)

    def _api(self, operation, bucket, *arguments):
        return self._aws("s3api", operation, "--bucket", bucket, "--output", "json", *arguments)

    def make_bucket(self, bucket):
        self._aws("s3", "mb", f"s3://{bucket}")

    def put(self, bucket, key, path):
        self._api("put-object", bucket, "--key", key, "--body", path)

    def get(self, bucket, key, path):
        self._api("get-object", bucket, "--key", key, path)

    def upload(self, bucket, key, path):
        self._aws("s3", "cp", "--no-progress", path, f"s3://{bucket}/{key}")

    def download(self, bucket, key, path):
        self._aws("s3", "cp", "--no-progress", f"s3://{bucket}/{key}", path)

    def copy(self, bucket, key, new_key):
        self._aws("s3", "cp", "--no-progress", f"s3://{bucket}/{key}", f"s3://{bucket}/{new_key}")

    def remove(self, bucket, keys):
        request = self.folder / "delete.json"
        request.write_text(json.dumps({"Objects": [{"Key": key} for key in keys], "Quiet": False}))
        answer = json.loads(self._api("delete-objects", bucket, "--delete", f"file://{request}"))
        assert not answer.get("Errors"), answer

    def list(self, bucket, prefix="", delimiter=""):
        answer = json.loads(
            self._api("list-objects-v2", bucket, "--prefix", prefix, "--delimiter", delimiter) or "{}"
        )
        keys = [entry["Key"] for entry in answer.get("Contents") or []]
        return keys, [entry["Prefix"] for entry in answer.get("CommonPrefixes") or []]

    def sync_up(self, folder, bucket):
        return moved(self._aws("s3", "sync", "--no-progress", "--delete", folder, f"s3://{bucket}"))

    def sync_down(self, bucket, folder):
        return moved(self._aws("s3", "sync", "--no-progress", "--delete", f"s3://{bucket}", folder))

    def presigned_get(self, bucket, key):
        return self._aws("s3", "presign", f"s3://{bucket}/{key}").strip()


class NewestAwsCli(AwsCli):
    name = "aws-cli (newest on PATH)"
    large_size = 40 << 20

    def _find(self):
        others = [path for path in programs_on_path("aws") if path != DEBIAN]
        if not others:
            raise Skip("no aws on PATH but Debian's")
        return max(others, key=botocore_version)


def botocore_version(program):
    """aws-cli 1 and 2 count differently; the botocore inside tells which is newer."""
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"botocore/(\d+)\.(\d+)\.(\d+)", shown) or re.search(r"aws-cli/(\d+)\.(\d+)\.(\d+)", shown)
    return tuple(int(number) for number in found.groups()) if found else (0,)


def moved(output):
    return sum(line.startswith(("upload:", "download:", "delete:", "copy:")) for line in output.splitlines())
