"""Several gateways over one cluster, which look like one server."""
import contextlib
import pathlib
import urllib.parse

from harness import certificates
from harness.link import Balancer
from harness.server import Server


class Gateways:
    """To a scenario what a Server is; each connection of its clients goes to the next of the gateways.

    A context manager: leaving it drains all, each of which must have been used.
    """

    def __init__(self, binary, folder, count, tls=False, settings=None):
        folder = pathlib.Path(folder)
        issued = certificates.issue(folder) if tls else False
        # What the gateways must have in common beside the cluster.
        common = {"SLUICE_ENCRYPTION_KEYS": folder / "encryption-keys"}
        settings = settings or {}
        settings |= common if "SLUICE_ENCRYPTION_KEYS_CREATE" in settings else {}
        self.members = []
        for number in range(count):
            place = folder / f"gateway-{number}"
            place.mkdir()
            self.members.append(Server(binary, place, tls=issued, settings=settings))
        first = self.members[0]
        self.binary, self.ca_file, self.region = first.binary, first.ca_file, first.region
        self.access_key, self.secret_key = first.access_key, first.secret_key
        self.data = folder  # All that is on disks of this machine but the database.
        self.endpoints = {}
        self._balancers = []
        self._used = set()  # Members that got a connection.

    @property
    def endpoint(self):
        return self.endpoints["s3"]

    @property
    def host_and_port(self):
        parts = urllib.parse.urlsplit(self.endpoint)
        return parts.hostname, parts.port

    @property
    def admin(self):
        return self.members[0].admin

    def start(self):
        for member in self.members:
            member.start()
        # The first connection of each protocol goes to another gateway.
        for number, protocol in enumerate(("s3", "blob")):
            members = self.members[number:] + self.members[:number]
            urls = [urllib.parse.urlsplit(member.endpoints[protocol]) for member in members]
            balancer = Balancer([url.netloc for url in urls])
            self._balancers.append(balancer)
            self.endpoints[protocol] = f"{urls[0].scheme}://{balancer.endpoint}"

    def stop(self):
        self._close()
        for member in self.members:
            if member.process is not None:
                member.stop()

    def kill(self):
        self._close()
        for member in self.members:
            if member.process is not None:
                member.kill()

    def _close(self):
        for balancer in self._balancers:
            balancer.close()
            for member in self.members:
                places = {urllib.parse.urlsplit(url).netloc for url in member.endpoints.values()}
                self._used |= {member} if places & balancer.carried.keys() else set()
        self._balancers.clear()

    def fsck(self, *flags):
        return self.members[0].fsck(*flags)

    def log_tail(self):
        return "\n".join(f"--- {member.folder.name}\n{member.log_tail()}" for member in self.members)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
            idle = [member.folder.name for member in self.members if member not in self._used]
            if idle:
                raise AssertionError(f"{idle} got no connection: nothing was shared")
            return
        with contextlib.suppress(Exception):
            self.kill()
