"""A PostgreSQL server of the scenario's own, as a process of an unprivileged user."""
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

from harness.scenario import Skip

START_LIMIT_S = 120


def programs():
    """The folder of the newest server's programs."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise Skip("PostgreSQL's server is not installed (Debian's package postgresql)")
    return found[-1].parent


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


class Postgres:
    """A context manager: a server over a temporary directory, reached through a Unix socket in it."""

    def __init__(self):
        self.programs = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-postgres-", dir="/tmp"))
        self.user = {}
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.process = None

    @property
    def url(self):
        return f"postgres://sluice@/postgres?host={urllib.parse.quote(str(self.folder))}"

    def _launch(self, name, *arguments):
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                [str(self.programs / name), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, preexec_fn=end_with_parent, **self.user,
            )  # fmt: skip

    def _said(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start(self):
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}", "shared_buffers=32MB"]
        words = [word for setting in settings for word in ("-c", setting)]
        self.process = self._launch("postgres", "-D", str(self.folder / "data"), *words)
        deadline = time.monotonic() + START_LIMIT_S
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder)]
        while subprocess.run(ready, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL does not start\n{self._said('postgres')}")
            time.sleep(0.02)

    def crash(self):
        """Ends it without a checkpoint; the next start recovers from its log."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def __enter__(self):
        made = self._launch("initdb", "-D", str(self.folder / "data"), "-U", "sluice", "-A", "trust", "-E", "UTF8",
                            "--locale=C", "--no-sync")  # fmt: skip
        if made.wait() != 0:
            raise AssertionError(f"initdb failed\n{self._said('initdb')}")
        self.start()
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)
