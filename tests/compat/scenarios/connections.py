"""Ten thousand idle connections, and others served all the same."""
import http.client
import resource
import socket
import time

from harness.s3 import S3
from harness.scenario import expect, expect_equal, scenario

WANTED = 10_000
SPARE_DESCRIPTORS = 200
ROOM_LIMIT_S = 60


@scenario("connections: 10,000 idle ones do not keep others out", settings={"SLUICE_CONNECTIONS_MAX": 12_000})
def idle_connections(stage):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(WANTED, hard - SPARE_DESCRIPTORS)
    print(f"{count} connections; the descriptor limit is {hard}")
    idle = []
    try:
        for number in range(count):
            connection = socket.create_connection(stage.server.host_and_port, timeout=60)
            if number % 2:
                connection.sendall(b"GET /half HTTP/1.1\r\nHost: half-a-header")
            idle.append(connection)
        s3 = S3(stage.server)
        s3.make_bucket("busy-bucket")
        for number in range(100):
            s3.put("busy-bucket", f"key-{number}", b"served")
        expect_equal(s3.get("busy-bucket", "key-99"), b"served", "an object amid idle connections")
    finally:
        for connection in idle:
            connection.close()
    expect(stage.server.alive(), "the server lives")
    s3.close()
    expect_equal(s3.get("busy-bucket", "key-0"), b"served", "an object after the idle ones left")


@scenario("connections: beyond the limit they are refused, and room is found again",
          settings={"SLUICE_CONNECTIONS_MAX": 20}, sanitized=True)  # fmt: skip
def connection_limit(stage):
    held = [S3(stage.server) for _ in range(20)]
    for s3 in held:
        s3.expect(200, "GET")  # Served, so counted; and kept alive.
    late = S3(stage.server)
    expect(status_of_request(late) != 200, "one connection too many was served")
    for s3 in held:
        s3.close()
    deadline = time.monotonic() + ROOM_LIMIT_S
    while status_of_request(late) != 200:
        expect(time.monotonic() < deadline, "no room after all others left")


def status_of_request(s3):
    """The status, or nothing where the connection was refused."""
    try:
        return s3.request("GET").status
    except (OSError, http.client.HTTPException):
        return None
