#!/usr/bin/env python3
"""Plays ceph/s3-tests against a server and compares the outcome with three lists. See ../README.md."""
import argparse
import base64
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from clients.boto3_client import boto3_version  # noqa: E402
from clients.client import programs_on_path  # noqa: E402
from harness.scenario import SKIPPED  # noqa: E402
from harness.server import Server  # noqa: E402

FUNCTIONAL = "s3tests/functional"
BOTO3_NEEDED = (1, 36)  # the suite names request_checksum_calculation and CRC64NVME
DEBIAN_MODULES = pathlib.Path("/usr/lib/python3/dist-packages")
PURE_MODULES = ("pytest", "_pytest", "py", "py.py", "pluggy", "iniconfig", "packaging", "munch", "isodate", "pytz")
User = collections.namedtuple("User", "section id display_name email access_key")
USERS = (
    User("s3 main", "compat-main", "M. Tester", "main@example.com", "S3TESTSMAIN000000001"),
    User("s3 alt", "compat-alt", "A. Tester", "alt@example.com", "S3TESTSALT0000000002"),
    User("s3 tenant", "compat-tenant", "T. Tester", "tenant@example.com", "S3TESTSTENANT0000003"),
    User("iam", "compat-iam", "I. Tester", "iam@example.com", "S3TESTSIAM0000000004"),
    User("iam root", "compat-iam-root", "R. Tester", "root@example.com", "S3TESTSIAMROOT000005"),
    User("iam alt root", "compat-iam-alt-root", "O. Tester", "altroot@example.com", "S3TESTSIAMALT0000006"),
)


def secret_of(user):
    return f"secret/of+{user.access_key}"


def write_server_config(path):
    """The suite's users, as the server reads them, and the master keys it names."""
    keys = path.with_suffix(".keys")
    keys.touch(mode=0o600)
    for name in ("compat", "testkey-1", "testkey-2"):
        with keys.open("a") as lines:
            lines.write(f"{name} {base64.b64encode(os.urandom(32)).decode()}\n")
    entries = (
        f'[[users]]\nname = "{user.id}"\naccount = "{user.id}"\ndisplay_name = "{user.display_name}"\n'
        f'access_key = "{user.access_key}"\nsecret_key = "{secret_of(user)}"\naccess = "read-write"\n'
        for user in USERS
    )
    path.write_text(f'encryption_keys = "{keys}"\n\n' + "\n".join(entries))


def write_suite_config(path, server):
    """The same users, as the suite reads them."""
    host, port = server.host_and_port
    text = f"[DEFAULT]\nhost = {host}\nport = {port}\nis_secure = False\nssl_verify = False\n"
    text += "[fixtures]\nbucket prefix = compat-{random}-\niam name prefix = s3-tests-\niam path prefix = /s3-tests/\n"
    for user in USERS:
        text += f"[{user.section}]\nuser_id = {user.id}\ndisplay_name = {user.display_name}\nemail = {user.email}\n"
        text += f"access_key = {user.access_key}\nsecret_key = {secret_of(user)}\n"
        text += {"s3 main": "api_name = \n", "s3 tenant": "tenant = \n"}.get(user.section, "")
    text += "[webidentity]\n" + "".join(
        f"{name} = none\n" for name in ("token", "aud", "sub", "azp", "user_token", "thumbprint", "KC_REALM")
    )
    path.write_text(text)


def read_list(name):
    """The tests of a list; what follows a tab is the reason."""
    lines = (HERE / name).read_text().splitlines()
    return {line.partition("\t")[0] for line in lines if line and not line.startswith("#")}


def path_of(test):
    """test_s3::test_x as pytest wants it."""
    module, _, function = test.partition("::")
    return f"{FUNCTIONAL}/{module}.py::{function}"


def newest_python():
    """The python3 on PATH with the newest boto3, or nothing where all are too old."""
    versions = {path: boto3_version(path) or (0,) for path in programs_on_path("python3")}
    best = max(versions, key=versions.get)
    return best if versions[best] >= BOTO3_NEEDED else None


