"""An extent cluster of the scenario's own: etcd, of one member or three, and extent nodes over temporary files, as processes."""
import base64
import ctypes
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from harness.certificates import Authority
from harness.link import Link
from harness.scenario import Skip

START_LIMIT_S = 120
SECRET = "compat cluster secret"
# What bytes between gateways and nodes go over, as in the tests of one process.
FABRIC_PROVIDER = os.environ.get("SLUICE_TEST_PROVIDER", "tcp")
FABRIC_HOST = os.environ.get("SLUICE_TEST_HOST", "127.0.0.1")
NAME = "compat"


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_endpoint():
    """A port of a loopback address that is this scenario's alone; etcd must be told one."""
    chance = random.SystemRandom()
    host = "127." + ".".join(str(chance.randrange(1, 250)) for _ in range(3))
    with socket.socket() as listener:
        listener.bind((host, 0))
        return f"{host}:{listener.getsockname()[1]}"


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


class Process:
    """A program that is started, killed and started again, with its output in a file."""

    def __init__(self, folder, name):
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self.name = name
        self.process = None

    def launch(self, command, environment=None, output=None):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output or log, stderr=log,
                env=environment, preexec_fn=end_with_parent,
            )  # fmt: skip

    def await_url(self, url):
        deadline = time.monotonic() + START_LIMIT_S
        while not answers(url):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not start\n{self.log_path.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None


ETCD_USER, ETCD_PASSWORD = "sluice", "a password that no log has"


class Etcd(Process):
    """One member; `members` are all of them, itself included.

    With an `authority` it speaks TLS with those alone that show a certificate of it.
    """

    def __init__(self, folder, number, members, authority=None):
        super().__init__(folder, f"etcd-{number}")
        if shutil.which("etcd") is None:
            raise Skip("etcd is not installed (Debian's package etcd-server)")
        self.data = pathlib.Path(folder) / self.name
        self.endpoint, self.peer = free_endpoint(), free_endpoint()
        self._members = members
        self._health = free_endpoint()
        self._tls, self._context = [], None
        if authority is not None:
            shown = authority.issue(self.name, f"IP:{self.endpoint.partition(':')[0]}")
            self._tls = ["--client-cert-auth", "--trusted-ca-file", shown.ca, "--cert-file", shown.certificate,
                         "--key-file", shown.key]  # fmt: skip
            self._context = ssl.create_default_context(cafile=shown.ca)
            self._context.load_cert_chain(shown.certificate, shown.key)

    def start(self):
        self.begin()
        self.await_ready()

    def begin(self):
        client, peer = f"http{'s' if self._tls else ''}://{self.endpoint}", f"http://{self.peer}"
        initial = ",".join(f"{member.name}=http://{member.peer}" for member in self._members)
        self.launch(
            ["etcd", "--name", self.name, "--data-dir", self.data, "--listen-client-urls", client,
             "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", initial, "--listen-metrics-urls", f"http://{self._health}", "--bcrypt-cost", "4",
             "--logger", "zap", "--log-level", "error", *self._tls]
        )  # fmt: skip

    def await_ready(self):
        self.await_url(f"http://{self._health}/health")

    def ask(self, operation, token="", **words):
        """An operation of its HTTP interface, as the user whose token it is; its answer."""
        url = f"http{'s' if self._tls else ''}://{self.endpoint}/v3/{operation}"
        headers = {"Authorization": token} if token else {}
        question = urllib.request.Request(url, json.dumps(words).encode(), headers, method="POST")
        with urllib.request.urlopen(question, timeout=60, context=self._context) as answer:
            return json.load(answer)

    def leads(self):
        status = self.ask("maintenance/status")
        return status.get("leader") == status["header"]["member_id"]

    def switch_on_users(self):
        """From now on it takes nothing but from ETCD_USER, who may touch what is the cluster's, and from root."""
        first, last = (base64.b64encode(f"/sluice/{NAME}{end}".encode()).decode() for end in "/0")
        for name in ("root", ETCD_USER):
            self.ask("auth/user/add", name=name, password=ETCD_PASSWORD)
            self.ask("auth/role/add", name=name)
            self.ask("auth/user/grant", user=name, role=name)
        permission = {"permType": "READWRITE", "key": first, "range_end": last}
        self.ask("auth/role/grant", name=ETCD_USER, perm=permission)
        self.ask("auth/enable")

    def forget_tokens(self):
        """Whose password is set must sign in again, as those whose token ran out."""
        token = self.ask("auth/authenticate", name="root", password=ETCD_PASSWORD)["token"]
        self.ask("auth/user/changepw", token, name=ETCD_USER, password=ETCD_PASSWORD)


class Node(Process):
    """`sluice-extent-node serve` over a file."""

    def __init__(self, binary, folder, number, settings, size="2GiB", link=None):
        super().__init__(folder, f"node-{number}")
        self.disk = pathlib.Path(folder) / f"node-{number}.disk"
        self.size = size
        self.link = link  # The gateways' way to it, if it can be cut.
        self._listen = f"{FABRIC_HOST}:0" if link is None else free_endpoint()
        self._binary = binary
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")} | settings
        self._environment |= {"SLUICE_NODE_DISK": str(self.disk), "SLUICE_NODE_MACHINE": f"machine-{number}",
                              "SLUICE_NODE_PROVIDER": FABRIC_PROVIDER}  # fmt: skip
        self.admin = None
        self.incarnation = None

    def format(self):
        flags = ["--size", self.size, "--slab-size", "16MiB", "--log-size", "1MiB"]
        subprocess.run([self._binary, "format", *flags], env=self._environment, check=True)

    def start(self):
        flags = ["--listen", self._listen, "--admin", "127.0.0.1:0"]
        if self.link is not None:
            self.link.target = self._listen
            flags += ["--advertise", self.link.endpoint]
        self.launch([self._binary, "serve", *flags], self._environment, subprocess.PIPE)
        said = self._lines()
        self.admin, self.incarnation = said["admin"], said["disk"]
        self.await_url(f"{self.admin}/ready")

    def _lines(self):
        deadline = time.monotonic() + START_LIMIT_S
        pipe, said, pending = self.process.stdout, {}, b""
        while True:
            readable, _, _ = select.select([pipe], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(pipe.fileno(), 4096) if readable else b""
            if not piece:
                raise AssertionError(f"{self.name} does not start\n{self.log_path.read_text(errors='replace')[-3000:]}")
            pending += piece
            *lines, pending = pending.split(b"\n")
            for line in lines:
                word, _, rest = line.decode().partition(" ")
                if word == "ready":
                    return said
                said[word] = rest

    def metric(self, name):
        with urllib.request.urlopen(f"{self.admin}/metrics", timeout=60) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        raise AssertionError(f"{self.name} has no metric {name}")


class Cluster:
    """A context manager; `settings` are what a gateway needs beside its index.

    With `links` the ways to each node, and of each node to etcd, can be cut: `node.link`, `node.etcd_link`.
    `guarded`: etcd speaks TLS, asks for certificates, and has users.
    """

    def __init__(self, server_binary, folder, node_count, settings=None, etcd_count=1, links=False, guarded=False):
        self.folder = pathlib.Path(folder)
        self.binary = str(pathlib.Path(server_binary).parent / "sluice-extent-node")
        access, authority = {}, None
        self._guarded = guarded
        if guarded:
            place = self.folder / "certificates"
            place.mkdir()
            authority = Authority(place)
            shown = authority.issue("client")
            access = {"SLUICE_ETCD_CA": str(shown.ca), "SLUICE_ETCD_CERT": str(shown.certificate),
                      "SLUICE_ETCD_KEY": str(shown.key), "SLUICE_ETCD_USER": ETCD_USER,
                      "SLUICE_ETCD_PASSWORD": ETCD_PASSWORD}  # fmt: skip
        self.etcds = []
        self.etcds += [Etcd(folder, number, self.etcds, authority) for number in range(etcd_count)]
        self.etcd = self.etcds[0]
        self._node_count = node_count
        self._links = [] if links else None
        self.nodes = []
        shared = {"SLUICE_CLUSTER_SECRET": SECRET} | access
        url = self.url(*(etcd.endpoint for etcd in self.etcds))
        own = {name: str(value) for name, value in (settings or {}).items() if name.startswith("SLUICE_NODE_")}
        self.node_settings = shared | own | {"SLUICE_CLUSTER": url}
        self.settings = shared | {
            "SLUICE_EXTENTS": url, "SLUICE_CLUSTER_HOST": FABRIC_HOST, "SLUICE_CLUSTER_PROVIDER": FABRIC_PROVIDER,
            "SLUICE_CLUSTER_EXTENT_SIZE": "16MiB",
            "SLUICE_CLUSTER_RELEASE_DELAY": "0",
        }  # fmt: skip

    def url(self, *endpoints):
        return f"cluster{'+https' if self._guarded else ''}://{','.join(endpoints)}/{NAME}"

    def add_link(self, target=None):
        self._links.append(Link(target))
        return self._links[-1]

    def add_node(self, folder=None, size="2GiB"):
        settings, link, etcd_link = self.node_settings, None, None
        if self._links is not None:
            link, etcd_link = self.add_link(), self.add_link(self.etcd.endpoint)
            settings = settings | {"SLUICE_CLUSTER": self.url(etcd_link.endpoint)}
        node = Node(self.binary, folder or self.folder, len(self.nodes), settings, size, link)
        node.etcd_link = etcd_link
        node.format()
        node.start()
        self.nodes.append(node)
        return node

    def logs(self):
        return "\n".join(f"--- {node.name}\n{node.log_path.read_text(errors='replace')[-2000:]}" for node in self.nodes)

    def __enter__(self):
        try:
            for etcd in self.etcds:
                etcd.begin()
            for etcd in self.etcds:
                etcd.await_ready()
            if self._guarded:
                self.etcd.switch_on_users()
            for _ in range(self._node_count):
                self.add_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for link in self._links or ():
            link.close()
        for process in (*self.nodes, *self.etcds):
            process.kill()
