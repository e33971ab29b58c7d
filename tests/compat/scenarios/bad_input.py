"""Wrong hashes, signatures and documents: the protocol's error, and the old object intact."""
import base64
import datetime
import hashlib
import zlib

from harness import sigv4
from harness.content import KIB, MIB, content
from harness.s3 import S3
from harness.scenario import expect_equal, scenario

BUCKET = "victim-bucket"
KEY = "victim"
OLD = content("the old object", 300_000)
NEW = content("the new object", 200_000)


def prepared(stage):
    s3 = S3(stage.server)
    s3.make_bucket(BUCKET)
    s3.put(BUCKET, KEY, OLD)
    return s3


def check_old(stage, after):
    """The process lives and the old object is whole."""
    expect_equal(stage.server.alive(), True, f"the server lives after {after}")
    expect_equal(S3(stage.server).get(BUCKET, KEY) == OLD, True, f"the old object is whole after {after}")


def check_refused(stage, answer, status, code, what):
    expect_equal((answer.status, answer.code()), (status, code), f"the answer to {what}")
    check_old(stage, what)


def base64_of(data):
    return base64.b64encode(data).decode()


@scenario("bad input: wrong hashes leave the old object", sanitized=True)
def wrong_hashes(stage):
    s3 = prepared(stage)
    wrong_md5 = base64_of(hashlib.md5(OLD).digest())
    wrong_crc = base64_of(zlib.crc32(OLD).to_bytes(4, "big"))
    wrong_sha = base64_of(hashlib.sha256(OLD).digest())
    cases = (
        ("another Content-MD5", {"Content-MD5": wrong_md5}, "BadDigest"),
        ("a Content-MD5 that is none", {"Content-MD5": "YWJj"}, "InvalidDigest"),
        ("another CRC-32", {"x-amz-checksum-crc32": wrong_crc}, "BadDigest"),
        ("another SHA-256 checksum", {"x-amz-checksum-sha256": wrong_sha}, "BadDigest"),
        ("a checksum that is none", {"x-amz-checksum-crc32": "????"}, "BadDigest"),
    )
    for what, headers, code in cases:
        answer = s3.request("PUT", BUCKET, KEY, headers=headers, body=NEW)
        check_refused(stage, answer, 400, code, what)
    answer = s3.request("PUT", BUCKET, KEY, body=NEW, payload_hash=hashlib.sha256(OLD).hexdigest())
    check_refused(stage, answer, 400, "XAmzContentSHA256Mismatch", "another payload hash")

    upload = s3.start_upload(BUCKET, KEY)
    query = {"partNumber": 1, "uploadId": upload}
    answer = s3.request("PUT", BUCKET, KEY, query=query, headers={"Content-MD5": wrong_md5}, body=NEW)
    check_refused(stage, answer, 400, "BadDigest", "a part with another Content-MD5")
    expect_equal(s3.list_parts(BUCKET, KEY, upload), {}, "the parts after a refused part")


@scenario("bad input: wrong signatures write nothing", sanitized=True)
def wrong_signatures(stage):
    s3 = prepared(stage)
    server = stage.server
    right = s3.credentials
    stranger = S3(server, sigv4.Credentials("NOBODYKNOWSTHISKEY00", right.secret_key, right.region))
    forger = S3(server, sigv4.Credentials(right.access_key, "not the secret", right.region))
    check_refused(stage, stranger.request("PUT", BUCKET, KEY, body=NEW), 403, "InvalidAccessKeyId", "an unknown key")
    check_refused(stage, forger.request("PUT", BUCKET, KEY, body=NEW), 403, "SignatureDoesNotMatch", "a wrong secret")

    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    late = s3.request("PUT", BUCKET, KEY, body=NEW, stamp=sigv4.time_stamp(yesterday))
    check_refused(stage, late, 403, "RequestTimeTooSkewed", "a signature of yesterday")

    path = sigv4.encode_path(BUCKET, KEY)
    nobody = s3.send("PUT", path, {"Host": s3.host_header}, NEW)
    check_refused(stage, nobody, 403, "AccessDenied", "no signature")
    garbled = s3.send("PUT", path, {"Host": s3.host_header, "Authorization": "AWS4-HMAC-SHA256 nonsense"}, NEW)
    check_refused(stage, garbled, 400, "AuthorizationHeaderMalformed", "a garbled signature")

    headers = s3.signer.sign("PUT", path, "", {"Host": s3.host_header}, sigv4.UNSIGNED)
    other = s3.send("PUT", path + "2", headers, NEW)
    check_refused(stage, other, 403, "SignatureDoesNotMatch", "the signature of another path")
    removal = s3.send("DELETE", path, headers)
    check_refused(stage, removal, 403, "SignatureDoesNotMatch", "the signature of another method")

    hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    link = s3.signer.presign("PUT", s3.host_header, path, expires_s=60, stamp=sigv4.time_stamp(hour_ago))
    check_refused(stage, s3.send("PUT", link, {}, NEW), 403, "AccessDenied", "an expired link")


