#!/usr/bin/env python3
"""Holds docs/mqtt-conformance.md and the tests together.

Each rule is a function from the page and the sources to a list of complaints. The first half of the
tests plants mistakes, so that no rule can pass by never looking.
"""

import ast
import collections
import pathlib
import re
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGE = "docs/mqtt-conformance.md"

# Appendix B of each specification: the number of each section's last statement. They run from 1, but
# 5.0 has no 2.2.1-1.
SECTIONS = {
    "MQTT 5.0": {
        "1.5.4": 3, "1.5.5": 1, "1.5.7": 1, "2.1.3": 1, "2.2.1": 6, "2.2.2": 1, "3.1.0": 2, "3.1.2": 30,
        "3.1.3": 12, "3.1.4": 6, "3.2.0": 2, "3.2.2": 22, "3.3.1": 13, "3.3.2": 20, "3.3.4": 10,
        "3.4.2": 3, "3.5.2": 3, "3.6.1": 1, "3.6.2": 3, "3.7.2": 3, "3.8.1": 1, "3.8.3": 5, "3.8.4": 8,
        "3.9.2": 2, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6, "3.11.2": 2, "3.11.3": 2,
        "3.12.4": 1, "3.14.0": 1, "3.14.1": 1, "3.14.2": 4, "3.14.4": 3, "3.15.1": 1, "3.15.2": 3,
        "4.1.0": 2, "4.2.0": 1, "4.3.1": 1, "4.3.2": 5, "4.3.3": 13, "4.4.0": 2, "4.5.0": 2, "4.6.0": 6,
        "4.7.0": 1, "4.7.1": 2, "4.7.2": 1, "4.7.3": 4, "4.8.2": 6, "4.9.0": 3, "4.12.0": 7, "4.12.1": 2,
        "4.13.1": 1, "4.13.2": 1, "6.0.0": 4,
    },
    "MQTT 3.1.1": {
        "1.5.3": 3, "2.2.2": 2, "2.3.1": 7, "3.1.0": 2, "3.1.2": 24, "3.1.3": 11, "3.1.4": 5, "3.2.0": 1,
        "3.2.2": 6, "3.3.1": 12, "3.3.2": 3, "3.3.4": 1, "3.3.5": 2, "3.6.1": 1, "3.8.1": 1, "3.8.3": 4,
        "3.8.4": 6, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6, "3.12.4": 1, "3.14.1": 1,
        "3.14.4": 3, "4.1.0": 2, "4.3.1": 1, "4.3.2": 2, "4.3.3": 2, "4.4.0": 1, "4.5.0": 2, "4.6.0": 6,
        "4.7.1": 3, "4.7.2": 1, "4.7.3": 4, "4.8.0": 2, "6.0.0": 4, "7.0.0": 2, "7.1.1": 1, "7.1.2": 1,
    },
}
FIRST = {("MQTT 5.0", "2.2.1"): 2}

STATEMENT = re.compile(r"MQTT-\d+\.\d+\.\d+-\d+")
ROW = re.compile(r"\| (MQTT-\S+) \| (.*?) \| (.*) \|")
REASON = re.compile(r"\b(client|not applicable|deviates): \S")
GOOGLE_TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
# Both tests of this suite are made of each row of its table.
TABLE_SUITE = "malformed_input"
TABLE_ROW = re.compile(r'\{"(\w+)",\s*before::(\w+),')

Row = collections.namedtuple("Row", "line version statement gist shown tests")
Named = collections.namedtuple("Named", "path line statement test")  # a comment; test: or none


def rows_of(page):
    version = None
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("## "):
            version = line[3:] if line[3:] in SECTIONS else None
        found = ROW.fullmatch(line)
        if found and version:
            statement, gist, shown = found.groups()
            yield Row(number, version, statement, gist, shown, re.findall(r"`([^` ]*[./][^` ]*)`", shown))


