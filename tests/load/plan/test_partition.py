"""The load divided between workers: together they make it whole, each part once."""

import random
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.plan.partition import Share, Shares, arrivals_of, shared_arrivals
from soak.load.plan.schedule import Schedule, ScheduleSegment


def shape(rate: float = 50.0, ramp: float = 2.0, duration: float = 8.0) -> Schedule:
    """A ramp, a hold, a pause, and a swing."""
    pieces = (
        ScheduleSegment(ramp, 0.0, rate),
        ScheduleSegment(duration - 3.0, rate, rate),
        ScheduleSegment(1.0, 0.0, 0.0),
    )
    return Schedule((*pieces[0 if ramp else 1 :], ScheduleSegment(2.0, rate, rate, rate / 2, 1.0)))


def moments(table: Schedule, shares: Shares) -> list[float]:
    return [due for _, due in arrivals_of(table, shares)]


@given(st.integers(1, 9), st.floats(0.5, 60), st.sampled_from([0.0, 1.5]))
def test_workers_together_make_exactly_the_arrivals_of_one(
    count: int, rate: float, ramp: float
) -> None:
    whole = list(arrivals_of(shape(rate, ramp), Shares()))
    parts = [
        list(arrivals_of(shape(rate, ramp), Shares(Share(index, count)))) for index in range(count)
    ]
    assert sorted(made for part in parts for made in part) == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(st.floats(0.1, 7.9), st.sampled_from([0.0, 2.0]))
def test_a_timetable_counts_what_is_due(t: float, ramp: float) -> None:
    table = shape(ramp=ramp)
    due = sum(1 for moment in moments(table, Shares()) if moment < t)
    assert abs(table.count(t) - due) <= 1


@given(st.lists(st.floats(0, 12), max_size=20), st.integers(2, 5))
def test_what_is_asked_of_workers_adds_up_to_all_before_and_after_a_loss(
    times: list[float], count: int
) -> None:
    table = shape()
    everybody = [Shares(Share(index, count)) for index in range(count)]
    for t in sorted(times):
        assert sum(shares.count(table, t) for shares in everybody) == pytest.approx(table.count(t))
    for index, shares in enumerate(everybody[1:]):
        shares.change(4.0, Share(index, count - 1))
    for t in sorted(times):
        lost = min(table.count(t), table.count(4.0)) / count
        asked = [shares.count(table, t) for shares in everybody[1:]]
        assert lost + sum(asked) == pytest.approx(table.count(t))
        made = [sum(1 for due in moments(table, shares) if due < t) for shares in fresh(count)]
        assert asked == pytest.approx(made, abs=2)


def fresh(count: int) -> list[Shares]:
    """All but worker 0, which is lost at 4 s."""
    left = [Shares(Share(index + 1, count)) for index in range(count - 1)]
    for index, shares in enumerate(left):
        shares.change(4.0, Share(index, count - 1))
    return left


@given(st.integers(0, 100), st.integers(1, 9))
def test_users_are_dealt_out_in_turn(users: int, count: int) -> None:
    dealt = [Shares(Share(index, count)).users(users) for index in range(count)]
    assert dealt == [len(range(index, users, count)) for index in range(count)]


def test_after_a_loss_the_others_make_every_arrival_once() -> None:
    whole = list(shared_arrivals(shape(), Shares()))
    lost_at, taken_over_at = 3.0, 5.5
    made = []
    for index in range(3):
        shares = Shares(Share(index, 3))
        if index != 1:
            shares.change(taken_over_at, Share(index // 2, 2))
        for number, due in shared_arrivals(shape(), shares):
            if index != 1 or due < lost_at:
                made.append((number, due))
    missing = sorted(set(whole) - set(made))
    assert len(made) == len(set(made))
    assert missing == [
        (number, due) for number, due in whole if lost_at <= due < taken_over_at and number % 3 == 1
    ]


def test_a_share_that_grows_beyond_its_own_end_is_made_too() -> None:
    """A worker with no arrival of its own left takes over what others still have to make."""
    shares = Shares(Share(0, 1000))
    shares.change(9.0, Share(0, 1))
    arrivals = list(shared_arrivals(shape(), shares))
    assert len([due for _, due in arrivals if due >= 9.0]) == 50


def test_random_arrivals_of_many_are_one_poisson_process_of_the_whole_rate() -> None:
    def arrivals(index: int, count: int) -> list[float]:
        table = Schedule((ScheduleSegment(50.0, 200.0, 200.0),))
        return [
            due for _, due in arrivals_of(table, Shares(Share(index, count)), poisson=True, seed=3)
        ]

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
    numbers = [number for number, _ in shared_arrivals(shape(), shares, gap)]
    assert numbers == sorted(set(numbers))
