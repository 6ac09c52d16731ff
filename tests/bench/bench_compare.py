"""How often a comparison of a build with itself calls anything worse, and what it catches.

python -m tests.bench.bench_compare [--pairs 100] [--seed 0] [--real FOLDER]... [--only-real]

The recordings of tests/data/real that were made twice are compared with each other. `--real` takes
a folder of run
directories, several of each profile: every two runs of one profile, and three against three, are
    compared besides.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from soak.analysis import analyze_prepared
from soak.analysis.prepare.prepare import prepare
from soak.cli.sides import run_directories
from soak.compared import Change, Comparison, GateVerdict, MeasuredRun
from soak.comparison.comparing import compare
from soak.comparison.measuring import measurements
from soak.comparison.run_view import RunView
from soak.errors import SoakError
from soak.formats import read_recording
from soak.pipeline import measured
from soak.profile import Limits
from tests.bench.simulated_runs import KINDS, Noise, run

DATA = Path(__file__).parents[1] / "data" / "real"
Sides = tuple[Sequence[MeasuredRun], Sequence[MeasuredRun]]


@dataclass(frozen=True)
class Outcome:
    """Of so many comparisons, how many called anything worse or better, and the share of metrics that were told."""

    comparisons: int
    worse: int
    better: int
    told: float
    which: tuple[str, ...] = ()


def outcome(sides: Iterable[Sides]) -> Outcome:
    """What comparisons of equals come to."""
    comparisons = [compare(base, candidate, {}) for base, candidate in sides]
    metrics = [difference for comparison in comparisons for difference in comparison.differences]
    return Outcome(
        len(comparisons),
        sum(comparison.verdict is GateVerdict.WORSE for comparison in comparisons),
        sum(
            any(difference.verdict is Change.BETTER for difference in comparison.differences)
            for comparison in comparisons
        ),
        sum(metric.verdict is not Change.CANNOT_TELL for metric in metrics) / max(len(metrics), 1),
        tuple(metric.reason for metric in metrics if metric.verdict is Change.WORSE),
    )


def simulated(
    kind: Noise, pairs: int, runs: int, seed: int, change: float = 0.0
) -> Iterator[Sides]:
    """Pairs of sides of one build, or of one whose candidate is `change` slower and larger."""
    rng = np.random.default_rng(seed)
    for _ in range(pairs):
        yield (
            [run(kind, rng) for _ in range(runs)],
            [run(kind, rng, change=change) for _ in range(runs)],
        )


def catches(sides: Iterable[Sides]) -> dict[str, float]:
    """By how much each metric must be worse for three runs a side to show it in 95%: the median of what comparisons say."""
    said: dict[str, list[float]] = defaultdict(list)
    for base, candidate in sides:
        for difference in compare(base, candidate, {}).differences:
            if (
                difference.relative
                and difference.worse_is_up
                and difference.catches_three is not None
            ):
                said[difference.metric].append(difference.catches_three)
    return {metric: float(np.median(values)) for metric, values in said.items()}


def caught(comparisons: Iterable[Comparison], metric: str) -> float:
    """The share of a metric's differences that were called worse."""
    outcomes = [
        difference.verdict is Change.WORSE
        for each in comparisons
        for difference in each.differences
        if difference.metric == metric
    ]
    return sum(outcomes) / max(len(outcomes), 1)


def real_runs(folder: Path) -> dict[str, list[MeasuredRun]]:
    """The measured runs of a folder, by profile, in the order of their start."""
    by_name: dict[str, list[MeasuredRun]] = defaultdict(list)
    for directory in run_directories(folder):
        try:
            run = measured(directory)
        except SoakError as error:
            print(f"  left out: {error}")
        else:
            by_name[run.name].append(replace(run, charts=()))
    return {name: sorted(runs, key=lambda run: run.started) for name, runs in by_name.items()}


