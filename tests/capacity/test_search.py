"""The search against simulated targets: what it finds, how repeatably, and what it says where there is nothing to find."""

from __future__ import annotations

import pytest

from soak.capacity.search import bracket, conclusion, next_step
from soak.capacity.steps import Conclusion, Decision, Step, StepKind, StepOutcome

from .simulated import LIMITS, QueueTarget, searched, settings

#: A queue with one exponential server keeps p99 within 250 ms up to ln(100) / 0.25 s = 18.4 requests/s below its capacity.
SLACK = 18.4


def test_a_queue_is_found_within_a_tenth_whatever_the_seed() -> None:
    asked = settings(lowest=50.0, highest=1000.0)
    capacities = []
    for seed in range(6):
        history = searched(QueueTarget(300.0, seed, poisson=True), asked)
        assert conclusion(asked, history) is Conclusion.FOUND
        capacities.append(bracket(history).held or 0.0)
    assert max(capacities) <= 1.1 * min(capacities)
    assert all(abs(rate / (300.0 - SLACK) - 1) < 0.1 for rate in capacities)


def test_the_interval_is_what_surely_held_and_what_surely_broke() -> None:
    history = searched(QueueTarget(300.0, 1), settings(highest=1000.0))
    interval = bracket(history)
    assert interval.low == interval.held
    assert interval.high is not None
    assert interval.low is not None
    assert interval.low < 300.0
    assert interval.high > 300.0 - SLACK
    assert interval.high <= 1.06 * interval.low


def test_refused_requests_are_the_limit_of_a_target_that_stays_fast() -> None:
    asked = settings()
    history = searched(QueueTarget(3000.0, failing=700.0), asked)
    assert conclusion(asked, history) is Conclusion.FOUND
    assert 690 <= (bracket(history).held or 0) <= 710


def test_a_first_rate_that_breaks_is_measured_again_and_is_below() -> None:
    asked = settings()
    history = searched(QueueTarget(30.0), asked)
    assert conclusion(asked, history) is Conclusion.BELOW
    assert [outcome.step.rate for outcome in history if outcome.step.judged] == [50.0, 50.0]


def test_a_target_that_holds_every_rate_is_confirmed_at_the_highest() -> None:
    asked = settings(highest=400.0)
    history = searched(QueueTarget(30_000.0), asked)
    assert conclusion(asked, history) is Conclusion.AT_LEAST
    assert history[-1].step.kind is StepKind.CONFIRM
    assert history[-1].step.rate == 400.0


def test_a_generator_that_cannot_make_a_rate_is_never_the_targets_capacity() -> None:
    asked = settings()
    history = searched(QueueTarget(30_000.0, generated=700.0), asked)
    assert conclusion(asked, history) is Conclusion.GENERATOR
    assert bracket(history).high is None
    assert (bracket(history).held or 0) <= 715


def test_stalls_of_the_machine_do_not_break_a_rate_far_below_capacity() -> None:
    asked = settings(lowest=100.0, highest=400.0)
    history = searched(QueueTarget(1000.0, 3, stalls=0.02, stall=0.4, poisson=True), asked)
    assert conclusion(asked, history) is Conclusion.AT_LEAST


def outcome(
    kind: StepKind,
    rate: float,
    decision: Decision,
    seconds: float = 10.0,
    *,
    kept: bool | None = None,
) -> StepOutcome:
    return StepOutcome(
        Step(kind, rate, 3.0, 10.0, 40.0),
        decision,
        seconds,
        "",
        decision is Decision.HELD if kept is None else kept,
    )


HELD, BROKE, GENERATOR = Decision.HELD, Decision.BROKE, Decision.GENERATOR


def test_warm_up_goes_before_the_first_step() -> None:
    first = next_step(settings(warmup=20.0), [])
    assert first is not None
    assert (first.kind, first.rate, first.most) == (StepKind.WARMUP, 50.0, 20.0)


def test_the_target_recovers_at_half_of_what_it_holds_before_the_next_step() -> None:
    history = [outcome(StepKind.STEP, 50.0, HELD), outcome(StepKind.STEP, 100.0, BROKE, 4.0)]
    rest = next_step(settings(), history)
    assert rest is not None
    assert (rest.kind, rest.rate) == (StepKind.RECOVERY, 25.0)
    after = next_step(settings(), [*history, outcome(StepKind.RECOVERY, 25.0, HELD)])
    assert after is not None
    assert (after.kind, after.rate) == (StepKind.STEP, 70.7)


def test_a_target_that_does_not_recover_ends_the_search() -> None:
    history = [outcome(StepKind.STEP, 50.0, HELD), outcome(StepKind.STEP, 100.0, BROKE, 4.0)]
    history.append(outcome(StepKind.RECOVERY, 25.0, BROKE, 60.0))
    assert next_step(settings(), history) is None
    assert conclusion(settings(), history) is Conclusion.UNRECOVERED


@pytest.mark.parametrize("before", [BROKE, GENERATOR])
def test_a_generator_that_cannot_make_even_a_recovery_blames_no_target(before: Decision) -> None:
    history = [
        outcome(StepKind.STEP, 50.0, before, 10.0),
        outcome(StepKind.RECOVERY, 25.0, GENERATOR, 60.0),
    ]
    assert next_step(settings(), history) is None
    expected = Conclusion.BELOW if before is BROKE else Conclusion.GENERATOR
    assert conclusion(settings(), history) is expected


def test_a_quick_break_is_measured_again_and_a_long_one_is_not() -> None:
    held = [outcome(StepKind.STEP, 50.0, HELD)]
    quick = [
        *held,
        outcome(StepKind.STEP, 51.0, BROKE, 4.0),
        outcome(StepKind.RECOVERY, 25.0, HELD),
    ]
    again = next_step(settings(), quick)
    assert again is not None
    assert (again.kind, again.rate) == (StepKind.STEP, 51.0)
    long = [
        *held,
        outcome(StepKind.STEP, 51.0, BROKE, 10.0),
        outcome(StepKind.RECOVERY, 25.0, HELD),
    ]
    confirm = next_step(settings(), long)
    assert confirm is not None
    assert (confirm.kind, confirm.rate) == (StepKind.CONFIRM, 50.0)


def test_a_rate_whose_confirmation_breaks_is_not_held() -> None:
    history = [outcome(StepKind.STEP, 50.0, HELD), outcome(StepKind.CONFIRM, 50.0, BROKE, 30.0)]
    interval = bracket(history)
    assert (interval.held, interval.open, interval.high) == (None, 50.0, 50.0)


def test_a_rate_that_is_likely_but_not_surely_held_bounds_no_interval() -> None:
    likely = outcome(StepKind.STEP, 70.0, Decision.UNDECIDED, 40.0, kept=True)
    interval = bracket(
        [outcome(StepKind.STEP, 50.0, HELD), likely, outcome(StepKind.STEP, 72.0, BROKE)]
    )
    assert (interval.low, interval.held, interval.high) == (50.0, 70.0, 72.0)


def test_the_search_ends_after_its_most_steps() -> None:
    asked = settings()
    decisions = [outcome(StepKind.STEP, 50.0 + n, HELD) for n in range(asked.most_steps)]
    assert next_step(asked, decisions) is None


@pytest.mark.parametrize("rate", [1.0, 50.0, 5000.0])
def test_a_step_may_last_long_enough_to_be_decided(rate: float) -> None:
    longest = settings(lowest=rate, highest=2 * rate).longest_of(rate, 10.0)
    assert longest * rate >= 16 / min(limit.allowed for limit in LIMITS) - 1e-6
