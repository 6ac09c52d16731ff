"""The verdict of a search for a capacity, and its sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from soak.analysis.capacity_finding import capacity_finding, interval_text, known_so_far
from soak.capacity.settings import SearchSettings, StepLimit
from soak.capacity.steps import (
    Bracket,
    Capacity,
    Conclusion,
    Decision,
    Step,
    StepFigures,
    StepKind,
    StepOutcome,
)
from soak.model import Ending, Finding, RuleName, Verdict

SETTINGS = SearchSettings((StepLimit("p99", 0.99, 0.25),), 50.0, 1234.4)
NOTHING = Bracket(None, None, None, None)
FOUND = Bracket(950.4, 1001.0, 949.0, 1000.6)


def step(
    rate: float, why: str, decision: Decision = Decision.BROKE, kind: StepKind = StepKind.STEP
) -> StepFigures:
    outcome = StepOutcome(Step(kind, rate, 0.0, 1.0, 3.0), decision, 1.0, why, kept=False)
    return StepFigures(outcome, 0.0, 10.0, rate, None, None, 0.0)


def found(
    conclusion: Conclusion, bracket: Bracket = NOTHING, *steps: StepFigures, ended: Any = None
) -> Finding:
    capacity = Capacity(conclusion, bracket, steps, None, None)
    return capacity_finding(SETTINGS, capacity, ended or Ending.COMPLETED)


def test_a_capacity_that_was_found_is_told_with_its_interval() -> None:
    made = found(Conclusion.FOUND, FOUND)
    assert made == Finding(
        RuleName.CAPACITY,
        "capacity_requests_per_second",
        Verdict.PASS,
        "Capacity is 950 requests/s (95% interval 949/s to 1,000/s).",
        (),
        None,
        950.4,
        "requests/s",
    )


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"cpu": 1.234}, ", at 1.23 cores of CPU."),
        (
            {"cpu": 1.5, "pools": (("orders", 7.26), ("users", 3.0))},
            ", at 1.5 cores of CPU, 7.3 connections of orders.",
        ),
        ({"pools": (("orders", 7.26),)}, "."),
    ],
)
def test_a_capacity_is_told_with_what_the_target_used_at_it(
    figures: dict[str, Any], said: str
) -> None:
    at = replace(step(950.4, "", Decision.HELD), **figures)
    assert found(Conclusion.FOUND, FOUND, at).reason == (
        f"Capacity is 950 requests/s (95% interval 949/s to 1,000/s){said}"
    )


def test_a_search_that_reached_its_highest_rate_passes() -> None:
    made = found(Conclusion.AT_LEAST, Bracket(1234.4, None, 1234.4, None))
    assert (made.verdict, made.reason) == (
        Verdict.PASS,
        "Capacity is at least 1,230 requests/s, the highest rate of the search: every rate held; raise load.find.to to find it.",
    )


def test_a_target_that_does_not_hold_the_lowest_rate_fails_with_the_last_judged_reason() -> None:
    steps = (step(50.0, "first"), step(50.0, "last"), step(25.0, "back", kind=StepKind.RECOVERY))
    made = found(Conclusion.BELOW, NOTHING, *steps)
    assert (made.verdict, made.observed, made.reason) == (
        Verdict.FAIL,
        None,
        "Capacity is below 50 requests/s, the lowest rate of the search: last; lower load.find.from to find it.",
    )


def test_a_target_that_did_not_recover_fails_with_the_rate_that_it_did_not_recover_from() -> None:
    steps = (
        step(50.0, "held", Decision.HELD),
        step(100.0, "broke"),
        step(25.0, "not recovered", kind=StepKind.RECOVERY),
    )
    made = found(Conclusion.UNRECOVERED, Bracket(50.0, 100.0, 50.0, 100.0), *steps)
    assert (made.verdict, made.reason) == (
        Verdict.FAIL,
        "The target did not recover from 100 requests/s: not recovered at 25 requests/s; capacity is at least 50 requests/s.",
    )


def test_a_generator_that_was_the_limit_is_told_with_the_last_step_that_is_judged() -> None:
    starved = Decision.GENERATOR
    steps = (
        step(100.0, "it was busy", starved),
        step(200.0, "it was late", starved),
        step(300.0, "it broke"),
        step(25.0, "back", starved, StepKind.RECOVERY),
    )
    limit = "The load generator was the limit, and not the target: "
    more = "Give it more cores (load.processes) or a machine of its own."
    made = found(Conclusion.GENERATOR, NOTHING, *steps)
    assert (made.verdict, made.reason) == (
        Verdict.INCONCLUSIVE,
        f"{limit}at 200 requests/s it was late; nothing is known of the target. {more}",
    )
    earlier = step(30.0, "before", starved, StepKind.RECOVERY)
    only = found(Conclusion.GENERATOR, Bracket(50.0, None, 50.0, None), earlier, *steps[2:])
    assert only.reason == (
        f"{limit}at 25 requests/s back; capacity is at least 50 requests/s. {more}"
    )


@pytest.mark.parametrize(
    ("ended", "how"),
    [
        (Ending.INTERRUPTED, "interrupted"),
        (Ending.ABORTED, "aborted"),
        (Ending.CRASHED, "broken off"),
        (Ending.RUNNING, "still under way"),
        (Ending.EARLY, "ended by the target's death"),
    ],
)
def test_a_search_that_was_cut_short_says_how(ended: Ending, how: str) -> None:
    made = found(Conclusion.UNFINISHED, NOTHING, ended=ended)
    assert (made.verdict, made.reason) == (
        Verdict.INCONCLUSIVE,
        f"The search was {how} before it was done: no rate has held yet.",
    )
    done = found(Conclusion.FOUND, FOUND, ended=ended)
    assert done.reason.startswith("Capacity is 950 requests/s")


def test_a_search_that_did_not_settle_says_so() -> None:
    made = found(Conclusion.UNFINISHED, FOUND, step(950.0, "x"))
    assert (made.verdict, made.reason) == (
        Verdict.INCONCLUSIVE,
        f"The search found no capacity: it did not settle in the time or the steps it had; {known_so_far(FOUND)}.",
    )


@pytest.mark.parametrize(
    ("bracket", "known"),
    [
        (NOTHING, "no rate has held yet"),
        (Bracket(50.0, None, 50.0, None), "capacity is at least 50 requests/s"),
        (
            Bracket(100.0, None, 50.0, None),
            "capacity is at least 100 requests/s, as far as can be told",
        ),
        (
            Bracket(100.0, None, None, None),
            "capacity is at least 100 requests/s, as far as can be told",
        ),
    ],
)
def test_what_is_known_so_far(bracket: Bracket, known: str) -> None:
    assert known_so_far(bracket) == known


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (949.0, 1000.6, "949/s to 1,000/s"),
        (None, 1000.6, "below to 1,000/s"),
        (949.0, None, "949/s to any rate"),
    ],
)
def test_an_interval_in_words(low: float | None, high: float | None, text: str) -> None:
    assert interval_text(Bracket(950.0, None, low, high)) == text
