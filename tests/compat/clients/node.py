"""The JavaScript clients, run by node from the packages that node/package-lock.json pins."""
import fcntl
import hashlib
import json
import pathlib
import shutil
import subprocess

from clients.client import Client, required_program, verb_on

SOURCE = pathlib.Path(__file__).parents[1] / "node"
FILES = ("package.json", "package-lock.json", ".npmrc", "client.mjs", "aws.mjs", "minio.mjs", "azure.mjs", "blob.mjs")


def installed(work):
    """The folder with the packages and our scripts."""
    return installed_package(work, SOURCE, FILES)


def installed_package(work, source, files):
    """A folder with the packages that `source` locks and its files; made once for all scenarios that share the work folder.

    Without npm the scenario is skipped; a registry that does not answer is a failure.
    """
    npm = required_program("npm")
    digest = hashlib.sha256(b"".join((source / name).read_bytes() for name in files)).hexdigest()[:16]
    work.mkdir(parents=True, exist_ok=True)
    with open(work / "node.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = work / f"node-{digest}"
        if (folder / "installed").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in files:
            shutil.copy(source / name, folder)
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"npm ci ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        (folder / "installed").touch()
        return folder


class Node(Client):
    library = ""
    can_presign = True
    can_presign_put = True

    def __init__(self, server, folder):
        super().__init__(server, folder)
        self._program = required_program("node")
        self._scripts = installed(self.folder.parent)

    @property
    def environment(self):
        trust = {"NODE_EXTRA_CA_CERTS": self.server.ca_file} if self.server.ca_file else {}
        return super().environment | trust

    def _endpoint(self):
        return self.server.endpoint

    def _credentials(self):
        return {"accessKey": self.server.access_key, "secretKey": self.server.secret_key}

    def _call(self, verb, **arguments):
        return self._calls([{"verb": verb, "arguments": arguments}])[0]

    def _calls(self, calls):
        """The answers of several calls by one process."""
        request = {
            "library": self.library,
            "calls": calls,
            "endpoint": self._endpoint(),
            "region": self.server.region,
        } | self._credentials()
        request_path = self.folder / "node-request.json"
        request_path.write_text(json.dumps(request))
        return json.loads(self.run(self._program, self._scripts / "client.mjs", request_path))

    def make_bucket(self, bucket):
        self._call("makeBucket", bucket=bucket)

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

    def copy(self, bucket, key, new_key):
        self._call("copy", bucket=bucket, key=key, newKey=new_key)

    def remove(self, bucket, keys):
        self._call("remove", bucket=bucket, keys=keys)

    def list(self, bucket, prefix="", delimiter=""):
        return self._call("list", bucket=bucket, prefix=prefix, delimiter=delimiter)

    def presigned_get(self, bucket, key):
        return self._call("presign", bucket=bucket, key=key, method="GET")

    def presigned_put(self, bucket, key):
        return self._call("presign", bucket=bucket, key=key, method="PUT")


class AwsSdkJs(Node):
    name = "@aws-sdk/client-s3"
    library = "aws"


class MinioJs(Node):
    name = "minio (npm)"
    library = "minio"
