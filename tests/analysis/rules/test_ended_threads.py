"""A count of goroutines, threads or tasks, beside what is left of them after the drain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.ended_threads import without_those_that_ended
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, Phase, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import recording

NAME = "go_goroutines_in_profiles"
OPEN = Finding(
    RuleName.GROWTH,
    NAME,
    Verdict.INCONCLUSIVE,
    "They may grow.",
    trend=Trend(544.0, -414.0, 1581.0, 2000.0, 0.0, 50.0, "too few steps", p_no_growth=0.25),
    more_seconds=240.0,
)
UNDER_LOAD = [23.0, 31, 31, 33, 36, 53, 43, 38, 36, 39, 36, 35, 36, 38, 41, 49, 60, 54, 50, 52]


def counted(under_load: list[float], *after: float, name: str = NAME) -> Series:
    """A count every 5 s, and after the load, which lasts for as long as it was counted."""
    values = np.array([*under_load, *after])
    times = 5.0 * np.arange(1.0, len(values) + 1.0)
    times[len(under_load) :] += 20.0
    return Series(name, times, values, source=SNAPSHOT_SOURCE)


def of(series: Series) -> Any:
    phases = (Phase("steady", 0.0, 100.0), Phase("drain", 100.0, 140.0))
    return replace(recording(series, requests=[]), phases=phases)


def told(series: Series, given: Finding = OPEN, warmup: float = 0.0, **more: Any) -> Finding:
    prepared = prepare(of(series), warmup)
    [judged] = prepared.series
    begins = {"judged_from": prepared.judged_from} | more
    subject = Subject(judged, "goroutines", "goroutines", True, **begins)
    return without_those_that_ended(prepared, subject, given)


@pytest.mark.parametrize(
    ("left", "bound"), [((19.0,), 1.0), ((90.0, 23.0), 1.0), ((24.0,), None), ((23.0, 90.0), None)]
)
def test_no_more_left_than_the_fewest_under_load_is_no_growth(
    left: tuple[float, ...], bound: float | None
) -> None:
    finding = told(counted(UNDER_LOAD, *left))
    assert (finding.verdict is Verdict.PASS) is (bound is not None)
    if bound is None:
        assert finding is OPEN
        return
    assert finding.trend is not None
    assert (
        finding.trend.slope_high == finding.trend.resolution_per_hour == pytest.approx(36 * bound)
    )
    assert (finding.trend.slope_low, finding.trend.doubt, finding.observed) == (0.0, None, 0.0)
    assert finding.reason == (
        f"Goroutines came and went with the load: {left[-1]:g} are left after the drain, no more than at any moment "
        "under load."
    )


def test_what_is_left_beyond_the_first_count_bounds_the_growth() -> None:
    finding = told(counted([10.0, 10.0, *UNDER_LOAD], 17.0), warmup=12.0)
    assert finding.trend is not None
    assert finding.trend.slope_per_hour == pytest.approx(7 * 3600 / 88)
    assert finding.trend.slope_high == pytest.approx(8 * 3600 / 88)


def test_a_pass_that_promises_little_promises_more() -> None:
    series = counted(UNDER_LOAD, 19.0)
    passed = replace(OPEN, verdict=Verdict.PASS)
    assert told(series, passed).verdict is Verdict.PASS
    assert "came and went" in told(series, passed).reason
    assert passed.trend is not None
    fine = replace(passed, trend=replace(passed.trend, resolution_per_hour=36.0))
    assert told(series, fine) is fine


def test_a_count_that_fails_or_has_a_limit_is_left_alone() -> None:
    series = counted(UNDER_LOAD, 19.0)
    given = replace(OPEN, verdict=Verdict.FAIL)
    assert told(series, given) is given
    assert told(series, limit=5.0) is OPEN
    assert told(counted([5.0] * 20, 5.0)) is OPEN  # it never moved: that is exact
    assert told(counted(UNDER_LOAD)) is OPEN
    assert told(series, replace(OPEN, trend=None)).verdict is Verdict.INCONCLUSIVE
    assert told(counted(UNDER_LOAD, 19.0, name="process_open_fds")) is OPEN
    assert told(counted(UNDER_LOAD, 19.0, name="python_asyncio_tasks")).verdict is Verdict.PASS


def test_a_pool_that_grows_lazily_and_ends_passes_in_the_whole_analysis() -> None:
    run = of(counted(UNDER_LOAD, 19.0))
    [finding] = [each for each in analyze(run, Limits()).findings if each.series == NAME]
    assert finding.verdict is Verdict.PASS
    assert "came and went" in finding.reason
    kept = of(counted(UNDER_LOAD, 54.0))
    [finding] = [each for each in analyze(kept, Limits()).findings if each.series == NAME]
    assert finding.verdict is Verdict.INCONCLUSIVE
