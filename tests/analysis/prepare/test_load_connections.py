"""The load's own connections taken off what the target counts of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.generator_series import CONNECTIONS
from soak.analysis.prepare.load_connections import (
    _bytes_each,
    _moves,
    _range,
    at_usual_load,
    without_connections,
)
from soak.analysis.prepare.prepare import prepare
from soak.catalog.metrics import metric_of
from soak.model import Floats, Recording, Series, Verdict
from soak.profile import Limits
from soak.windows import GeneratorWindows
from tests.analysis.recordings import SECONDS, gauge, noise, recording

T = np.arange(SECONDS)
#: A stall in the midst opens sixty more, and these are closed again, late.
OPEN = np.where((T > 190) & (T < 280), 74, 14) + np.where((T > 220) & (T < 240), 30, 0)
LEAK = np.floor(20 + 0.5 * T)


def driven(descriptors: object, connections: object) -> Recording:
    column = np.broadcast_to(np.asarray(connections, np.float64), (SECONDS,))
    ones, at = np.ones(SECONDS), T.astype(np.float64) + 1.0
    shares = (0.1 * ones, 0.1 * ones, 0 * ones, 5e7 * ones, ones, ones, 0 * ones)
    health = GeneratorWindows(at, ones, *shares, column, *[np.nan * ones] * 4)
    resident = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
    return replace(recording(gauge("process_open_fds", descriptors), resident), generator=health)


def verdict_of(driven_run: Recording) -> Verdict:
    [growth] = [
        finding
        for finding in analyze(driven_run, Limits()).findings
        if (finding.rule, finding.series) == ("growth", "process_open_fds")
    ]
    return growth.verdict


@pytest.mark.parametrize("each", [1, 2])
def test_a_leak_under_connections_that_come_and_go_is_seen(each: int) -> None:
    assert verdict_of(driven(LEAK + each * np.roll(OPEN, 1), OPEN)) is Verdict.FAIL


def test_connections_that_a_stall_added_are_no_leak() -> None:
    late = np.where(T > 150, 14 + 0.4 * (T - 150), 14).round()
    assert verdict_of(driven(20 + np.roll(late, 1), late)) is Verdict.PASS


@pytest.mark.parametrize("each", [1, 2])
def test_visitors_that_arrive_one_by_one_and_stay_are_no_leak(each: int) -> None:
    arriving = 1 + T // 2
    assert verdict_of(driven(20 + each * (1 + (T + 1) // 2), arriving)) is Verdict.PASS
    assert verdict_of(driven(20 + each * arriving + T // 10, arriving)) is Verdict.FAIL
    assert verdict_of(driven(20 + T // 8, arriving)) is Verdict.FAIL  # behind a proxy


def test_what_a_heap_holds_for_each_connection_is_estimated_and_taken_off() -> None:
    """Twenty levels of a JVM whose server keeps 100 KiB for each connection: a stall opens ninety more."""
    times = np.arange(10, 290, 14.0)
    there = np.interp(times, T, OPEN)
    connections = gauge(CONNECTIONS, OPEN)

    def left(kept: Any) -> Series:
        heap = Series("jvm_live_classes_bytes", times, 9e6 + 2e4 * times + kept)
        return without_connections(heap, connections, counted=False)

    leak = 9e6 + 2e4 * times
    wander = noise(1e5, 4, len(times))
    assert left(1e5 * there + wander).values == pytest.approx(leak + 1e5 * 14 + wander, abs=4e5)
    # What has nothing to do with connections, or falls where they come, is left as it is.
    for other in (wander, 6e5 * np.sin(times), -1e5 * there):
        assert left(other).values.tolist() == (leak + other).tolist()


def test_a_series_that_does_not_follow_the_connections_stays_as_it_is() -> None:
    connections = gauge(CONNECTIONS, OPEN)
    leak = gauge("process_open_fds", LEAK)
    assert without_connections(leak, connections) is leak
    assert without_connections(leak, gauge(CONNECTIONS, 14)) is leak
    assert without_connections(leak, None) is leak
    assert without_connections(leak, gauge(CONNECTIONS, np.full(SECONDS, np.nan))) is leak


def test_the_level_stays_that_of_the_usual_number_of_connections() -> None:
    [calm] = {
        *without_connections(
            gauge("process_open_fds", 20 + OPEN), gauge(CONNECTIONS, OPEN)
        ).values.tolist()
    }
    assert calm == 20 + 14


@pytest.mark.parametrize(("samples", "followed"), [(9, False), (10, True)])
def test_ten_samples_of_each_are_the_fewest(samples: int, followed: bool) -> None:
    at = np.linspace(0, SECONDS - 1, samples)
    seldom = replace(gauge(CONNECTIONS, np.where(np.arange(samples) % 2, 74, 14)), times=at)
    often = gauge("process_open_fds", 20 + np.round(np.interp(T, at, seldom.values)))
    few = replace(often, times=at, values=20 + seldom.values)
    closely = gauge(CONNECTIONS, np.interp(T, at, seldom.values))
    assert (without_connections(often, seldom) is not often) is followed
    assert (without_connections(few, closely) is not few) is followed


NAN = np.nan


def row(values: Any, first: float = 0.0) -> Series:
    column = np.array(values, np.float64)
    return Series("x", first + np.arange(float(len(column))), column)


@pytest.mark.parametrize(
    ("values", "moves"),
    [
        ([1, 3, 2, 5], 2.0),
        ([5, 2, 3, 1], 2.0),
        ([1, 3, 3, 9], 0.0),
        ([2, 5, 2], 6.0),
        ([NAN, 1, 3, NAN, 2, 5], 2.0),
        ([4], 0.0),
        ([NAN], 0.0),
    ],
)
def test_moves_are_all_ways_up_and_down_but_the_one_from_first_to_last(
    values: list[float], moves: float
) -> None:
    assert _moves(np.array(values, np.float64)) == moves


@pytest.mark.parametrize(
    ("values", "width"),
    [
        (range(11), 8.0),
        ([*range(11), NAN, NAN], 8.0),
        ([0, *range(1, 10), 99], 8.0),
        (range(0, 20, 2), 14.4),
        (range(9), 0.0),  # too few
        ([*range(9), NAN, NAN], 0.0),
    ],
)
def test_a_range_leaves_a_tenth_out_on_either_side(values: Any, width: float) -> None:
    assert _range(np.array(values, np.float64)) == pytest.approx(width)


def test_bytes_for_each_connection_are_the_slope_of_successive_differences() -> None:
    rng = np.random.default_rng(3)
    connections = np.cumsum(rng.integers(-1, 4, 30)).astype(np.float64)
    kept = 5.0 * connections + 30 * np.arange(30) + rng.normal(0, 4, 30)
    [slope, _] = np.polyfit(np.diff(connections), np.diff(kept), 1)
    assert _bytes_each(row(kept), connections) == pytest.approx(slope)
    hidden = np.where(np.arange(30) % 7 == 3, NAN, kept)
    there = np.isfinite(hidden)
    [slope, _] = np.polyfit(np.diff(connections[there]), np.diff(hidden[there]), 1)
    assert _bytes_each(row(hidden), connections) == pytest.approx(slope)
    assert _bytes_each(row(-kept), connections) == 0.0
    assert _bytes_each(row(kept), np.arange(30.0)) == 0.0  # they came evenly
    one_more = np.where(np.arange(30) < 9, 0.0, 1.0)
    assert _bytes_each(row(7 * one_more), one_more) == pytest.approx(7.0)


@pytest.mark.parametrize(("known", "estimated"), [(9, False), (10, True)])
def test_ten_samples_are_the_fewest_to_estimate_bytes_by(known: int, estimated: bool) -> None:
    connections = np.arange(12.0) % 3
    kept = np.where(np.arange(12) < known, 7 * connections, NAN)
    assert _bytes_each(row(kept), connections) == pytest.approx(7.0 if estimated else 0.0)


def beside_two_more(height: float, noise: float, counted: bool) -> list[float]:
    """What is left of a level that rises by `height` while two more connections are open, and once by `noise` later."""
    level, connections = np.full(12, 20.0), np.full(12, 14.0)
    level[5] += height
    level[9] += noise
    connections[5] = 16.0
    return list(without_connections(row(level), row(connections), counted=counted).values)


@pytest.mark.parametrize(
    ("height", "noise", "left"),
    [
        (2, 0, 0),
        (4, 0, 0),  # two for each
        (3, 0, 1),  # one for each is tried first
        (3, 16, 1),  # moves fall from 38 to 34
        (3, 17, 3),  # ... from 40 to 36, which is not below nine tenths
        (1, 0, 1),
        (-2, 0, -2),
    ],
)
def test_a_count_that_moves_less_without_connections_is_taken_without(
    height: float, noise: float, left: float
) -> None:
    expected = [20.0] * 12
    expected[5] += left
    expected[9] += noise
    assert beside_two_more(height, noise, counted=True) == expected


@pytest.mark.parametrize(
    ("height", "noise", "left"),
    [
        (1, 1.25, 0),  # moves fall from 4.5 to 2.5
        (1, 1.5, 1),  # ... from 5 to 3, which is not below three fifths
        (7, 0, 0),
        (-7, 0, -7),
    ],
)
def test_bytes_that_move_much_less_without_connections_are_taken_without(
    height: float, noise: float, left: float
) -> None:
    expected = [20.0] * 12
    expected[5] += left
    expected[9] += noise
    assert beside_two_more(height, noise, counted=False) == expected


RISING = np.array([0, 0, 1, 1, 2, 3, 4, 5, 6, 6, 6], np.float64)


@pytest.mark.parametrize(
    ("connections", "more", "each"),
    [
        # The range of the whole, and what is left of it, without a tenth on either side.
        (RISING, np.zeros(11), 1),
        (2 * RISING, np.zeros(11), 1),
        (RISING, RISING / 3, 1),  # 8 and 2
        (RISING, RISING * 0.4, 0),  # 8.4 and 2.4
        (RISING, RISING, 2),
        (np.array([0.0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3]), np.zeros(11), 1),  # 3 and 0
        (np.round(RISING / 3), np.zeros(11), 0),  # 2 and 0
    ],
)
def test_a_count_that_rises_with_connections_is_taken_without_them(
    connections: Floats, more: Floats, each: int
) -> None:
    kept = 100 + connections + more
    left = without_connections(row(kept), row(connections))
    extra = np.round(connections - np.median(connections))
    assert left.values == pytest.approx(kept - each * extra)


def test_whether_a_count_rises_with_connections_shows_while_these_are_known() -> None:
    """Outside of this time lie a level that was far lower and one that was far higher."""
    counts = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12], np.float64)
    kept = np.concatenate(([-500, -400], counts, [500, 600]))
    known = np.concatenate(([NAN], counts, [NAN]))
    left = without_connections(row(kept), row(known, first=1.0))
    there = np.concatenate(([0, 0], counts, [12, 12]))
    assert left.values == pytest.approx(kept - (there - 5))


def test_connections_are_known_from_ten_of_their_samples_on() -> None:
    wave = np.arange(24) % 2 * 60.0
    for known, followed in ((9, False), (10, True)):
        given = row(np.where(np.arange(24) < known, wave, NAN))
        kept = row(20 + np.interp(np.arange(24), np.arange(known), wave[:known]))
        assert (without_connections(kept, given) is not kept) is followed


def test_only_what_holds_connections_is_judged_at_their_usual_number() -> None:
    connections = gauge(CONNECTIONS, OPEN)
    follows = 20.0 + OPEN
    rows = {
        name: gauge(name, follows)
        for name in ("process_open_fds", "process_threads", "go_gc_heap_live_bytes")
    }
    prepared = prepare(recording(*rows.values(), connections), 0.0)
    alone = prepare(recording(*rows.values()), 0.0)
    for name, series in rows.items():
        metric = metric_of(name)
        assert metric is not None
        assert at_usual_load(alone, series, metric) is series
        left = at_usual_load(prepared, series, metric)
        assert (left is not series) is metric.connected
        assert metric.connected is (name != "process_threads")
    bytes_of_each = gauge("go_gc_heap_live_bytes", 9e6 + 1e5 * OPEN)
    metric = metric_of(bytes_of_each.name)
    assert metric is not None
    assert np.ptp(at_usual_load(prepared, bytes_of_each, metric).values) == pytest.approx(0)
