"""Bytes on a socket, for what no client would send."""
import re
import socket
import ssl

from harness import sigv4

TIMEOUT_S = 60


def connect(server, address=None):
    """A connected socket, with TLS where the server speaks it."""
    plain = socket.create_connection(address or server.host_and_port, timeout=TIMEOUT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not server.ca_file:
        return plain
    return ssl.create_default_context(cafile=server.ca_file).wrap_socket(plain, server_hostname="127.0.0.1")


def read_to_end(connection):
    """Everything until the server closes; a reset counts as closing."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except (ConnectionError, ssl.SSLError):
        pass
    return received


def exchange(server, data):
    """Sends the bytes, ends our side, and returns all that came back."""
    with connect(server) as connection:
        try:
            connection.sendall(data)
            if not server.ca_file:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # Refused while we were still sending: the answer may have arrived all the same.
        return read_to_end(connection)


def statuses(received):
    """The status of each response in what came back, in order; no body may hold a status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received) if status != b"100"]


def signed_request(s3, method, bucket, key, extra_lines=(), body=b"", payload_hash=sigv4.UNSIGNED, length=None):
    """A rightly signed request as bytes; `extra_lines` go into the header unsigned, as they are."""
    path = sigv4.encode_path(bucket, key)
    headers = s3.signer.sign(method, path, "", {"Host": s3.host_header}, payload_hash)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    head = "\r\n".join(lines).encode() + b"\r\n"
    if length is not None:
        head += f"Content-Length: {length}\r\n".encode()
    return head + b"".join(line + b"\r\n" for line in extra_lines) + b"\r\n" + body
