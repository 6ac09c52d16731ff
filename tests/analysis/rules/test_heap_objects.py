"""Timers beside the heap that holds them."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.rules.heap_objects import BESIDE_HEAP, explain_heap_objects
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import CERTAIN
from soak.model import Finding, RuleName, Series, Trend, Verdict

AT = np.arange(20.0)


def subject(name: str, noun: str, unit: str, instance: str = "") -> Subject:
    labels = (("instance", instance),) if instance else ()
    return Subject(Series(name, AT, AT, labels), noun, unit, integer=unit != "bytes")


HEAP = subject("nodejs_heap_live_bytes", "Node's live heap", "bytes")
TIMERS = subject("nodejs_active_resources", "Node's timers", "timers")
REQUESTS = subject("nodejs_requests_alive", "requests that Node keeps", "requests")


def finding(verdict: Verdict, p: float = 0.3, low: float = -5.0) -> Finding:
    trend = Trend(10.0, low, 25.0, 30.0, 0.0, 100.0, p_no_growth=p)
    return Finding(
        RuleName.GROWTH,
        "x",
        verdict,
        "as it was",
        (),
        None,
        None,
        "/h",
        trend=trend,
        vouched_seconds=60.0,
    )


def beside(heap: Verdict, other: Subject, found: Finding) -> Finding:
    return explain_heap_objects([HEAP, other], [finding(heap), found])[1]


def test_timers_that_may_be_steady_pass_beside_a_heap_that_does() -> None:
    told = beside(Verdict.PASS, TIMERS, finding(Verdict.INCONCLUSIVE))
    assert told.verdict is Verdict.PASS
    assert (
        told.reason
        == "Node's timers come and go; they are objects on Node's live heap, which is steady."
    )
    assert told.adjustments[-1].by == BESIDE_HEAP
    assert told.vouched_seconds is None


@pytest.mark.parametrize("heap", [Verdict.INCONCLUSIVE, Verdict.FAIL])
def test_a_heap_that_does_not_pass_says_nothing_of_them(heap: Verdict) -> None:
    found = finding(Verdict.INCONCLUSIVE)
    assert beside(heap, TIMERS, found) is found


@pytest.mark.parametrize(
    ("p", "low", "verdict"),
    [
        (CERTAIN, 0.0, Verdict.PASS),
        (CERTAIN - 0.001, 0.0, Verdict.INCONCLUSIVE),
        (CERTAIN, 0.001, Verdict.INCONCLUSIVE),
    ],
)
def test_timers_that_grow_stay_open(p: float, low: float, verdict: Verdict) -> None:
    assert beside(Verdict.PASS, TIMERS, finding(Verdict.INCONCLUSIVE, p, low)).verdict is verdict


def test_timers_that_fail_stay_so() -> None:
    found = finding(Verdict.FAIL)
    assert beside(Verdict.PASS, TIMERS, found) is found


def test_requests_that_may_be_growing_stay_open_but_have_no_horizon_of_their_own() -> None:
    assert (
        beside(Verdict.PASS, REQUESTS, finding(Verdict.INCONCLUSIVE)).verdict
        is Verdict.INCONCLUSIVE
    )
    assert beside(Verdict.PASS, REQUESTS, finding(Verdict.PASS)).vouched_seconds is None


def test_another_process_s_heap_says_nothing_of_them() -> None:
    other = subject("nodejs_active_resources", "Node's timers", "timers", "b")
    assert (
        beside(Verdict.PASS, other, finding(Verdict.INCONCLUSIVE)).verdict is Verdict.INCONCLUSIVE
    )


def test_descriptors_are_no_objects_on_a_heap() -> None:
    open_files = subject("process_open_fds", "open descriptors", "descriptors")
    assert beside(Verdict.PASS, open_files, finding(Verdict.PASS)).vouched_seconds == 60.0
