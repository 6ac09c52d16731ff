"""Which tests are nearest to a line: those that run it, found once by coverage, the cheapest first."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutants.generate import MUTATED, ROOT, Mutant

#: Where tests are looked for. Whole runs (marked slow) are left out: nearest is what a developer runs at once.
FOLDERS = ("tests/analysis", "tests/diagnosis", "tests/test_pipeline.py")
#: Seconds of processor time of the tests that a mutant is tried on, together.
MOST_SECONDS = 8.0
#: Seconds of processor time, with coverage, after which the rest of a file's tests are left out: they are not the nearest.
MOST_RECORDED = 20.0
#: How pytest runs: alike each time, in one process that has imported libraries before it.
OPTIONS = (
    "-q",
    "-n",
    "0",
    "-p",
    "no:cacheprovider",
    "--hypothesis-seed=0",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)
KEPT = ROOT / ".mutants"


class Recorder:
    """A pytest plugin: for each test its processor time, and the lines of the mutated files that it runs."""

    def __init__(self) -> None:
        self.coverage = coverage.Coverage(data_file=None, include=[str(path) for path in MUTATED], config_file=False)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        if sum(self.seconds.values()) > MOST_RECORDED:
            pytest.skip("enough of this file is known")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        start = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - start
        self.coverage.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)

    def recorded(self) -> dict[str, Any]:
        """{test: {"seconds", "lines": {path: lines}}} of what passed."""
        tests: dict[str, Any] = {
            test: {"seconds": seconds, "lines": {}} for test, seconds in self.seconds.items() if test not in self.failed
        }
        data = self.coverage.get_data()
        for name in data.measured_files():
            path = str(Path(name).relative_to(ROOT))
            for line, contexts in data.contexts_by_lineno(name).items():
                for test in contexts:
                    if test in tests:
                        tests[test]["lines"].setdefault(path, []).append(line)
        return tests


def record(file: str) -> None:
    """Run one file's tests and keep what they took and ran."""
    recorder = Recorder()
    recorder.coverage.start()
    pytest.main([file, "-m", "not slow", *OPTIONS], [recorder])
    recorder.coverage.stop()
    _kept(file).parent.mkdir(parents=True, exist_ok=True)
    _kept(file).write_text(json.dumps({"digest": digest(file), "tests": recorder.recorded()}))


def files_of_tests() -> list[str]:
    """All files of tests that a mutant may be tried on."""
    found = (path for folder in FOLDERS for path in [ROOT / folder, *sorted((ROOT / folder).rglob("test_*.py"))])
    return [str(path.relative_to(ROOT)) for path in found if path.is_file()]


def digest(file: str) -> str:
    """What tells one version of a file from another."""
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def is_recorded(file: str) -> bool:
    """Whether a file's tests have been run as the file is now."""
    return _kept(file).exists() and bool(json.loads(_kept(file).read_text())["digest"] == digest(file))


def _kept(file: str) -> Path:
    return KEPT / "tests" / (file.removeprefix("tests/").replace("/", "-") + ".json")


class Nearest:
    """The recorded tests, by the lines that they run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.by_line: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.by_path: dict[str, set[str]] = defaultdict(set)
        for file in files_of_tests():
            for test, record in json.loads(_kept(file).read_text())["tests"].items():
                self.seconds[test] = record["seconds"]
                for path, lines in record["lines"].items():
                    self.by_path[path].add(test)
                    for line in lines:
                        self.by_line[path, line].add(test)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that run a mutant's line, the cheapest first, and then the others of their files, within MOST_SECONDS.

        A value that a module gives a name to when it is imported is run by whoever runs a line that holds that name.
        """
        start, end, names = _statement(mutant.path, mutant.line)
        if names is None:
            running = self._running((mutant.path, line) for line in range(start, end + 1))
        elif names:
            running = self._running(_lines_with(names))
        else:
            running = self.by_path[mutant.path]
        files = {test.partition("::")[0] for test in running}
        others = {test for test in self.seconds if test.partition("::")[0] in files and test not in running}
        chosen: list[str] = []
        spent = 0.0
        for test in [*sorted(running, key=self.seconds.__getitem__), *sorted(others, key=self.seconds.__getitem__)]:
            spent += self.seconds[test]
            if spent > MOST_SECONDS and chosen:
                break
            chosen.append(test)
        return chosen

    def _running(self, lines: Iterable[tuple[str, int]]) -> set[str]:
        return {test for line in lines for test in self.by_line.get(line, ())}


def _statement(path: str, line: int) -> tuple[int, int, tuple[str, ...] | None]:
    """The first and last line of the statement at a line; and, of one run at import alone, the names that it gives."""
    tree = ast.parse((ROOT / path).read_text())
    around = [
        node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    inner = max(around, key=lambda node: (node.lineno, -(node.end_lineno or 0)))
    body = getattr(inner, "body", None)
    end = body[0].lineno - 1 if body else inner.end_lineno or inner.lineno
    if any(isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line for node in around):
        return inner.lineno, max(end, line), None
    targets = (
        inner.targets if isinstance(inner, ast.Assign) else [inner.target] if isinstance(inner, ast.AnnAssign) else []
    )
    names = tuple(node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
    return inner.lineno, end, names


def _lines_with(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """All lines of the mutated files that hold one of the names."""
    word = re.compile("|".join(rf"\b{name}\b" for name in names))
    for path in MUTATED:
        for number, text in enumerate(path.read_text().splitlines(), 1):
            if word.search(text):
                yield str(path.relative_to(ROOT)), number