class Sources:
    """What the tests are called, and which statements the sources name."""

    def __init__(self, root):
        self.tests = set()
        self.named = []
        for folder in ("tests", "protocol", "actors", "deploy"):
            for file in sorted(pathlib.Path(root, folder).rglob("*")):
                path = file.relative_to(root).as_posix()
                if file.suffix in (".cpp", ".hpp"):
                    self._cpp(path, file.read_text(encoding="utf-8"))
                elif file.suffix == ".py" and file.name != pathlib.Path(__file__).name:
                    self._python(path, file.name, file.read_text(encoding="utf-8"))

    def _cpp(self, path, text):
        begins = []
        for found in GOOGLE_TEST.finditer(text):
            name = f"{found.group(1)}.{found.group(2)}"
            begins.append((text.count("\n", 0, found.start()) + 1, name))
            self.tests.add(name)
        if f"class {TABLE_SUITE}" in text:
            self.tests |= {f"{TABLE_SUITE}/{when}_{row}" for row, when in TABLE_ROW.findall(text)}
        self._comments(path, text, lambda line: next(
            (name for begin, name in reversed(begins) if begin <= line), None))

    def _python(self, path, file, text):
        spans = []
        for group in ast.parse(text).body:
            for one in group.body if isinstance(group, ast.ClassDef) else ():
                if isinstance(one, ast.FunctionDef) and one.name.startswith("test"):
                    name = f"{file}::{group.name}.{one.name}"
                    spans.append((one.lineno, one.end_lineno, name))
                    self.tests.add(name)
        self._comments(path, text, lambda line: next(
            (name for begin, end, name in spans if begin <= line <= end), None))

    def _comments(self, path, text, test_at):
        for number, line in enumerate(text.splitlines(), 1):
            for statement in STATEMENT.findall(line):
                test = test_at(number) if path.startswith("tests/") else None
                self.named.append(Named(path, number, statement, test))


def every_statement_has_one_row(page, _):
    counted = collections.Counter((row.version, row.statement) for row in rows_of(page))
    expected = {(version, f"MQTT-{section}-{number}")
                for version, sections in SECTIONS.items() for section, last in sections.items()
                for number in range(FIRST.get((version, section), 1), last + 1)}
    for version, statement in sorted(expected - set(counted)):
        yield f"{PAGE}:1: {version}: {statement} has no row"
    for row in rows_of(page):
        if (row.version, row.statement) not in expected:
            yield f"{PAGE}:{row.line}: {row.version} has no {row.statement}"
        elif counted[row.version, row.statement] > 1:
            yield f"{PAGE}:{row.line}: {row.statement} stands twice"


def every_row_has_a_test_or_a_reason(page, _):
    for row in rows_of(page):
        if not row.gist.strip():
            yield f"{PAGE}:{row.line}: {row.statement} has no gist"
        if not row.tests and not REASON.search(row.shown):
            yield f"{PAGE}:{row.line}: {row.statement} has neither a test nor a reason"


def every_named_test_exists(page, sources):
    for row in rows_of(page):
        for test in row.tests:
            if test not in sources.tests:
                yield f"{PAGE}:{row.line}: there is no test {test}"


def every_named_statement_has_its_row(page, sources):
    shown = collections.defaultdict(set)
    for row in rows_of(page):
        shown[row.statement] |= set(row.tests)
    for named in sources.named:
        if named.statement not in shown:
            yield f"{named.path}:{named.line}: no specification has {named.statement}"
        elif named.test and named.test not in shown[named.statement]:
            yield f"{named.path}:{named.line}: the row of {named.statement} does not name {named.test}"


GOOD_CPP = """
TEST(text, is_kept) {
  // MQTT-1.5.4-3
}
const row rows[] = {{"cut", before::v5, "30"}};
class malformed_input : public testing::Test {};
"""
GOOD_PYTHON = """
class Time(GatewayTest):
    def test_goes_by(self):
        pass  # MQTT-3.1.2-22
"""