def real_sides(runs: Sequence[MeasuredRun], size: int, most: int, seed: int = 1) -> list[Sides]:
    """Every two disjoint sides of `size` runs each, in both directions, or `most` of them at random."""
    if size == 1:
        return [sides for a, b in combinations(runs, 2) for sides in (([a], [b]), ([b], [a]))]
    rng = random.Random(seed)
    chosen = (
        [rng.sample(list(runs), 2 * size) for _ in range(most)] if len(runs) >= 2 * size else []
    )
    return [(drawn[:size], drawn[size:]) for drawn in chosen]


def recorded_twice() -> list[Sides]:
    """The recordings of tests/data/real that were made twice with one build and one load, each pair in both directions."""
    pairs: list[Sides] = []
    for path in sorted(DATA.glob("*-1.csv.gz")):
        other = path.with_name(path.name.replace("-1.csv.gz", "-2.csv.gz"))
        if other.is_file():
            first, second = _of_csv(path), _of_csv(other)
            pairs += [([first], [second]), ([second], [first])]
    return pairs


def _of_csv(path: Path) -> MeasuredRun:
    prepared = prepare(read_recording(path), 0.0)
    view = RunView(prepared, analyze_prepared(prepared, Limits()))
    return MeasuredRun(path.name, path.name, "", prepared.end, "", "", tuple(measurements(view)))


def show(name: str, result: Outcome) -> None:
    """One line of the table."""
    rate = 100 * result.worse / max(result.comparisons, 1)
    print(
        f"  {name:<44} {result.comparisons:>5} comparisons: worse {result.worse:>3} ({rate:.1f}%), "
        f"better {result.better:>3}; {100 * result.told:.0f}% of metrics told"
    )
    for reason in result.which:
        print(f"    worse: {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", type=Path, action="append", default=[])
    parser.add_argument("--only-real", action="store_true")
    given = parser.parse_args()
    if not given.only_real:
        of_simulated(given.pairs, given.seed)
    print("A build with itself, recorded twice")
    twice = recorded_twice()
    show("tests/data/real", outcome(twice))
    show_power(twice)
    for folder in given.real:
        of_real(folder, given.seed)


def of_simulated(pairs: int, seed: int) -> None:
    """False alarms and power on simulated runs."""
    print("A build with itself, simulated: one run a side, and three")
    for number, kind in enumerate(KINDS):
        for runs in (1, 3):
            show(
                f"{kind.name}, {runs} a side",
                outcome(simulated(kind, pairs, runs, seed + 100 * number + runs)),
            )
    print(
        "Power: the change that three runs a side say they catch in 95%, and in how many of the comparisons they did"
    )
    for number, kind in enumerate(KINDS[:4]):
        promised = catches(simulated(kind, 10, 3, seed + 1000 + number))
        for metric in ("p50", "p99", "memory", "memory_peak", "cpu"):
            change = promised[metric]
            sides = simulated(kind, max(pairs // 5, 10), 3, seed + 2000 + number, change)
            share = caught([compare(base, candidate, {}) for base, candidate in sides], metric)
            print(
                f"  {kind.name:<30} {metric:<12} {100 * change:6.0f}%  caught in {100 * share:.0f}%"
            )


def of_real(folder: Path, seed: int) -> None:
    """False alarms and power on the runs of a folder."""
    print(f"A build with itself, runs of {folder.name}")
    everything: list[Sides] = []
    for name, runs in real_runs(folder).items():
        each_two = real_sides(runs, 1, 0)
        everything += each_two
        if len(runs) >= 6:
            show(f"{name}, {len(runs)} runs: each two", outcome(each_two))
            show(f"{name}: three against three", outcome(real_sides(runs, 3, 200, seed)))
            neighbours: list[Sides] = [
                ([a], [b]) for a, b in zip(runs[::2], runs[1::2], strict=False)
            ]
            show(f"{name}: neighbours, each run once", outcome(neighbours))
    show("all profiles: each two", outcome(everything))
    show_power(everything)


def show_power(sides: Sequence[Sides]) -> None:
    """What three such runs a side would show, a metric each."""
    said = ", ".join(f"{metric} +{100 * change:.0f}%" for metric, change in catches(sides).items())
    print(f"  three such runs a side show in 95% (median): {said}")


if __name__ == "__main__":
    main()
