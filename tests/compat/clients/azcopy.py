"""azcopy, as npm ships it."""
import os
import pathlib
import platform
import subprocess

from clients.node import installed_package
from harness import azure
from harness.scenario import Skip

SOURCE = pathlib.Path(__file__).parents[1] / "azcopy"


class Azcopy:
    def __init__(self, server, folder):
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
        if machine is None:
            raise Skip(f"no azcopy for {platform.machine()}")
        packages = installed_package(folder.parent, SOURCE, ("package.json", "package-lock.json", ".npmrc"))
        binaries = packages / "node_modules" / "@azure-tools" / "azcopy-linux" / "dist" / "bin"
        self._program = binaries / f"azcopy_linux_{machine}"
        if not self._program.exists():
            raise Skip(f"the azcopy package has no binary for {machine}")
        self._program.chmod(0o755)
        self._server = server
        self._environment = {**os.environ, "AZCOPY_LOG_LOCATION": str(folder / "azcopy")}
        self._environment["AZCOPY_JOB_PLAN_LOCATION"] = str(folder / "azcopy")
        self._environment["AZCOPY_DISABLE_SYSLOG"] = "true"
        if server.ca_file:
            self._environment["SSL_CERT_FILE"] = server.ca_file

    def url(self, container, sas, path=""):
        return f"{self._server.endpoints['blob']}/{azure.ACCOUNT}/{container}/{path}?{sas}"

    def _command(self, arguments):
        return [str(word) for word in (self._program, *arguments, "--skip-version-check")]

    def begin(self, *arguments):
        """Runs it without waiting for its end."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(self._command(arguments), env=self._environment, **quiet)

    def run(self, *arguments):
        done = subprocess.run(
            self._command(arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            env=self._environment,
        )  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(f"azcopy {arguments[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def copy(self, source, destination, from_to, *flags):
        return self.run("copy", source, destination, f"--from-to={from_to}", *flags)
