"""AWS Signature Version 4, written from its specification: a second opinion on the server's own."""
import dataclasses
import datetime
import hashlib
import hmac
import urllib.parse

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclasses.dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str
    region: str


def encode(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-._~")


def encode_path(bucket, key):
    if not bucket:
        return "/"
    return f"/{bucket}" if key is None else f"/{bucket}/{encode(key, '/')}"


def encode_query(query):
    """Pairs or a mapping, sorted and encoded as they are signed and sent."""
    pairs = query.items() if hasattr(query, "items") else query
    return "&".join(sorted(f"{encode(str(name))}={encode(str(value))}" for name, value in pairs))


def time_stamp(moment=None):
    moment = moment or datetime.datetime.now(datetime.timezone.utc)
    return moment.strftime("%Y%m%dT%H%M%SZ")


class Signer:
    """Signs requests with one set of credentials."""

    def __init__(self, credentials):
        self._credentials = credentials
        self._keys = {}

    def _key(self, day):
        if day not in self._keys:
            key = ("AWS4" + self._credentials.secret_key).encode()
            for word in (day, self._credentials.region, "s3", "aws4_request"):
                key = hmac.digest(key, word.encode(), "sha256")
            self._keys[day] = key
        return self._keys[day]

    def _scope(self, stamp):
        return f"{stamp[:8]}/{self._credentials.region}/s3/aws4_request"

    def _signature(self, stamp, canonical):
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{ALGORITHM}\n{stamp}\n{self._scope(stamp)}\n{hashed}"
        return hmac.digest(self._key(stamp[:8]), text.encode(), "sha256").hex()

    def sign(self, method, path, query, headers, payload_hash, stamp=None):
        """The headers with x-amz-date, x-amz-content-sha256 and Authorization added; all are signed."""
        stamp = stamp or time_stamp()
        signed = {name.lower(): " ".join(str(value).split()) for name, value in headers.items()}
        signed |= {"x-amz-date": stamp, "x-amz-content-sha256": payload_hash}
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        signature = self._signature(stamp, f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload_hash}")
        credential = f"{self._credentials.access_key}/{self._scope(stamp)}"
        authorization = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "x-amz-date": stamp, "x-amz-content-sha256": payload_hash, "Authorization": authorization}

    def presign(self, method, host, path, query=(), expires_s=300, stamp=None):
        """The path and query of a link that needs no header but Host."""
        stamp = stamp or time_stamp()
        pairs = dict(query) | {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self._credentials.access_key}/{self._scope(stamp)}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(expires_s),
            "X-Amz-SignedHeaders": "host",
        }
        encoded = encode_query(pairs)
        signature = self._signature(stamp, f"{method}\n{path}\n{encoded}\nhost:{host}\n\nhost\n{UNSIGNED}")
        return f"{path}?{encoded}&X-Amz-Signature={signature}"

    def chunked(self, stamp, seed_signature, chunks):
        """The aws-chunked body of the chunks, each signed in a chain that starts at the header's signature."""
        previous = seed_signature
        body = b""
        for chunk in [*chunks, b""]:
            hashed = hashlib.sha256(chunk).hexdigest()
            text = f"{ALGORITHM}-PAYLOAD\n{stamp}\n{self._scope(stamp)}\n{previous}\n{EMPTY_SHA256}\n{hashed}"
            previous = hmac.digest(self._key(stamp[:8]), text.encode(), "sha256").hex()
            body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
        return body