@scenario("bad input: signed chunks are believed one by one", sanitized=True)
def signed_chunks(stage):
    s3 = prepared(stage)
    chunks = [NEW[start : start + 64 * KIB] for start in range(0, len(NEW), 64 * KIB)]

    def put(key, spoil):
        stamp = sigv4.time_stamp()
        path = sigv4.encode_path(BUCKET, key)
        headers = {"Host": s3.host_header, "x-amz-decoded-content-length": str(len(NEW)),
                   "Content-Encoding": "aws-chunked"}  # fmt: skip
        headers = s3.signer.sign("PUT", path, "", headers, sigv4.STREAMING, stamp)
        seed = headers["Authorization"].rpartition("=")[2]
        return s3.send("PUT", path, headers, spoil(s3.signer.chunked(stamp, seed, chunks)))

    expect_equal(put("whole", lambda body: body).status, 200, "the status of a rightly signed body")
    expect_equal(s3.get(BUCKET, "whole") == NEW, True, "the object is the decoded body")

    def flip(body):
        middle = len(body) // 2
        return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]

    check_refused(stage, put(KEY, flip), 403, "SignatureDoesNotMatch", "one changed byte")
    last_chunk = b"0;chunk-signature="
    check_refused(stage, put(KEY, lambda body: body[: body.rindex(last_chunk)] + last_chunk + b"0" * 64 + b"\r\n\r\n"),
                  403, "SignatureDoesNotMatch", "a forged end")  # fmt: skip


@scenario("bad input: trailing checksums are verified before the object is seen", sanitized=True)
def trailing_checksums(stage):
    s3 = prepared(stage)

    def put(key, checksum, length=len(NEW)):
        path = sigv4.encode_path(BUCKET, key)
        headers = {"Host": s3.host_header, "x-amz-decoded-content-length": str(length),
                   "Content-Encoding": "aws-chunked", "x-amz-trailer": "x-amz-checksum-crc32"}  # fmt: skip
        headers = s3.signer.sign("PUT", path, "", headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        trailer = f"x-amz-checksum-crc32:{base64_of(checksum.to_bytes(4, 'big'))}\r\n\r\n".encode()
        return s3.send("PUT", path, headers, f"{len(NEW):x}\r\n".encode() + NEW + b"\r\n0\r\n" + trailer)

    expect_equal(put("whole", zlib.crc32(NEW)).status, 200, "the status with the right trailer")
    expect_equal(s3.get(BUCKET, "whole") == NEW, True, "the object is the decoded body")
    check_refused(stage, put(KEY, zlib.crc32(OLD)), 400, "BadDigest", "another trailing checksum")
    check_refused(stage, put(KEY, zlib.crc32(NEW), len(NEW) + 1), 400, "IncompleteBody", "a decoded length too long")


@scenario("bad input: broken documents", sanitized=True)
def broken_documents(stage):
    s3 = prepared(stage)
    upload = s3.start_upload(BUCKET, KEY)
    etag = s3.put_part(BUCKET, KEY, upload, 1, NEW)
    entity = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
    bombs = (
        ("nothing", b""),
        ("no XML", b"this is not XML"),
        ("half a document", b"<CompleteMultipartUpload><Part><PartNumber>1"),
        ("another root", b"<Something/>"),
        ("binary", content("binary", 4 * KIB)),
        ("deep nesting", b"<a>" * 100_000),
        ("entities", f"{entity}<Delete><Object><Key>&c;</Key></Object></Delete>".encode()),
        ("8 MiB of spaces", b"<Delete>" + b" " * (8 * MIB) + b"</Delete>"),
    )
    for what, body in bombs:
        answer = s3.request("POST", BUCKET, KEY, query={"uploadId": upload}, body=body)
        expect_equal(answer.status // 100, 4, f"the class of the answer to completing with {what}: {answer.body!r}")
        digest = {"Content-MD5": base64_of(hashlib.md5(body).digest())}
        answer = s3.request("POST", BUCKET, query={"delete": ""}, body=body, headers=digest)
        expect_equal(answer.status // 100, 4, f"the class of the answer to deleting with {what}: {answer.body!r}")
        check_old(stage, what)
    answer = s3.request("POST", BUCKET, KEY, query={"uploadId": upload}, body=b"<CompleteMultipartUpload/>")
    check_refused(stage, answer, 400, "MalformedXML", "completing with no part")
    s3.finish_upload(BUCKET, KEY, upload, {1: etag})
    expect_equal(s3.get(BUCKET, KEY) == NEW, True, "the upload can still be completed")
