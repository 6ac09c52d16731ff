"""`make mutants`: a sample of small changes to what judges and diagnoses, each tried on its nearest tests.

The tests are collected once; each mutant is then a fork of that process in which the mutated code
takes the place of the loaded one, and which ends after LIMIT seconds of processor time. Nothing is
written but into .mutants. A mutant is killed when a test fails or does not end, and survives
otherwise, also where no test calls it. What is equivalent stands in equivalent.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import beta

from tests.mutants import nearest
from tests.mutants.generate import ROOT, Mutant, mutants_of, sample
from tests.mutants.swap import NotImportableError, functions, swap_in

#: Seconds of processor time after which a mutant hangs: five times what its tests may take.
LIMIT = 100
#: The exit code of a fork that could not do its work.
BROKEN = 99
#: Where tests are looked for. Whole runs (marked slow) are left out: nearest is what a developer runs at once.
FOLDERS = ("tests/analysis", "tests/diagnosis", "tests/test_pipeline.py")
EQUIVALENTS = Path(__file__).with_name("equivalent.txt")
KILLED, SURVIVED, HUNG, UNTESTED, EQUIVALENT = (
    "killed",
    "survived",
    "hung",
    "no test calls it",
    "equivalent",
)
LOG = nearest.KEPT / "last.log"


def forked(work: Callable[[], int], limit: int) -> int | None:
    """The exit code of some work done in a process of its own; None where it was stopped for taking `limit` seconds."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = BROKEN
        try:
            out = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
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


class Mutation:
    """A pytest plugin that, where pytest would run the tests it collected, tries mutants on them."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Record what each test calls, unless that is known, and try the sample."""
        items = {item.nodeid: item for item in session.items}
        tests = nearest.Nearest(recorded(session.items), self.asked.seconds)
        if self.asked.count:
            self._try_sample(items, tests)
        return True

    def _try_sample(self, items: dict[str, pytest.Item], tests: nearest.Nearest) -> None:
        known, loaded = equivalents(), functions()
        results = nearest.KEPT / f"{'-'.join(self._chosen_by())}.jsonl"
        done = _results(results)
        counts: Counter[str] = Counter()
        with results.open("a") as kept:
            for mutant in filter(Mutant.is_python, self._chosen()):
                before, after = mutant.change()
                outcome = done.get((mutant.path, before, after), "")
                if (mutant.path, after) in known:
                    outcome = EQUIVALENT
                elif not outcome or (self.asked.again and outcome in (SURVIVED, UNTESTED)):
                    chosen = [items[test] for test in tests.tests_of(mutant) if test in items]

                    def run(mutant: Mutant = mutant, chosen: list[pytest.Item] = chosen) -> int:
                        try:
                            swap_in(mutant, loaded)
                        except NotImportableError:
                            return 1
                        return 0 if all(map(nearest.passes, chosen)) else 1

                    outcome = _outcome(forked(run, LIMIT)) if chosen else UNTESTED
                    row = {**vars(mutant), "before": before, "after": after, "outcome": outcome}
                    kept.write(json.dumps(row) + "\n")
                    kept.flush()
                counts[outcome] += 1
                if outcome in (SURVIVED, UNTESTED):
                    print(
                        f"{mutant.path}:{mutant.line} {outcome}\n  - {before}\n  + {after}",
                        flush=True,
                    )
        print_share(counts)

    def _chosen(self) -> Iterable[Mutant]:
        """The mutants to try: all of the files that were asked for, otherwise a sample of all files."""
        if self.asked.file:
            return [mutant for path in self.asked.file for mutant in mutants_of(path.resolve())]
        return sample(self.asked.count, self.asked.seed)

    def _chosen_by(self) -> Iterable[str]:
        """What names the results of these mutants."""
        if self.asked.file:
            return ("file", *(path.stem for path in self.asked.file))
        return "sample", str(self.asked.seed), str(self.asked.count)


def _outcome(code: int | None) -> str:
    """What an exit code says."""
    if code == BROKEN:
        raise RuntimeError(f"a mutant could not be tried: see {LOG}")
    return HUNG if code is None else SURVIVED if code == 0 else KILLED


def recorded(items: list[pytest.Item]) -> dict[str, Any]:
    """What every test takes and calls; of files that changed since, by running them, each test in a process of its own."""
    everything: dict[str, Any] = {}
    for path, group in groupby(items, key=lambda item: item.path):
        records = nearest.kept_records(path)
        if not records:
            records = dict(_recorded_now(list(group)))
            nearest.keep(path, records)
        everything |= records
    return everything


def _recorded_now(items: list[pytest.Item]) -> Iterator[tuple[str, Any]]:
    spent = 0.0
    for item in items:
        if spent > nearest.MOST_RECORDED and not nearest.holds_figures(item.path.name):
            return
        out = nearest.KEPT / "record.json"
        out.unlink(missing_ok=True)

        def run(item: pytest.Item = item, out: Path = out) -> int:
            out.write_text(json.dumps(nearest.record(item)))
            return 0

        forked(run, LIMIT)
        row: dict[str, Any] = (
            json.loads(out.read_text())
            if out.exists()
            else {"seconds": float(LIMIT), "passed": False, "called": []}
        )
        spent += float(row["seconds"])
        yield item.nodeid, row


def equivalents() -> dict[tuple[str, str], str]:
    """Why a mutant changes nothing that anybody could see, by file and mutated line."""
    rows = (
        line.split(" | ")
        for line in EQUIVALENTS.read_text().splitlines()
        if line and not line.startswith("#")
    )
    return {(path, changed): reason for path, changed, reason in rows}


def _results(path: Path) -> dict[tuple[str, str, str], str]:
    """What became of each mutant in earlier runs of a sample, the last word on it; a run that was stopped goes on there."""
    rows = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return {(row["path"], row["before"], row["after"]): row["outcome"] for row in rows}


def interval(hits: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share (Clopper and Pearson 1934)."""
    low = beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
    return float(low), float(high)


def print_share(counts: Counter[str]) -> None:
    """The share killed of those that are not equivalent, with its interval."""
    killed, of = counts[KILLED] + counts[HUNG], counts.total() - counts[EQUIVALENT]
    low, high = interval(killed, of)
    print(dict(counts))
    print(
        f"killed {killed} of {of} that are not equivalent: {killed / of:.1%} (95%: {low:.1%} to {high:.1%})"
    )


def main() -> None:
    """Try a sample, print each survivor and the share killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=400, help="mutants in the sample")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    parser.add_argument(
        "--file", type=Path, nargs="+", help="try all mutants of these files instead of a sample"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=nearest.MOST_SECONDS,
        help="processor time of the tests that each mutant is tried on",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="try those again that survived an earlier run of the same mutants",
    )
    asked = parser.parse_args()
    nearest.KEPT.mkdir(exist_ok=True)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(nearest.KEPT / "hypothesis")
    options = (
        "-q",
        "-s",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "--hypothesis-seed=0",
    )
    folders = [str(ROOT / folder) for folder in FOLDERS if (ROOT / folder).exists()]
    raise SystemExit(pytest.main([*folders, *options], plugins=[Mutation(asked)]))


if __name__ == "__main__":
    main()
