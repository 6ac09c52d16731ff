"""Which points of a series show what is retained."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from soak.analysis.statistics.growth_input import LevelPoints
from soak.diagnosis.attribution.retained_level import (
    _edges,
    _never_undercut,
    retained_levels,
)
from soak.model import Labels, Series
from soak.snapshots import SNAPSHOT_SOURCE

LIVE, ENDED = "go_gc_heap_live_bytes", "go_memstats_last_gc_time_seconds"
HEAP, MEMORY = "go_memstats_heap_alloc_bytes", "process_resident_memory_bytes"


def series(
    name: str,
    values: Sequence[float],
    times: Sequence[float] | None = None,
    labels: Labels = (),
    source: str = "process",
) -> Series:
    at = np.arange(float(len(values))) if times is None else np.array(times, dtype=np.float64)
    return Series(name, at, np.array(values, dtype=np.float64), labels, source=source)


def life(values: Sequence[float], times: Sequence[float] | None = None) -> LevelPoints:
    whole = series("x", values, times)
    return LevelPoints(whole.times, whole.values, float(whole.times[0]))


def points(kept: LevelPoints) -> list[tuple[float, float]]:
    return list(zip(kept.times.tolist(), kept.values.tolist(), strict=True))


def levels(
    of: Series, judged_from: float = 0.0, cuts: tuple[float, ...] = (), *beside: Series
) -> list[tuple[float, float]]:
    prepared = SimpleNamespace(
        judged_from=judged_from,
        cuts=lambda _: cuts,
        named=lambda name: [each for each in beside if each.name == name],
    )
    times, values = retained_levels(cast("Any", prepared), of)
    return list(zip(times.tolist(), values.tolist(), strict=True))


def test_a_series_that_no_collector_lets_fall_is_taken_as_it_is_from_where_judging_begins() -> None:
    fds = series("process_open_fds", [5, 6, np.nan, 7, 7, 3])
    assert levels(fds) == [(0, 5), (1, 6), (3, 7), (4, 7), (5, 3)]
    assert levels(fds, 1.0) == [(1, 6), (3, 7), (4, 7), (5, 3)]
    assert levels(fds, 1.5) == [(3, 7), (4, 7), (5, 3)]
    assert levels(fds, 9.0) == []
    assert levels(fds, 0.0, (0.5, 4.5)) == levels(fds)


def test_no_cycle_spans_a_restart() -> None:
    """Of a sawtooth that a restart cuts in two, each life has floors of its own."""
    teeth = [10.0, 11, 12, 13, 14] * 14
    values = np.array(teeth) + np.repeat([0.0, 100.0], 35)
    floors = levels(series(MEMORY, values.tolist()), 0.0, (35.0,))
    assert [time for time, _ in floors] == [*range(5, 35, 5), *range(40, 70, 5)]
    assert [value for _, value in floors] == [10.0] * 6 + [110.0] * 6
    assert levels(series(MEMORY, values.tolist()), 0.0, (-5.0, 35.0, 99.0)) == floors


def test_a_heap_of_few_collections_has_the_points_below_which_it_never_falls_again() -> None:
    heap = [20, 30, 12, 25, 9, 30, 9, 40, 15, 15, 17, 16]
    assert levels(series(HEAP, heap)) == [(4, 9), (6, 9), (8, 15), (11, 16)]
    of_jvm = series("jvm_memory_used_bytes", heap, labels=(("area", "heap"),))
    assert levels(of_jvm) == [(4, 9), (6, 9), (8, 15), (11, 16)]
    assert levels(series(MEMORY, heap)) == [(float(i), value) for i, value in enumerate(heap)]


def test_what_never_falls_below_is_where_it_has_just_fallen() -> None:
    assert points(_never_undercut(life([5, 4, 4, 6, 5, 5, 7, 6]))) == [(1, 4), (4, 5), (7, 6)]
    assert points(_never_undercut(life([1, 2, 3]))) == []
    assert points(_never_undercut(life([9, 8, 2, 3, 1]))) == [(4, 1)]


def test_a_snapshot_s_values_are_taken_as_they_are() -> None:
    heap = [20.0, 30, 12, 25, 9, 9]
    for name in (HEAP, LIVE):
        taken = series(name, heap, source=SNAPSHOT_SOURCE)
        assert levels(taken) == [(float(i), value) for i, value in enumerate(heap)]


def test_a_live_heap_s_values_are_dated_by_the_collections_of_the_same_process() -> None:
    live = series(LIVE, [5, 5, 7, 7, 7, 4], labels=(("instance", "a"),))
    assert levels(live) == [(1.5, 7), (4.5, 4)]
    ran = [100.0, 100.0, 101.9, 101.9, 101.9, 104.8]
    other = series(ENDED, ran)
    own = series(ENDED, ran, labels=(("instance", "a"),))
    assert levels(live, 0.0, (), other) == [(1.5, 7), (4.5, 4)]
    # The target's clock is ahead by 100 s at most.
    dated = levels(live, 0.0, (), other, own)
    assert [value for _, value in dated] == [7, 4]
    assert [time for time, _ in dated] == pytest.approx([1.9, 4.8])


@pytest.mark.parametrize(
    ("ended", "when"),
    [
        ([50, 50, 51.5, 51.5, 54.25], [1.5, 4.25]),
        ([50, 50, 52, 52, 55], [2.0, 5.0]),
        # Its clock runs ahead by the least time from a collection until it was seen.
        ([50, 50.5, 52.5, 52.5, 54.25], [2.0, 3.75]),
        ([50, 50, 50.25, 50.25, 52.25], [0.25, 2.25]),
        # What ended more than a second before the last sample without it changed something else.
        ([50, 50, 50, 50, 52], [1.5, 4.0]),
        ([50, 50, 51, 51, 51.5], [1.0, 4.0]),
    ],
)
def test_a_change_is_dated_by_the_collection_before_it(
    ended: list[float], when: list[float]
) -> None:
    changing = life([5, 5, 7, 7, 4], [0, 1, 2, 3, 5])
    dated = _edges(changing, [series(ENDED, ended, [0, 1, 2, 3, 5])])
    assert dated.times.tolist() == pytest.approx(when)
    assert dated.values.tolist() == [7, 4]
    assert dated.born == 0.0


def test_changes_are_in_the_order_of_their_dates() -> None:
    changing = life([5, 5, 7, 4, 4], [0, 1, 2, 3, 5])
    dated = _edges(changing, [series(ENDED, [50, 50, 50, 51.25, 51.25], [0, 1, 2, 3, 5])])
    assert points(dated) == [(1.25, 4), (1.5, 7)]


def test_collections_that_were_not_sampled_with_the_value_date_nothing() -> None:
    changing = life([5, 5, 7, 7, 4], [0, 1, 2, 3, 5])
    elsewhere = series(ENDED, [50, 50, 51, 54], [0, 1, 2.5, 5])
    early = series(ENDED, [50, 50, 51], [0, 1, 2])
    none = series(ENDED, [], [])
    own = series(ENDED, [50, 50, 51.5, 54.25], [0, 1, 2, 5])
    for beside in (elsewhere, early, none):
        assert points(_edges(changing, [beside])) == [(1.5, 7), (4, 4)]
        assert points(_edges(changing, [beside, own])) == [(1.5, 7), (4.25, 4)]
    assert points(_edges(life([5, 5, 5]), [own])) == []
    assert points(_edges(life([5, 5, 5]), [none])) == []
