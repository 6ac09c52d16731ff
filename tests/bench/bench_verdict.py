"""How often the verdict is wrong, by kind of series, beside what others do: `python -m tests.bench.bench_verdict`.

Development kinds and seeds, then the same kinds on seeds never used, then kinds never used.
`--cases N` is how many of each kind; the figures in DECISIONS.md are of 40.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.trend import fit_trend
from soak.analysis.thresholds import CERTAIN, SUSPICIOUS
from soak.analysis.vouch import bound
from soak.model import Finding, Series, Verdict
from tests.bench import filling_kinds, held_out, kinds, once_held_out
from tests.bench.corpus import SURVIVE, Case, Kind, cases
from tests.bench.judged import judge_case
from tests.bench.methods import METHODS

_CLEAR = 8.0


@dataclass(slots=True)
class Row:
    """The counts of one kind: wrong (false alarms, or misses), unsure, covered, and each other method's wrong ones.

    `hollow` are the unsure ones that would pass but for their own resolution: up to their bound, they
    could have grown by half while they were watched, or a planted leak was not found.
    """

    cases: int = 0
    wrong: int = 0
    unsure: int = 0
    hollow: int = 0
    covered: int = 0
    measured: int = 0
    oracle: float = 0.0
    others: list[int] = field(default_factory=lambda: [0] * len(METHODS))

    def add(self, case: Case, finding: Finding) -> None:
        """Count one case."""
        self.cases += 1
        self.wrong += finding.verdict is (Verdict.PASS if case.leaks else Verdict.FAIL)
        self.unsure += finding.verdict is Verdict.INCONCLUSIVE
        self.hollow += any(
            (step.before, step.after) == (Verdict.PASS, Verdict.INCONCLUSIVE)
            for step in finding.adjustments
        )
        self.oracle += 0.5 * math.erfc((2.326 - case.size) / math.sqrt(2)) if case.leaks else 0.0
        trend = finding.trend
        if trend is not None and math.isfinite(trend.slope_high):
            self.measured += 1
            self.covered += trend.slope_low <= case.slope <= trend.slope_high
        series = case.subject.series
        for i, method in enumerate(METHODS.values()):
            self.others[i] += method(series.times, series.values) != case.leaks

    def plus(self, other: Row) -> Row:
        """The sum of two rows."""
        others = [a + b for a, b in zip(self.others, other.others, strict=True)]
        return Row(
            others=others, **{name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        )

    def show(self, name: str) -> str:
        """One line of the table: shares in percent."""
        shares = [
            100 * count / self.cases
            for count in (self.wrong, self.unsure, self.hollow, *self.others)
        ]
        covered = 100 * self.covered / max(self.measured, 1)
        detects = f"{100 * self.oracle / self.cases:7.1f}" if self.oracle else " " * 7
        return (
            f"{name:24s}{self.cases:6d}"
            + "".join(f"{share:9.2f}" for share in shares)
            + detects
            + f"{covered:9.1f}"
        )


_COUNTS = ("cases", "wrong", "unsure", "hollow", "covered", "measured", "oracle")


def table(title: str, healthy: dict[str, Kind], leaking: dict[str, Kind], seeds: range) -> None:
    """Print the table of these kinds over these seeds."""
    heads = "".join(f"{name[:8]:>9s}" for name in ("wrong", "unsure", "hollow", *METHODS))
    for leaks, chosen in ((False, healthy), (True, leaking)):
        meaning = "leaks; wrong: called healthy" if leaks else "healthy; wrong: called leaking"
        print(f"\n{title}: {meaning} (percent)\n{'':30s}{heads} oracle  covered")
        total = Row()
        for name, kind in chosen.items():
            row = Row()
            for case in cases({name: kind}, leaks, seeds):
                row.add(case, judge_case(case))
            print(row.show(name))
            total = total.plus(row)
        print(total.show("all"))


def families(seeds: range, size: int = 60) -> None:
    """Print how often a run of many healthy series raises any alarm."""
    healthy = kinds.HEALTHY | once_held_out.HEALTHY | held_out.HEALTHY
    subjects = [case.subject for case in cases(healthy, leaks=False, seeds=seeds)]
    order = np.random.default_rng(0).permutation(len(subjects))
    groups = [
        [subjects[i] for i in order[at : at + size]] for at in range(0, len(order) - size + 1, size)
    ]
    alarms = [
        any(f.verdict is Verdict.FAIL for f in judge_growth(group, SURVIVE)) for group in groups
    ]
    print(f"\nruns of {size} healthy series that raise an alarm: {sum(alarms)} of {len(alarms)}")


def honesty(chosen: Sequence[str], seeds: range) -> None:
    """Print how often a leak of twice the stated resolution is seen for certain, whether or not it would matter."""
    caught = tried = 0
    for case in cases({name: kinds.HEALTHY[name] for name in chosen}, leaks=False, seeds=seeds):
        trend = fit_trend(case.subject)
        if (
            trend.doubt is not None
            or trend.p_no_growth < SUSPICIOUS
            or not 0 < trend.resolution_per_hour < math.inf
        ):
            continue
        series = case.subject.series
        leak = 2 * trend.resolution_per_hour * (series.times - series.times[0]) / 3600
        leaking = Series(series.name, series.times, series.values + leak)
        tried += 1
        caught += fit_trend(replace(case.subject, series=leaking)).p_no_growth < CERTAIN
    print(f"leaks of twice the stated resolution that are caught: {caught} of {tried}")


def vouching(healthy: dict[str, Kind], leaking: dict[str, Kind], seeds: range) -> None:
    """Print how often the true growth lies under the vouched bound, over passes and over everything judged."""
    under = {True: 0, False: 0}
    tried = {True: 0, False: 0}
    for leaks, chosen in ((False, healthy), (True, leaking)):
        for case in cases(chosen, leaks, seeds):
            finding = judge_case(case)
            if finding.trend is None or not math.isfinite(bound(finding.trend)):
                continue
            passed = finding.verdict is Verdict.PASS
            tried[passed] += 1
            under[passed] += case.slope <= bound(finding.trend)
    print(
        f"true growth under the vouched bound: {under[True]} of {tried[True]} passes, {under[False]} of {tried[False]} others"
    )


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=40)
    count = parser.parse_args().cases
    unseen = range(700_000, 700_000 + count)
    began = time.perf_counter()
    healthy, leaking = kinds.HEALTHY | once_held_out.HEALTHY, kinds.LEAKING | once_held_out.LEAKING
    table("Development", healthy, leaking, range(count))
    table("Held-out seeds", healthy, leaking, unseen)
    table(
        "Kinds that fill or are rounded, held-out seeds",
        filling_kinds.HEALTHY,
        filling_kinds.LEAKING,
        unseen,
    )
    table("Held-out kinds", held_out.HEALTHY, held_out.LEAKING, unseen)
    families(unseen)
    vouching(healthy | held_out.HEALTHY, leaking | held_out.LEAKING, unseen)
    honesty(("flat", "correlated", "heavy", "saturating", "filling", "cycling"), unseen)
    print(
        f"clear leaks are of at least {_CLEAR:g} standard errors of the oracle; {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
