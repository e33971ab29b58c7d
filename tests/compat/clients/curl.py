"""curl, with its own AWS signature."""
import base64
import hashlib
import urllib.parse
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

from clients.client import Client, required_program
from harness import sigv4


class Curl(Client):
    name = "curl"
    cannot_name = dict.fromkeys(("trailing/", ".", ".."), "curl adds the file's name to a URL that ends in a folder")

    def __init__(self, server, folder):
        super().__init__(server, folder)
        self._program = required_program("curl")

    def _curl(self, bucket, key=None, query="", arguments=()):
        url = self.server.endpoint + sigv4.encode_path(bucket, key) + (f"?{query}" if query else "")
        # -q: no .curlrc; --path-as-is: "/./" and "/../" are bytes of a key.
        command = [self._program, "-q", "--silent", "--show-error", "--fail-with-body", "--path-as-is"]
        command += ["--aws-sigv4", f"aws:amz:{self.server.region}:s3"]
        command += ["--user", f"{self.server.access_key}:{self.server.secret_key}"]
        # curl adds this header itself from 8.0 on.
        command += ["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
        if self.server.ca_file:
            command += ["--cacert", self.server.ca_file]
        return self.run(*command, *arguments, url)

    def make_bucket(self, bucket):
        self._curl(bucket, arguments=["--request", "PUT"])

    def put(self, bucket, key, path):
        self._curl(bucket, key, arguments=["--upload-file", path])

    def get(self, bucket, key, path):
        self._curl(bucket, key, arguments=["--output", path])

    def copy(self, bucket, key, new_key):
        source = sigv4.encode_path(bucket, key)
        self._curl(bucket, new_key, arguments=["--request", "PUT", "--header", f"x-amz-copy-source: {source}"])

    def remove(self, bucket, keys):
        names = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        document = f"<Delete><Quiet>true</Quiet>{names}</Delete>".encode()
        path = self.folder / "delete.xml"
        path.write_bytes(document)
        digest = base64.b64encode(hashlib.md5(document).digest()).decode()
        arguments = ["--data-binary", f"@{path}", "--header", f"Content-MD5: {digest}"]
        answer = self._curl(bucket, query="delete=", arguments=arguments)
        assert "<Error>" not in answer, answer

    def list(self, bucket, prefix="", delimiter=""):
        keys, prefixes = [], []
        query = {"delimiter": delimiter, "encoding-type": "url", "list-type": "2", "prefix": prefix}
        while True:
            root = ElementTree.fromstring(self._curl(bucket, query=sigv4.encode_query(query)))
            for node in root.iter():
                tag = node.tag.rpartition("}")[2]
                if tag == "Contents":
                    keys.append(decoded(node, "Key"))
                elif tag == "CommonPrefixes":
                    prefixes.append(decoded(node, "Prefix"))
            token = text(root, "NextContinuationToken")
            if not token:
                return keys, prefixes
            query["continuation-token"] = token


def text(node, name):
    return next((child.text or "" for child in node if child.tag.rpartition("}")[2] == name), "")


def decoded(node, name):
    return urllib.parse.unquote_plus(text(node, name))
