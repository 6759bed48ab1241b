#!/usr/bin/env python3
"""Concern: the closing line of a test run never counts a crash, a skip or an empty run as success."""
import pathlib
import tempfile
import unittest

from test_summary import tally

GTEST = """<testsuites><testsuite name="S">
<testcase name="good" status="run" result="completed" classname="S"/>
<testcase name="later" status="run" result="skipped" classname="S"><skipped message="no"/></testcase>
<testcase name="off" status="notrun" result="suppressed" classname="S"/>
{extra}
</testsuite></testsuites>"""
FAILED_CASE = '<testcase name="bad" status="run" result="completed" classname="S"><failure message="x"/></testcase>'


def run(entries, reports):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "ctest.xml").write_text("<testsuite>" + entries + "</testsuite>", encoding="utf-8")
        for name, text in reports.items():
            (path / f"{name}.xml").write_text(text, encoding="utf-8")
        return tally(path / "ctest.xml", path)


class Summary(unittest.TestCase):
    def test_counts_cases_of_an_executable(self):
        total = run('<testcase name="a" status="run"/>', {"a": GTEST.format(extra="")})
        self.assertEqual(total.line(), "1 passed, 0 failed, 1 skipped")

    def test_failed_case_is_named(self):
        total = run('<testcase name="a" status="fail"><failure/></testcase>', {"a": GTEST.format(extra=FAILED_CASE)})
        self.assertEqual(total.failed, ["a: S.bad"])

    def test_crash_is_a_failure_even_with_a_clean_or_missing_report(self):
        entry = '<testcase name="a" status="fail"><failure/></testcase>'
        self.assertEqual(run(entry, {}).line(), "0 passed, 1 failed, 0 skipped")
        self.assertEqual(run(entry, {"a": GTEST.format(extra="")}).line(), "1 passed, 1 failed, 1 skipped")
        self.assertEqual(run(entry, {"a": "<testsuites><cut"}).line(), "0 passed, 1 failed, 0 skipped")

    def test_entries_without_cases_count_once(self):
        total = run('<testcase name="script" status="run"/>'
                    '<testcase name="interop" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>', {})
        self.assertEqual(total.line(), "1 passed, 0 failed, 1 skipped")
        self.assertEqual(total.skipped, ["interop (SKIP_RETURN_CODE=77)"])


if __name__ == "__main__":
    unittest.main()
