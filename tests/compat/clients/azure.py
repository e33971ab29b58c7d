"""Clients of the Blob protocol, over the same data as those of S3; the witness speaks S3."""
from clients.node import Node
from clients.rclone import Rclone
from harness import azure


def account_url(server):
    return f"{server.endpoints['blob']}/{azure.ACCOUNT}"


class AzureSdkJs(Node):
    name = "@azure/storage-blob"
    library = "azure"
    can_presign = False  # A PUT by link needs a header of its own here; scenarios/blob.py follows links with curl.
    cannot_name = dict.fromkeys((".", "..", "./dot", "dir/../dot"), "URLs are normalised before they are sent")

    def _endpoint(self):
        return account_url(self.server)

    def _credentials(self):
        return {"accessKey": azure.ACCOUNT, "secretKey": azure.KEY}


class RcloneAzure(Rclone):
    """rclone's azureblob backend without quirk flags, by an account SAS."""

    name = "rclone azureblob"
    large_size = 100 << 20
    can_presign = False
    cannot_name = Rclone.cannot_name | {
        "dir/below": "rclone's azureblob takes the blob `dir` for the destination",
        "(r) [s] {c} back\\slash ~!*$,@:": "rclone's azureblob writes another character for a backslash",
    }

    def _remote(self, server):
        return f"type = azureblob\nsas_url = {account_url(server)}?{azure.account_sas('rwdlacup')}\n"
