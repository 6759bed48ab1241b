#!/usr/bin/env python3
"""Ends a test run with one honest line: "N passed, N failed, N skipped".

    tools/test_summary.py CTEST_JUNIT_XML GTEST_XML_DIR

Counts test cases, not executables: an executable that wrote a GoogleTest report counts with its cases, any other ctest
entry counts once. An executable that failed without a failed case (it crashed, or ran out of time) counts as one failure,
whatever it reported before. Names what failed and what was skipped. Ends with 1 when anything failed or nothing ran.
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

NAMES_SHOWN_MAX = 40


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def line(self):
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


def gtest_cases(report):
    """(name, state) of each case in a GoogleTest report; nothing when it is absent or cut off."""
    try:
        root = ElementTree.parse(report).getroot()
    except (OSError, ElementTree.ParseError):
        return []
    cases = []
    for case in root.iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None:
            cases.append((name, "failed"))
        elif case.find("skipped") is not None or case.get("result") == "skipped":
            cases.append((name, "skipped"))
        elif case.get("status") == "run":
            cases.append((name, "passed"))
    return cases


def ctest_entries(report):
    """(name, state, reason) of each ctest entry."""
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.get("status") == "fail":
            yield case.get("name"), "failed", ""
        elif skipped is not None or case.get("status") in ("notrun", "disabled"):
            yield case.get("name"), "skipped", (skipped.get("message") or "") if skipped is not None else ""
        else:
            yield case.get("name"), "passed", ""


def tally(ctest_report, gtest_folder):
    total = Tally()
    for entry, state, reason in ctest_entries(ctest_report):
        cases = gtest_cases(pathlib.Path(gtest_folder) / f"{entry}.xml") if state != "skipped" else []
        for name, case_state in cases:
            if case_state == "passed":
                total.passed += 1
            else:
                getattr(total, case_state).append(f"{entry}: {name}")
        has_failed_case = any(case_state == "failed" for _, case_state in cases)
        if state == "failed" and not has_failed_case:
            total.failed.append(f"{entry} (ended early: crash or time-out)" if cases else entry)
        elif state == "skipped":
            total.skipped.append(f"{entry} ({reason})" if reason else entry)
        elif state == "passed" and not cases:
            total.passed += 1
    return total


def show(title, names):
    if not names:
        return
    print(f"{title}:")
    for name in names[:NAMES_SHOWN_MAX]:
        print(f"  {name}")
    if len(names) > NAMES_SHOWN_MAX:
        print(f"  ... and {len(names) - NAMES_SHOWN_MAX} more")


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        total = tally(sys.argv[1], sys.argv[2])
    except (OSError, ElementTree.ParseError) as error:
        print(f"reading the report of ctest, {sys.argv[1]}: {error}; did ctest run?", file=sys.stderr)
        return 1
    show("skipped", total.skipped)
    show("failed", total.failed)
    print(total.line())
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
