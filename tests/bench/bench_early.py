"""What stopping early costs and saves: `python -m tests.bench.bench_early [--cases N]`.

Whole series of the corpus are cut at each look and go through the whole analysis, as a run would.
Printed are the shares of healthy series that would be stopped and called leaking, development and
held-out kinds apart, and how much of a run a
leak still takes: leaks as sized over the whole run, and gross ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from soak.analysis.rules.growth import judge_growth
from soak.analysis.sequential_stop import LOOKS, certain_already
from soak.analysis.statistics.growth_input import Subject
from soak.model import Analysis, RunInfo, Series
from tests.bench import held_out, kinds, once_held_out
from tests.bench.corpus import SURVIVE, Case, Kind, cases

#: As many series as a run watches share one risk.
FAMILY = 8
#: Gross leaks end their runs at so many times the level that they began from.
GROSS = (8.0, 40.0)


def cut(subject: Subject, share: float) -> Subject:
    """The same, known only up to a share of its time."""
    end = subject.series.times[0] + share * (subject.series.times[-1] - subject.series.times[0])

    def before(series: Series | None) -> Series | None:
        if series is None:
            return None
        kept = series.times <= end
        return replace(series, times=series.times[kept], values=series.values[kept])

    series = before(subject.series)
    assert series is not None
    borders = (
        None
        if subject.borders is None
        else tuple(border for border in subject.borders if border <= end)
    )
    return replace(
        subject,
        series=series,
        requests=before(subject.requests),
        floor=before(subject.floor),
        borders=borders,
    )


def stopped_at(subject: Subject) -> float:
    """The share of its run after which a subject would be called leaking; 1 where it runs to its end."""
    length = float(subject.series.times[-1] - subject.series.times[0])
    for look, (share, _, _) in enumerate(LOOKS):
        [finding] = judge_growth([cut(subject, share)], SURVIVE)
        analysis = Analysis(RunInfo("bench"), finding.verdict, "", (finding,) * FAMILY)
        if certain_already(analysis, look, (1 - share) * length) is not None:
            return share
    return 1.0


def grossly(cases: Iterator[Case], times: float) -> Iterator[Case]:
    """The same leaks, so fast that by the end the level is so many times what it was: a straight line is added."""
    for case in cases:
        series = case.subject.series
        hours = (series.times[-1] - series.times[0]) / 3600
        start = float(np.median(series.values[: max(len(series.values) // 50, 1)]))
        more = (times - 1) * max(start, 1.0) / hours
        values = series.values + more * (series.times - series.times[0]) / 3600
        if case.subject.integer:
            values = np.floor(values)
        yield replace(
            case,
            subject=replace(case.subject, series=replace(series, values=values)),
            slope=case.slope + more,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=40, help="of each kind")
    seeds = range(900_000, 900_000 + parser.parse_args().cases)
    for title, healthy in (
        ("development kinds", kinds.HEALTHY | once_held_out.HEALTHY),
        ("held-out kinds", held_out.HEALTHY),
    ):
        stops = [
            stopped_at(case.subject) < 1
            for name in healthy
            for case in cases({name: healthy[name]}, False, seeds)
        ]
        print(f"healthy, {title}: {sum(stops)} of {len(stops)} stopped early and called leaking")
    whole: Callable[[Iterator[Case]], Iterator[Case]] = lambda unchanged: unchanged  # noqa: E731
    leaking: dict[str, Kind] = kinds.LEAKING | once_held_out.LEAKING | held_out.LEAKING
    sizes = {"as sized": whole} | {
        f"to {times:g} times the level": partial(grossly, times=times) for times in GROSS
    }
    for title, sized in sizes.items():
        shares = [
            stopped_at(case.subject)
            for name in leaking
            for case in sized(cases({name: leaking[name]}, True, seeds))
        ]
        early = float(np.mean([share < 1 for share in shares]))
        print(
            f"leaks {title}: {early:.0%} end early, after {np.median(shares):.1%} of the run (median; mean {np.mean(shares):.0%})"
        )


if __name__ == "__main__":
    main()
