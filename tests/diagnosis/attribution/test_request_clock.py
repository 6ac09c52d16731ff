"""The clock of the requests that make a series grow, and what is put on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from soak.analysis.statistics.growth_input import Subject
from soak.diagnosis.attribution import request_clock as module
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.levels import Levels
from soak.diagnosis.attribution.request_clock import (
    _clock,
    _due,
    _held,
    _lately,
    on_request_clock,
    request_clock,
)
from soak.diagnosis.attribution.request_counts import Mix
from soak.model import Floats, JudgedClock, Series

MEMORY = "process_resident_memory_bytes"


def series(name: str = MEMORY, *times: float, **labels: str) -> Series:
    at = np.array(times or (0.0, 1.0))
    return Series(name, at, at * 2, tuple(labels.items()))


def amount(endpoint: str, per_request: float, share: float = 0.5) -> Amount:
    return Amount(endpoint, per_request, 0.0, 0.0, share)


MIX = Mix(("a", "b", "c"), np.array([[5.0, 0, 1], [5, 4, 2], [9, 4, 3], [15, 10, 4]]))
GRID = np.array([10.0, 20.0, 40.0, 50.0])
PREPARED = cast("Any", SimpleNamespace(recording=SimpleNamespace(windows=())))


def due(*told: Amount, mix: Mix = MIX) -> Floats:
    with mock.patch.object(module, "mix_at", return_value=mix):
        return _due(PREPARED, told, GRID)


def test_a_share_of_the_clock_advances_with_what_the_endpoints_add() -> None:
    # a and b add 0, 4, 12 and 30 of 30 in all; the wall clock is at 0, 1/4, 3/4 and 1.
    hands = due(amount("a", 2.0, 0.3), amount("b", 1.0, 0.5))
    kept = [0, 4 / 30, 12 / 30, 1]
    wall = [0, 0.25, 0.75, 1]
    assert hands.tolist() == pytest.approx(
        [10 + 40 * (0.8 * k + 0.2 * w) for k, w in zip(kept, wall, strict=True)]
    )


def test_a_fiftieth_of_the_clock_is_the_wall_clock_s() -> None:
    hands = due(amount("a", 1.0, 0.7), amount("c", 0.0, 0.9))
    assert hands.tolist() == pytest.approx(
        [10.0, 10 + 40 * 0.02 / 4, 10 + 40 * (0.98 * 0.4 + 0.02 * 0.75), 50.0]
    )


@pytest.mark.parametrize("per_request", [0.0, -1.0])
def test_endpoints_that_add_nothing_leave_the_wall_clock(per_request: float) -> None:
    assert due(amount("a", per_request)).tolist() == GRID.tolist()


@pytest.mark.parametrize("size", [0.01, 1.0])
def test_it_does_not_matter_how_little_they_add(size: float) -> None:
    assert due(amount("a", 0.1 * size)).tolist() == pytest.approx(due(amount("a", 3.0)).tolist())


@pytest.mark.parametrize(
    ("drawn", "kept"), [(2, [0, 3]), (3, [0, 1, 3]), (4, [0, 1, 2, 3]), (400, [0, 1, 2, 3])]
)
def test_a_clock_is_drawn_at_some_of_its_times_with_the_requests_done(
    drawn: int, kept: list[int]
) -> None:
    hands = GRID + 3.0
    told = [amount("c", 1.0), amount("a", 1.0)]

    def at(times: Floats, windows: Any) -> Mix:
        return Mix(MIX.names, MIX.counts[np.searchsorted(GRID, times)])

    with mock.patch.object(module, "mix_at", at), mock.patch.object(module, "_DRAWN", drawn):
        clock = _clock(PREPARED, told, GRID, hands)
    requests = [6.0, 7.0, 12.0, 19.0]
    assert clock == JudgedClock(
        tuple(float(GRID[i]) for i in kept),
        tuple(float(hands[i]) for i in kept),
        tuple(requests[i] for i in kept),
        ("c", "a"),
    )


def test_a_clock_is_drawn_at_four_hundred_of_its_times() -> None:
    grid = np.arange(1000.0)
    with mock.patch.object(
        module, "mix_at", lambda times, _: Mix(("a",), np.array(times)[:, None])
    ):
        clock = _clock(PREPARED, [amount("a", 1.0)], grid, grid)
    assert len(clock.wall) == 400
    assert (clock.wall[0], clock.wall[1], clock.wall[-1]) == (0, 2, 999)


@contextmanager
def told_apart(*told: Amount, values: Floats | None = None) -> Iterator[Any]:
    """An endpoint's requests come at 20 s alone, and it makes all of the growth."""
    known = Levels(GRID, GRID, GRID) if values is None else Levels(GRID, values, GRID)
    counts = Mix(("a",), np.array([[0.0], [10], [10], [10]]))

    def at(times: Floats, windows: Any) -> Mix:
        return Mix(("a",), np.interp(times, GRID, counts.counts[:, 0])[:, None])

    with (
        mock.patch.object(module, "levels_of", return_value=known),
        mock.patch.object(module, "attribute_by_endpoint") as asked,
        mock.patch.object(module, "contributors", return_value=told),
        mock.patch.object(module, "mix_at", at),
    ):
        yield asked


