"""What every real client is to the scenarios."""
import os
import pathlib
import shutil
import subprocess

from harness.scenario import Skip

COMMAND_LIMIT_S = 600


class Client:
    """One client program or library, pointed at a server.

    `upload` and `download` are its way of moving files of any size, `put` and `get` of storing
    one object under exactly the given key.
    """

    name = ""
    cannot_name = {}  # an unusual key -> why this client cannot say it
    large_size = 40 << 20
    can_sync = False
    can_presign_put = False
    can_presign = False

    def __init__(self, server, folder):
        self.server = server
        self.folder = pathlib.Path(folder)

    @property
    def environment(self):
        """Nothing of the user's own configuration, and no proxy between us and the server."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RCLONE_", "SLUICE_"))}
        kept = {k: v for k, v in kept.items() if not k.lower().endswith("_proxy")}
        return kept | {"HOME": str(self.folder), "LC_ALL": "C.UTF-8", "NO_PROXY": "*"}

    def run(self, *command, **keywords):
        """Runs a command that must succeed; its standard output."""
        done = subprocess.run(
            [str(word) for word in command], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=COMMAND_LIMIT_S, check=False, **keywords,
        )  # fmt: skip
        if done.returncode != 0:
            shown = " ".join(str(word) for word in command)
            raise AssertionError(f"{shown}\nended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def make_bucket(self, bucket):
        raise NotImplementedError

    def put(self, bucket, key, path):
        raise NotImplementedError

    def get(self, bucket, key, path):
        raise NotImplementedError

    def put_many(self, bucket, paths):
        """Stores the file of each key. A client whose start is slow does it in one go."""
        for key, path in paths.items():
            self.put(bucket, key, path)

    def get_many(self, bucket, paths):
        for key, path in paths.items():
            self.get(bucket, key, path)

    def upload(self, bucket, key, path):
        self.put(bucket, key, path)

    def download(self, bucket, key, path):
        self.get(bucket, key, path)

    def copy(self, bucket, key, new_key):
        raise NotImplementedError

    def remove(self, bucket, keys):
        raise NotImplementedError

    def list(self, bucket, prefix="", delimiter=""):
        """All keys and all common prefixes."""
        raise NotImplementedError

    def sync_up(self, folder, bucket):
        """Makes the bucket as the folder; how many files moved."""
        raise NotImplementedError

    def sync_down(self, bucket, folder):
        """Makes the folder as the bucket; how many files moved."""
        raise NotImplementedError

    def presigned_get(self, bucket, key):
        raise NotImplementedError

    def presigned_put(self, bucket, key):
        raise NotImplementedError


def required_program(name):
    path = shutil.which(name)
    if path is None:
        raise Skip(f"{name} is not installed")
    return path


def programs_on_path(name):
    """Every program of that name on PATH, each once."""
    found = {}
    for folder in os.get_exec_path():
        path = pathlib.Path(folder) / name
        if os.access(path, os.X_OK):
            found.setdefault(path.resolve(), str(path))
    return list(found.values())


def verb_on(verb, bucket, key, path):
    """A call for the clients that take a list of them."""
    return {"verb": verb, "arguments": {"bucket": bucket, "key": key, "path": str(path)}}