class A_planted_mistake_is_found(unittest.TestCase):
    def complaints(self, rule, *rows, cpp=GOOD_CPP, python=GOOD_PYTHON):
        page = "\n".join(["## MQTT 5.0", *rows])
        with tempfile.TemporaryDirectory() as root:
            for path, text in (("tests/a_test.cpp", cpp), ("tests/test_a.py", python)):
                pathlib.Path(root, path).parent.mkdir(exist_ok=True)
                pathlib.Path(root, path).write_text(text, encoding="utf-8")
            return list(rule(page, Sources(root)))

    def assert_finds(self, rule, what, *rows, **sources):
        found = self.complaints(rule, *rows, **sources)
        self.assertTrue(any(what in complaint for complaint in found), found)

    def test_of_statements(self):
        rule = every_statement_has_one_row
        row = "| MQTT-1.5.4-1 | gist | `text.is_kept` |"
        self.assertEqual(len(self.complaints(rule)), 251 + 141)
        self.assertEqual(len(self.complaints(rule, row)), 251 + 141 - 1)
        self.assert_finds(rule, "MQTT-1.5.4-1 stands twice", row, row)
        self.assert_finds(rule, "has no MQTT-2.2.1-1", row.replace("1.5.4-1", "2.2.1-1"))
        self.assert_finds(rule, "has no MQTT-1.5.4-4", row.replace("1.5.4-1", "1.5.4-4"))

    def test_of_empty_rows(self):
        rule = every_row_has_a_test_or_a_reason
        self.assert_finds(rule, "neither", "| MQTT-1.5.4-1 | gist | it is so |")
        self.assert_finds(rule, "neither", "| MQTT-1.5.4-1 | gist | client:  |")
        self.assert_finds(rule, "no gist", "| MQTT-1.5.4-1 |  | client: it does |")
        for shown in ("client: it does", "not applicable: none", "`text.is_kept`"):
            self.assertEqual(self.complaints(rule, f"| MQTT-1.5.4-1 | gist | {shown} |"), [])

    def test_of_tests_that_are_gone(self):
        rule = every_named_test_exists
        for name in ("text.is_kept", "malformed_input/v5_cut", "test_a.py::Time.test_goes_by"):
            row = "| MQTT-1.5.4-1 | gist | `" + name + "`<br>`[limits]` |"
            self.assertEqual(self.complaints(rule, row), [])
            self.assert_finds(rule, f"no test {name}x", row.replace(name, name + "x"))

    def test_of_tests_that_the_page_does_not_know(self):
        rule = every_named_statement_has_its_row
        text = "| MQTT-1.5.4-3 | gist | `text.is_kept` |"
        time = "| MQTT-3.1.2-22 | gist | `test_a.py::Time.test_goes_by` |"
        self.assertEqual(self.complaints(rule, text, time), [])
        self.assert_finds(rule, "does not name text.is_kept", text.replace("kept", "lost"), time)
        self.assert_finds(rule, "does not name test_a.py::Time", text, time.replace("by", "on"))
        self.assert_finds(rule, "no specification has MQTT-9.9.9-9", text, time,
                          cpp="// MQTT-9.9.9-9\n")


class This_page(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
        cls.sources = Sources(REPOSITORY)

    def assert_holds(self, rule):
        complaints = list(rule(self.page, self.sources))
        if complaints:
            self.fail("\n" + "\n".join(complaints))

    def test_has_each_statement_once(self):
        self.assert_holds(every_statement_has_one_row)

    def test_has_a_test_or_a_reason_in_each_row(self):
        self.assert_holds(every_row_has_a_test_or_a_reason)

    def test_names_tests_that_exist(self):
        self.assert_holds(every_named_test_exists)

    def test_knows_the_tests_that_name_a_statement(self):
        self.assert_holds(every_named_statement_has_its_row)


if __name__ == "__main__":
    unittest.main()