def lend_modules(folder):
    """Makes Debian's pure Python modules importable by another Python, which keeps its own boto3."""
    folder.mkdir()
    for name in PURE_MODULES:
        for path in [*DEBIAN_MODULES.glob(name), *DEBIAN_MODULES.glob(f"{name}-*-info")]:
            (folder / path.name).symlink_to(path)
    return folder


def play(python, suite, config, tests, report):
    """Runs the tests; test name to one of passed, failed, skipped."""
    # Native tracebacks and plain asserts: the suite's files are so large that pytest's own take seconds each.
    command = [python, "-B", "-m", "pytest", "-q", "--tb=native", "--assert=plain", "-p", "no:cacheprovider",
               f"--junitxml={report}"]  # fmt: skip
    lent = lend_modules(report.parent / "modules")
    environment = os.environ | {"S3TEST_CONF": str(config), "AWS_CONFIG_FILE": "/dev/null", "PYTHONPATH": str(lent)}
    subprocess.run([*command, *map(path_of, sorted(tests))], cwd=suite, env=environment, check=False)
    if not report.exists():
        raise SystemExit("the suite could not be run")
    outcomes = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname').rpartition('.')[2]}::{case.get('name')}"
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            outcomes[name] = "failed"
        else:
            outcomes.setdefault(name, "skipped" if "skipped" in kinds else "passed")
    return outcomes


def compare(outcomes, tests):
    """Prints what differs from the lists; whether anything enforced does."""
    enforced, not_yet = read_list("passing.txt"), read_list("not-yet.txt")
    regressions = sorted(test for test in enforced & tests if outcomes.get(test) != "passed")
    news = sorted(test for test in not_yet & tests if outcomes.get(test) == "passed")
    for test in regressions:
        print(f"new failure: {test} ({outcomes.get(test, 'did not run')})")
    for test in news:
        print(f"new pass: {test} (move it from not-yet.txt to passing.txt)")
    passed = sum(outcome == "passed" for outcome in outcomes.values())
    print(f"s3-tests: {passed} of {len(outcomes)} passed, {len(regressions)} new failures, {len(news)} new passes")
    return bool(regressions or news)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", required=True, help="a checkout of ceph/s3-tests")
    parser.add_argument("--server", required=True, help="the sluice binary")
    parser.add_argument("--work", default="build/compat", help="where data lives during the run")
    parser.add_argument("--python", help="the Python to play with; otherwise the one on PATH with the newest boto3")
    parser.add_argument("--only", default="", help="play only tests whose name contains this")
    parser.add_argument("--all", action="store_true", help="play the tests of not-applicable.txt as well")
    parser.add_argument("--outcomes", help="write each test's outcome to this file")
    arguments = parser.parse_args()

    python = arguments.python or newest_python()
    if python is None:
        print(f"skipped: no python3 on PATH has boto3 {'.'.join(map(str, BOTO3_NEEDED))} or later")
        return SKIPPED

    lists = ["passing.txt", "not-yet.txt"] + (["not-applicable.txt"] if arguments.all else [])
    tests = {test for name in lists for test in read_list(name) if arguments.only in test}
    work = pathlib.Path(arguments.work)
    work.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="s3-tests-", dir=work)).resolve()
    try:
        write_server_config(folder / "sluice.toml")
        with Server(arguments.server, folder, config=folder / "sluice.toml") as server:
            write_suite_config(folder / "s3tests.conf", server)
            suite = pathlib.Path(arguments.suite)
            outcomes = play(python, suite, folder / "s3tests.conf", tests, folder / "report.xml")
        if arguments.outcomes:
            lines = (f"{test}\t{outcome}\n" for test, outcome in sorted(outcomes.items()))
            pathlib.Path(arguments.outcomes).write_text("".join(lines))
        return compare(outcomes, tests)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