def judged(judged_from: float = 10.0, end: float = 50.0) -> Any:
    first, other = (
        SimpleNamespace(times=np.array(times)) for times in ([5.0, 10, 20, 40, 50, 60], [30.0])
    )
    return SimpleNamespace(
        recording=SimpleNamespace(windows=(first, other)), judged_from=judged_from, end=end
    )


A = amount("a", 1.0, 1.0)


def test_everything_of_a_subject_is_put_on_the_clock_and_what_lies_outside_stays() -> None:
    times = (0.0, 10.0, 15.0, 20.0, 30.0, 50.0, 55.0)
    moved = [0.0, 10.0, 29.7, 49.4, 49.6, 50.0, 55.0]
    subject = Subject(
        series(MEMORY, *times),
        "memory",
        "bytes",
        borders=(15.0, 30.0),
        requests=series("requests", *times),
        floor=series("floor", *times),
        connections=series("connections", *times),
        gaps=(20.0,),
    )
    with told_apart(A):
        on_it = on_request_clock(judged(), subject)
    for each in (on_it.series, on_it.requests, on_it.floor, on_it.connections):
        assert each is not None
        assert each.times.tolist() == pytest.approx(moved)
        assert each.values.tolist() == [2 * time for time in times]
    assert on_it.borders == pytest.approx((29.7, 49.6))
    assert on_it.gaps == pytest.approx((49.4,))
    assert on_it.clock is not None
    assert on_it.clock.wall == (10, 20, 40, 50)
    assert on_it.clock.judged == pytest.approx((10, 49.4, 49.8, 50))
    assert on_it.clock.requests == (0, 10, 10, 10)


def test_another_series_of_the_process_is_judged_on_the_same_clock() -> None:
    subject = Subject(series(MEMORY, 10.0, 15.0), "memory", "bytes", floor=series("floor"))
    beside = series("process_resident_anonymous_bytes", 0.0, 10.0, 15.0, 20.0)
    in_time = subject.of_same_process(beside)
    assert (in_time.series, in_time.floor, in_time.clock) == (beside, None, None)
    with told_apart(A):
        on_it = on_request_clock(judged(), subject).of_same_process(beside)
    assert on_it.series.name == beside.name
    assert on_it.series.times.tolist() == pytest.approx([0.0, 10.0, 29.7, 49.4])
    assert (on_it.floor, on_it.clock is None) == (None, False)


def test_a_clock_runs_from_when_judging_begins_until_the_load_ends() -> None:
    with told_apart(A):
        subject = Subject(series(MEMORY, 9.0, 12.0, 15.0, 20.0, 44.0, 47.0), "memory", "bytes")
        on_it = on_request_clock(judged(12.0, 45.0), subject)
    assert on_it.clock is not None
    assert on_it.clock.wall == (12, 20, 40, 45)
    assert on_it.series.times[[0, 1, -2, -1]].tolist() == pytest.approx(
        [9.0, 12.0, 12 + 33 * (0.98 + 0.02 * 32 / 33), 47.0]
    )
    assert (on_it.borders, on_it.requests, on_it.floor) == (None, None, None)


@pytest.mark.parametrize("told", [(), (amount(EVERY, 1.0),), (A, amount(EVERY, 1.0))])
def test_what_no_endpoint_or_each_of_them_makes_grow_stays_on_the_wall_clock(
    told: tuple[Amount, ...],
) -> None:
    subject = Subject(series(), "memory", "bytes")
    with told_apart(*told):
        assert on_request_clock(judged(), subject) is subject


def test_a_level_that_is_unknown_or_never_moves_is_not_attributed() -> None:
    subject = Subject(series(), "memory", "bytes")
    with told_apart(A, values=np.full(4, 7.0)) as asked:
        assert on_request_clock(judged(), subject) is subject
        with mock.patch.object(module, "levels_of", return_value=None):
            assert on_request_clock(judged(), subject) is subject
    asked.assert_not_called()


