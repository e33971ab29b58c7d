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
    """A context manager: a server over a temporary directory, reached through a Unix socket in it.

    With `standby` there is a second one, which the first waits for before it answers a commit.
    """

    def __init__(self, standby=False):
        self.programs = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-postgres-", dir="/tmp"))
        self.user = {}
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._standby = standby
        self._primary = 0  # Of two places.
        self.processes = {}

    @property
    def url(self):
        places = [self._sockets(0), self._sockets(1)] if self._standby else [self._sockets(0)]
        return f"postgres://sluice@/postgres?host={','.join(urllib.parse.quote(str(place), safe='') for place in places)}"

    def _sockets(self, place):
        return self.folder / f"sockets-{place}"

    def _data(self, place):
        return self.folder / f"data-{place}"

    def _launch(self, name, *arguments):
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                [str(self.programs / name), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, preexec_fn=end_with_parent, **self.user,
            )  # fmt: skip

    def _run(self, name, *arguments):
        if self._launch(name, *arguments).wait() != 0:
            raise AssertionError(f"{name} failed\n{self._said(name)}")

    def _ask(self, place, statement):
        """What psql prints."""
        command = [self.programs / "psql", "-h", self._sockets(place), "-U", "sluice", "-Atc", statement, "postgres"]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.strip()

    def _await(self, what, holds):
        deadline = time.monotonic() + START_LIMIT_S
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL: not in time: {what}\n{self._said('postgres')[-3000:]}")
            time.sleep(0.05)

    def _said(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start(self):
        self._start(self._primary)

    def _start(self, place):
        settings = ["listen_addresses=", f"unix_socket_directories={self._sockets(place)}", "shared_buffers=32MB"]
        words = [word for setting in settings for word in ("-c", setting)]
        process = self.processes[place] = self._launch("postgres", "-D", self._data(place), *words)
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self._sockets(place))]

        def is_ready():
            if process.poll() is not None:
                raise AssertionError(f"PostgreSQL does not start\n{self._said('postgres')[-3000:]}")
            return subprocess.run(ready, check=False).returncode == 0

        self._await("a start", is_ready)

    def _end(self, place, number):
        process = self.processes.pop(place, None)
        if process is not None and process.poll() is None:
            process.send_signal(number)
            process.wait()

    def crash(self):
        """Ends it without a checkpoint; the next start recovers from its log."""
        self._end(self._primary, signal.SIGQUIT)

    def add_standby(self):
        """Makes the other place a copy of the primary, without which no commit is answered any more."""
        place = 1 - self._primary
        shutil.rmtree(self._data(place), ignore_errors=True)
        self._run("pg_basebackup", "-h", self._sockets(self._primary), "-U", "sluice", "-D", self._data(place), "-R",
                  "--checkpoint=fast", "--no-sync")  # fmt: skip
        self._start(place)
        self._ask(self._primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._ask(self._primary, "SELECT pg_reload_conf()")
        states = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        self._await("a synchronous standby", lambda: self._ask(self._primary, states) == "1")

    def fail_over(self):
        """kill -9 of the primary; the standby takes its place, and has none of its own."""
        self._end(self._primary, signal.SIGKILL)
        self._primary = 1 - self._primary
        self._run("pg_ctl", "promote", "-D", self._data(self._primary), "-w", "-t", START_LIMIT_S)

    def __enter__(self):
        for place in (0, 1):
            self._sockets(place).mkdir()
            if self.user:
                os.chown(self._sockets(place), self.user["user"], self.user["group"])
        self._run("initdb", "-D", self._data(0), "-U", "sluice", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()
        if self._standby:
            self.add_standby()
        return self

    def __exit__(self, *_):
        for place in list(self.processes):
            self._end(place, signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)
