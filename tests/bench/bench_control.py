"""What the positive control promises, against what is caught: `python -m tests.bench.bench_control [--seeds 20 --fresh 5]`.

A pass says up to which size a leak would have been caught in at least 95% of tries, and tried that on
copies of the series itself. Here it is tried on other series of the same kind, made with seeds of
their own: each promise is kept where leaks of its size, planted into these, are not called steady.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from soak.analysis.positive_control import SHARE, with_positive_control
from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, Floats, Series, Verdict
from tests.bench.corpus import SURVIVE

SECONDS = 3600.0
TIMES = np.arange(0.0, SECONDS, 5.0)


def _noise(rng: np.random.Generator) -> Floats:
    return rng.normal(0, 2e5, len(TIMES))


def _wander(rng: np.random.Generator) -> Floats:
    steps, level = rng.normal(0, 4e4, len(TIMES)), np.zeros(len(TIMES))
    for index in range(1, len(level)):
        level[index] = 0.97 * level[index - 1] + steps[index]
    return level


def _warm_up(rng: np.random.Generator) -> Floats:
    return 8e6 * -np.expm1(-TIMES / 240) + _noise(rng)


def _sawtooth(rng: np.random.Generator) -> Floats:
    return 1.2e7 * ((TIMES / rng.uniform(60, 140) + rng.uniform()) % 1) + _noise(rng)


def _pages(rng: np.random.Generator) -> Floats:
    return 4096.0 * np.round(rng.normal(0, 30, len(TIMES)))


def _bursts(rng: np.random.Generator) -> Floats:
    bursts = rng.exponential(3e6, len(TIMES)) * (rng.random(len(TIMES)) < 0.03)
    return rng.normal(0, 1e5, len(TIMES)) + bursts


SHAPES = (_noise, _wander, _warm_up, _sawtooth, _pages, _bursts)


def _judged(values: Floats) -> tuple[Subject, Finding]:
    series = Series("process_resident_memory_bytes", TIMES, 80e6 + values)
    subject = Subject(series, "resident memory", "bytes", integer=False, borders=())
    return subject, judge_growth([subject], SURVIVE)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="series that promise, of each shape")
    parser.add_argument(
        "--fresh", type=int, default=5, help="series in which each promise is tried"
    )
    given = parser.parse_args()
    caught_of_all = tried_of_all = 0
    for shape in SHAPES:
        caught = tried = promised = 0
        for seed in range(1000, 1000 + given.seeds):
            subject, finding = _judged(shape(np.random.default_rng(seed)))
            if finding.verdict is not Verdict.PASS:
                continue
            (controlled,) = with_positive_control([subject], [finding], SECONDS)
            leak = controlled.planted
            if leak is None or controlled.verdict is not Verdict.PASS:
                continue
            promised += 1
            for number in range(given.fresh):
                fresh = shape(np.random.default_rng((seed, number)))
                _, found = _judged(fresh + leak.per_hour * TIMES / 3600)
                tried += 1
                caught += found.verdict is not Verdict.PASS
        share = caught / max(tried, 1)
        error = 1.96 * math.sqrt(share * (1 - share) / max(tried, 1))
        print(
            f"{shape.__name__[1:]:10} promised {SHARE:.0%}: {caught} of {tried} caught, {share:.1%} +- {error:.1%};"
            f" {promised} of {given.seeds} series passed",
            flush=True,
        )
        caught_of_all, tried_of_all = caught_of_all + caught, tried_of_all + tried
    print(f"together {caught_of_all} of {tried_of_all}")


if __name__ == "__main__":
    main()
