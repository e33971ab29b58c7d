"""A mount that loses power: tests/power/volatile_fs.cc over two folders."""
import os
import pathlib
import shutil
import subprocess
import time

from harness.scenario import Skip

LIMIT_S = 120


class VolatileMount:
    """Serves a folder from a volatile file system. A context manager; `cut()` is the power cut, and the power's return."""

    def __init__(self, tools, folder, mountpoint, chance):
        if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
            raise Skip("mounting needs root and /dev/fuse")
        if not tools:
            raise Skip("volatile-fs is not built: no --tools")
        self._program = str(pathlib.Path(tools) / "volatile-fs")
        self._live, self._durable = pathlib.Path(folder) / "live", pathlib.Path(folder) / "durable"
        self._mountpoint = pathlib.Path(mountpoint)
        self._chance = chance
        self._process = None

    def __enter__(self):
        shutil.rmtree(self._mountpoint, ignore_errors=True)
        self._mountpoint.mkdir()
        self._mount()
        return self

    def __exit__(self, *_):
        self._end()

    def cut(self):
        """What was not synced is lost, or not; call while no program has files open there."""
        self._end()
        self._mount()

    def _mount(self):
        seed = str(self._chance.randrange(1 << 62))
        command = [self._program, str(self._mountpoint), str(self._live), str(self._durable), seed]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + LIMIT_S
        while not os.path.ismount(self._mountpoint):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"volatile-fs did not mount: {self._process.poll()}")
            time.sleep(0.02)

    def _end(self):
        if self._process is None:
            return
        self._process.terminate()
        try:
            status = self._process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = "killed"
        self._process = None
        if status != 0:
            subprocess.run(["umount", "-l", str(self._mountpoint)], check=False)
            raise AssertionError(f"volatile-fs ended with {status}")
