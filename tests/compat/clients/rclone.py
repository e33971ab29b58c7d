"""rclone's s3 backend as provider Other, without any of its quirk flags."""
from clients.client import Client, required_program

# rclone takes names as paths, and cleans them.
PATH = "rclone takes keys as clean paths"


class Rclone(Client):
    name = "rclone"
    large_size = 300 << 20
    can_sync = True
    can_presign = True
    cannot_name = dict.fromkeys(("a//b", "/leading", "trailing/", ".", "..", "./dot", "dir/../dot"), PATH)

    def __init__(self, server, folder):
        super().__init__(server, folder)
        self._program = required_program("rclone")
        self._config = self.folder / "rclone.conf"
        self._config.write_text("[it]\n" + self._remote(server))

    def _remote(self, server):
        return (
            "type = s3\nprovider = Other\n"
            f"access_key_id = {server.access_key}\nsecret_access_key = {server.secret_key}\n"
            f"endpoint = {server.endpoint}\nregion = {server.region}\n"
        )

    def _rclone(self, *arguments):
        flags = ["--config", self._config, "--retries", "1", "--low-level-retries", "1"]
        if self.server.ca_file:
            flags += ["--ca-cert", self.server.ca_file]
        return self.run(self._program, *flags, *arguments)

    def make_bucket(self, bucket):
        self._rclone("mkdir", f"it:{bucket}")

    def put(self, bucket, key, path):
        self._rclone("copyto", path, f"it:{bucket}/{key}")

    def get(self, bucket, key, path):
        self._rclone("copyto", f"it:{bucket}/{key}", path)

    def copy(self, bucket, key, new_key):
        self._rclone("copyto", f"it:{bucket}/{key}", f"it:{bucket}/{new_key}")

    def remove(self, bucket, keys):
        names = self.folder / "names.txt"
        names.write_text("".join(f"{key}\n" for key in keys))
        self._rclone("delete", "--files-from-raw", names, f"it:{bucket}")

    def list(self, bucket, prefix="", delimiter=""):
        """rclone lists a folder, so the prefix must end in a slash; without a delimiter it goes deep."""
        flags = [] if delimiter else ["--recursive", "--files-only"]
        lines = self._rclone("lsf", *flags, f"it:{bucket}/{prefix}").splitlines()
        names = [prefix + line for line in lines]
        if not delimiter:
            return names, []
        return [n for n in names if not n.endswith("/")], [n for n in names if n.endswith("/")]

    def sync_up(self, folder, bucket):
        return self._sync(folder, f"it:{bucket}")

    def sync_down(self, bucket, folder):
        return self._sync(f"it:{bucket}", folder)

    def _sync(self, source, destination):
        log = self.folder / "sync.log"
        log.unlink(missing_ok=True)
        self._rclone("sync", "--log-file", log, "--log-level", "INFO", source, destination)
        return sum(": Copied (" in line or ": Deleted" in line for line in log.read_text().splitlines())

    def presigned_get(self, bucket, key):
        return self._rclone("link", f"it:{bucket}/{key}").strip()
