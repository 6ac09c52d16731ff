"""The growth rule: verdicts, their sentences, limits, capacities, and many series at once."""

from __future__ import annotations

import math
import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.analysis.rules.growth import judge_growth
from soak.model import Finding, Verdict
from tests.analysis.series import MONTH, judged, noise, subject

MIB = 2.0**20
SECONDS = np.arange(600.0)
MANY = [
    subject(values + noise(600, seed))
    for seed, values in enumerate(
        (
            100 + 0 * SECONDS,
            100 + 0.001 * SECONDS,
            100 + 0.0015 * SECONDS,
            100 + 0.002 * SECONDS,
            100 + 9 * np.exp(-SECONDS / 40),
            100 + 0.02 * SECONDS,
        )
    )
]


def test_a_steady_series_passes_and_says_what_it_would_have_seen() -> None:
    finding = judged(100 * MIB + MIB * noise(600))
    assert finding.verdict is Verdict.PASS
    assert finding.reason.startswith("Resident memory is steady: any growth is under ")
    assert re.search(r" MiB/h, [\d.]+ GiB a month\.$", finding.reason)


def test_a_leak_fails_with_slope_interval_and_doubling_time() -> None:
    finding = judged(100 * MIB + 0.01 * MIB * SECONDS + 0.1 * MIB * noise(600))
    assert finding.verdict is Verdict.FAIL
    assert finding.reason.startswith("Resident memory keeps growing: 3")
    assert "; it would double in " in finding.reason
    assert finding.unit == "bytes/h"
    assert finding.trend is not None
    assert finding.trend.slope_low < 36 * MIB < finding.trend.slope_high


@cache
def findings_of_many() -> list[Finding]:
    return judge_growth(MANY, MONTH)


@given(st.permutations(range(6)))
@settings(max_examples=6, deadline=None)
def test_the_order_of_the_columns_never_matters(order: list[int]) -> None:
    chosen = [MANY[i] for i in order]
    assert judge_growth(chosen, MONTH) == [findings_of_many()[i] for i in order]


def test_a_leak_towards_a_known_capacity_says_when_it_runs_out() -> None:
    values = 10 + np.floor(SECONDS / 4)
    more = {"noun": "open descriptors", "unit": "descriptors", "integer": True}
    finding = judged(values, capacity=1024, capacity_noun="descriptors", **more)
    assert finding.verdict is Verdict.FAIL
    assert "runs out of descriptors in" in finding.reason
    assert finding.exhausts_in_hours == pytest.approx((1024 - 160) / 900, rel=0.02)


def test_growth_too_slow_to_matter_passes_and_is_reported() -> None:
    hours = np.arange(0, 72, 1 / 60)
    finding = judged(1000 * MIB + 0.01 * MIB * hours + 0.02 * MIB * noise(len(hours)), hours * 3600)
    assert finding.verdict is Verdict.PASS
    assert "too little to matter within 30 days" in finding.reason


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(20 * MIB, Verdict.FAIL), (60 * MIB, Verdict.PASS), (36 * MIB, Verdict.INCONCLUSIVE)],
)
def test_an_explicit_limit_is_an_equivalence_test(limit: float, verdict: Verdict) -> None:
    finding = judged(100 * MIB + 0.01 * MIB * SECONDS + 0.2 * MIB * noise(600), limit=limit)
    assert finding.verdict is verdict
    assert finding.limit == limit


def test_a_limit_that_the_run_is_too_short_for_is_inconclusive() -> None:
    assert judged(100 * MIB + MIB * noise(60), limit=0.1 * MIB).verdict is Verdict.INCONCLUSIVE


def test_a_limit_of_zero_passes_what_shows_no_growth_and_fails_what_does() -> None:
    more = {"noun": "goroutines", "unit": "goroutines", "integer": True, "limit": 0.0}
    assert judged(np.round(50 + 2 * noise(600)), **more).verdict is Verdict.PASS
    assert judged(np.round(50 + 2 * noise(600) + SECONDS / 20), **more).verdict is Verdict.FAIL


@pytest.mark.thorough
def test_sixty_healthy_series_raise_no_alarm_and_one_leak_among_them_is_found() -> None:
    subjects = [subject(100 * MIB + MIB * noise(300, seed)) for seed in range(60)]
    subjects[17] = subject(100 * MIB + MIB * noise(300) + 0.1 * MIB * np.arange(300))
    verdicts = [finding.verdict for finding in judge_growth(subjects, MONTH)]
    assert [i for i, verdict in enumerate(verdicts) if verdict is Verdict.FAIL] == [17]


def test_what_cannot_be_told_is_inconclusive_and_says_what_would_tell() -> None:
    finding = judged([1.0, 2.0, 3.0])
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert (
        finding.reason
        == "Resident memory cannot be judged: 3 samples are too few, at least 7 more are needed."
    )
    assert finding.observed is None
    settling = judged(100 * MIB - 50 * MIB * np.exp(-np.arange(100) / 60) + 0.1 * MIB * noise(100))
    assert settling.verdict is Verdict.INCONCLUSIVE
    assert "still settling" in settling.reason


def test_no_series_is_no_finding() -> None:
    assert judge_growth([], MONTH) == []


def test_findings_are_in_the_order_of_their_subjects() -> None:
    subjects = [subject(np.full(50, float(i)), noun=f"thing {i}") for i in range(5)]
    reasons = [finding.reason for finding in judge_growth(subjects, MONTH)]
    assert [reason.partition(":")[0] for reason in reasons] == [
        f"Thing {i} did not change at all" for i in range(5)
    ]
    assert not any(math.isnan(finding.observed or 0) for finding in judge_growth(subjects, MONTH))
