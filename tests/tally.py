#!/usr/bin/env python3
"""Sums up a ctest run: tally.py REPORT.xml CTEST_STATUS. The last line is "N passed, N failed"."""
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """One of passed, failed, skipped; a test that could not be started has failed."""
    status = case.get("status")
    if status == "run":
        return "passed"
    skipped = case.find("skipped")
    if status == "notrun" and skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        return "skipped"
    return "failed"


def skip_reason(case):
    lines = (case.findtext("system-out") or "").split("\n")
    return next((line for line in lines if line.startswith("skipped: ")), "skipped")


def main(report, ctest_status):
    try:
        cases = ElementTree.parse(report).getroot().findall("testcase")
    except (OSError, ElementTree.ParseError) as error:
        print(f"no report of the tests: {error}\n0 passed, 1 failed")
        return 1
    by_outcome = {"passed": [], "failed": [], "skipped": []}
    for case in cases:
        by_outcome[outcome(case)].append(case)
    for case in by_outcome["skipped"]:
        print(f"{case.get('name')}: {skip_reason(case)}")
    for case in by_outcome["failed"]:
        print(f"{case.get('name')}: failed")
    failed = len(by_outcome["failed"])
    if not failed and ctest_status != 0:
        print(f"ctest ended with {ctest_status}")
        failed = 1
    print(f"{len(by_outcome['passed'])} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
