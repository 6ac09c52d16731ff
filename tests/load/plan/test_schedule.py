import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.plan.partition import Shares, arrivals_of
from soak.load.plan.schedule import Schedule, ScheduleSegment, segments_of
from soak.profile.load import Load

# Nothing so small that its square, or its product with a share, is no number any more.
_level = st.floats(1e-9, 2000) | st.just(0.0)
_parts = st.floats(1e-12, 1) | st.just(0.0)
_seconds = st.floats(0.1, 1e5)


@st.composite
def pieces(draw: st.DrawFn) -> ScheduleSegment:
    if draw(st.booleans()):
        return ScheduleSegment(draw(_seconds), draw(_level), draw(_level))
    low, high = sorted((draw(_level), draw(_level)))
    middle = (low + high) / 2
    return ScheduleSegment(
        draw(_seconds), middle, middle, (high - low) / 2, draw(st.floats(0.5, 1e5))
    )


schedules = st.lists(pieces(), min_size=1, max_size=5).map(lambda made: Schedule(tuple(made)))


def schedule(**load: object) -> Schedule:
    return Schedule(segments_of(Load.model_validate(load)))


@given(schedules, st.floats(0, 1, exclude_max=True))
def test_an_arrival_is_due_when_the_count_reaches_its_number(shape: Schedule, part: float) -> None:
    number = part * shape.count(shape.total)
    due = shape.due(number)
    if due is None:
        assert shape.count(shape.total) == number  # a part of almost nothing
        return
    assert 0 <= due <= shape.total
    assert shape.count(due) == pytest.approx(number, rel=1e-7, abs=1e-6)


@given(schedules, st.lists(_parts, min_size=2, max_size=20))
def test_counts_and_arrivals_never_go_back(shape: Schedule, parts: list[float]) -> None:
    whole = shape.count(shape.total)
    counts = [shape.count(part * shape.total) for part in sorted(parts)]
    assert all(b >= a - 1e-9 * max(1, whole) for a, b in itertools.pairwise(counts))
    dues = [due for part in sorted(parts) if (due := shape.due(part * whole)) is not None]
    assert all(b >= a - 1e-6 * max(1, shape.total) for a, b in itertools.pairwise(dues))


@given(schedules, st.floats(0.01, 0.99))
def test_the_count_is_the_integral_of_the_rate(shape: Schedule, part: float) -> None:
    step = 1e-5 * shape.total
    at = part * shape.total
    edges = [
        sum(piece.seconds for piece in shape.pieces[:place]) for place in range(len(shape.pieces))
    ]
    if any(abs(at - edge) < 2 * step for edge in edges) or any(
        0 < p.period < 1e3 * step for p in shape.pieces
    ):
        return
    slope = (shape.count(at + step) - shape.count(at - step)) / (2 * step)
    highest = max(abs(piece.start) + abs(piece.end) + piece.swing for piece in shape.pieces)
    assert slope == pytest.approx(shape.rate_at(at), abs=1e-3 * highest + 1e-6)


def test_a_constant_rate_is_evenly_spaced_from_the_first_moment_on() -> None:
    got = list(arrivals_of(schedule(rate="10/s", duration="2s"), Shares()))
    assert [number for number, _ in got] == list(range(20))
    assert [due for _, due in got] == pytest.approx([number / 10 for number in range(20)])


def test_a_ramp_and_a_hold_are_as_they_were_before_there_were_stages() -> None:
    got = schedule(rate="200/s", ramp="1s", duration="2s")
    assert got.total == 3
    assert got.count(1) == 100
    assert got.due(25) == pytest.approx(0.5)
    assert got.due(100) == pytest.approx(1.0)
    assert got.due(300) == pytest.approx(2.0)
    assert got.due(500) is None
    assert got.rate_at(0.5) == pytest.approx(100)
    assert got.rate_at(3.0) == 0


