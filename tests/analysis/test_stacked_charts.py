"""Parts of memory lie one upon the other only where they add up to their total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.stacked_charts import (
    MOST_CHARTS,
    _capacity,
    _curves,
    _extremes,
    _layers,
    _near,
    stacked_charts,
)
from soak.analysis.thinning import MOST_POINTS
from soak.catalog.metrics import BREAKDOWNS
from soak.catalog.row_types import Breakdown, Part
from soak.model import Chart, Series
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, gauge, recording

MIB = float(2**20)
T = np.arange(SECONDS, dtype=np.float64)


def stacks(*series: Series, seconds: int = SECONDS) -> list[Chart]:
    memory = gauge("process_resident_memory_bytes", np.full(seconds, 200 * MIB))
    analysis = analyze(recording(memory, *series, seconds=seconds), Limits())
    return [chart for chart in analysis.charts if chart.stacked]


def go(**amounts: float) -> list[Series]:
    names = {"sys": 100.0, "heap_inuse": 60.0, "heap_idle": 30.0, "heap_released": 12.0}
    names |= {"stack_inuse": 4.0}
    return [
        gauge(f"go_memstats_{name}_bytes", np.full(SECONDS, value * MIB))
        for name, value in (names | amounts).items()
    ]


#: By runtime: its series with their sizes, the parts from the bottom, and the capacity above them, in MiB.
JVM_POOLS = {"G1 Eden Space": 20.0, "G1 Survivor Space": 2.0, "G1 Old Gen": 30.0}
KINDS: dict[str, tuple[list[Series], Mapping[str, float], float | None]] = {
    "Go": (
        [*go(), gauge("go_gc_gomemlimit_bytes", 128 * MIB)],
        {"heap in use": 60, "idle heap, kept": 18, "stacks": 4, "the runtime's own": 6},
        128,
    ),
    "Go without a limit": (
        [*go(), gauge("go_gc_gomemlimit_bytes", 2.0**63)],
        {"heap in use": 60, "idle heap, kept": 18, "stacks": 4, "the runtime's own": 6},
        None,
    ),
    "Micrometer": (
        [
            *(
                gauge(f"jvm_memory_{what}_bytes", size * MIB, area="heap", id=pool)
                for pool, used in JVM_POOLS.items()
                for what, size in (
                    ("used", used),
                    ("committed", used + 4),
                    ("max", 256.0 if "Old" in pool else -1 / MIB),
                )
            ),
            gauge("jvm_memory_used_bytes", 50 * MIB, area="nonheap", id="Metaspace"),
            gauge("jvm_memory_committed_bytes", 55 * MIB, area="nonheap", id="Metaspace"),
        ],
        JVM_POOLS | {"taken from the system, not in use": 12},
        256,
    ),
    "client_java": (
        [
            *(
                gauge("jvm_memory_pool_used_bytes", used * MIB, pool=pool)
                for pool, used in (JVM_POOLS | {"Metaspace": 40.0}).items()
            ),
            gauge("jvm_memory_committed_bytes", 64 * MIB, area="heap"),
            gauge("jvm_memory_committed_bytes", 44 * MIB, area="nonheap"),
            gauge("jvm_memory_max_bytes", 256 * MIB, area="heap"),
        ],
        JVM_POOLS | {"taken from the system, not in use": 12},
        256,
    ),
    "container": (
        [
            gauge("container_memory_usage_bytes", 100 * MIB),
            gauge("container_memory_rss", 60 * MIB),
            gauge("container_memory_cache", 30 * MIB),
            gauge("container_memory_kernel_bytes", 9 * MIB),
            gauge("container_memory_sock_bytes", 0),
            gauge("container_spec_memory_limit_bytes", 512 * MIB),
        ],
        {
            "anonymous memory": 60,
            "cache of files": 30,
            "the kernel's for it": 9,
            "further memory": 1,
        },
        512,
    ),
    "process": (
        [
            gauge("process_resident_anonymous_bytes", np.full(SECONDS, 150 * MIB)),
            gauge("machine_memory_bytes", np.full(SECONDS, 8192 * MIB)),
        ],
        {"heaps, stacks and other memory that is no file's": 150, "files and shared memory": 50},
        8192,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_parts_add_up_to_their_total_below_its_capacity(kind: str) -> None:
    series, parts, capacity = KINDS[kind]
    [chart] = stacks(*series)
    sizes = {curve.label: float(curve.values[-1]) / MIB for curve in chart.curves}
    assert sizes == pytest.approx(parts)
    assert list(sizes) == list(parts)
    assert chart.capacity == (None if capacity is None else capacity * MIB)
    for below, above in zip(chart.curves, chart.curves[1:], strict=False):
        assert np.array_equal(below.high, above.low)
    assert chart.curves[0].low.max() == 0
    assert chart.curves[-1].high[-1] == pytest.approx(sum(parts.values()) * MIB)
    assert (chart.verdict, chart.group) == (None, "Memory")


@pytest.mark.parametrize(("in_use", "drawn"), [(80.0, 1), (100.0, 0)])
def test_what_does_not_add_up_is_not_stacked(in_use: float, drawn: int) -> None:
    assert len(stacks(*go(heap_inuse=in_use, heap_idle=12.0))) == drawn


def test_a_moment_at_which_a_part_was_not_seen_is_left_out() -> None:
    values = np.full(SECONDS, 60 * MIB)
    values[100:150] = np.nan
    series = [part for part in go() if "inuse" not in part.name or "stack" in part.name]
    [chart] = stacks(*series, gauge("go_memstats_heap_inuse_bytes", values))
    times = chart.curves[0].times
    assert not len(times[(times > 102) & (times < 149)])
    assert len(times) > SECONDS - 60


def test_a_long_run_is_thinned_to_moments_that_were_seen_and_keeps_its_peak() -> None:
    long = 20 * MOST_POINTS
    peak = np.zeros(long)
    peak[777] = 40 * MIB
    [chart] = stacks(
        gauge("container_memory_usage_bytes", 100 * MIB + peak),
        gauge("container_memory_rss", 60 * MIB + peak),
        gauge("container_memory_cache", np.full(long, 30 * MIB)),
        seconds=long,
    )
    anonymous, cache, rest = chart.curves
    assert len(anonymous.times) <= MOST_POINTS
    assert anonymous.values.max() == 100 * MIB
    assert rest.high.max() == 140 * MIB
    assert set(cache.values) == {30 * MIB}


def test_of_many_containers_the_largest_are_drawn_each_under_its_name_and_none_that_holds_others() -> (
    None
):
    series = []
    for number in range(9):
        size = (number + 1) * 10 * MIB
        series += [
            gauge("container_memory_usage_bytes", size, id=f"/pods/{number}"),
            gauge("container_memory_rss", size / 2, id=f"/pods/{number}"),
        ]
    series += [
        gauge(f"container_memory_{part}", 450 * MIB, id="/pods") for part in ("usage_bytes", "rss")
    ]
    titles = [chart.title for chart in stacks(*series)]
    assert titles == [f"The container's memory by part: /pods/{8 - n}" for n in range(MOST_CHARTS)]


def test_every_part_has_a_legend_of_its_own() -> None:
    for breakdown in BREAKDOWNS:
        legends = [part.legend or part.by for part in breakdown.parts]
        assert len(set(legends)) == len(legends), breakdown
        assert all(legends)


# Parts of it, on series made by hand.


QUIET = recording()


def prepared(*series: Series) -> Prepared:
    return prepare(replace(QUIET, series=series), 0.0)


def series(name: str, values: Any, times: Any = None, **labels: str) -> Series:
    column = np.asarray(values, np.float64)
    when = np.arange(len(column)) if times is None else times
    return Series(name, np.asarray(when, np.float64), column, tuple(labels.items()))


@pytest.mark.parametrize(
    ("moment", "value"),
    [(9.0, None), (10.0, 1.0), (11.9, 1.0), (12.0, 2.0), (15.9, 2.0), (16.0, 4.0), (20.5, 4.0), (20.6, None)],
)  # fmt: skip
def test_a_value_counts_for_one_and_a_half_usual_intervals(
    moment: float, value: float | None
) -> None:
    """Of samples at 10, 12 and 16 s the usual interval is 3 s; the one at 14 s has no value."""
    sampled = series("a", [1.0, 2.0, np.nan, 4.0], [10.0, 12.0, 14.0, 16.0])
    [seen] = _near(sampled, np.array([moment]))
    assert seen == (
        pytest.approx(value) if value is not None else pytest.approx(np.nan, nan_ok=True)
    )


def test_few_values_count_for_as_long_as_they_can_tell() -> None:
    times = np.array([9.0, 10.0, 10.5, 12.0, 15.0, 15.1])
    once = _near(series("a", [7.0], [10.0]), times)
    assert once.tolist()[1] == 7.0
    assert np.isnan(once[[0, 2, 3, 4, 5]]).all()
    twice = _near(series("a", [7.0, 8.0], [10.0, 12.0]), times)
    assert twice.tolist()[1:5] == [7.0, 7.0, 8.0, 8.0]
    assert np.isnan(twice[[0, 5]]).all()
    assert np.isnan(_near(series("a", [np.nan, np.nan]), times)).all()
    assert len(_near(series("a", [np.nan]), times)) == 6


def test_a_part_is_what_is_left_of_it_under_its_legend_or_the_value_of_its_label() -> None:
    own = [
        series("a", [5.0, 6.0], id="x"),
        series("a", [1.0, 2.0], id="y"),
        series("b", [3.0, 4.0]),
    ]
    [one] = _layers(Part("a", "A", less="b"), own)
    assert (one.label, one.at(np.arange(2.0)).tolist()) == ("A", [3.0, 4.0])
    each = list(_layers(Part("a", by="id"), own))
    assert [(part.label, part.at(np.arange(2.0)).tolist()) for part in each] == [
        ("x", [5.0, 6.0]),
        ("y", [1.0, 2.0]),
    ]
    [unnamed] = _layers(Part("b", by="id"), own)
    assert unnamed.label == ""


def parts(*names: str, **more: Any) -> Breakdown:
    """A total and its parts, each called by its name in capitals."""
    made = tuple(Part(name, name.upper()) for name in names)
    return Breakdown(title="Parts", total=Part("total"), parts=made, rest="rest", **more)


def drawn(breakdown: Breakdown, own: Sequence[Series]) -> dict[str, list[float]]:
    return {curve.label: curve.values.tolist() for curve in _curves(breakdown, own)}


def test_parts_may_exceed_their_total_by_a_fiftieth_and_now_and_then_by_more() -> None:
    total = series("total", np.full(100, 100.0))
    for odd, there in ((0, True), (1, True), (2, False), (100, False)):
        part = np.full(100, 102.0)
        part[:odd] = 102.1
        curves = drawn(parts("a"), [total, series("a", part)])
        assert curves == ({"A": part.tolist()} if there else {})


def test_the_rest_is_drawn_where_there_is_any() -> None:
    total = series("total", [10.0, 10.0])
    for a, rest in (([10.0, 10.0], None), ([10.0, 9.0], [0.0, 1.0]), ([10.1, 9.0], [0.0, 1.0])):
        curves = drawn(parts("a"), [total, series("a", a)])
        assert curves == {"A": a} | ({} if rest is None else {"rest": rest})


def test_without_a_total_or_a_part_or_a_common_moment_nothing_is_stacked() -> None:
    total, part = series("total", [10.0, 10.0]), series("a", [4.0, 4.0])
    assert drawn(parts("a"), [total]) == {}
    assert drawn(parts("a"), [part]) == {}
    assert drawn(parts("a"), [total, series("a", [4.0, 4.0], [50.0, 51.0])]) == {}
    once = drawn(parts("a"), [total, series("a", [4.0], [1.0])])
    assert once == {"A": [4.0], "rest": [6.0]}


def test_a_part_that_is_negative_or_always_nothing_adds_nothing() -> None:
    breakdown = Breakdown(
        title="Parts",
        total=Part("total"),
        parts=(Part("a", "A", less="b"), Part("c", "C"), Part("d", "D")),
        rest="rest",
    )
    own = [
        series("total", [10.0, 10.0]),
        series("a", [5.0, 5.0]),
        series("b", [6.0, 2.0]),
        series("c", [0.0, 0.0]),
        series("d", [1.0, 0.0]),
    ]
    assert drawn(breakdown, own) == {"A": [0.0, 3.0], "D": [1.0, 0.0], "rest": [9.0, 7.0]}


def test_of_more_than_seven_parts_the_smallest_go_to_the_rest_and_the_others_keep_their_order() -> (
    None
):
    names = "abcdefghi"
    sizes = [5.0, 1.0, 9.0, 4.0, 2.0, 8.0, 7.0, 6.0, 3.0]
    own = [series("total", [50.0]), *(series(n, [v]) for n, v in zip(names, sizes, strict=True))]
    curves = _curves(parts(*names), own)
    assert [curve.label for curve in curves] == ["A", "C", "D", "F", "G", "H", "I", "rest"]
    assert [curve.values.tolist() for curve in curves][-1] == [8.0]
    assert [curve.low.tolist() for curve in curves][:3] == [[0.0], [5.0], [14.0]]
    assert [curve.high.tolist() for curve in curves][-1] == [50.0]


def test_the_lowest_and_the_highest_sum_of_each_stretch_are_drawn() -> None:
    assert _extremes(np.zeros(600)).tolist() == list(range(600))
    assert len(_extremes(np.zeros(601))) == 300
    rising = _extremes(np.arange(1200.0))
    assert rising.tolist() == [n for n in range(1200) if n % 4 in (0, 3)]
    falling = -np.arange(1200.0)
    falling[[1, 6]] = 5.0, -2000.0
    assert _extremes(falling).tolist() == [
        1,
        3,
        4,
        6,
        *(n for n in range(8, 1200) if n % 4 in (0, 3)),
    ]


@pytest.mark.parametrize(
    ("bounds", "capacity"),
    [
        ([("limit", 512.0, {"id": "a"})], 512.0),
        ([("limit", 512.0, {"id": "b"})], None),
        ([("limit", 512.0, {})], 512.0),
        ([("limit", 0.0, {"id": "a"})], None),
        ([("limit", 0.5, {"id": "a"})], 0.5),
        ([("limit", -1.0, {"id": "a"})], None),
        ([("limit", 2.0**60, {"id": "a"})], None),
        ([("limit", 2.0**59, {"id": "a"})], 2.0**59),
        ([("limit", 512.0, {"id": "a"}), ("other", 300.0, {"id": "a"})], 300.0),
        ([("limit", 512.0, {"id": "a", "area": "x"}), ("limit", 88.0, {"id": "a"})], 600.0),
        ([("other", 300.0, {"kind": "all"})], 300.0),
        ([("limit", np.nan, {"id": "a"})], None),
        ([], None),
    ],
)
def test_the_smallest_bound_of_the_same_process_counts(
    bounds: list[tuple[str, float, dict[str, str]]], capacity: float | None
) -> None:
    breakdown = parts("a", capacities=("limit", 'other{kind=~".*"}'))
    split = Breakdown(
        title="",
        total=Part("total"),
        parts=(Part("a", by="area"),),
        rest="",
        capacities=breakdown.capacities,
    )
    made = [gauge(name, value, **labels) for name, value, labels in bounds]
    assert _capacity(prepared(*made), split, (("id", "a"),)) == capacity


def containers(*sizes: float) -> list[Series]:
    made = []
    for number, size in enumerate(sizes):
        made += [
            gauge("container_memory_usage_bytes", size * MIB, id=f"/{number}"),
            gauge("container_memory_rss", size * MIB / 2, id=f"/{number}"),
        ]
    return made


def test_four_charts_of_a_kind_are_drawn_the_largest_first() -> None:
    made = stacked_charts(prepared(*containers(3, 9, 1, 7, 5)), "Memory")
    title = "The container's memory by part: "
    assert [chart.title for chart in made] == [f"{title}/{number}" for number in (1, 3, 4, 0)]


def test_the_only_process_needs_no_name_in_its_title() -> None:
    [named] = stacked_charts(prepared(*containers(3)), "Memory")
    assert named.title == "The container's memory by part"
    both = [*go(), *(replace(part, labels=(("instance", "b"),)) for part in go())]
    titles = [chart.title for chart in stacked_charts(prepared(*both), "Memory")]
    assert titles == ["Go's memory by part", "Go's memory by part: b"]
    assert list(stacked_charts(prepared(containers(3)[1]), "Memory")) == []


def test_a_chart_is_as_large_as_all_of_its_parts_together() -> None:
    made = []
    for name, whole, resident in (("/b", 5, 3), ("/a", 10, 1)):
        made += [
            gauge("container_memory_usage_bytes", whole * MIB, id=name),
            gauge("container_memory_rss", resident * MIB, id=name),
            gauge("container_memory_cache", MIB, id=name),
        ]
    charts = stacked_charts(prepared(*made), "Memory")
    assert [chart.title.rpartition(": ")[2] for chart in charts] == ["/a", "/b"]


def test_the_moments_of_the_totals_first_series_are_drawn() -> None:
    own = [
        series("total", [3.0, 3.0, 3.0], [0.0, 1.0, 2.0], area="x"),
        series("total", [4.0, 4.0, 4.0], [0.5, 1.5, 2.5], area="y"),
        series("a", [2.0, 2.0, 2.0], [0.0, 1.0, 2.0]),
    ]
    part, rest = _curves(parts("a"), own)
    assert part.times.tolist() == [1.0, 2.0]
    assert rest.values.tolist() == [5.0, 5.0]
