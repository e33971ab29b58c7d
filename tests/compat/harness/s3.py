"""The harness's own S3 client: stdlib HTTP, our own signatures. Not a subject of the tests but their witness."""
import dataclasses
import http.client
import ssl
import xml.etree.ElementTree as ElementTree

from harness import sigv4
from harness.content import sha256

TIMEOUT_S = 120


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    def code(self):
        """The S3 error code in the body, or nothing."""
        try:
            return ElementTree.fromstring(self.body).findtext("Code") or ""
        except ElementTree.ParseError:
            return ""

    def etag(self):
        return self.headers.get("etag", "").strip('"')


class Unexpected(AssertionError):
    """The server answered something else than the caller needs."""

    def __init__(self, what, answer):
        super().__init__(f"{what}: {answer.status} {answer.body[:600]!r}")
        self.answer = answer


def plain(name):
    """An XML tag without its namespace."""
    return name.rpartition("}")[2]


class S3:
    """One keep-alive connection. One caller at a time; socket errors come through as OSError or HTTPException."""

    def __init__(self, server, credentials=None):
        self._host, self._port = server.host_and_port
        self._ca_file = server.ca_file
        self.credentials = credentials or sigv4.Credentials(server.access_key, server.secret_key, server.region)
        self.signer = sigv4.Signer(self.credentials)
        self.host_header = f"{self._host}:{self._port}"
        self._connection = None

    def _open(self):
        if self._connection is None:
            if self._ca_file:
                context = ssl.create_default_context(cafile=self._ca_file)
                self._connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=TIMEOUT_S, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        return self._connection

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(self, method, bucket=None, key=None, query=(), headers=None, body=b"", payload_hash=None, stamp=None):
        """One signed request and its whole answer. `body` is bytes, or a file with its length in the headers."""
        path = sigv4.encode_path(bucket, key)
        encoded = sigv4.encode_query(query)
        if payload_hash is None:
            payload_hash = sha256(body) if isinstance(body, bytes) else sigv4.UNSIGNED
        wanted = {"Host": self.host_header, **(headers or {})}
        signed = self.signer.sign(method, path, encoded, wanted, payload_hash, stamp)
        return self.send(method, path + (f"?{encoded}" if encoded else ""), signed, body)

    def send(self, method, target, headers, body=b""):
        """One request as it is given, and its whole answer."""
        connection = self._open()
        try:
            wants_length = method in ("PUT", "POST") and isinstance(body, bytes)
            if wants_length and "Content-Length" not in headers:
                headers = {**headers, "Content-Length": str(len(body))}
            connection.request(method, target, body=body or None, headers=headers)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, names, response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def expect(self, status, method, *arguments, **keywords):
        """As request(), but any other status is an error."""
        answer = self.request(method, *arguments, **keywords)
        if answer.status != status:
            raise Unexpected(f"{method} {arguments} wanted {status}", answer)
        return answer

    def make_bucket(self, bucket):
        return self.expect(200, "PUT", bucket)

    def put(self, bucket, key, body, **keywords):
        return self.expect(200, "PUT", bucket, key, body=body, **keywords)

    def get(self, bucket, key, **keywords):
        return self.expect(200, "GET", bucket, key, **keywords).body

    def remove(self, bucket, key):
        return self.expect(204, "DELETE", bucket, key)

    def list(self, bucket, prefix="", delimiter=""):
        """Every key and every common prefix, over all pages."""
        keys, prefixes = [], []
        query = {"list-type": "2", "prefix": prefix, "delimiter": delimiter, "encoding-type": "url"}
        while True:
            root = ElementTree.fromstring(self.expect(200, "GET", bucket, query=query).body)
            for node in root:
                if plain(node.tag) == "Contents":
                    keys.append(decoded_child(node, "Key"))
                elif plain(node.tag) == "CommonPrefixes":
                    prefixes.append(decoded_child(node, "Prefix"))
            if child(root, "IsTruncated") != "true":
                return keys, prefixes
            query["continuation-token"] = child(root, "NextContinuationToken")

    def start_upload(self, bucket, key, **keywords):
        root = ElementTree.fromstring(self.expect(200, "POST", bucket, key, query={"uploads": ""}, **keywords).body)
        return child(root, "UploadId")

    def put_part(self, bucket, key, upload, number, body, **keywords):
        query = {"partNumber": number, "uploadId": upload}
        return self.expect(200, "PUT", bucket, key, query=query, body=body, **keywords).etag()

    def list_parts(self, bucket, key, upload):
        """Part number to ETag."""
        root = ElementTree.fromstring(self.expect(200, "GET", bucket, key, query={"uploadId": upload}).body)
        parts = [node for node in root if plain(node.tag) == "Part"]
        return {int(child(part, "PartNumber")): child(part, "ETag").strip('"') for part in parts}

    def finish_upload(self, bucket, key, upload, etags):
        """Completes with the parts of a mapping of number to ETag."""
        body = complete_document(etags)
        return self.expect(200, "POST", bucket, key, query={"uploadId": upload}, body=body)


def complete_document(etags):
    parts = (
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>"
        for number, etag in sorted(etags.items())
    )
    return f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode()


def child(node, name):
    return next((c.text or "" for c in node if plain(c.tag) == name), "")


def decoded_child(node, name):
    return sigv4.urllib.parse.unquote(child(node, name).replace("+", " "))
