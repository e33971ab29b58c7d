"""Messages that are cut, oversized, or framed in two ways at once."""
import random
import socket
import struct

from harness import raw
from harness.content import KIB, MIB
from harness.scenario import expect, expect_equal, scenario
from scenarios.bad_input import BUCKET, KEY, NEW, check_old, prepared


@scenario("bad input: truncated bodies leave the old object", sanitized=True)
def truncated_bodies(stage):
    s3 = prepared(stage)
    whole = raw.signed_request(s3, "PUT", BUCKET, KEY, body=NEW, length=len(NEW))
    for cut in (1, 1000, len(NEW) - 1, len(NEW)):
        part = whole[: len(whole) - cut]
        received = raw.exchange(stage.server, part)
        expect(not any(status < 400 for status in raw.statuses(received)), f"a body cut by {cut} was accepted")
        check_old(stage, f"a body cut by {cut} and a closed side")
        with raw.connect(stage.server) as connection:
            connection.sendall(part)
            linger_not = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        check_old(stage, f"a body cut by {cut} and a reset")


@scenario("bad input: truncated bodies over TLS leave the old object", tls=True)
def truncated_bodies_over_tls(stage):
    s3 = prepared(stage)
    whole = raw.signed_request(s3, "PUT", BUCKET, KEY, body=NEW, length=len(NEW))
    for cut in (1, 1000, len(NEW) - 1, len(NEW)):
        with raw.connect(stage.server) as connection:
            connection.sendall(whole[: len(whole) - cut])  # Closing sends no close_notify: the end is not proven.
        check_old(stage, f"a body cut by {cut}")


@scenario("bad input: huge headers are refused", sanitized=True)
def huge_headers(stage):
    s3 = prepared(stage)
    cases = (
        ("a line of 8 MiB", [b"X-Long: " + b"a" * (8 * MIB)]),
        ("100,000 lines", [b"X-Line-%d: value" % number for number in range(100_000)]),
        ("metadata of 1 MiB", [b"x-amz-meta-big: " + b"a" * MIB]),
    )
    for what, lines in cases:
        received = raw.exchange(stage.server, raw.signed_request(s3, "DELETE", BUCKET, KEY, lines))
        check_closed_with_error(received, what)
        check_old(stage, what)
    target = b"GET /" + b"a" * (4 * MIB) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    check_closed_with_error(raw.exchange(stage.server, target), "a target of 4 MiB")
    check_old(stage, "a target of 4 MiB")


def check_closed_with_error(received, what):
    """Nothing but one 4xx, or a cut connection, may answer."""
    found = raw.statuses(received)
    expect(len(found) <= 1 and all(400 <= status < 500 for status in found), f"{what} was answered with {found}")


@scenario("bad input: no request is smuggled in a body", sanitized=True)
def smuggling(stage):
    """Each message is framed in two ways; read in the other way, its body is a deletion of the victim."""
    s3 = prepared(stage)
    hidden = raw.signed_request(s3, "DELETE", BUCKET, KEY)
    in_chunks = b"0\r\n\r\n" + hidden
    for what, lines, body in (
        ("both lengths", [b"Content-Length: %d" % len(in_chunks), b"Transfer-Encoding: chunked"], in_chunks),
        ("both lengths, the other order", [b"Transfer-Encoding: chunked", b"Content-Length: 5"], in_chunks),
        ("two different lengths", [b"Content-Length: 0", b"Content-Length: %d" % len(hidden)], hidden),
        ("a list of lengths", [b"Content-Length: 0, %d" % len(hidden)], hidden),
        ("a length with a plus", [b"Content-Length: +0"], hidden),
        ("a length in hexadecimal", [b"Content-Length: 0x0"], hidden),
        ("a negative length", [b"Content-Length: -1"], hidden),
        ("a length with a space inside", [b"Content-Length: 0 0"], hidden),
        ("a length beyond 64 bits", [b"Content-Length: 18446744073709551616"], hidden),
        ("an unknown coding", [b"Transfer-Encoding: xchunked"], in_chunks),
        ("chunked, then another coding", [b"Transfer-Encoding: chunked, identity"], in_chunks),
        ("a space before the colon", [b"Transfer-Encoding : chunked"], in_chunks),
        ("a folded line", [b"X-Folded: a", b" Transfer-Encoding: chunked"], in_chunks),
        ("a bare line feed", [b"X-Bare: a\nTransfer-Encoding: chunked"], in_chunks),
        ("a bare carriage return", [b"X-Bare: a\rTransfer-Encoding: chunked"], in_chunks),
        ("a NUL in the header", [b"X-Nul: a\0b", b"Transfer-Encoding: chunked"], in_chunks),
        ("a chunk size beyond 64 bits", [b"Transfer-Encoding: chunked"], b"10000000000000000\r\n\r\n" + in_chunks),
        ("a negative chunk size", [b"Transfer-Encoding: chunked"], b"-1\r\n" + in_chunks),
        ("a chunk size in 0x form", [b"Transfer-Encoding: chunked"], b"0x0\r\n\r\n" + hidden),
        ("a chunk without its end", [b"Transfer-Encoding: chunked"], b"1\r\naa0\r\n\r\n" + hidden),
    ):
        outer = raw.signed_request(s3, "PUT", BUCKET, "outer", lines, body)
        received = raw.exchange(stage.server, outer)
        found = raw.statuses(received)
        expect(all(status >= 400 for status in found), f"{what}: was accepted with {found}")
        check_old(stage, what)


