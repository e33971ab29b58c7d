"""A way between two programs that can be cut: bytes and connections wait, as where packets are dropped."""
import collections
import contextlib
import itertools
import socket
import threading

PIECE_SIZE = 1 << 16


class Link:
    """Listens on a loopback port and passes everything on to `target`, which may be told later."""

    def __init__(self, target=None):
        self.target = target
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Nothing comes through any more, and nobody is told."""
        self._open.clear()

    def heal(self):
        """What waited arrives, late."""
        self._open.set()

    def close(self):
        self._listener.close()
        self._open.set()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _choose(self):
        """Where the next connection goes."""
        return self.target

    def _carry(self, near):
        self._open.wait()
        host, _, port = self._choose().rpartition(":")
        try:
            far = socket.create_connection((host, int(port)))
        except OSError:
            near.close()
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._pump, args=(near, far), daemon=True).start()
        self._pump(far, near)

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_SIZE):
                self._open.wait()
                sink.sendall(piece)
        self._open.wait()
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Balancer(Link):
    """As a link, with several targets: each connection goes to the next of them."""

    def __init__(self, targets):
        self._turns = itertools.cycle(targets)
        self.carried = collections.Counter()  # target -> connections
        super().__init__()

    def _choose(self):
        target = next(self._turns)
        self.carried[target] += 1
        return target
