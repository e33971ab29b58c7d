"""s3cmd."""
from clients.client import Client, required_program


class S3cmd(Client):
    name = "s3cmd"
    can_sync = True
    cannot_name = {
        "trailing/": "a slash at the end means a folder to s3cmd",
        "(r) [s] {c} back\\slash ~!*$,@:": "s3cmd takes brackets and stars as patterns",
    }

    def __init__(self, server, folder):
        super().__init__(server, folder)
        self._program = required_program("s3cmd")
        self._config = self.folder / "s3cfg"
        host = server.endpoint.partition("://")[2]
        self._config.write_text(
            f"[default]\naccess_key = {server.access_key}\nsecret_key = {server.secret_key}\n"
            f"host_base = {host}\nhost_bucket = {host}\nbucket_location = {server.region}\n"
            f"use_https = {bool(server.ca_file)}\nca_certs_file = {server.ca_file or ''}\n"
            "progress_meter = False\nmax_retries = 1\n"
        )

    def _s3cmd(self, *arguments):
        return self.run(self._program, "--config", self._config, *arguments)

    def make_bucket(self, bucket):
        self._s3cmd("mb", f"s3://{bucket}")

    def put(self, bucket, key, path):
        self._s3cmd("put", path, f"s3://{bucket}/{key}")

    def get(self, bucket, key, path):
        self._s3cmd("get", "--force", f"s3://{bucket}/{key}", path)

    def copy(self, bucket, key, new_key):
        self._s3cmd("cp", f"s3://{bucket}/{key}", f"s3://{bucket}/{new_key}")

    def remove(self, bucket, keys):
        self._s3cmd("del", *(f"s3://{bucket}/{key}" for key in keys))

    def list(self, bucket, prefix="", delimiter=""):
        flags = [] if delimiter else ["--recursive"]
        keys, prefixes = [], []
        for line in self._s3cmd("ls", *flags, f"s3://{bucket}/{prefix}").splitlines():
            head, _, name = line.partition(f"s3://{bucket}/")
            (prefixes if head.split() == ["DIR"] else keys).append(name)
        return keys, prefixes

    def sync_up(self, folder, bucket):
        return moved(self._s3cmd("sync", "--delete-removed", f"{folder}/", f"s3://{bucket}/"))

    def sync_down(self, bucket, folder):
        return moved(self._s3cmd("sync", "--delete-removed", f"s3://{bucket}/", f"{folder}/"))


def moved(output):
    return sum(line.startswith(("upload:", "download:", "delete:", "remote copy:")) for line in output.splitlines())
