"""What the public may do: set by aws-cli, tried by curl and aws-cli without a signature."""
import json

from clients.aws_cli import AwsCli
from clients.client import required_program
from harness import sigv4
from harness.content import make_file, sha256_of_file
from harness.scenario import expect, expect_equal, scenario

BUCKET = "shared-bucket"


class Public:
    """curl and aws-cli without credentials."""

    def __init__(self, aws, stage):
        self._aws = aws
        self._stage = stage
        self._curl = required_program("curl")

    def status(self, key, *arguments):
        """The status of a GET by curl; the body goes to `public`."""
        url = self._stage.server.endpoint + sigv4.encode_path(BUCKET, key)
        command = [self._curl, "-q", "--silent", "--show-error", "--write-out", "%{http_code}"]
        return self._aws.run(*command, "--output", str(self._stage.folder / "public"), *arguments, url)

    def digest(self):
        return sha256_of_file(self._stage.folder / "public")

    def aws_reads(self, key):
        path = self._stage.folder / "public-aws"
        path.unlink(missing_ok=True)
        try:
            self._aws.api("get-object", BUCKET, "--no-sign-request", "--key", key, str(path))
        except AssertionError as refused:
            expect("(AccessDenied)" in str(refused), f"aws-cli is refused as it should be: {refused}")
            return None
        return sha256_of_file(path)


class Owner(AwsCli):
    def api(self, operation, bucket, *arguments):
        return self._api(operation, bucket, *arguments)


@scenario("access: what is public is read by anybody, and nothing else is", sanitized=True, client=True)
def public_read(stage):
    owner = Owner(stage.server, stage.folder)
    public = Public(owner, stage)
    path = stage.folder / "object"
    digest = make_file(path, 70_001)
    owner.make_bucket(BUCKET)
    for key, acl in (("open", "public-read"), ("closed", "private")):
        owner.api("put-object", BUCKET, "--key", key, "--body", str(path), "--acl", acl)

    expect_equal(public.status("open"), "200", "the status of a public object")
    expect_equal(public.digest(), digest, "the bytes curl reads of a public object")
    expect_equal(public.aws_reads("open"), digest, "the bytes aws-cli reads of a public object without a signature")
    for key in ("closed", "missing"):
        expect_equal(public.status(key), "403", f"the status of {key}")
        expect_equal(public.aws_reads(key), None, f"what aws-cli reads of {key}")
    expect_equal(public.status("open", "--upload-file", str(path)), "403", "the status of an anonymous PUT")

    owner.api("put-object-acl", BUCKET, "--key", "open", "--acl", "private")
    expect_equal(public.status("open"), "403", "the status once the object is private")


@scenario("access: a policy opens what it names", client=True)
def policy(stage):
    owner = Owner(stage.server, stage.folder)
    public = Public(owner, stage)
    path = stage.folder / "object"
    digest = make_file(path, 10_000)
    owner.make_bucket(BUCKET)
    for key in ("public/a", "private/a"):
        owner.put(BUCKET, key, str(path))
    statement = {
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/public/*",
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    owner.api("put-bucket-policy", BUCKET, "--policy", document)
    expect_equal(public.status("public/a"), "200", "the status of what the policy names")
    expect_equal(public.digest(), digest, "the bytes of what the policy names")
    expect_equal(public.status("private/a"), "403", "the status of what it does not name")
    status = json.loads(owner.api("get-bucket-policy-status", BUCKET))
    expect(status["PolicyStatus"]["IsPublic"], "the bucket is told to be public")

    owner.api("delete-bucket-policy", BUCKET)
    expect_equal(public.status("public/a"), "403", "the status without the policy")


@scenario("access: a browser's preflight is answered by the CORS rules", client=True)
def cors(stage):
    owner = Owner(stage.server, stage.folder)
    public = Public(owner, stage)
    owner.make_bucket(BUCKET)
    rule = {"AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"]}
    owner.api("put-bucket-cors", BUCKET, "--cors-configuration", json.dumps({"CORSRules": [rule]}))

    def preflight(origin):
        asked = ["--header", f"Origin: {origin}", "--header", "Access-Control-Request-Method: PUT"]
        return public.status("key", "--request", "OPTIONS", *asked)

    expect_equal(preflight("https://app.example.com"), "200", "the answer to an allowed origin")
    expect_equal(preflight("https://elsewhere.org"), "403", "the answer to another origin")
