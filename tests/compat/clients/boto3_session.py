"""Calls of boto3 in the Python that runs this file: reads them from a file, prints the answers as JSON."""
import json
import sys

import boto3
from botocore.config import Config


class Session:
    """The verbs of clients.client.Client, spoken by boto3."""

    def __init__(self, request):
        self._s3 = boto3.client(
            "s3",
            endpoint_url=request["endpoint"],
            aws_access_key_id=request["access_key"],
            aws_secret_access_key=request["secret_key"],
            region_name=request["region"],
            verify=request["ca_file"],
            config=Config(retries={"total_max_attempts": 1}, signature_version="s3v4"),
        )

    def make_bucket(self, bucket):
        self._s3.create_bucket(Bucket=bucket)

    def put(self, bucket, key, path, extra=None):
        with open(path, "rb") as body:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, **(extra or {}))

    def get(self, bucket, key, path, extra=None):
        body = self._s3.get_object(Bucket=bucket, Key=key, **(extra or {}))["Body"]
        with open(path, "wb") as file:
            for piece in body.iter_chunks(1 << 20):
                file.write(piece)

    def upload(self, bucket, key, path, extra=None):
        self._s3.upload_file(path, bucket, key, ExtraArgs=extra)

    def download(self, bucket, key, path, extra=None):
        self._s3.download_file(bucket, key, path, ExtraArgs=extra)

    def copy(self, bucket, key, new_key):
        self._s3.copy({"Bucket": bucket, "Key": key}, bucket, new_key)

    def remove(self, bucket, keys):
        answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
        assert not answer.get("Errors"), answer
        assert sorted(entry["Key"] for entry in answer["Deleted"]) == sorted(keys), answer

    def list(self, bucket, prefix, delimiter):
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter=delimiter)
        keys, prefixes = [], []
        for page in pages:
            keys += [entry["Key"] for entry in page.get("Contents", [])]
            prefixes += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        return keys, prefixes

    def presign(self, bucket, key, operation):
        return self._s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": key}, ExpiresIn=300)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    session = Session(request)
    print(json.dumps([getattr(session, call["verb"])(**call["arguments"]) for call in request["calls"]]))


if __name__ == "__main__":
    main()
