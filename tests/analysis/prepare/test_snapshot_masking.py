"""What soak itself does to a target by taking snapshots, and what follows the load, is not the target's fault."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze, thresholds
from soak.analysis.prepare.prepare import prepare
from soak.analysis.prepare.snapshot_masking import perturbed, without
from soak.model import Analysis, Floats, Phase, PhaseName, Recording, Series, Verdict
from soak.profile import Limits
from soak.snapshots import Snapshot
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording, windows
from tests.boundaries import pins

EVERY = 15
TAKEN = tuple(Snapshot(float(at) + 0.3, 1.5, "heap", "steady") for at in range(5, SECONDS, EVERY))


def disturbed(level: Floats, by: float) -> Floats:
    """The level, off by so much while each snapshot is taken, and by half in the second after it."""
    times, values = np.arange(len(level)), level.copy()
    for snapshot in TAKEN:
        during = (times >= snapshot.time) & (times <= snapshot.time + snapshot.took)
        values[during] += by
        values[np.flatnonzero(times > snapshot.time + snapshot.took)[:1]] += by / 2
    return values


def judged(*series: Series, snapshots: tuple[Snapshot, ...] = TAKEN, **limits: object) -> Analysis:
    whole = replace(recording(*series), snapshots=snapshots)
    return analyze(whole, Limits.model_validate(limits))


def growth(analysis: Analysis) -> list[tuple[str, Verdict, float | None]]:
    return [
        (finding.series, finding.verdict, finding.observed)
        for finding in analysis.findings
        if finding.rule == "growth"
    ]


@pytest.mark.parametrize("by", [40e6, -30e6])
def test_a_healthy_recording_with_disturbances_is_judged_as_without(by: float) -> None:
    level = 50e6 + noise(2e4)
    calm = judged(gauge("process_resident_memory_bytes", level))
    spiked = judged(gauge("process_resident_memory_bytes", disturbed(level, by)))
    assert calm.verdict is spiked.verdict is Verdict.PASS
    assert growth(spiked) == growth(calm)
    [finding] = [finding for finding in spiked.findings if finding.rule == "growth"]
    assert finding.trend is not None
    assert finding.trend.resolution_per_hour < 30e6


def test_disturbances_that_become_larger_with_time_are_no_growth() -> None:
    """A snapshot of a heap that is in use costs more from one to the next: without leaving it out, that looks like a leak."""
    level = 50e6 + noise(2e4)
    rising = np.where(disturbed(np.zeros(SECONDS), 1.0) != 0, np.arange(SECONDS) * 3e5, 0.0)
    assert judged(gauge("process_resident_memory_bytes", level + rising)).verdict is Verdict.PASS
    at_most = judged(
        gauge("process_resident_memory_bytes", level + rising),
        max={"process_resident_memory_bytes": "60MB"},
    )
    assert at_most.verdict is Verdict.PASS


def test_a_leak_is_found_through_its_snapshots() -> None:
    leak = 50e6 + np.arange(SECONDS) * 1e5 + noise(2e4)
    analysis = judged(gauge("process_resident_memory_bytes", disturbed(leak, -20e6)))
    assert analysis.verdict is Verdict.FAIL
    [finding] = [finding for finding in analysis.findings if finding.rule == "growth"]
    assert finding.observed == pytest.approx(3.6e8, rel=0.02)


def test_a_heap_that_is_only_collected_by_snapshots_is_no_leak_and_a_leaking_one_is() -> None:
    """A sawtooth whose floors are the forced collections: each is left out, and the next sample has climbed a little."""
    since = (np.arange(SECONDS) - 6) % EVERY
    saw = 20e6 + since * 1e6 + noise(2e4)
    calm = judged(
        gauge("go_memstats_heap_alloc_bytes", saw),
        counter("process_cpu_seconds_total", np.arange(SECONDS) * 0.1),
    )
    assert all(verdict is not Verdict.FAIL for _, verdict, _ in growth(calm))
    leak = judged(gauge("go_memstats_heap_alloc_bytes", saw + np.arange(SECONDS) * 1e5))
    assert leak.verdict is Verdict.FAIL


def test_the_rate_that_spans_a_snapshot_is_left_out() -> None:
    """CPU that a snapshot costs between two scrapes shows in the rate at the later one."""
    spent = np.cumsum(np.where(disturbed(np.zeros(SECONDS), 1.0) > 0, 3.0, 0.1))
    run = replace(recording(counter("process_cpu_seconds_total", spent)), snapshots=TAKEN)
    [rate] = [
        series for series in prepare(run, 0.0).series if series.name == "process_cpu_seconds_total"
    ]
    known = rate.values[np.isfinite(rate.values)]
    assert len(known) > SECONDS / 2
    np.testing.assert_allclose(known, 0.1)


def test_samples_within_and_one_after_are_left_out_and_nothing_else() -> None:
    series = Series("x", np.arange(10.0), np.ones(10))
    cases = {
        (2.5, 0.1): [3],
        (2.5, 1.0): [3, 4],
        (2.0, 2.0): [2, 3, 4, 5],
        (9.5, 5.0): [],
        (-3.0, 1.0): [0],
    }
    for (start, took), gone in cases.items():
        left = without(series, perturbed([Snapshot(start, took, "heap", "steady")]))
        assert np.flatnonzero(np.isnan(left.values)).tolist() == gone, (start, took)
        np.testing.assert_array_equal(left.times, series.times)
    assert without(series, ()) is series


def lost(name: str, after: float) -> bool:
    """Whether a series loses its samples that are read so long after each snapshot, and as rarely; or keeps them all."""
    taken = [Snapshot(float(at), 0.05, "heap", "steady") for at in range(0, 100, 5)]
    times = np.arange(0.0, 100.0, 5.0) + 0.05 + after
    left = without(Series(name, times, np.arange(20.0)), perturbed(taken))
    gone = np.isnan(left.values)
    assert gone.all() or not gone.any()
    return bool(gone.all())


@pins(thresholds, "COUNT_SETTLES")
def test_a_count_that_is_read_as_rarely_as_snapshots_are_taken_is_kept() -> None:
    assert lost("process_descriptors", 1.9)
    assert not lost("process_descriptors", 2.1)
    assert not lost("go_goroutines", 2.1)
    assert lost("process_resident_memory_bytes", 4.9)
    assert lost("process_cpu_seconds_total", 4.9)


def test_snapshots_of_one_moment_are_one_mark_and_charts_show_all_samples() -> None:
    taken = (
        Snapshot(20.0, 1.0, "heap", "start"),
        Snapshot(21.1, 0.1, "goroutine", "start", "failed"),
        *TAKEN[5:],
    )
    level = disturbed(50e6 + noise(2e4), 40e6)
    analysis = judged(gauge("process_resident_memory_bytes", level), snapshots=taken)
    marks = [phase for phase in analysis.phases if phase.name == "snapshot"]
    assert [marks[0].start, marks[0].end] == pytest.approx([20.0, 21.2])
    assert len(marks) == 1 + len(TAKEN[5:])
    chart = next(chart for chart in analysis.charts if chart.title == "Resident memory")
    assert len(chart.curves[0].values) == SECONDS
    assert chart.curves[0].values.max() > 85e6


def after_the_load(values: Floats) -> Recording:
    """200 s of load, then a drain, the load again, and another drain."""
    ends = {"steady": 200.0, "drain": 220.0, "confirm": 270.0, "confirm-drain": 300.0}
    starts = [0.0, *list(ends.values())[:-1]]
    phases = tuple(
        Phase(name, start, end) for start, (name, end) in zip(starts, ends.items(), strict=True)
    )
    fds = gauge("process_open_fds", np.where(np.arange(SECONDS) < 200, 60, 12))
    return replace(recording(gauge("process_resident_memory_bytes", values), fds), phases=phases)


def test_what_comes_after_the_load_is_shown_and_not_judged() -> None:
    times = np.arange(SECONDS)
    values = np.where(times < 200, 50e6, 50e6 + (times - 200) * 2e6) + noise(2e4)
    analysis = analyze(
        after_the_load(values),
        Limits.model_validate({"max": {"process_resident_memory_bytes": "60MB"}}),
    )
    assert analysis.verdict is Verdict.PASS
    assert analysis.findings[0].trend is None or analysis.findings[0].trend.lines[-1].end <= 200.0
    [chart] = [chart for chart in analysis.charts if chart.title == "Resident memory"]
    assert chart.curves[0].times.max() == SECONDS - 1


def test_only_requests_of_the_load_itself_are_counted() -> None:
    asked = windows()
    made = np.where((np.arange(SECONDS) < 200) | (np.arange(SECONDS) >= 220), 50, 0)
    leak = after_the_load(50e6 + 2000.0 * np.cumsum(made) + noise(2e3))
    analysis = analyze(
        replace(leak, windows=(replace(asked, requests=made.astype(np.int64)),)), Limits()
    )
    assert analysis.endpoints[0].requests == 50 * 200
    assert ", 1.95 KiB per request" in analysis.reason


@pytest.mark.parametrize(
    ("taken", "stretches"),
    [
        ([], []),
        ([(3.0, 1.0)], [(3.0, 4.0)]),
        ([(3.0, 1.0), (4.5, 2.0)], [(3.0, 6.5)]),  # half a second apart
        ([(3.0, 1.0), (4.75, 2.0)], [(3.0, 4.0), (4.75, 6.75)]),
        ([(4.5, 2.0), (3.0, 1.0)], [(3.0, 6.5)]),
        ([(3.0, 9.0), (4.0, 2.0)], [(3.0, 12.0)]),
        ([(3.0, 1.0), (4.0, 1.0), (5.0, 1.0), (8.0, 0.5)], [(3.0, 6.0), (8.0, 8.5)]),
        ([(1.0, 1.0), (5.0, 1.0), (6.25, 1.0)], [(1.0, 2.0), (5.0, 7.25)]),
        ([(1.0, 1.0), (5.0, 9.0), (6.25, 1.0)], [(1.0, 2.0), (5.0, 14.0)]),
        ([(3.0, -2.0)], [(3.0, 3.0)]),  # a clock that was set back
        ([(3.0, 0.0), (3.0, 0.25)], [(3.0, 3.25)]),
    ],
)
def test_snapshots_of_one_moment_are_one_stretch(
    taken: list[tuple[float, float]], stretches: list[tuple[float, float]]
) -> None:
    snapshots = [Snapshot(at, took, "heap", "steady") for at, took in taken]
    assert perturbed(snapshots) == tuple(
        Phase(PhaseName.SNAPSHOT, start, end) for start, end in stretches
    )


@pytest.mark.parametrize(
    ("name", "first", "lost"),
    [
        ("process_descriptors", 7.0, True),  # two seconds after the snapshot
        ("process_descriptors", 7.25, False),
        ("process_threads", 7.25, False),
        ("hikaricp_connections_active", 7.25, False),
        ("tomcat_threads_current_threads", 7.25, False),
        ("executor_queued_tasks", 7.25, False),
        ("dotnet_timer_count", 7.25, False),
        ("jvm_classes_loaded", 7.25, True),  # a count that the snapshot itself may change
        ("x_unknown", 7.25, True),
    ],
)
def test_the_first_sample_after_a_snapshot_is_lost_or_has_settled(
    name: str, first: float, lost: bool
) -> None:
    times = np.array([2.0, 4.5, first, first + 5])
    left = without(Series(name, times, np.ones(4)), (Phase("snapshot", 4.0, 5.0),))
    assert np.isnan(left.values).tolist() == [False, True, lost, False]


def test_stretches_that_touch_no_sample_leave_a_series_as_it_is() -> None:
    times = np.array([2.0, 9.0])
    series = Series("process_descriptors", times, np.ones(2))
    assert without(series, (Phase("snapshot", 4.0, 5.0),)) is series
    assert without(series, (Phase("snapshot", 9.5, 12.0),)) is series
    empty = Series("x", times[:0], times[:0])
    assert without(empty, (Phase("snapshot", 4.0, 5.0),)) is empty


def test_stretches_that_overlap_are_all_left_out() -> None:
    stretches = (Phase("gap", 1.5, 6.5), Phase("snapshot", 2.5, 3.5), Phase("gap", 8.0, 50.0))
    left = without(Series("x", np.arange(11.0), np.arange(11.0)), stretches)
    assert np.flatnonzero(np.isfinite(left.values)).tolist() == [0, 1]
    assert left.values[:2].tolist() == [0, 1]
    short = without(Series("x", np.arange(11.0), np.arange(11.0)), stretches[1:])
    assert np.flatnonzero(np.isfinite(short.values)).tolist() == [0, 1, 2, 5, 6, 7]
