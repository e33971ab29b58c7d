"""The program under test, as a process."""
import os
import pathlib
import select
import signal
import subprocess
import time
import urllib.parse

from harness import azure, certificates

START_LIMIT_S = 120
STOP_LIMIT_S = 120
ACCESS_KEY = "COMPATACCESSKEY00001"
SECRET_KEY = "compat+Secret/Key=0123456789abcdefghijkl"
REGION = "us-east-1"


class Server:
    """`sluice serve` over a data directory, on ports the kernel picks.

    A context manager: leaving it drains the server, which must then exit with 0. `tls` is true, or what
    certificates.issue() made.
    """

    def __init__(self, binary, folder, tls=False, settings=None, config=None):
        self.binary = str(binary)
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.log_path = self.folder / "server.log"
        self.access_key = ACCESS_KEY
        self.secret_key = SECRET_KEY
        self.region = REGION
        self.ca_file = None
        self.process = None
        self.endpoints = {}
        self._log_start = 0
        self._command = [self.binary, "serve", "--quiet", "--data", str(self.data)]
        self._command += ["--s3", "127.0.0.1:0", "--blob", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        if config is not None:
            self._command += ["--config", str(config)]
        if tls:
            issued = tls if isinstance(tls, certificates.Issued) else certificates.issue(self.folder)
            self.ca_file = str(issued.ca)
            self._command += ["--tls-cert", str(issued.certificate), "--tls-key", str(issued.key)]
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        self._environment |= {"SLUICE_ROOT_ACCESS_KEY": ACCESS_KEY, "SLUICE_ROOT_SECRET_KEY": SECRET_KEY}
        self._environment["SLUICE_AZURE_ACCOUNTS"] = f"{azure.ACCOUNT}:{azure.KEY}"
        self._environment |= {name: str(value) for name, value in (settings or {}).items()}

    @property
    def endpoint(self):
        return self.endpoints["s3"]

    @property
    def host_and_port(self):
        parts = urllib.parse.urlsplit(self.endpoint)
        return parts.hostname, parts.port

    @property
    def admin(self):
        return self.endpoints["admin"]

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        with open(self.log_path, "ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=self._environment
            )
        self._await_ready()

    def _await_ready(self):
        deadline = time.monotonic() + START_LIMIT_S
        pipe = self.process.stdout
        pending = b""
        while True:
            readable, _, _ = select.select([pipe], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(pipe.fileno(), 4096) if readable else b""
            if not piece:
                self.kill()
                raise AssertionError(f"the server did not become ready\n{self.log_tail()}")
            pending += piece
            *lines, pending = pending.split(b"\n")
            for line in lines:
                word, _, rest = line.decode().partition(" ")
                if word == "ready":
                    return
                if rest.startswith("http"):
                    self.endpoints[word] = rest.strip()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Drains: SIGTERM, and exit status 0 in time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not end after SIGTERM") from None
        self._forget()
        if status != 0:
            raise AssertionError(f"the server ended with {status}\n{self.log_tail()}")

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self._forget()

    def _forget(self):
        self.process.stdout.close()
        self.process = None

    def memory_peak(self):
        """The largest resident size so far, in bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def fsck(self, *flags):
        """Runs `sluice fsck` over the data of a stopped server; its output. Raises when it finds a fault."""
        done = subprocess.run(
            [self.binary, "fsck", "--data", str(self.data), *flags],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self._environment, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(f"fsck ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def await_log(self, word):
        """Returns once the server has logged the word since its start."""
        deadline = time.monotonic() + START_LIMIT_S
        while word not in self.log_path.read_bytes()[self._log_start :].decode(errors="replace"):
            if time.monotonic() > deadline or not self.alive():
                raise AssertionError(f"the server did not log {word!r}\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self, lines=40):
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()