@scenario("bad input: what follows a refused body is not a request", sanitized=True)
def unread_bodies(stage):
    """A PUT refused before its body was read, with a deletion as its body."""
    s3 = prepared(stage)
    hidden = raw.signed_request(s3, "DELETE", BUCKET, KEY)
    refused = raw.signed_request(s3, "PUT", "no-such-bucket-here", "outer", body=hidden, length=len(hidden))
    received = raw.exchange(stage.server, refused)
    expect_equal(raw.statuses(received), [404], "the answers to a PUT into no bucket")
    check_old(stage, "a PUT into no bucket")

    waiting = raw.signed_request(s3, "PUT", "no-such-bucket-here", "outer", [b"Expect: 100-continue"], length=MIB)
    with raw.connect(stage.server) as connection:
        connection.sendall(waiting)
        first = connection.recv(65536)
    expect(first.startswith(b"HTTP/1.1 404"), f"a refused PUT must not be told to continue: {first[:80]!r}")


@scenario("framing: a final answer to Expect comes after 100, or ends the connection", sanitized=True)
def expectation(stage):
    """aws-cli 2.9 takes a final answer without 100 as the next one, too, and waits for it in vain."""
    s3 = prepared(stage)
    expecting = [b"Expect: 100-continue"]
    for what, bucket, length in (("an empty body", BUCKET, 0), ("a body", BUCKET, 5), ("no bucket", "no-bucket", 0),
                                 ("no bucket, with a body", "no-bucket", 5)):  # fmt: skip
        with raw.connect(stage.server) as connection:
            connection.sendall(raw.signed_request(s3, "PUT", bucket, "expected", expecting, length=length))
            received = connection.recv(65536)
        first = received.startswith(b"HTTP/1.1 100") or b"\r\nConnection: close\r\n" in received
        expect(first, f"{what}: no 100 and no end: {received[:300]!r}")
    check_old(stage, "expectations")


@scenario("framing: requests in a row are answered in order", sanitized=True)
def pipelining(stage):
    s3 = prepared(stage)
    s3.put(BUCKET, "one", b"first")
    s3.put(BUCKET, "two", b"second")
    row = [raw.signed_request(s3, "GET", BUCKET, "one"), raw.signed_request(s3, "HEAD", BUCKET, "two"),
           raw.signed_request(s3, "PUT", BUCKET, "three", body=b"third", length=5),
           raw.signed_request(s3, "GET", BUCKET, "none"),
           raw.signed_request(s3, "GET", BUCKET, "three", [b"Connection: close"])]  # fmt: skip
    received = raw.exchange(stage.server, b"".join(row))
    expect_equal(raw.statuses(received), [200, 200, 200, 404, 200], "the statuses")
    expect(received.index(b"first") < received.index(b"NoSuchKey") < received.index(b"third"), "the order of bodies")

    old = raw.signed_request(s3, "GET", BUCKET, "one").replace(b" HTTP/1.1", b" HTTP/1.0", 1)
    with raw.connect(stage.server) as connection:
        connection.sendall(old)
        received = raw.read_to_end(connection)
    expect(received.endswith(b"\r\n\r\nfirst"), f"HTTP/1.0 is answered and closed: {received!r}")


@scenario("framing: a chunked body without a length is stored", sanitized=True)
def chunked_body(stage):
    s3 = prepared(stage)
    body = b"".join(b"%x;extension=1\r\n%b\r\n" % (len(NEW[i : i + 5000]), NEW[i : i + 5000])
                    for i in range(0, len(NEW), 5000)) + b"0\r\nX-Trailer: ignored\r\n\r\n"  # fmt: skip
    request = raw.signed_request(s3, "PUT", BUCKET, "chunked", [b"Transfer-Encoding: chunked"], body)
    expect_equal(raw.statuses(raw.exchange(stage.server, request)), [200], "the answer")
    expect(s3.get(BUCKET, "chunked") == NEW, "the object is the decoded body")


@scenario("bad input: garbage does not harm", sanitized=True)
def garbage(stage):
    """Random changes of good requests, and random bytes."""
    print(f"seed {stage.options.seed}")
    chance = random.Random(stage.options.seed)
    s3 = prepared(stage)
    for _ in range(300):
        good = raw.signed_request(s3, "PUT", BUCKET, "fuzzed", body=b"x" * 100, length=100)
        data = bytearray(good)
        for _ in range(chance.randrange(1, 12)):
            where = chance.randrange(len(data))
            change = chance.randrange(3)
            if change == 0:
                data[where] = chance.randrange(256)
            elif change == 1:
                del data[where : where + chance.randrange(1, 20)]
            else:
                data[where:where] = chance.randbytes(chance.randrange(1, 20))
        raw.exchange(stage.server, bytes(data))
    for _ in range(50):
        raw.exchange(stage.server, chance.randbytes(chance.randrange(1, 20 * KIB)))
    check_old(stage, "garbage")


@scenario("bad input: plain HTTP to a TLS port, and TLS to a plain one", tls=True, sanitized=True)
def mixed_protocols(stage):
    s3 = prepared(stage)
    hello = raw.signed_request(s3, "DELETE", BUCKET, KEY)
    with socket.create_connection(stage.server.host_and_port, timeout=60) as connection:
        connection.sendall(hello)
        found = raw.statuses(raw.read_to_end(connection))
        expect(all(status >= 400 for status in found), f"plain HTTP was served on a TLS port: {found}")
    check_old(stage, "plain HTTP to a TLS port")
    host, _, port = stage.server.admin.partition("://")[2].rpartition(":")
    client_hello = bytes.fromhex("160301020001fc0303") + bytes(507)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(client_hello)
        connection.shutdown(socket.SHUT_WR)
        raw.read_to_end(connection)
    check_old(stage, "TLS to a plain port")
