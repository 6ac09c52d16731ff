"""How often collectors ran and how long they paused, without what soak's own snapshots forced."""

from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.collector_work import cycles_of, pauses_of
from soak.model import Phase, PhaseName
from tests.analysis.prepare.test_gc_accounting import CYCLES, YOUNG_AND_OLD, short


def _told(found: Any) -> list[tuple[Any, ...]]:
    return [
        (series.name, dict(series.labels).get("instance", ""), *rest) for series, *rest in found
    ]


def test_collections_per_second_are_those_of_each_process_s_best_counter() -> None:
    best = "go_gc_cycles_total_gc_cycles_total"
    rows = [
        short(CYCLES, 1, 3, 5, instance="a"),
        short(best, 1, 2, 3, instance="a"),
        short(YOUNG_AND_OLD, 0, 4, 8, cause="x", instance="b"),
        short(YOUNG_AND_OLD, 0, 1, 2, cause="y", instance="b"),
        short("nodejs_gc_duration_seconds_count", 0, 50, kind="minor", instance="c"),
        short(best, 1, 9, counts=False, instance="d"),
        short("requests_total", 1, 9, instance="e"),
    ]
    assert sorted(_told(cycles_of(rows, 0.0, 10.0))) == [
        (best, "a", 1.0),
        (YOUNG_AND_OLD, "b", 5.0),
    ]


@pytest.mark.parametrize(
    ("start", "end", "rate"),
    [(0.0, 5.0, 3.0), (1.0, 4.0, 3.0), (2.0, 4.0, 2.0), (3.5, 4.0, None), (3.0, 4.0, 2.0)],
)
def test_the_rate_of_collections_is_over_the_samples_within(
    start: float, end: float, rate: float | None
) -> None:
    row = short(CYCLES, 0, 5, 7, 9, np.nan, start=1.0)
    assert [each for _, each in cycles_of([row], start, end)] == ([] if rate is None else [rate])


def test_the_rate_of_collections_is_over_the_best_counter_s_own_samples() -> None:
    other = short(CYCLES, 1, np.nan, 9, start=3.5, instance="a")
    best = short("go_gc_cycles_total_gc_cycles_total", 0, 2, 4, 6, start=1.0, instance="a")
    for start, end in ((0.0, 9.0), (2.0, 9.0), (1.0, 3.0)):
        for rows in ([other, best], [best, other]):
            assert _told(cycles_of(rows, start, end)) == [(best.name, "a", 2.0)]


LONGEST, TOOK, PAUSED = (
    "jvm_gc_pause_seconds_max",
    "jvm_gc_pause_seconds_sum",
    "jvm_gc_pause_seconds_count",
)


def test_the_longest_pause_is_the_reported_one_else_the_longest_mean() -> None:
    rows = [
        short(LONGEST, 9.0, 0.25, 0.5, np.nan, 7.0, counts=False, instance="a"),
        short(TOOK, 0.0, 8.0, 9.0, instance="a"),
        short(PAUSED, 0, 1, 2, instance="a"),
        short(TOOK, 0.0, 1.0, 4.0, 5.0, 9.0, instance="b"),
        short(PAUSED, 0, 4, 6, 8, 8, instance="c"),
        short(PAUSED, 0, 4, 6, 8, 8, instance="b"),
        short(TOOK, 0.0, 1.0, 4.0, instance="d"),
    ]
    assert _told(pauses_of(rows, 1.0, 3.0)) == [
        (LONGEST, "a", 0.5, "longest pause"),
        (TOOK, "b", 1.5, "longest mean pause"),
    ]
    # At the ends of the stretch, too.
    for start, end, pause in ((0.0, 1.0, 9.0), (3.0, 4.0, 7.0), (0.5, 3.5, 0.5)):
        assert next(pauses_of(rows, start, end)) == (rows[0], pause, "longest pause")
    # Of a process whose longest pause is reported, though at another time, there is no mean either.
    assert _told(pauses_of(rows[:3], 5.0, 9.0)) == []


@pytest.mark.parametrize(
    ("took", "ran", "longest"),
    [
        ([0.0, 1.0, 4.0], [0, 4, 6], 1.5),
        ([0.0, 1.0, 4.0], [0, 4], None),  # not of one page
        ([0.0, 1.0, 4.0], [0, 4, 4], 0.25),  # none ended between the last two
        ([0.0, 0.0, 4.0], [0, 4, 4], 0.0),
        ([9.0, 1.0, 4.0], [0, 4, 6], 1.5),  # a new process
        ([0.0, 1.0, 4.0], [6, 0, 2], 1.5),
        ([0.0, 1.0], [3, 3], None),
        ([9.0, 8.5], [0, 1], None),
        ([0.0, np.nan, 4.0], [0, 2, 8], 0.5),
        ([0.0, 9.0, 4.0], [0, np.nan, 8], 0.5),
        ([0.0, 9.0, 4.0, 5.0, 6.0], [0, np.nan, 8, 9, 10], 1.0),
        ([0.0, 1.0, 1.0, 1.0, 9.0], [0, 4, 5, 6, 7], 0.25),  # the last lies after the end
    ],
)
def test_the_longest_mean_pause_is_of_two_scrapes_between_which_a_collection_ended(
    took: list[float], ran: list[float], longest: float | None
) -> None:
    rows = [short(TOOK, *took), short(PAUSED, *ran)]
    found = [mean for _, mean, _ in pauses_of(rows, 0.0, 3.0)]
    assert found == ([] if longest is None else [longest])


def test_what_lies_before_the_start_has_no_part_in_a_mean_pause() -> None:
    rows = [short(TOOK, 0.0, 9.0, 10.0), short(PAUSED, 0, 1, 2)]
    assert [mean for _, mean, _ in pauses_of(rows, 1.0, 3.0)] == [1.0]


def snapshots(*stretches: tuple[float, float]) -> list[Phase]:
    return [Phase(PhaseName.SNAPSHOT, start, end) for start, end in stretches]


@pytest.mark.parametrize(
    ("aside", "rate"),
    [
        ((), 3.4),
        (((2.2, 2.3),), 1.75),  # of the ten between 2 and 3 s most are soak's
        (((2.0, 2.5),), 2.0),  # begun in the gap before
        (((2.5, 3.0),), 5 / 3),  # and ended in the one after
        (((2.1, 2.9), (0.1, 0.2)), 2.0),
        (((5.5, 9.0),), 3.4),
        (((0.0, 9.0),), 3.4),  # at no time were there no snapshots
    ],
)
def test_collections_that_snapshots_forced_do_not_count(
    aside: tuple[tuple[float, float], ...], rate: float
) -> None:
    row = short(CYCLES, 0, 1, 2, 12, 14, 17)
    assert [each for _, each in cycles_of([row], 0.0, 9.0, snapshots(*aside))] == [
        pytest.approx(rate)
    ]


def test_pauses_that_snapshots_forced_do_not_count() -> None:
    rows = [short(TOOK, 0.0, 1.0, 9.0, 11.0), short(PAUSED, 0, 1, 2, 3)]
    for aside, pause in (((), 8.0), (((1.1, 1.9),), 2.0), (((1.1, 2.5),), 1.0)):
        assert [told[1] for told in pauses_of(rows, 0.0, 9.0, snapshots(*aside))] == [pause]
