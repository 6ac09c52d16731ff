"""A count of requests on the heap, beside what is left of them after the drain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules.released_requests import without_requests_under_way
from soak.analysis.statistics.growth_input import Subject
from soak.catalog.node import KEPT_REQUESTS
from soak.model import Finding, Phase, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import recording

OPEN = Finding(
    RuleName.GROWTH,
    KEPT_REQUESTS,
    Verdict.INCONCLUSIVE,
    "It may grow.",
    trend=Trend(200.0, -300.0, 700.0, 900.0, 0.0, 12.0, p_no_growth=0.25),
)


def counted(under_load: list[float], *after: float, name: str = KEPT_REQUESTS) -> Series:
    """A count at each snapshot, 5 s apart, and after the load, which lasts for as long as it was counted."""
    values = np.array([*under_load, *after], dtype=np.float64)
    times = 5.0 * np.arange(1.0, len(values) + 1.0)
    times[len(under_load) :] += 20.0
    return Series(name, times.astype(np.float64), values, source=SNAPSHOT_SOURCE)


def told(
    series: Series, given: Finding = OPEN, load: float = 100.0, warmup: float = 0.0, **more: Any
) -> Finding:
    made = replace(
        recording(series, requests=[]),
        phases=(Phase("steady", 0.0, load), Phase("drain", load, load + 10.0)),
    )
    prepared: Prepared = prepare(made, warmup)
    [judged] = prepared.series
    subject = Subject(judged, "requests that Node keeps on its heap", "requests", True, **more)
    return without_requests_under_way(prepared, subject, given)


UNDER_WAY = [12.0, 5.0, 20.0, 26.0, 8.0] * 4


@pytest.mark.parametrize(
    ("left", "passes"), [(0.0, True), (4.0, True), (5.0, True), (6.0, False), (900.0, False)]
)
def test_no_more_left_than_the_fewest_under_load_is_no_growth(left: float, passes: bool) -> None:
    finding = told(counted(UNDER_WAY, left))
    assert (finding.verdict is Verdict.PASS) is passes
    assert passes or finding is OPEN


def test_the_growth_is_at_most_what_is_left_and_one_more() -> None:
    finding = told(counted(UNDER_WAY, 3.0))  # in 100 s
    assert finding.trend is not None
    assert (finding.observed, finding.trend.slope_per_hour) == (108.0, 108.0)
    assert (finding.trend.slope_low, finding.trend.slope_high) == (0.0, 144.0)
    assert finding.trend.resolution_per_hour == 144.0
    assert [(each.before, each.after) for each in finding.adjustments] == [
        (Verdict.INCONCLUSIVE, Verdict.PASS)
    ]


@pytest.mark.parametrize(
    ("left", "words"), [(0.0, "none is"), (1.0, "1 request is"), (3.0, "3 requests are")]
)
def test_what_is_left_is_told(left: float, words: str) -> None:
    assert told(counted(UNDER_WAY, left)).reason == (
        f"Requests that Node keeps on its heap were under way: {words} left after the drain, "
        "no more than at any moment under load."
    )


def test_the_first_count_after_the_load_is_that_of_the_drain() -> None:
    assert told(counted(UNDER_WAY, 0.0, 900.0)).verdict is Verdict.PASS
    assert told(counted(UNDER_WAY, 900.0, 0.0)) is OPEN
    assert told(counted(UNDER_WAY, np.nan, 0.0)).verdict is Verdict.PASS


def test_only_the_judged_stretch_is_compared() -> None:
    warming = counted([1.0, 1.0, *UNDER_WAY[2:]], 4.0)
    assert told(warming) is OPEN
    assert told(warming, warmup=12.0, judged_from=12.0).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("series", "given", "more"),
    [
        (counted(UNDER_WAY), OPEN, {}),  # not counted after the load
        (counted([np.nan] * 20, 0.0), OPEN, {}),
        (counted(UNDER_WAY, 0.0), replace(OPEN, trend=None), {}),
        (counted(UNDER_WAY, 0.0), replace(OPEN, verdict=Verdict.PASS), {}),
        (counted(UNDER_WAY, 0.0), OPEN, {"limit": 5.0}),
        (counted(UNDER_WAY, 0.0, name="nodejs_active_handles_total"), OPEN, {}),
        (counted(UNDER_WAY, 0.0, name="unheard_of"), OPEN, {}),
    ],
)
def test_otherwise_the_finding_stays(series: Series, given: Finding, more: dict[str, Any]) -> None:
    assert told(series, given, **more) is given


def test_a_run_is_judged_by_what_is_left_of_its_requests() -> None:
    def verdict(left: float) -> Verdict:
        rises = counted([3.0 + number for number in range(40)], left)
        made = replace(
            recording(rises, requests=[]),
            phases=(Phase("steady", 0.0, 200.0), Phase("drain", 200.0, 210.0)),
        )
        [growth] = [each for each in analyze(made, Limits()).findings if each.series == rises.name]
        return growth.verdict

    assert verdict(0.0) is Verdict.PASS
    assert verdict(42.0) is Verdict.FAIL
