#!/usr/bin/env python3
"""Holds the source tree to the rules a compiler cannot see."""
import pathlib
import re
import sys

# room -> the rooms it may include, besides itself
ALLOWED = {
    "gateway/core": [],
    "auth": ["gateway/core"],
    "gateway/object": ["gateway/core"],
    "backends/local": ["gateway/core"],
    "backends/rdma": ["gateway/core"],
    "backends/postgres": ["gateway/core"],
    "gateway/http": ["gateway/core"],
    "gateway/xml": ["gateway/core"],
    "gateway/verbs": ["gateway/core"],
    "gateway/blob": ["gateway/core", "gateway/http", "gateway/object", "gateway/xml", "auth"],
    "gateway/s3": ["gateway/core", "gateway/http", "gateway/object", "gateway/xml", "auth"],
}
INCLUDE = re.compile(r'^#include "(.+)/[^/]+"', re.M)
SUFFIXES = (".h", ".cc")


def room_of(folder):
    return next((r for r in sorted(ALLOWED, key=len, reverse=True) if folder.startswith(r)), None)


def faults_of(path):
    text = path.read_text()
    here = room_of(str(path.parent))
    is_test = path.name.endswith("_test.cc")
    for target in INCLUDE.findall(text):
        there = room_of(target)
        if is_test and target.startswith("tests/"):
            continue
        if there != here and there not in ALLOWED[here]:
            yield f"{here} may not include {target}"
    if path.suffix == ".h" and "#pragma once" not in text:
        yield "a header needs #pragma once"
    if re.search(r"^\s*using namespace ", text, re.M):
        yield "no using namespace"


def main():
    paths = sorted(p for r in ALLOWED for p in pathlib.Path(r).rglob("*") if p.suffix in SUFFIXES)
    faults = [f"{path}: {fault}" for path in paths for fault in faults_of(path)]
    for room in ALLOWED:
        if not (pathlib.Path(room) / "README.md").exists():
            faults.append(f"{room}: a room needs a README.md")
    print("\n".join(faults) or f"tidy: {len(paths)} files")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
