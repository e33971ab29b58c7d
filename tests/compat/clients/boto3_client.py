"""boto3, in a Python of its own choosing: Debian's, or the one on PATH with the newest."""
import json
import pathlib
import subprocess

from clients.client import Client, programs_on_path, verb_on
from harness.scenario import Skip

DEBIAN = "/usr/bin/python3"
SESSION = pathlib.Path(__file__).with_name("boto3_session.py")


class Boto3(Client):
    name = "boto3 (Debian)"
    can_presign = True
    can_presign_put = True

    def __init__(self, server, folder):
        super().__init__(server, folder)
        self._python = self._find()

    def _find(self):
        if boto3_version(DEBIAN) is None:
            raise Skip("python3-boto3 is not installed")
        return DEBIAN

    def _call(self, verb, **arguments):
        return self._calls([{"verb": verb, "arguments": arguments}])[0]

    def _calls(self, calls):
        """The answers of several calls by one process."""
        request = {
            "calls": calls,
            "endpoint": self.server.endpoint,
            "access_key": self.server.access_key,
            "secret_key": self.server.secret_key,
            "region": self.server.region,
            "ca_file": self.server.ca_file,
        }
        request_path = self.folder / "boto3-request.json"
        request_path.write_text(json.dumps(request))
        return json.loads(self.run(self._python, SESSION, request_path))

    def make_bucket(self, bucket):
        self._call("make_bucket", bucket=bucket)

    def put(self, bucket, key, path):
        self._call("put", bucket=bucket, key=key, path=str(path))

    def get(self, bucket, key, path):
        self._call("get", bucket=bucket, key=key, path=str(path))

    def put_many(self, bucket, paths):
        self._calls([verb_on("put", bucket, key, path) for key, path in paths.items()])

    def get_many(self, bucket, paths):
        self._calls([verb_on("get", bucket, key, path) for key, path in paths.items()])

    def upload(self, bucket, key, path):
        self._call("upload", bucket=bucket, key=key, path=str(path))

    def download(self, bucket, key, path):
        self._call("download", bucket=bucket, key=key, path=str(path))

    def copy(self, bucket, key, new_key):
        self._call("copy", bucket=bucket, key=key, new_key=new_key)

    def remove(self, bucket, keys):
        self._call("remove", bucket=bucket, keys=keys)

    def list(self, bucket, prefix="", delimiter=""):
        return self._call("list", bucket=bucket, prefix=prefix, delimiter=delimiter)

    def presigned_get(self, bucket, key):
        return self._call("presign", bucket=bucket, key=key, operation="get_object")

    def presigned_put(self, bucket, key):
        return self._call("presign", bucket=bucket, key=key, operation="put_object")


class NewestBoto3(Boto3):
    name = "boto3 (newest on PATH)"

    def _find(self):
        versions = {path: boto3_version(path) for path in programs_on_path("python3") if path != DEBIAN}
        others = {path: version for path, version in versions.items() if version is not None}
        if not others:
            raise Skip("no python3 on PATH has a boto3, but Debian's")
        return max(others, key=others.get)


def boto3_version(python):
    """The version as numbers, or nothing where there is no boto3."""
    script = "import boto3; print(boto3.__version__)"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    return tuple(int(number) for number in done.stdout.strip().split("."))