def test_no_arrival_falls_into_a_pause_or_at_its_beginning() -> None:
    stages = [
        {"rate": "10/s", "for": "1s"},
        {"rate": "0/s", "for": "5s"},
        {"rate": "10/s", "for": "1s"},
    ]
    dues = [due for _, due in arrivals_of(schedule(stages=stages), Shares())]
    assert len(dues) == 20
    assert [due for due in dues if 1 <= due < 6] == []
    assert dues[10] == pytest.approx(6.0)


STAGES = [
    {"ramp": "100/s", "for": "10s"},
    {"rate": "100/s", "for": "10s"},
    {"spike": "500/s", "for": "2s"},
    {"ramp": "50/s", "for": "10s"},
    {"sine": {"low": "50/s", "high": "150/s", "period": "20s"}, "for": "30s"},
]


def test_stages_follow_each_other() -> None:
    got = schedule(stages=STAGES)
    assert got.total == 62
    moments = {5: 50, 15: 100, 21: 500, 22: 100, 27: 75, 32: 50, 42: 150, 52: 50, 61.999: 150}
    assert {t: got.rate_at(t) for t in moments} == {
        t: pytest.approx(rate, abs=0.1) for t, rate in moments.items()
    }
    assert got.count(62) == pytest.approx(500 + 1000 + 1000 + 750 + 3000)


def test_the_ramp_is_a_first_stage_that_is_one_and_the_rest_is_steady() -> None:
    load = Load.model_validate({"stages": STAGES})
    assert (load.ramp, load.duration, load.peak, load.open) == (10, 52, 500, True)
    load = Load.model_validate({"stages": STAGES[1:]})
    assert (load.ramp, load.duration) == (0, 52)


def test_users_come_in_stages_too() -> None:
    load = Load.model_validate({"stages": [{"ramp": 10, "for": "10s"}, {"users": 10, "for": "1m"}]})
    assert (load.peak, load.open) == (10, False)
    got = Schedule(segments_of(load))
    assert [got.users_at(t) for t in (0, 0.01, 5, 30, 70)] == [0, 1, 5, 10, 0]


def test_poisson_arrivals_have_the_rate_and_the_spread_of_chance() -> None:
    got = [
        due
        for _, due in arrivals_of(
            schedule(rate="100/s", duration="100s"), Shares(), poisson=True, seed=3
        )
    ]
    assert len(got) == pytest.approx(10_000, abs=4 * 100)
    gaps = [b - a for a, b in itertools.pairwise(got)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert deviation == pytest.approx(mean, rel=0.05)


def test_poisson_arrivals_follow_a_rate_that_changes() -> None:
    got = [due for _, due in arrivals_of(schedule(stages=STAGES), Shares(), poisson=True, seed=1)]
    in_spike = sum(20 <= due < 22 for due in got)
    assert in_spike == pytest.approx(1000, abs=4 * math.sqrt(1000))


def test_the_same_seed_makes_the_same_arrivals() -> None:
    shape = schedule(rate="100/s", duration="5s")
    assert list(arrivals_of(shape, Shares(), poisson=True, seed=1)) == list(
        arrivals_of(shape, Shares(), poisson=True, seed=1)
    )
    assert list(arrivals_of(shape, Shares(), poisson=True, seed=1)) != list(
        arrivals_of(shape, Shares(), poisson=True, seed=2)
    )


@pytest.mark.parametrize("poisson", [False, True])
def test_one_process_makes_the_one_sequence_of_its_seed(poisson: bool) -> None:
    shape, chance = schedule(stages=STAGES), random.Random("9/arrivals")
    expected, number, reached = [], 0, chance.expovariate(1.0) if poisson else 0.0
    while (due := shape.due(reached)) is not None:
        expected.append((number, due))
        number += 1
        reached = reached + chance.expovariate(1.0) if poisson else float(number)
    assert list(arrivals_of(shape, Shares(), poisson=poisson, seed=9)) == expected


def test_long_runs_stay_exact() -> None:
    shape = schedule(stages=[{"rate": "333/s", "for": "30d"}])
    number = random.Random(1).randrange(10**8, 8 * 10**8)
    assert shape.due(number) == pytest.approx(number / 333, abs=1e-6)
