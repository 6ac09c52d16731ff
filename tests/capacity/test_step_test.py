"""The sequential test of one step: how often it errs, under independence and under violations that come together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soak.capacity.settings import StepLimit
from soak.capacity.step_test import MADE, StepTest, WindowCounts, design_effect
from soak.capacity.steps import Decision, Step, StepKind, StepOutcome
from soak.generator_limits import BUSY, LAGGING
from soak.latency import bucket_of

P99 = StepLimit("p99", 0.99, 0.25)
ERRORS = StepLimit("errors", None, 0.01)
FAST, SLOW = bucket_of(0.02), bucket_of(0.5)
RISK = 0.002


def step(rate: float = 500.0, kind: StepKind = StepKind.STEP, most: float = 40.0) -> Step:
    return Step(kind, rate, 3.0, 10.0, most)


def window(slow: int = 0, n: int = 500, **changes: Any) -> WindowCounts:
    fields: dict[str, Any] = {
        "seconds": 1.0,
        "requests": n,
        "failures": 0,
        "dropped": 0,
        "in_flight": 5,
    }
    fields |= {"asked": n, "made": n, "cpu": 0.2, "lag": 0.001} | changes
    return WindowCounts(latency={FAST: n - slow, SLOW: slow}, **fields)


def outcome_of(test: StepTest, windows: list[WindowCounts]) -> StepOutcome:
    return next(
        (outcome for window in windows if (outcome := test.add(window)) is not None), test.ended()
    )


def test_a_rate_that_keeps_its_limits_holds_after_the_least_time_and_not_before() -> None:
    outcome = outcome_of(StepTest(step(), (P99, ERRORS), RISK), [window()] * 50)
    assert (outcome.decision, outcome.seconds) == (Decision.HELD, 10.0)


def test_an_overload_is_told_within_seconds() -> None:
    outcome = outcome_of(StepTest(step(), (P99, ERRORS), RISK), [window(500)] * 50)
    assert outcome.decision is Decision.BROKE
    assert outcome.seconds <= 5


def test_what_happens_while_a_step_settles_does_not_count() -> None:
    outcome = outcome_of(StepTest(step(), (P99, ERRORS), RISK), [window(500)] * 3 + [window()] * 50)
    assert outcome.decision is Decision.HELD


def test_one_stall_does_not_break_a_rate() -> None:
    windows = [window()] * 8 + [window(400)] + [window()] * 50
    assert outcome_of(StepTest(step(), (P99, ERRORS), RISK), windows).decision is not Decision.BROKE


@pytest.mark.parametrize(("share", "wrong"), [(0.01, Decision.BROKE), (0.0101, Decision.HELD)])
@pytest.mark.parametrize("together", [1, 5])
def test_at_the_limit_itself_decisions_are_rarely_wrong(
    share: float, wrong: Decision, together: int
) -> None:
    """Violations that come by themselves, and by fives."""
    random = np.random.default_rng(7)
    errors = 0
    for _ in range(60):
        slow = random.binomial(500 // together, share, 43) * together
        errors += (
            outcome_of(StepTest(step(), (P99,), RISK), [window(int(n)) for n in slow]).decision
            is wrong
        )
    assert errors <= 2  # of 60 at a risk of 0.002 each


def test_autocorrelated_violations_are_worth_fewer_requests() -> None:
    alternating = [(500.0, 5.0 if n % 2 else 6.0) for n in range(32)]
    runs = [(500.0, 50.0 if n // 8 % 2 else 1.0) for n in range(32)]
    assert design_effect(alternating) == 1.0
    assert design_effect(runs) > 100


def test_requests_that_are_never_answered_violate_the_limit() -> None:
    """The target hangs: nothing is answered any more, so no latency is recorded."""
    windows = [window()] * 4 + [
        window(n=0, requests=0, in_flight=500 * n, asked=500, made=500) for n in range(1, 30)
    ]
    assert outcome_of(StepTest(step(), (P99, ERRORS), RISK), windows).decision is Decision.BROKE


def test_a_queue_that_grows_below_the_limit_does_not_hold() -> None:
    """4% above capacity: latency is still low after ten seconds, and would not stay so."""
    windows = [window(in_flight=5 + 20 * n) for n in range(60)]
    outcome = outcome_of(StepTest(step(2000.0), (StepLimit("p99", 0.99, 2.0),), RISK), windows)
    assert outcome.decision is Decision.BROKE
    assert "in flight grew" in outcome.reason


@pytest.mark.parametrize(
    "changes",
    [{"made": 500 * (MADE - 0.01)}, {"cpu": BUSY}, {"lag": LAGGING}],
    ids=["short", "busy", "late"],
)
def test_a_break_under_a_pressed_generator_is_the_generators(changes: dict[str, Any]) -> None:
    outcome = outcome_of(StepTest(step(), (P99,), RISK), [window(100, **changes)] * 50)
    assert outcome.decision is Decision.GENERATOR


def test_a_busy_generator_does_not_spoil_a_rate_that_holds() -> None:
    assert (
        outcome_of(StepTest(step(), (P99,), RISK), [window(cpu=BUSY)] * 50).decision
        is Decision.HELD
    )


def test_a_rate_that_was_not_made_does_not_hold() -> None:
    outcome = outcome_of(StepTest(step(), (P99,), RISK), [window(made=500 * (MADE - 0.01))] * 50)
    assert outcome.decision is Decision.GENERATOR


def test_at_the_edge_of_the_made_share_it_holds() -> None:
    assert (
        outcome_of(StepTest(step(), (P99,), RISK), [window(made=500 * MADE)] * 50).decision
        is Decision.HELD
    )


def test_recovery_takes_three_good_windows() -> None:
    rest = step(kind=StepKind.RECOVERY, most=60.0)
    windows = [window(500)] * 6 + [window()] * 10
    outcome = outcome_of(
        StepTest(Step(StepKind.RECOVERY, 500.0, 0.0, 0.0, 60.0), (P99,), RISK), windows
    )
    assert (outcome.decision, outcome.seconds) == (Decision.HELD, 9.0)
    assert outcome_of(StepTest(rest, (P99,), RISK), [window(500)] * 80).decision is Decision.BROKE


def test_a_step_without_a_decision_leans_as_it_was_measured() -> None:
    likely = outcome_of(StepTest(step(), (P99,), 1e-9), [window(4)] * 60)
    unlikely = outcome_of(StepTest(step(), (P99,), 1e-9), [window(6)] * 60)
    assert (likely.decision, likely.kept) == (Decision.UNDECIDED, True)
    assert (unlikely.decision, unlikely.kept) == (Decision.UNDECIDED, False)
