#!/usr/bin/env python3
"""Runs clang-tidy over what changed since it last found nothing: clang_tidy.py BUILD_DIRECTORY.

A source is looked at again when it, a header of ours it includes, its compile command or .clang-tidy changed.
The build directory must be built: ninja's record says who includes what.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = "clang-tidy-19"
# Nobody waits for the copy a test makes; and what it sets up shows in what it checks afterwards.
TEST_FLAGS = ["--checks=-performance-*,-bugprone-unused-return-value"]


def headers_of_objects(build):
    """Object file to the files of ours it was made from."""
    found, current = {}, None
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        if line.startswith(" "):
            path = (build / line.strip()).resolve()
            if path.is_relative_to(ROOT) and not path.is_relative_to(build):
                current.append(path)
        elif ": #deps" in line:
            current = found.setdefault(line.partition(": #deps")[0], [])
    return found


def object_of(entry):
    words = shlex.split(entry["command"])
    return words[words.index("-o") + 1]


def flags_of(source):
    is_test = source.name.endswith("_test.cc") or source.is_relative_to(ROOT / "tests")
    return TEST_FLAGS if is_test else []


def key_of(entry, files, flags):
    """What the outcome of a source depends on, as one hash."""
    digest = hashlib.sha256((entry["command"] + (ROOT / ".clang-tidy").read_text() + "".join(flags)).encode())
    for path in sorted(set(files)):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    cache = build / "clang-tidy"
    cache.mkdir(exist_ok=True)
    depended = headers_of_objects(build)
    todo = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if not source.is_relative_to(ROOT) or source.is_relative_to(build):
            continue
        stamp = cache / key_of(entry, [source, *depended.get(object_of(entry), [])], flags_of(source))
        if not stamp.exists():
            todo.append((source, stamp))

    def check(job):
        source, stamp = job
        command = [PROGRAM, "--quiet", "-p", str(build), *flags_of(source), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            stamp.touch()
            return 0
        print(f"{source.relative_to(ROOT)}:\n{done.stdout}{done.stderr}", flush=True)
        return 1

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = sum(pool.map(check, todo))
    print(f"clang-tidy: {len(todo)} sources looked at, {faults} with faults")
    return faults != 0


if __name__ == "__main__":
    sys.exit(main())
