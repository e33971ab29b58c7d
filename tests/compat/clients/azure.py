"""Clients of the Blob protocol, over the same data as those of S3; the witness speaks S3."""
import base64
import datetime
import hashlib
import hmac
import urllib.parse

from clients.node import Node
from clients.rclone import PATH, Rclone


def account_url(server):
    return f"{server.endpoints['blob']}/{server.azure_account}"


def signed(server, text):
    key = base64.b64decode(server.azure_key)
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def account_sas(server, permissions="rwdlacuptf"):
    """An account SAS for everything in the Blob service ("Create an account SAS", Azure Storage REST API)."""
    now = datetime.datetime.now(datetime.timezone.utc)
    start = (now - datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    expiry = (now + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    version, services, types, protocol = "2020-08-04", "b", "sco", "https,http"
    fields = (server.azure_account, permissions, services, types, start, expiry, "", protocol, version)
    query = {"sv": version, "ss": services, "srt": types, "sp": permissions, "st": start, "se": expiry}
    query |= {"spr": protocol, "sig": signed(server, "\n".join(fields) + "\n")}
    return urllib.parse.urlencode(query)


class AzureSdkJs(Node):
    name = "@azure/storage-blob"
    library = "azure"
    cannot_name = {
        ".": "URLs are normalised before they are sent", "..": "URLs are normalised before they are sent",
        "./dot": "URLs are normalised before they are sent", "dir/../dot": "URLs are normalised before they are sent",
    }  # fmt: skip

    def _endpoint(self):
        return account_url(self.server)

    def _credentials(self):
        return {"accessKey": self.server.azure_account, "secretKey": self.server.azure_key}


class RcloneAzure(Rclone):
    """rclone's azureblob backend without quirk flags, by an account SAS."""

    name = "rclone azureblob"
    large_size = 100 << 20
    can_presign = False
    cannot_name = Rclone.cannot_name | {"k" * 1024: PATH}

    def _remote(self, server):
        return f"type = azureblob\nsas_url = {account_url(server)}?{account_sas(server)}\n"
