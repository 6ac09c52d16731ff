"""The open model without a target: what happens to arrivals that find workers, wait, or find no place."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from soak.load.measure.counting import LATE, Counting
from soak.load.plan.partition import Shares, arrivals_of
from soak.load.plan.plan import Plan, PlannedRequest
from soak.load.plan.warnings import Warnings
from soak.load.scenario.rendering import RenderedRequest
from soak.load.workload import open_model as arrivals
from soak.load.workload.mix import ScenarioStep, TrafficMix
from soak.load.workload.open_model import OpenLoad
from soak.load.workload.request_builder import RequestBuilder
from soak.load.workload.timerfd import PreciseTimer
from soak.windows import EndpointWindow

ASKED = PlannedRequest("GET /", "GET", "/", 1.0, {})
PLAN = Plan(
    "http://127.0.0.1:9", (ASKED,), duration=10.0, ramp=0.0, interval=1.0, timeout=1.0, rate=100.0
)


class Slow:
    """A sender whose requests take as long as told."""

    def __init__(self, counting: Counting, seconds: float) -> None:
        self.counting, self.seconds, self.sent, self.closed = counting, seconds, 0, False
        self.intended: list[float] = []
        self.connected = False
        #: How many requests had been sent whenever cookies were forgotten.
        self.forgotten: list[int] = []

    def connect(self) -> None:
        self.connected, self.closed = True, False

    def send(self, step: ScenarioStep, _: RenderedRequest | None, intended: float) -> None:
        began = time.monotonic()
        self.intended.append(intended)
        pace = PreciseTimer()
        pace.until(began + self.seconds)
        pace.close()
        self.sent += 1
        self.counting.count(step.endpoint, time.monotonic() - intended, 1, None, began - intended)

    def forget(self) -> None:
        self.forgotten.append(self.sent)

    def close(self) -> None:
        self.closed = True


def load_of(plan: Plan, seconds: float) -> tuple[OpenLoad, Counting, list[Any]]:
    counting, made = Counting(("GET /",)), []

    def new_sender() -> Any:
        made.append(Slow(counting, seconds))
        return made[-1]

    warnings = Warnings(lambda _: None)
    return (
        OpenLoad(
            plan,
            counting,
            TrafficMix(plan),
            RequestBuilder(counting, warnings),
            warnings,
            new_sender,
        ),
        counting,
        made,
    )


(COURSE,) = TrafficMix(PLAN).scenarios


def arrive(load: OpenLoad) -> None:
    load.arrive((COURSE.first, None, time.monotonic(), None))


def closed(counting: Counting) -> EndpointWindow:
    (seen,) = counting.close(1.0, 1.0, 0).endpoints
    return seen


def test_all_arrivals_are_made_on_schedule() -> None:
    load, counting, made = load_of(replace(PLAN, rate=500.0, duration=0.2), 0.001)
    load.drive()
    load.finish(5.0)
    seen = closed(counting)
    assert (seen.requests, seen.dropped, seen.service.total()) == (100, 0, 100)
    assert all(sender.closed for sender in made if sender.sent)


def test_random_arrivals_are_at_the_same_moments_for_a_seed() -> None:
    plan = replace(PLAN, rate=500.0, duration=0.2, arrivals="poisson", seed=5)
    load, _, made = load_of(plan, 0.0)
    load.drive()
    load.finish(5.0)
    due = [due for _, due in arrivals_of(TrafficMix(plan).schedule, Shares(), poisson=True, seed=5)]
    intended = sorted(moment for sender in made for moment in sender.intended)
    assert [moment - intended[0] for moment in intended] == pytest.approx(
        [moment - due[0] for moment in due]
    )


def test_connections_for_the_first_arrivals_are_open_before_the_load_begins() -> None:
    at_once, _, made = load_of(PLAN, 0.0)
    at_once.connect()
    assert [sender.connected for sender in made] == [True] * 10 + [False] * 4
    at_once.finish(0.0)
    assert all(sender.closed for sender in made)
    ramped, _, made = load_of(replace(PLAN, ramp=10.0), 0.0)
    ramped.connect()
    assert [sender.connected for sender in made] == [True] + [False] * 13


def test_a_load_that_is_to_finish_makes_no_more_arrivals() -> None:
    load, _, _ = load_of(PLAN, 0.0)
    load.finish(0.0)
    load.drive()
    assert load.made == 0


@pytest.mark.parametrize(("duration", "all_made"), [(0.4, True), (60.0, False)])
def test_arrivals_that_are_due_when_the_load_ends_are_made_late_and_no_others(
    duration: float, all_made: bool
) -> None:
    load, counting, _ = load_of(replace(PLAN, rate=100.0, duration=duration), 0.0)
    driving = vars(arrivals)["gevent"].spawn(load.drive)
    rest(0.05)
    time.sleep(0.5)  # the event loop stands still beyond the end of the shorter load
    load.finish(5.0)
    driving.join()
    assert load.made == closed(counting).requests
    assert (load.made == 100 * duration) is all_made


def test_connections_take_turns() -> None:
    load, _, made = load_of(PLAN, 0.0)
    for _ in range(3 * len(made)):
        arrive(load)
        rest(0.002)
    assert {sender.sent for sender in made} == {3}
    load.finish(1.0)


@pytest.mark.parametrize("returning", [False, True])
def test_each_arrival_is_a_new_visitor_unless_visitors_return(returning: bool) -> None:
    load, _, made = load_of(replace(PLAN, returning=returning), 0.0)
    for _ in range(2 * len(made)):
        arrive(load)
        rest(0.002)
    assert {tuple(sender.forgotten) for sender in made} == {() if returning else (0, 1)}
    load.finish(1.0)


def rest(seconds: float) -> None:
    pace = PreciseTimer()
    pace.until(time.monotonic() + seconds)
    pace.close()


def test_beyond_all_bounds_arrivals_are_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrivals, "MAX_CONNECTIONS", 20)
    monkeypatch.setattr(arrivals, "MAX_WAITING", 5)
    load, counting, made = load_of(PLAN, 0.05)
    for _ in range(100):
        arrive(load)
    assert (load.busy, len(made)) == (20, 20)
    load.finish(5.0)
    seen = closed(counting)
    assert (seen.requests, seen.dropped) == (25, 75)
    assert seen.late >= 5  # those that waited, and on a busy machine more
    assert seen.service.total() == 25
    assert (
        seen.latency.quantile(1.0) or 0
    ) > 0.095  # two turns of 0.05 s: the wait is part of the latency


def test_what_a_stall_added_is_let_go_and_the_pinned_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "IDLE_SECONDS", 0.0)
    load, _, made = load_of(PLAN, 0.0)
    pinned = len(made)
    for _ in range(pinned + 7):
        arrive(load)
    rest(0.02)
    load.let_go()
    rest(0.02)
    assert [sender.closed for sender in made] == [False] * pinned + [True] * 7
    load.finish(1.0)


def test_late_is_counted_from_a_few_milliseconds_on() -> None:
    counting = Counting(("a",))
    counting.count("a", 0.02, 1, None, LATE * 0.9)
    counting.count("a", 0.02, 1, None, LATE * 1.1)
    counting.count("a", 0.02, 1, "timeout", LATE * 1.1)
    counting.count("a", 0.02, 1)
    counting.drop("a")
    counting.drop("unknown")
    seen, other = counting.close(1.0, 1.0, 0).endpoints
    assert (seen.requests, seen.late, seen.dropped, seen.service.total()) == (4, 2, 1, 2)
    assert (other.endpoint, other.requests, other.dropped) == ("unknown", 0, 1)
