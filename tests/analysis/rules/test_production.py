"""Growth at the rate of production: its bounds, what is vouched for, and the fit on both clocks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.rules import production
from soak.analysis.rules.production import at_production, by_both_clocks
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.vouch import MOST
from soak.model import Finding, Floats, RuleName, Series, Trend, Verdict
from soak.profile.types import Survive

#: Half of the level of 7.2 may be added within ten hours: growth matters from 0.36/h on.
LEVEL, HOURS = 7.2, 10


def counted(values: Any, times: Any = None) -> Series:
    column = np.asarray(values, np.float64)
    at = np.arange(float(len(column))) if times is None else np.asarray(times, np.float64)
    return Series("http_requests_total", at, column)


def subject(requests: Series | None, values: Any = (1.0, 1.0), **more: Any) -> Subject:
    column = np.asarray(values, np.float64)
    return Subject(
        Series("queue", np.arange(float(len(column))), column),
        "the queue",
        "",
        requests=requests,
        **more,
    )


#: 200 requests a second.
STEADY = counted([100.0, 300.0])


def produced(
    low: float,
    high: float,
    *,
    resolution: float = 0.1,
    at: float = 50.0,
    verdict: Verdict = Verdict.FAIL,
    of: Subject | None = None,
) -> Finding:
    trend = Trend((low + high) / 2, low, high, resolution, 0.0, LEVEL)
    finding = Finding(RuleName.GROWTH, "queue", verdict, "It grows.", unit="/h", trend=trend)
    survive = Survive.model_validate({"for": f"{HOURS}h", "at": f"{at}/s"})
    return at_production(subject(STEADY) if of is None else of, finding, survive)


OPEN = (
    "; a run at one rate cannot tell whether it grows with requests or with time, "
    "stages at different rates would."
)
LITTLE = ", too little to matter within 10 h."


@pytest.mark.parametrize(
    ("low", "high", "resolution", "at", "verdict", "said", "seconds"),
    [
        # At a quarter of the rate growth is between a quarter of it and all of it.
        (0.8, 0.9, 0.1, 50.0, Verdict.INCONCLUSIVE, "between 0.2/h and 0.9/h", 14400.0),
        (0.8, 0.9, 1.8, 50.0, Verdict.INCONCLUSIVE, "between 0.2/h and 0.9/h", 7200.0),
        (1.44, 1.8, 0.1, 50.0, Verdict.FAIL, "It grows.", 7200.0),
        (1.4398, 1.8, 0.1, 50.0, Verdict.INCONCLUSIVE, "between 0.36/h and 1.8/h", 7200.0),
        (1.4, 1.8, 0.1, 50.0, Verdict.INCONCLUSIVE, "between 0.35/h and 1.8/h", 7200.0),
        (-0.5, 0.36, 0.1, 50.0, Verdict.INCONCLUSIVE, "between -0.5/h and 0.36/h", 36000.0),
        (-0.5, 0.3, 0.1, 50.0, Verdict.PASS, "between -0.5/h and 0.3/h", 43200.0),
        (-0.5, -0.4, 0.1, 50.0, Verdict.PASS, "between -0.5/h and -0.1/h", 129600.0),
        (-2.0, -0.8, 0.0, 50.0, Verdict.PASS, "between -2/h and -0.2/h", MOST),
        (-0.5, 0.3, 1e-9, 50.0, Verdict.PASS, "between -0.5/h and 0.3/h", 43200.0),
        (-1.0, 1e-6, 1e-6, 50.0, Verdict.PASS, "between -1/h and 0.000001/h", MOST),
        # At twice the rate it is between all of it and twice as much.
        (0.3, 0.4, 0.1, 400.0, Verdict.INCONCLUSIVE, "between 0.3/h and 0.8/h", 16200.0),
        (0.36, 0.4, 0.1, 400.0, Verdict.FAIL, "It grows.", 16200.0),
        (-0.5, -0.4, 0.0, 400.0, Verdict.PASS, "between -1/h and -0.4/h", MOST),
    ],
)
def test_growth_in_production_lies_between_that_of_the_test_and_its_share(
    low: float,
    high: float,
    resolution: float,
    at: float,
    verdict: Verdict,
    said: str,
    seconds: float,
) -> None:
    finding = produced(low, high, resolution=resolution, at=at)
    assert finding.verdict is verdict
    assert finding.vouched_seconds == pytest.approx(seconds)
    if verdict is not Verdict.FAIL:
        tail = LITTLE if verdict is Verdict.PASS else OPEN
        assert finding.reason == f"The queue: {said} at production's {at:.0f} requests/s{tail}"
        assert finding.adjustments[-1].by == "rate of production"
    else:
        assert (finding.reason, finding.adjustments) == (said, ())


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE])
def test_what_does_not_fail_is_only_vouched_for(verdict: Verdict) -> None:
    finding = produced(0.8, 0.9, verdict=verdict)
    assert (finding.verdict, finding.reason) == (verdict, "It grows.")
    assert finding.vouched_seconds == pytest.approx(14400.0)


def test_without_a_bound_a_rate_or_a_wish_nothing_changes() -> None:
    trend = Trend(0.85, 0.8, 0.9, 0.1, 0.0, LEVEL)
    finding = Finding(RuleName.GROWTH, "queue", Verdict.FAIL, "It grows.", trend=trend)
    asked, never = Survive.model_validate({"for": "10h", "at": "50/s"}), Survive()
    unbound = replace(finding, trend=replace(trend, slope_high=math.inf))
    for own, given, survive in (
        (subject(STEADY), finding, never),
        (subject(STEADY), replace(finding, trend=None), asked),
        (subject(STEADY, limit=1.0), finding, asked),
        (subject(STEADY), unbound, asked),
        (subject(None), finding, asked),
        (subject(counted([100.0, 100.0])), finding, asked),
    ):
        assert at_production(own, given, survive) is given


def test_a_rate_of_less_than_one_a_second_is_a_rate() -> None:
    half = subject(counted([0.0, 1.0], [0.0, 2.0]))
    assert produced(0.8, 0.9, at=0.125, of=half).vouched_seconds == pytest.approx(14400.0)


@pytest.mark.parametrize(
    ("slope", "error", "said", "seconds"),
    [
        (0.3, 0.1, "between 0.2/h and 0.496/h", 17280.0),
        (0.4, 0.1, "between 0.204/h and 0.596/h", 15247.06),
        (0.0, 0.05, "between 0.2/h and 0.098/h", 57600.0),
        (-0.5, 0.1, "between 0.2/h and -0.304/h", 28800.0),
        (0.9, 0.4, "between 0.2/h and 0.9/h", 14400.0),
    ],
)
def test_a_fit_on_both_clocks_narrows_the_bounds(
    monkeypatch: pytest.MonkeyPatch, slope: float, error: float, said: str, seconds: float
) -> None:
    monkeypatch.setattr(production, "by_both_clocks", lambda *_: (slope, error))
    finding = produced(0.8, 0.9)
    assert said in finding.reason
    assert finding.vouched_seconds == pytest.approx(seconds)


def test_a_fit_on_both_clocks_may_show_that_growth_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(production, "by_both_clocks", lambda *_: (0.6, 0.1))
    assert produced(0.8, 0.9).reason == "It grows."


@pytest.mark.parametrize(
    ("requests", "since", "rate"),
    [
        (None, 0.0, 0.0),
        (counted([5, 25, 65], [0, 10, 20]), 0.0, 3.0),
        (counted([5, 25, 65], [0, 10, 20]), 10.0, 4.0),
        (counted([5, 25, 65], [0, 10, 20]), 11.0, 0.0),
        (counted([5, 25, 65], [0, 10, 20]), 21.0, 0.0),
        (counted([np.nan, 25, 65, np.nan], [0, 10, 30, 40]), 0.0, 2.0),
        (counted([5, 25], [10, 10]), 0.0, 0.0),
        (counted([5, 15, 25], [0, 0, 10]), 0.0, 2.0),
        (counted([5, 5], [10, 12]), 0.0, 0.0),
    ],
)
def test_the_rate_of_requests_is_that_of_the_judged_stretch(
    requests: Series | None, since: float, rate: float
) -> None:
    assert subject(requests, judged_from=since).request_rate == rate


def reference(values: Floats, done: Floats, rate: float) -> tuple[float, float, float]:
    """The fit, written out: growth per hour, its standard error, and the residuals' autocorrelation."""
    times = np.arange(float(len(values)))
    rows = [
        [index for index in range(len(values)) if index * 30 // len(values) == block]
        for block in range(30)
    ]
    t, n, y = (np.array([column[row].mean() for row in rows]) for column in (times, done, values))
    design = np.column_stack((np.ones(30), t - t.mean(), n - n.mean()))
    fitted = np.linalg.lstsq(design, y, rcond=None)[0]
    rest = y - design @ fitted
    memory = sum(a * b for a, b in zip(rest[1:], rest[:-1], strict=True)) / sum(rest**2)
    kept = min(max(memory, 0.0), 0.9)
    variance = sum(rest**2) / 27 * (1 + kept) / (1 - kept)
    weights = np.array([0.0, 3600.0, 3600.0 * rate])
    error = math.sqrt(weights @ np.linalg.inv(design.T @ design) @ weights * variance)
    return float(weights @ fitted), error, float(memory)


def varied(count: int) -> Floats:
    return np.cumsum(np.where((np.arange(count) * 6 // count) % 2 == 0, 5.0, 35.0))


NOISE = np.random.default_rng(3).normal(0, 1, 400)


@pytest.mark.parametrize(
    ("count", "noise", "least", "most"),
    [
        (60, NOISE[:60], -1.0, 1.0),
        (75, NOISE[:75] * 1e-3, -1.0, 1.0),
        (121, np.where(np.arange(121) * 30 // 121 % 2 == 0, 1.0, -1.0), -1.0, -0.5),
        (90, np.cumsum(NOISE[:90]), 0.3, 0.9),
        (90, np.cumsum(NOISE[:90]) * 1e-3, 0.3, 0.9),
        (300, np.cos(2 * np.pi * np.arange(300) / 300), 0.9, 1.0),
    ],
)
def test_the_fit_on_both_clocks_is_least_squares_on_thirty_means(
    count: int, noise: Floats, least: float, most: float
) -> None:
    done = varied(count)
    values = 100 + 0.25 * np.arange(count) + 0.5 * done + noise
    slope, error, memory = reference(values, done, 12.0)
    assert least <= memory <= most
    seen = by_both_clocks(subject(counted(done), values), 12.0)
    assert seen is not None
    assert seen == pytest.approx((slope, error), rel=1e-6)
    assert seen[0] == pytest.approx(3600 * (0.25 + 0.5 * 12), rel=0.2)


def test_a_level_of_nothing_grows_by_nothing() -> None:
    assert by_both_clocks(subject(counted(varied(60)), np.zeros(60)), 12.0) == (0.0, 0.0)


def test_only_the_judged_stretch_is_fitted() -> None:
    done = varied(100)
    values = 100 + 0.25 * np.arange(100) + 0.5 * done
    values[:20] = 1e6
    values[30] = np.nan
    own = subject(counted(done), values, judged_from=20.0)
    seen = by_both_clocks(own, 12.0)
    assert seen == pytest.approx((3600 * 6.25, 0.0), abs=1e-3)
    assert by_both_clocks(replace(own, borders=()), 12.0) == seen


@pytest.mark.parametrize(
    ("own", "fits"),
    [
        (subject(counted(varied(60)), np.ones(60)), True),
        (subject(counted(varied(60) / 2000), np.ones(60)), True),
        (subject(counted(varied(59)), np.ones(59)), False),
        (subject(None, np.ones(60)), False),
        (subject(counted(varied(60)), np.ones(60), borders=(30.0,)), False),
        (subject(counted(np.arange(60.0)), np.ones(60)), False),  # a constant rate
        (subject(counted(np.full(60, 7.0)), np.ones(60)), False),  # no requests
    ],
)
def test_a_constant_rate_or_too_little_data_has_no_fit(own: Subject, fits: bool) -> None:
    assert (by_both_clocks(own, 12.0) is not None) is fits


@pytest.mark.parametrize(("amplitude", "fits"), [(1.3, False), (1.8, True)])
def test_requests_of_which_time_leaves_little_unexplained_have_no_fit(
    amplitude: float, fits: bool
) -> None:
    """A wave beside a straight line of requests: the share of variance it makes is 0.002 between these heights."""
    t = np.arange(60.0)
    done = t + amplitude * np.where((np.arange(60) // 2) % 2 == 0, 0.5, -0.5)
    assert (by_both_clocks(subject(counted(done), np.ones(60)), 1.0) is not None) is fits
