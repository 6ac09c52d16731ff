"""Which tests are nearest to a line: those that call the function it stands in, the cheapest first."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.generate import MUTATED, ROOT, Mutant

#: Seconds of processor time of the tests that a mutant is tried on, together: the cheapest first, so that most mutants are
#: killed within one second, and only survivors cost all of it.
MOST_SECONDS = 20.0
#: Seconds of one file's tests after which the rest of them is left out, but for figures of whole analyses. Few files take
#: longer.
MOST_RECORDED = 10.0
KEPT = ROOT / ".mutants"
_PATHS = {str(path): str(path.relative_to(ROOT)) for path in MUTATED}


def passes(item: pytest.Item) -> bool:
    """Run one test, its fixtures too, and say whether it passed."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def record(item: pytest.Item) -> dict[str, Any]:
    """What a test takes (seconds of processor time) and which functions of the mutated files it calls (path:name)."""
    called: set[str] = set()

    def on_call(frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        path = _PATHS.get(code.co_filename)
        if path is not None:
            called.add(f"{path}:{code.co_qualname}")

    start = time.process_time()
    sys.settrace(on_call)
    passed = passes(item)
    sys.settrace(None)
    return {"seconds": time.process_time() - start, "passed": passed, "called": sorted(called)}


def digest(file: Path) -> str:
    """What tells one version of a file from another."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def kept_records(file: Path) -> dict[str, Any]:
    """What was recorded of a file's tests as the file is now."""
    kept = _kept(file)
    known = json.loads(kept.read_text()) if kept.exists() else {}
    return dict(known["tests"]) if known.get("digest") == digest(file) else {}


def keep(file: Path, records: Mapping[str, Any]) -> None:
    """Keep what was recorded of a file's tests."""
    _kept(file).parent.mkdir(parents=True, exist_ok=True)
    _kept(file).write_text(json.dumps({"digest": digest(file), "tests": records}))


def _kept(file: Path) -> Path:
    return KEPT / "tests" / (str(file.relative_to(ROOT / "tests")).replace("/", "-") + ".json")


class Nearest:
    """The recorded tests, by the functions that they call."""

    def __init__(
        self, records: Mapping[str, Mapping[str, Any]], most_seconds: float = MOST_SECONDS
    ) -> None:
        self.most_seconds = most_seconds
        self.seconds = {
            test: float(row["seconds"]) for test, row in records.items() if row["passed"]
        }
        self.calling: dict[str, set[str]] = defaultdict(set)
        for test in self.seconds:
            for function in records[test]["called"]:
                self.calling[function].add(test)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that call a mutant's function, within `most_seconds` of processor time; at least one, where there is one.

        Those of the module itself and those that hold whole results come before all others; the
        cheapest first among both.

        A value that a module gives a name to when it is imported belongs to the functions that hold
        that name.
        """
        function, names = place_of(mutant.path, mutant.line)
        if function:
            running = self.calling[f"{mutant.path}:{function}"]
        elif names and (holding := list(_functions_with(names, mutant.path))):
            running = set().union(*(self.calling[name] for name in holding))
        else:
            running = {
                t
                for name, tests in self.calling.items()
                if name.startswith(f"{mutant.path}:")
                for t in tests
            }
        chosen: list[str] = []
        spent = 0.0
        for test in sorted(running, key=lambda test: (_far(test, mutant.path), self.seconds[test])):
            spent += self.seconds[test]
            if spent > self.most_seconds and chosen:
                break
            chosen.append(test)
        return chosen


def _far(test: str, path: str) -> bool:
    """Whether a test is neither of the module itself nor one that holds whole results."""
    file = test.partition("::")[0]
    own = Path("tests", *Path(path).parts[1:-1], f"test_{Path(path).name}")
    return Path(file) != own and not holds_figures(file)


def holds_figures(file: str) -> bool:
    """Whether a file of tests holds whole analyses to their figures."""
    return file.endswith("_figures.py")


def place_of(path: str, line: int) -> tuple[str, Sequence[str]]:
    """The name of the function that a line stands in; or, at import, none and the names that its statement gives."""
    function, names = "", []
    for name, node in _named(ast.parse((ROOT / path).read_text()), ""):
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line <= (
            node.end_lineno or 0
        ):
            function = name
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno <= line <= (
            node.end_lineno or 0
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [
                part.id
                for target in targets
                for part in ast.walk(target)
                if isinstance(part, ast.Name)
            ]
    return function, names


def _named(node: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    """All statements under a node, functions and classes by their qualified names, outer before inner."""
    for child in ast.iter_child_nodes(node):
        name = (
            f"{within}{child.name}" if isinstance(child, ast.FunctionDef | ast.ClassDef) else within
        )
        yield name, child
        inner = {ast.FunctionDef: ".<locals>.", ast.ClassDef: "."}.get(type(child), "")
        yield from _named(child, name + inner)


def _functions_with(names: Sequence[str], own: str) -> Iterator[str]:
    """The functions (path:name) of the mutated files that hold one of the names; private ones are their own file's alone."""
    word = re.compile("|".join(rf"\b{name}\b" for name in names))
    private = all(name.startswith("_") for name in names)
    for path in [ROOT / own] if private else MUTATED:
        text = path.read_text()
        if word.search(text):
            for name, node in _named(ast.parse(text), ""):
                if isinstance(node, ast.FunctionDef) and word.search(
                    ast.get_source_segment(text, node) or ""
                ):
                    yield f"{path.relative_to(ROOT)}:{name}"
