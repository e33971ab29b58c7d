"""What operators rely on: the compose file, and the end of the process."""
import pathlib
import shutil
import subprocess

from harness.s3 import S3
from harness.scenario import Skip, expect, expect_equal, scenario

ROOT = pathlib.Path(__file__).parents[3]


def compose(environment):
    if shutil.which("docker-compose"):
        command = ["docker-compose"]
    elif shutil.which("docker"):
        command = ["docker", "compose"]
    else:
        raise Skip("neither docker-compose nor docker is installed")
    command += ["--file", str(ROOT / "docker-compose.yml"), "config"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"} | environment
    )


@scenario("deployment: the compose file is valid and has no secret of its own")
def compose_file(stage):
    del stage
    given = {"SLUICE_ROOT_ACCESS_KEY": "given-access-key", "SLUICE_ROOT_SECRET_KEY": "given-secret-key"}
    complete = compose(given)
    expect_equal(complete.returncode, 0, f"the status of docker-compose config: {complete.stderr}")
    expect("given-secret-key" in complete.stdout, "the secret comes from the environment")
    for name in given:
        without = compose({key: value for key, value in given.items() if key != name})
        expect(without.returncode != 0, f"the compose file must not do without {name}")


@scenario("deployment: what was stored is there after an orderly restart", sanitized=True)
def orderly_restart(stage):
    s3 = S3(stage.server)
    s3.make_bucket("kept-bucket")
    s3.put("kept-bucket", "small", b"x" * 10)
    s3.put("kept-bucket", "large", b"y" * 3_000_000)
    stage.server.stop()
    stage.server.fsck()
    stage.server.start()
    again = S3(stage.server)
    expect_equal(again.get("kept-bucket", "small"), b"x" * 10, "the small object")
    expect_equal(again.get("kept-bucket", "large"), b"y" * 3_000_000, "the large object")
