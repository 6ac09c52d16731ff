"""The load divided between workers: together they make it whole, each part once."""

import random
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.arrivals import RampAndHold, schedule
from soak.load.plan import Plan
from soak.load.sharing import Share, Shares, shared_arrivals


def plan(rate: float = 50.0, ramp: float = 2.0, duration: float = 8.0, arrivals: str = "constant") -> Plan:
    return Plan("http://127.0.0.1:1", (), duration, ramp, 1.0, 1.0, rate=rate, arrivals=arrivals)


@given(st.integers(1, 9), st.floats(0.5, 60), st.sampled_from([0.0, 1.5]))
def test_workers_together_make_exactly_the_arrivals_of_one(count: int, rate: float, ramp: float) -> None:
    whole = list(schedule(plan(rate, ramp)))
    parts = [list(schedule(plan(rate, ramp), Shares(Share(index, count)))) for index in range(count)]
    assert sorted(due for part in parts for due in part) == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(st.floats(0.1, 7.9), st.floats(0, 2))
def test_a_timetable_counts_what_is_due(t: float, ramp: float) -> None:
    table = RampAndHold(plan(ramp=ramp))
    due = sum(1 for moment in schedule(plan(ramp=ramp)) if moment < t)
    assert abs(table.count(t) - due) <= 1


def test_after_a_loss_the_others_make_every_arrival_once() -> None:
    whole = list(shared_arrivals(RampAndHold(plan()), Shares()))
    lost_at, taken_over_at = 3.0, 5.5
    made = []
    for index in range(3):
        shares = Shares(Share(index, 3))
        if index != 1:
            shares.change(taken_over_at, Share(index // 2, 2))
        for number, due in shared_arrivals(RampAndHold(plan()), shares):
            if index != 1 or due < lost_at:
                made.append((number, due))
    missing = sorted(set(whole) - set(made))
    assert len(made) == len(set(made))
    assert missing == [(number, due) for number, due in whole if lost_at <= due < taken_over_at and number % 3 == 1]


def test_a_share_that_grows_beyond_its_own_end_is_made_too() -> None:
    """A worker with no arrival of its own left takes over what others still have to make."""
    shares = Shares(Share(0, 1000))
    shares.change(9.0, Share(0, 1))
    found = list(shared_arrivals(RampAndHold(plan()), shares))
    assert len([due for _, due in found if due >= 9.0]) == 50


def test_random_arrivals_of_many_are_one_poisson_process_of_the_whole_rate() -> None:
    def arrivals(index: int, count: int) -> list[float]:
        return list(schedule(plan(200.0, 0.0, 50.0, "poisson"), Shares(Share(index, count))))

    parts = [arrivals(index, 4) for index in range(4)]
    assert len({part[0] for part in parts}) == 4
    together = sorted(due for part in parts for due in part)
    assert len(together) == pytest.approx(10_000, abs=4 * sqrt(10_000))
    gaps = sorted(b - a for a, b in pairwise(together))
    assert gaps[len(gaps) // 2] == pytest.approx(0.693 / 200, rel=0.06)


def test_numbers_of_random_arrivals_are_each_used_once() -> None:
    gap = random.Random(1).expovariate
    shares = Shares(Share(1, 4))
    shares.change(5.0, Share(1, 3))
    numbers = [number for number, _ in shared_arrivals(RampAndHold(plan()), shares, gap)]
    assert numbers == sorted(set(numbers))
