"""Drift: each quantity that may have a limit, on both sides of it, and what says that there is too little of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules import drift as rule
from soak.analysis.rules.drift import _change, drift_findings
from soak.analysis.rules.rule import RuleInput
from soak.analysis.statistics.growth_input import Subject
from soak.catalog.process import CPU_SECONDS
from soak.latency import bucket_of
from soak.model import Finding, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from soak.windows import EndpointWindows
from tests.analysis.prepared import prepared, rows
from tests.analysis.recordings import SECONDS, counter, recording, windows


def change(
    low: float, middle: float, high: float, p: float = 0.1, level: float | None = None
) -> Trend:
    """Over an hour, from a level of ten: each is a tenth of the change as a share."""
    return Trend(
        middle, low, high, 1.0, None, 10.0 + middle if level is None else level, p_no_growth=p
    )


HOUR: Any = {"end": 3600.0, "judged_from": 0.0}


@pytest.mark.parametrize(
    ("key", "limit", "trend", "doubt", "verdict", "reason"),
    [
        ("p50", 0.1, change(1.0, 2.0, 3.0), None, "inconclusive",
         "P50 latency changed by 20% (10% to 30%) over 60 min, and 10% for the worse is allowed; 60 min more would tell."),
        ("p50", 0.1, change(1.01, 2.0, 3.0), None, "fail",
         "P50 latency changed by 20% (10.1% to 30%) over 60 min; 10% for the worse is allowed."),
        ("rate", 0.4, change(1.0, 2.0, 4.0), None, "pass",
         "Throughput (downwards) changed by 20% (10% to 40%) over 60 min; 40% for the worse is allowed."),
        ("errors", 0.29, change(1.0, 2.0, 3.0), None, "inconclusive",
         ("The share of failed requests changed by 20% (10% to 30%) over 60 min, and 29% for the worse is allowed; "
         "60 min more would tell.")),
        ("p50", 0.1, change(-6.0, 2.0, 10.0), None, "inconclusive",
         "P50 latency changed by 20% (-60% to 100%) over 60 min, and 10% for the worse is allowed; 3 h more would tell."),
        ("cpu", 0.1, None, "it is so", "inconclusive", "Drift of CPU time per request cannot be judged: it is so."),
        ("cpu", 0.1, None, None, "inconclusive", "Drift of CPU time per request cannot be judged: it was not recorded."),
        ("p50", 0.1, replace(change(1.0, 2.0, np.inf), doubt="too short"), None, "inconclusive",
         "Drift of p50 latency cannot be judged: too short."),
        ("p50", 0.1, change(1.0, 2.0, np.inf), None, "inconclusive",
         "Drift of p50 latency cannot be judged: it was not recorded."),
    ],
)  # fmt: skip
def test_a_drift_is_judged_by_its_whole_interval(
    key: str,
    limit: float,
    trend: Trend | None,
    doubt: str | None,
    verdict: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rule, "_trend", lambda *_: (trend, doubt))
    found = rule._against_limit(prepared(**HOUR), key, limit)
    assert (found.verdict, found.reason, found.limit) == (verdict, reason, limit)
    judged = "cannot" not in reason
    assert found.observed == (pytest.approx(0.2) if judged else None)
    assert found.trend is (trend if judged else None)
    assert (found.unit, found.labels) == ("ratio", ())


@pytest.mark.parametrize(
    ("trend", "told"),
    [
        (None, False),
        (change(2.0, 3.0, 4.0, p=0.15), True),
        (change(2.0, 3.0, 4.0, p=0.16), False),
        (change(1.99, 3.0, 4.0), False),
        (change(-np.inf, 3.0, np.inf), False),
        (change(np.inf, 3.0, np.inf), False),
    ],
)
def test_a_p99_without_a_limit_may_not_certainly_rise_by_a_fifth(
    trend: Trend | None, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "_trend", lambda *_: (trend, "why"))
    found = list(drift_findings(RuleInput(prepared(**HOUR), Limits())))
    if not told:
        assert found == []
        return
    [climbing] = found
    assert climbing == Finding(
        RuleName.DRIFT,
        "http_request_p99_seconds",
        Verdict.FAIL,
        "p99 latency climbs steadily: by 30% (20% to 40%) over 60 min, under the same load.",
        (),
        None,
        climbing.observed,
        "ratio",
        trend,
    )
    assert climbing.observed == pytest.approx(0.3)
    limited = RuleInput(prepared(**HOUR), Limits.model_validate({"drift": {"p99": "900%"}}))
    assert [each.verdict for each in drift_findings(limited)] == [Verdict.PASS]


@pytest.mark.parametrize(
    ("start", "low", "seconds", "told"),
    [
        (2.1, 1.9, 120.0, False),  # a healthy Go service on a machine with other work: ms
        (2.1, 4.1, 120.0, True),  # by 4 ms after two minutes, and by 84%
        (2.1, 3.9, 120.0, False),
        (100.0, 85.0, 120.0, True),
        (100.0, 83.0, 120.0, False),
        (100.0, 61.0, 300.0, True),
        (100.0, 59.0, 300.0, False),
        (100.0, 20.1, 600.0, True),
        (2.0, 0.41, 600.0, True),
        (100.0, 19.9, 600.0, False),
    ],
)
def test_in_the_first_minutes_p99_must_rise_by_more(
    start: float, low: float, seconds: float, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = 3600 / seconds / 1000
    trend = Trend(low * each, low * each, 2 * low * each, 1.0, None, (start + low) / 1000)
    monkeypatch.setattr(rule, "_trend", lambda *_: (replace(trend, p_no_growth=0.01), ""))
    asked = RuleInput(prepared(end=seconds, judged_from=0.0, start=0.0), Limits())
    assert bool(list(drift_findings(asked))) is told


@pytest.mark.parametrize(
    ("trend", "seconds", "shares"),
    [
        (change(1.0, 2.0, 4.0), 3600.0, (0.1, 0.2, 0.4)),
        (change(1.0, 2.0, 4.0, level=14.0), 7200.0, (0.2, 0.4, 0.8)),
        (change(1.0, 2.0, 4.0, level=-8.0), 3600.0, (0.1, 0.2, 0.4)),
        (change(1.0, 2.0, 4.0, level=2.5), 3600.0, (2.0, 4.0, 8.0)),
        (change(1.0, 2.0, 4.0, level=2.0), 3600.0, (1e12, 2e12, 4e12)),
    ],
)
def test_a_change_is_a_share_of_the_fitted_level_at_the_start(
    trend: Trend, seconds: float, shares: tuple[float, float, float]
) -> None:
    assert rule._change(prepared(end=seconds), trend) == pytest.approx(shares)


def fitted(
    key: str, *seen: EndpointWindows, series: Sequence[Series] = (), **more: Any
) -> Subject | str | None:
    """What a trend is fitted to; or why none is."""
    subjects: list[Subject] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule, "fit_trend", subjects.append)
        _, doubt = rule._trend(prepared(*seen, series=series, **more), key)
    return subjects[0] if subjects else doubt


def levels(each: int, *, count: int = 20, failures: int = 0) -> EndpointWindows:
    """Windows of so many requests, whose latencies rise from one to the next."""
    latency = 0.01 * np.power(1.1, np.arange(count, dtype=np.float64))
    return windows(latency=latency, requests=each, failures=failures, seconds=count)


@pytest.mark.parametrize(
    ("key", "each", "failures", "count", "doubt"),
    [
        ("p50", 6, 0, 20, None),
        ("p50", 8, 2, 20, None),
        ("p50", 8, 3, 20, "100 successful requests are too few: at least 120 are needed"),
        ("p50", 7, 0, 17, "119 successful requests are too few: at least 120 are needed"),
        ("p50", 99, 0, 19, "1,881 successful requests are too few: at least 120 are needed"),
        ("p90", 30, 0, 19, "570 successful requests are too few: at least 600 are needed"),
        ("p99", 300, 1, 20, "5,980 successful requests are too few: at least 6,000 are needed"),
    ],
)
def test_a_drift_of_a_latency_takes_twenty_blocks_of_three_requests_beyond_it(
    key: str, each: int, failures: int, count: int, doubt: str | None
) -> None:
    seen = fitted(key, levels(each, failures=failures, count=count))
    assert seen == doubt if doubt else isinstance(seen, Subject)


def test_a_block_is_one_window_where_that_is_enough_and_several_where_not() -> None:
    one = fitted("p50", levels(6))
    assert isinstance(one, Subject)
    assert one.series.times.tolist() == [at + 0.5 for at in range(20)]
    steps = [bucket_of(value) for value in one.series.values]
    assert steps == [bucket_of(0.01 * 1.1**at) for at in range(20)]
    two = fitted("p50", levels(3, count=40), end=40.0, judged_from=0.0)
    assert isinstance(two, Subject)
    assert two.series.times.tolist() == [2.0 * at + 1 for at in range(20)]
    # Half of six requests, the faster ones, are those of each block's first window.
    assert [bucket_of(value) for value in two.series.values] == [
        bucket_of(0.01 * 1.1 ** (2 * at)) for at in range(20)
    ]
    assert (two.series.name, two.noun, two.unit) == ("http_request_p50_seconds", "p50", "seconds")


def test_there_are_at_most_240_blocks() -> None:
    many = fitted("p50", levels(6, count=241), end=241.0)
    assert isinstance(many, Subject)
    assert len(many.series.times) == 240


def test_a_block_without_a_success_has_no_latency() -> None:
    whole = levels(120)
    failures = np.where(np.arange(20) == 3, 120, 0)
    offsets = np.array([*range(4), *range(3, 20)], np.int64)
    cells = np.arange(20) != 3
    seen = replace(
        whole,
        failures=failures,
        offsets=offsets,
        buckets=whole.buckets[cells],
        counts=whole.counts[cells],
    )
    found = fitted("p50", seen)
    assert isinstance(found, Subject)
    assert np.flatnonzero(np.isnan(found.series.values)).tolist() == [3]


@pytest.mark.parametrize("key", ["errors", "rate"])
def test_a_drift_takes_twenty_windows(key: str) -> None:
    assert isinstance(fitted(key, rows([1] * 20)), Subject)
    assert fitted(key, rows([1] * 19)) == "too little of it was recorded"
    assert fitted(key) == "no requests were recorded"


def test_a_drift_begins_where_judging_does() -> None:
    found = fitted("errors", rows([1] * 30), judged_from=4.0)
    assert isinstance(found, Subject)
    assert (found.judged_from, found.series.times[0]) == (4.0, 5.0)


def test_the_share_of_failures_is_one_of_the_requests_of_each_window() -> None:
    times, values = rule._other(prepared(), rows([4, 0, 1], [1, 0, 1]), "errors")
    assert times.tolist() == [1.0, 2.0, 3.0]
    assert values.tolist() == pytest.approx([0.25, np.nan, 1.0], nan_ok=True)


def test_throughput_is_worse_where_it_is_less() -> None:
    times, values = rule._other(prepared(), rows([4, 6], seconds=2.0), "rate")
    assert (times.tolist(), values.tolist()) == ([2.0, 4.0], [-2.0, -3.0])


def test_cpu_time_is_shared_among_the_requests_of_its_moment() -> None:
    spent = Series(CPU_SECONDS, np.array([0.5, 1.0, 2.0, 3.0]), np.array([9.0, 2.0, 3.0, 4.0]))
    run = prepared(series=[spent], judged_from=1.0)
    times, values = rule._other(run, rows([1, 0, 16], times=[1.0, 2.0, 3.0], seconds=2.0), "cpu")
    assert times.tolist() == [1.0, 2.0, 3.0]
    assert values.tolist() == pytest.approx([4.0, np.nan, 0.5], nan_ok=True)
    without, _ = rule._other(prepared(), rows([4]), "cpu")
    empty, none = rule._other(run, rows([]), "cpu")
    assert (len(without), len(empty), len(none)) == (0, 0, 0)


def drift(key: str, limit: str, requests: EndpointWindows | None, *series: Series) -> Finding:
    made = recording(*series, requests=[requests] if requests else [])
    asked = RuleInput(
        prepare(made, 0.0),
        Limits.model_validate({"drift": {key: limit, "p99": "900%"}}),
        {},
        False,
        None,
    )
    wanted = {str(name): value for name, value in asked.limits.drift.items()}[key]
    return next(finding for finding in drift_findings(asked) if finding.limit == wanted)


def noisy(first: float, last: float) -> EndpointWindows:
    """Latencies that go from one level to another, with a little noise."""
    noise = np.random.default_rng(3).normal(0, 0.002, SECONDS)
    return windows(latency=np.linspace(first, last, SECONDS) * np.exp(noise), spread=0.05)


def with_failures(first: float, last: float) -> EndpointWindows:
    many = np.linspace(first, last, SECONDS) + np.random.default_rng(3).normal(0, 0.3, SECONDS)
    steady = windows(requests=1000)
    return replace(steady, failures=np.round(many).astype(np.int64))


def with_rate(first: float, last: float) -> EndpointWindows:
    many = np.linspace(first, last, SECONDS) + np.random.default_rng(3).normal(0, 1, SECONDS)
    return replace(windows(), requests=np.round(many).astype(np.int64))


def cpu(each: float, growth: float) -> Series:
    spent = (
        each
        * 50
        * (
            1
            + growth * np.arange(SECONDS) / SECONDS
            + np.random.default_rng(3).normal(0, 0.003, SECONDS)
        )
    )
    return counter("process_cpu_seconds_total", np.cumsum(spent))


@pytest.mark.parametrize(
    ("key", "requests", "series"),
    [
        ("p50", noisy(0.1, 0.15), ()),
        ("errors", with_failures(20, 40), ()),
        ("rate", with_rate(1000, 700), ()),
        ("cpu", windows(), (cpu(1e-3, 0.5),)),
    ],
)
def test_a_change_for_the_worse_fails_below_its_size_and_passes_above_it(
    key: str, requests: EndpointWindows, series: tuple[Series, ...]
) -> None:
    assert drift(key, "10%", requests, *series).verdict is Verdict.FAIL
    passed = drift(key, "150%", requests, *series)
    assert passed.verdict is Verdict.PASS
    assert "over 5 min" in passed.reason


def test_what_was_not_recorded_cannot_be_judged_and_says_why() -> None:
    unknown = drift("cpu", "10%", windows())
    assert (unknown.verdict, unknown.observed) == (Verdict.INCONCLUSIVE, None)
    assert "too little of it was recorded" in unknown.reason
    assert "no requests were recorded" in drift("p50", "10%", None).reason
    few = drift("p999", "10%", windows(requests=5))
    assert "1,500 successful requests are too few: at least 60,000 are needed" in few.reason


def test_a_change_is_a_share_of_the_level_at_the_start() -> None:
    prepared = prepare(recording(), 0.0)
    hours = prepared.judged_seconds / 3600
    assert _change(prepared, Trend(1.2, 0.6, 1.8, 0.1, 0.0, 1 + 1.2 * hours)) == pytest.approx(
        (0.6 * hours, 1.2 * hours, 1.8 * hours)
    )
