"""Drift: each quantity that may have a limit, on both sides of it, and what says that there is too little of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.drift import _change, drift_findings
from soak.analysis.rules.rule import RuleInput
from soak.model import Finding, Series, Trend, Verdict
from soak.profile import Limits
from soak.windows import EndpointWindows
from tests.analysis.recordings import SECONDS, counter, recording, windows


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
