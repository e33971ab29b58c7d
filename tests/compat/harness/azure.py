"""The harness's own client of Azure Blob: stdlib HTTP, our own signatures. Not a subject of the tests but their witness."""
import base64
import email.utils
import hashlib
import hmac
import http.client
import ssl
import time
import urllib.parse

from harness.s3 import Answer, Unexpected

TIMEOUT_S = 120
VERSION = "2023-11-03"
ACCOUNT = "compat"
KEY = base64.b64encode(hashlib.sha512(b"compat").digest()).decode()
DEVELOPMENT_ACCOUNT = "devstoreaccount1"
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SIGNED_HEADERS = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip


def signed(key, text):
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def stamp(offset_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset_s))


def account_sas(permissions="rwdlac", services="b", types="sco", expires_in_s=3600):
    """An account SAS as a query ("Create an account SAS", Azure Storage REST API)."""
    expiry = stamp(expires_in_s)
    fields = [ACCOUNT, permissions, services, types, "", expiry, "", "", VERSION, ""]
    sig = signed(KEY, "\n".join(fields) + "\n")
    query = {"sv": VERSION, "ss": services, "srt": types, "sp": permissions, "se": expiry, "sig": sig}
    return urllib.parse.urlencode(query)


def container_sas(container, permissions="racwdl", expires_in_s=3600):
    """A service SAS of a container, as a query ("Create a service SAS", Azure Storage REST API)."""
    expiry = stamp(expires_in_s)
    fields = [permissions, "", expiry, f"/blob/{ACCOUNT}/{container}", "", "", "", VERSION, "c", "", "", *[""] * 5]
    query = {"sv": VERSION, "sr": "c", "sp": permissions, "se": expiry, "sig": signed(KEY, "\n".join(fields))}
    return urllib.parse.urlencode(query)


class Blob:
    """One keep-alive connection, signing with Shared Key. One caller at a time."""

    def __init__(self, server, account=ACCOUNT, key=KEY):
        parts = urllib.parse.urlsplit(server.endpoints["blob"])
        self._account, self._key = account, key
        if server.ca_file:
            context = ssl.create_default_context(cafile=server.ca_file)
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=TIMEOUT_S, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)

    def request(self, method, path, query="", headers=None, body=b""):
        """One signed request and its whole answer; `path` is encoded and begins behind the account."""
        target = f"/{self._account}{path}"
        wanted = {"x-ms-version": VERSION, "x-ms-date": email.utils.formatdate(usegmt=True), **(headers or {})}
        if method in ("PUT", "POST"):
            wanted["Content-Length"] = str(len(body))
        low = {name.lower(): value for name, value in wanted.items()}
        first = [method] + [low.get(name, "") if low.get(name) != "0" else "" for name in SIGNED_HEADERS]
        own = sorted(f"{name}:{value}" for name, value in low.items() if name.startswith("x-ms-"))
        pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        resource = f"/{self._account}{target}" + "".join(f"\n{name}:{value}" for name, value in pairs)
        wanted["Authorization"] = f"SharedKey {self._account}:" + signed(
            self._key, "\n".join([*first, *own, resource])
        )
        self._connection.request(method, target + (f"?{query}" if query else ""), body=body or None, headers=wanted)
        response = self._connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read())

    def expect(self, status, method, path, query="", headers=None, body=b""):
        """As request(), but any other status is an error."""
        answer = self.request(method, path, query, headers, body)
        if answer.status != status:
            raise Unexpected(f"{method} {path}?{query}", answer)
        return answer
