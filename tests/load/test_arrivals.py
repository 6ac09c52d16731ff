"""The open model without a target: what happens to arrivals that find workers, wait, or find no place."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.load import arrivals
from soak.load.arrivals import OpenLoad, schedule
from soak.load.counting import LATE, Counting
from soak.load.pacing import Pace
from soak.load.plan import Plan, PlannedRequest
from soak.load.requests import Mix, Ready, ready_requests
from soak.windows import EndpointWindow

ASKED = PlannedRequest("GET /", "GET", "/", 1.0, {})
PLAN = Plan("http://127.0.0.1:9", (ASKED,), duration=10.0, ramp=0.0, interval=1.0, timeout=1.0, rate=100.0)


class Slow:
    """A sender whose requests take as long as told."""

    def __init__(self, counting: Counting, seconds: float) -> None:
        self.counting, self.seconds, self.sent, self.closed = counting, seconds, 0, False

    def send(self, request: Ready, intended: float) -> bool:
        began = time.monotonic()
        pace = Pace()
        pace.until(began + self.seconds)
        pace.close()
        self.sent += 1
        self.counting.count(request.endpoint, time.monotonic() - intended, 1, None, began - intended)
        return True

    def close(self) -> None:
        self.closed = True


def load_of(plan: Plan, seconds: float) -> tuple[OpenLoad, Counting, list[Any]]:
    counting, made = Counting(("GET /",)), []

    def new_sender() -> Any:
        made.append(Slow(counting, seconds))
        return made[-1]

    return OpenLoad(plan, counting, ready_requests(plan), new_sender), counting, made


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


def test_connections_take_turns() -> None:
    load, _, made = load_of(PLAN, 0.0)
    (request,) = ready_requests(PLAN)
    for _ in range(3 * len(made)):
        load.arrive(request, time.monotonic())
        rest(0.002)
    assert {sender.sent for sender in made} == {3}
    load.finish(1.0)


def rest(seconds: float) -> None:
    pace = Pace()
    pace.until(time.monotonic() + seconds)
    pace.close()


def test_beyond_all_bounds_arrivals_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_CONNECTIONS", 20)
    monkeypatch.setattr(arrivals, "MAX_WAITING", 5)
    load, counting, made = load_of(PLAN, 0.05)
    (request,) = ready_requests(PLAN)
    for _ in range(100):
        load.arrive(request, time.monotonic())
    assert (load.busy, len(made)) == (20, 20)
    load.finish(5.0)
    seen = closed(counting)
    assert (seen.requests, seen.dropped, seen.late) == (25, 75, 5)
    assert seen.service.total() == 25
    assert (seen.latency.quantile(1.0) or 0) > 0.095  # two turns of 0.05 s: the wait is part of the latency


def test_what_a_stall_added_is_let_go_and_the_pinned_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "IDLE_SECONDS", 0.0)
    load, _, made = load_of(PLAN, 0.0)
    (request,) = ready_requests(PLAN)
    pinned = len(made)
    for _ in range(pinned + 7):
        load.arrive(request, time.monotonic())
    rest(0.02)
    load.let_go()
    rest(0.02)
    assert [sender.closed for sender in made] == [False] * pinned + [True] * 7
    load.finish(1.0)


@pytest.mark.parametrize("ramp", [0.0, 4.0])
def test_poisson_arrivals_have_the_rate_and_spread_of_a_poisson_process(ramp: float) -> None:
    plan = replace(PLAN, rate=1000.0, ramp=ramp, arrivals="poisson")
    moments = np.array(list(schedule(plan)))
    assert len(moments) == pytest.approx(1000 * (10 + ramp / 2), abs=4 * np.sqrt(1000 * (10 + ramp / 2)))
    steady = np.diff(moments[moments > ramp])
    assert steady.std() / steady.mean() == pytest.approx(1.0, abs=0.05)
    assert (moments == np.array(list(schedule(plan)))).all()


def test_constant_arrivals_are_evenly_spaced_after_an_even_ramp() -> None:
    moments = np.array(list(schedule(replace(PLAN, ramp=2.0))))
    assert len(moments) == 100 + 1000
    assert np.diff(moments[moments > 2.0]) == pytest.approx(0.01)
    assert (moments < 1.0).sum() == pytest.approx(25, abs=1)  # a quarter of the ramp's in its first half


def test_requests_are_chosen_by_weight_and_alike_for_a_seed() -> None:
    plan = replace(
        PLAN, requests=tuple(replace(ASKED, endpoint=name, weight=w) for name, w in (("a", 3.0), ("b", 1.0)))
    )
    requests = ready_requests(plan)
    mix, again = Mix(plan, requests, 7), Mix(plan, requests, 7)
    names = [mix.choose().endpoint for _ in range(4000)]
    assert names == [again.choose().endpoint for _ in range(4000)]
    assert names.count("a") / 4000 == pytest.approx(0.75, abs=0.03)


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
