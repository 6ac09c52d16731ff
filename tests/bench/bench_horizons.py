"""For how long passes vouch, and how soon leaks are seen: `python -m tests.bench.bench_horizons`.

Horizons: each healthy kind as runs of 10 minutes, 1 hour, 8 hours, and seven nights of 8 hours
pooled. The nights are of one service, of one level. Beside them is what seven nights could vouch for at
most, by the oracle of corpus.py, which knows noise and shapes, and has the resolution that a pass
needs: where this is under 30 days, no method reaches them. Then the same kinds with leaks of one to
five standard errors a night: the growth that seven nights vouch for must not be less than theirs.

Time to detect: each leaking kind judged after so much of a run of 4 hours, on a grid of 24 lengths,
beside the oracle of corpus.py, which detects at the first of these lengths at which its leak stands
`CLEARLY` of its own standard errors out.
Each look is a verdict of its own: a live run that looks as often needs `stop_early`, which pays for
    looking.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from soak.analysis.pooling import pool
from soak.analysis.statistics.room import room
from soak.analysis.thresholds import RESOLVED_AT
from soak.analysis.vouch import bound
from soak.model import Analysis, Finding, RunInfo, Verdict
from soak.profile import Limits
from tests.bench import held_out, kinds, once_held_out
from tests.bench.corpus import SURVIVE, Case, Kind, Sketch, build_runs, build_sized, oracle_error
from tests.bench.judged import judge_case, judge_subject

DAY, NIGHT, NIGHTS = 86400.0, 8 * 3600.0, 7
LENGTHS = {"10 min": (600.0, 1.0), "1 h": (3600.0, 2.0), "8 h": (NIGHT, 10.0)}
#: Standard errors at which a one-sided test at 1% has a power of a half, doubled: what a careful eye calls clear.
CLEARLY = 2.326 + 1.645
_GRID = np.geomspace(0.08, 1.0, 24)


def horizons(finding: Finding) -> float:
    """Days that a finding vouches for; 0 where it is no pass."""
    return (finding.vouched_seconds or 0.0) / DAY if finding.verdict is Verdict.PASS else 0.0


def pooled_nights(nights: Iterable[Case]) -> Analysis:
    """Nights judged together."""
    runs = []
    for night in nights:
        finding = replace(judge_case(night), series="memory")
        info = RunInfo("night", "", NIGHT)
        runs.append(Analysis(info, finding.verdict, finding.reason, (finding,)))
    return pool(runs, [NIGHT] * len(runs), Limits().survive.for_)


def days(together: Analysis) -> float:
    """Days that runs together vouch for; 0 where they are no pass."""
    return together.vouched.seconds / DAY if together.vouched is not None else 0.0


def possible(nights: Sequence[Case], errors: Sequence[float]) -> float:
    """Days that nights together could vouch for at most: at the resolution of the oracle's growth of all of them."""
    last = nights[-1].subject
    level = float(np.median(last.series.values[-len(last.series.values) // 4 :]))
    fastest = RESOLVED_AT / math.sqrt(sum(1 / max(error, 1e-100) ** 2 for error in errors))
    return room(last, level) / fastest / 24 if fastest > 0 else math.inf


def vouching(chosen: dict[str, Kind], seeds: range) -> None:
    """Print the median days vouched for per kind and length, and how many services' seven nights reach 30 days."""
    print(
        f"{'days vouched for, median':26s}"
        + "".join(f"{name:>10s}" for name in (*LENGTHS, "7 nights", "possible"))
        + "  nights >= 30 d, of those that can"
    )
    reach = able = total = 0
    for name, kind in chosen.items():
        cells = []
        for length, period in LENGTHS.values():
            findings = [
                judge_case(build_sized(name, kind, False, seed, length, period)[0])
                for seed in seeds
            ]
            cells.append(float(np.median([horizons(finding) for finding in findings])))
        weeks, most = [], []
        for seed in seeds:
            nights, errors = build_runs(name, kind, False, seed, NIGHTS, NIGHT, 10.0)
            weeks.append(days(pooled_nights(nights)))
            most.append(possible(nights, errors))
        can = [far >= SURVIVE / DAY for far in most]
        enough = sum(far >= SURVIVE / DAY and may for far, may in zip(weeks, can, strict=True))
        reach, able, total = reach + enough, able + sum(can), total + len(weeks)
        medians = float(np.median(weeks)), min(float(np.median(most)), 9999.0)
        print(
            f"{name:26s}"
            + "".join(f"{far:10.1f}" for far in (*cells, *medians))
            + f"{enough:8d} of {sum(can)}"
        )
    print(f"seven nights of 8 h vouch for 30 days: {reach} of {able} that can, of {total}\n")


def covering(chosen: dict[str, Kind], seeds: range) -> None:
    """Print how often seven nights of a leaking service together vouch for a growth that is not less than its own."""
    passes = under = failed = count = 0
    for name, kind in chosen.items():
        for seed in seeds:
            nights, _ = build_runs(name, kind, True, seed, NIGHTS, NIGHT, 10.0)
            together = pooled_nights(nights)
            count += 1
            failed += together.verdict is Verdict.FAIL
            [trend] = [finding.trend for finding in together.findings if finding.trend]
            if together.verdict is Verdict.PASS:
                passes += 1
                under += nights[-1].slope <= bound(trend)
    print(
        f"seven nights with leaks of 1 to 5 standard errors: {failed} of {count} fail, "
        f"{passes} pass, growth below the vouched bound in {under} of them\n"
    )


def prefix(sketch: Sketch, count: int) -> Sketch:
    """The first `count` samples of a sketch, as far as an oracle looks at it; its floors all where it has none so early."""
    floor = None if sketch.floor is None or sketch.floor[:count].sum() < 3 else sketch.floor[:count]
    return replace(
        sketch,
        times=sketch.times[:count],
        shape=sketch.shape[:count],
        pace=sketch.pace[:count],
        lives=None if sketch.lives is None else sketch.lives[:count],
        floor=floor,
        parts=[part[:count] for part in sketch.parts],
    )


def looks(case: Case, sketch: Sketch, rise: float) -> Iterator[tuple[float, bool, bool]]:
    """(seconds, whether soak fails it, whether the oracle sees it) over the grid of lengths."""
    series = case.subject.series
    for share in _GRID:
        count = int(share * len(series.times))
        times, values = series.times[:count], series.values[:count]
        requests = case.subject.requests
        shorter = replace(
            case.subject,
            series=replace(series, times=times, values=values),
            borders=None
            if case.subject.borders is None
            else tuple(at for at in case.subject.borders if at < times[-1]),
            requests=None
            if requests is None
            else replace(requests, times=times, values=requests.values[:count]),
        )
        seen = rise >= CLEARLY * oracle_error(prefix(sketch, count))
        yield float(times[-1]), judge_subject(shorter).verdict is Verdict.FAIL, seen


def detection(chosen: dict[str, Kind], seeds: range) -> None:
    """Print the median time until soak and the oracle see each kind's leak."""
    print(
        f"{'minutes to detect, median':26s}{'soak':>9s}{'oracle':>9s}{'ratio':>8s}  not seen in 4 h (soak, oracle)"
    )
    ratios = []
    for name, kind in chosen.items():
        times: tuple[list[float], list[float]] = ([], [])
        for seed in seeds:
            case, sketch, rise = build_sized(name, kind, True, seed, 4 * 3600.0, 5.0)
            first = [math.inf, math.inf]
            for at, *seen in looks(case, sketch, rise):
                first = [min(old, at) if now else old for old, now in zip(first, seen, strict=True)]
                if max(first) < math.inf:
                    break
            for column, value in zip(times, first, strict=True):
                column.append(value / 60)
        soak, oracle = (float(np.median(column)) for column in times)
        ratios.append(soak / oracle)
        unseen = ", ".join(str(sum(math.isinf(value) for value in column)) for column in times)
        print(f"{name:26s}{soak:9.0f}{oracle:9.0f}{soak / oracle:8.2f}  {unseen}")
    print(f"median of the ratios: {np.median(ratios):.2f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5)
    seeds = range(910_000, 910_000 + parser.parse_args().cases)
    vouching(kinds.HEALTHY | once_held_out.HEALTHY | held_out.HEALTHY, seeds)
    covering(kinds.LEAKING | once_held_out.LEAKING | held_out.LEAKING, seeds)
    detection(kinds.LEAKING | once_held_out.LEAKING | held_out.LEAKING, seeds)


if __name__ == "__main__":
    main()
