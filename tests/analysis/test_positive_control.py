"""Leaks of known size, planted into copies of a run's own series: caught where the promise is kept, corrected where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import positive_control
from soak.analysis.positive_control import (
    FACTORS,
    FINER,
    SHARE,
    TRIES,
    caught_in,
    copies_of,
    with_positive_control,
)
from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import SURELY_SETTLED
from soak.model import Finding, Floats, Series, Verdict

MONTH = 30 * 86400.0
SECONDS = 3600
TIMES = np.arange(0.0, SECONDS, 5.0)


def noise(seed: int, scale: float = 2e5) -> Floats:
    return np.random.default_rng(seed).normal(0, scale, len(TIMES))


def wander(seed: int) -> Floats:
    steps = np.random.default_rng(seed).normal(0, 4e4, len(TIMES))
    level = np.zeros(len(TIMES))
    for index in range(1, len(level)):
        level[index] = 0.97 * level[index - 1] + steps[index]
    return level


def warming(seed: int) -> Floats:
    return 8e6 * -np.expm1(-TIMES / 240) + noise(seed)


def subject(values: Floats, *, integer: bool = False) -> Subject:
    series = Series("process_resident_memory_bytes", TIMES, 80e6 + values)
    return Subject(series, "resident memory", "bytes", integer=integer, borders=())


def judged(given: Subject) -> Finding:
    return judge_growth([given], MONTH)[0]


@pytest.mark.parametrize("shape", [noise, wander, warming])
def test_leaks_of_the_promised_size_are_caught_in_copies_of_the_series(
    shape: Callable[[int], Floats],
) -> None:
    given = subject(shape(3))
    finding = judged(given)
    assert finding.verdict is Verdict.PASS
    (controlled,) = with_positive_control([given], [finding], SECONDS)
    leak = controlled.planted
    assert leak is not None
    assert leak.tries == TRIES
    assert leak.caught >= SHARE * TRIES
    assert f"caught in {leak.caught} of {TRIES} tries" in controlled.reason
    assert controlled.verdict is finding.verdict
    copies = copies_of(given, 0)
    assert copies is not None
    assert shape is wander or caught_in(copies, 0.0) <= TRIES // 4, (
        "a copy without a leak is steady"
    )
    assert shape is wander or caught_in(copies, leak.per_hour / 10) < SHARE * TRIES, (
        "a tenth of it is not seen"
    )


def test_a_promise_that_is_not_kept_is_raised_until_it_is() -> None:
    given = subject(noise(5))
    finding = judged(given)
    assert finding.trend is not None
    honest = finding.trend.resolution_per_hour
    bold = replace(finding, trend=replace(finding.trend, resolution_per_hour=honest / 5))
    (controlled,) = with_positive_control([given], [bold], SECONDS)
    assert controlled.planted is not None
    assert controlled.trend is not None
    assert controlled.planted.promised_per_hour == honest / 5
    assert controlled.planted.per_hour == controlled.trend.resolution_per_hour > honest / 5
    assert controlled.planted.caught >= SHARE * TRIES


def test_the_share_is_said_as_it_is_where_no_size_is_caught_often_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[float] = []

    def caught(_given: object, size: float) -> int:
        tried.append(size)
        return 3

    monkeypatch.setattr(positive_control, "caught_in", caught)
    given = subject(noise(5))
    finding = judged(given)
    assert finding.trend is not None
    (controlled,) = with_positive_control([given], [finding], SECONDS)
    factors = np.array(tried[-8:]) / finding.trend.resolution_per_hour
    assert factors == pytest.approx([1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0])
    assert controlled.planted is not None
    assert controlled.planted.per_hour == FACTORS[-1] * finding.trend.resolution_per_hour
    assert "caught in 3 of 20 tries" in controlled.reason


def test_only_the_resource_that_a_pass_can_vouch_for_least_is_tried() -> None:
    quiet, loud = subject(noise(1, 1e4)), subject(noise(2, 1e6))
    findings = judge_growth([quiet, loud], MONTH)
    tried = with_positive_control([quiet, loud], findings, SECONDS)
    assert [finding.planted is not None for finding in tried] == [False, True]


def test_nothing_is_planted_where_nothing_is_promised() -> None:
    still, counted = subject(np.zeros(len(TIMES))), subject(np.round(noise(1, 2.0)), integer=True)
    leaking = subject(TIMES * 4e3 + noise(1))
    subjects = [still, counted, leaking]
    findings = judge_growth(subjects, MONTH)
    assert with_positive_control(subjects, findings, SECONDS) == findings


def test_the_same_run_has_the_same_control() -> None:
    given = subject(wander(7))
    finding = judged(given)
    assert with_positive_control([given], [finding], SECONDS) == with_positive_control(
        [given], [finding], SECONDS
    )


def hollow(given: Subject, p_no_growth: float = SURELY_SETTLED) -> Finding:
    """A pass whose formula promises so little that it would be hollow: growth by half in 40 minutes."""
    finding = judged(given)
    assert finding.trend is not None
    return replace(
        finding, trend=replace(finding.trend, resolution_per_hour=60e6, p_no_growth=p_no_growth)
    )


def test_a_formula_that_promises_too_little_is_replaced_by_what_is_caught() -> None:
    given = subject(noise(5))
    (controlled,) = with_positive_control([given], [hollow(given)], SECONDS)
    assert controlled.trend is not None
    assert controlled.trend.resolution_per_hour == FINER[-1] * 60e6
    assert controlled.planted is not None
    assert controlled.planted.caught >= SHARE * TRIES


def test_a_promise_is_lowered_only_where_the_level_has_surely_settled_and_that_keeps_the_pass() -> (
    None
):
    given = subject(noise(5))
    unsettled = hollow(given, SURELY_SETTLED - 0.001)
    assert unsettled.trend is not None
    far = replace(
        unsettled, trend=replace(unsettled.trend, resolution_per_hour=600e6, p_no_growth=1.0)
    )
    for finding in (unsettled, far):
        assert finding.trend is not None
        (controlled,) = with_positive_control([given], [finding], SECONDS)
        assert controlled.trend is not None
        assert controlled.trend.resolution_per_hour == finding.trend.resolution_per_hour


@pytest.mark.parametrize(("alarms", "factor"), [(5, FINER[1]), (6, 1.0)])
def test_smaller_leaks_are_promised_as_far_as_each_is_caught_and_copies_without_a_leak_are_steady(
    monkeypatch: pytest.MonkeyPatch, alarms: int, factor: float
) -> None:
    caught = {
        0.0: alarms,
        60e6: 20,
        FINER[0] * 60e6: 20,
        FINER[1] * 60e6: 19,
        FINER[2] * 60e6: 18,
        FINER[3] * 60e6: 20,
    }
    monkeypatch.setattr(positive_control, "caught_in", lambda _given, size: caught[size])
    given = subject(noise(5))
    (controlled,) = with_positive_control([given], [hollow(given)], SECONDS)
    assert controlled.trend is not None
    assert controlled.trend.resolution_per_hour == factor * 60e6
