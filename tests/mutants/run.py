"""`make mutants`: a sample of small changes to what judges and diagnoses, each tried on its nearest tests.

Each mutant has a process of its own, forked from one that has imported all that is not soak's, which ends after LIMIT
seconds of processor time; nothing is written into the project but to .mutants. A mutant is killed when a test fails or
does not end, and survives otherwise, also where no test runs it. What is equivalent is told by equivalent.txt.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, ModuleType

import pytest
from scipy.stats import beta

from tests.mutants import nearest
from tests.mutants.generate import ROOT, Mutant, sample

#: Seconds of processor time after which a mutant hangs: six times what its tests may take.
LIMIT = 60
#: The exit code of a fork that could not do its work.
BROKEN = 99
#: What tests import besides soak, loaded once: a fork has it for nothing. Never gevent, which patches its process.
LOADED = (
    *("numpy", "scipy.stats", "scipy.optimize", "scipy.special", "scipy.signal", "pandas", "hypothesis.strategies"),
    *("hypothesis.internal.conjecture.engine", "yaml", "pydantic", "click", "psutil", "jinja2", "rich.console"),
    *("jsonschema", "werkzeug", "httptools", "prometheus_client", "threadpoolctl", "zstandard"),
)
EQUIVALENTS = Path(__file__).with_name("equivalent.txt")
KILLED, SURVIVED, HUNG, UNTESTED, EQUIVALENT = "killed", "survived", "hung", "no test runs it", "equivalent"


class MutantFinder(importlib.abc.MetaPathFinder):
    """Finds one module, with mutated source."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of the mutated module; None for all others."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self.path, loader=MutantLoader(self.name, self.path, self.source)
        )


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads a file as if it held other text."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        super().__init__(name, str(path))
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        """The mutated code."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


def forked(work: Callable[[], int], limit: int = 0) -> int | None:
    """The exit code of some work done in a process of its own; None where it was stopped for taking `limit` seconds."""
    log = nearest.KEPT / "last.log"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = BROKEN
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        try:
            if limit:
                resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            code = work()
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def tried(mutant: Mutant, tests: Sequence[str]) -> str:
    """What becomes of a mutant."""
    if not tests:
        return UNTESTED
    name = mutant.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    source = mutant.source()

    def run() -> int:
        sys.meta_path.insert(0, MutantFinder(name, ROOT / mutant.path, source))
        with tempfile.TemporaryDirectory() as kept:
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = kept
            return int(pytest.main([*tests, "-x", *nearest.OPTIONS]))

    code = forked(run, LIMIT)
    if code == BROKEN:
        raise SystemExit(f"{mutant} could not be tried: see {nearest.KEPT / 'last.log'}")
    return HUNG if code is None else SURVIVED if code == 0 else KILLED


def record_tests() -> None:
    """Record what the tests run, of the files that changed since."""
    for file in nearest.files_of_tests():
        if not nearest.is_recorded(file):
            print(f"recording {file}", flush=True)

            def run(file: str = file) -> int:
                nearest.record(file)
                return 0

            if forked(run) != 0:
                raise SystemExit(f"{file} could not be recorded: see {nearest.KEPT / 'last.log'}")


def equivalents() -> dict[tuple[str, str], str]:
    """Why a mutant changes nothing that anybody could see, by file and mutated line."""
    rows = (line.split(" | ") for line in EQUIVALENTS.read_text().splitlines() if line and not line.startswith("#"))
    return {(path, changed): reason for path, changed, reason in rows}


def interval(hits: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share (Clopper and Pearson 1934)."""
    low = beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
    return float(low), float(high)


def _results(path: Path) -> dict[tuple[str, str, str], str]:
    """What became of each mutant in earlier runs of a sample, the last word on it; a run that was stopped goes on there."""
    rows = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return {(row["path"], row["before"], row["after"]): row["outcome"] for row in rows}


def main() -> None:
    """Try a sample, print each survivor and the share killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400, help="mutants in the sample")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    parser.add_argument("--only", default="", help="only files whose path holds this")
    parser.add_argument(
        "--again", action="store_true", help="try those again that survived an earlier run of this sample"
    )
    asked = parser.parse_args()
    nearest.KEPT.mkdir(exist_ok=True)
    for name in LOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    record_tests()
    known, tests = equivalents(), nearest.Nearest()
    counts: Counter[str] = Counter()
    results = nearest.KEPT / f"sample-{asked.seed}-{asked.count}.jsonl"
    done = _results(results)
    with results.open("a") as kept:
        for mutant in sample(asked.count, asked.seed):
            if asked.only not in mutant.path:
                continue
            before, after = mutant.change()
            outcome = done.get((mutant.path, before, after), "")
            if (mutant.path, after) in known:
                outcome = EQUIVALENT
            elif not outcome or (asked.again and outcome in (SURVIVED, UNTESTED)):
                outcome = tried(mutant, tests.tests_of(mutant))
                kept.write(json.dumps({**vars(mutant), "before": before, "after": after, "outcome": outcome}) + "\n")
                kept.flush()
            counts[outcome] += 1
            if outcome in (SURVIVED, UNTESTED):
                print(f"{mutant.path}:{mutant.line} {outcome}\n  - {before}\n  + {after}", flush=True)
    killed, tried_on = counts[KILLED] + counts[HUNG], counts.total() - counts[EQUIVALENT]
    low, high = interval(killed, tried_on)
    print(dict(counts))
    if not tried_on:
        raise SystemExit("no mutant was tried")
    print(
        f"killed {killed} of {tried_on} that are not equivalent: {killed / tried_on:.1%} (95%: {low:.1%} to {high:.1%})"
    )


if __name__ == "__main__":
    main()