@pytest.mark.parametrize("integer", [True, False])
def test_a_count_is_attributed_as_a_count(integer: bool) -> None:
    with told_apart(A) as asked:
        on_request_clock(judged(), Subject(series(), "memory", "bytes", integer=integer))
    assert asked.call_args.args[2:] == (MEMORY, "bytes")
    assert asked.call_args.kwargs == {"integer": integer}


HELD, FLOOR = series("tracemalloc"), series("floor")


@pytest.mark.parametrize(
    ("name", "labels", "floor", "given"),
    [
        (MEMORY, {}, None, HELD),
        (MEMORY, {}, FLOOR, FLOOR),
        (MEMORY, {"instance": "a"}, None, None),
        ("process_open_fds", {}, None, None),
        ("no_known_series", {}, None, None),
    ],
)
@pytest.mark.parametrize("coded", [True, False])
def test_memory_of_the_process_has_the_floor_that_snapshots_found(
    name: str, labels: dict[str, str], floor: Series | None, given: Series | None, coded: bool
) -> None:
    recording = cast("Any", SimpleNamespace(mix_varied=coded))
    subject = Subject(series(name, **labels), "memory", "bytes", floor=floor)
    with (
        mock.patch.object(module, "_held", return_value=HELD),
        mock.patch.object(module, "on_request_clock", side_effect=lambda _, each: ("on", each)),
        mock.patch.object(module, "_lately", return_value="lately"),
    ):
        told: Any = request_clock(recording)(cast("Any", None), subject)
    on_it, told = told if coded else (None, told)
    assert told.floor is given
    assert told.recent == ("lately" if coded else None)
    assert on_it == ("on" if coded else None)


@pytest.mark.parametrize(("count", "known"), [(9, False), (10, True), (11, True)])
def test_ten_snapshots_make_a_floor(count: int, known: bool) -> None:
    def taken(number: int) -> Any:
        column = np.array([1.0, 2.0]) * number
        return SimpleNamespace(time=10.0 * number, profile=SimpleNamespace(column=lambda _: column))

    snapshots = [taken(number) for number in range(count)]
    recording = cast("Any", SimpleNamespace(snapshots=(), windows=()))
    with mock.patch.object(module, "load_profiles", return_value=(snapshots, [])):
        held = _held(recording)
    assert (held is not None) is known
    if held is not None:
        assert held.times.tolist() == [10.0 * number for number in range(count)]
        assert held.values.tolist() == [3.0 * number for number in range(count)]


def driven(length: float, began: float = 0.0) -> Any:
    """Two endpoints of 10/s for `length` seconds in all; the first one's requests stop at 30 s."""
    times = np.arange(1.0, length + 1.0)
    ones = np.ones(len(times))
    windows = tuple(
        SimpleNamespace(endpoint=name, times=times, seconds=ones, requests=10 * (times <= until))
        for name, until in (("GET /a", 30.0), ("GET /b", length))
    )
    recording = SimpleNamespace(windows=windows, snapshots=())
    return SimpleNamespace(recording=recording, judged_from=began, end=length, named=lambda _: [])


@pytest.fixture
def no_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "bounded_holders", lambda _, times: np.empty((len(times), 0)))


@pytest.mark.usefixtures("no_containers")
def test_the_requests_of_late_are_counted_over_seven_lengths_up_to_a_third_of_the_judged_stretch() -> (
    None
):
    recent = _lately(driven(91.0, began=10.0))
    assert recent is not None
    assert recent.times[[0, -1]].tolist() == [10.0, 91.0]
    assert [rate.shape for rate in recent.rates] == [(82, 2)] * 7
    shortest, longest = recent.rates[0], recent.rates[-1]
    at = recent.times.tolist().index
    assert shortest[at(20.0)].tolist() == pytest.approx([10.0, 10.0])
    assert shortest[at(33.0)].tolist() == pytest.approx([0.0, 10.0])
    assert longest[at(20.0)].tolist() == pytest.approx([20 * 10 / 27] * 2)  # the load is younger
    assert longest[at(40.0)].tolist() == pytest.approx([17 * 10 / 27, 10.0])


@pytest.mark.usefixtures("no_containers")
@pytest.mark.parametrize(("length", "known"), [(9.0, False), (9.5, True)])
def test_nothing_is_late_in_a_few_seconds(length: float, known: bool) -> None:
    assert (_lately(driven(length)) is not None) == known


def test_without_a_window_in_the_judged_stretch_nothing_is_late() -> None:
    driven_before = driven(91.0)
    driven_before.judged_from, driven_before.end = 200.0, 300.0
    assert _lately(driven_before) is None
