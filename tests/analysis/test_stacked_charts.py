"""Parts of memory lie one upon the other only where they add up to their total."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.stacked_charts import MOST_CHARTS
from soak.analysis.thinning import MOST_POINTS
from soak.catalog.metrics import BREAKDOWNS
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
