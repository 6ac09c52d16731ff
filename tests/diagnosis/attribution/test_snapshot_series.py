"""What snapshots count exactly becomes series that are judged."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.diagnosis.attribution.levels import levels_of
from soak.diagnosis.attribution.snapshot_series import with_snapshot_series
from soak.model import Event, EventKind, Recording, Verdict
from soak.pipeline import judge
from soak.profile import parse_profile
from soak.sampling.profilers.profiler import gauges
from soak.snapshots import SNAPSHOT_SOURCE, Snapshot
from tests.diagnosis.profiles.test_formats import MEMORY
from tests.diagnosis.synthetic_runs import leaked, run

PROFILE = parse_profile(
    "target: {url: http://127.0.0.1:1}\nload: {rate: 1/s, duration: 4m}\nendpoints: [GET /a]\n", "p"
)[0]


def taken(time: float, data: bytes, kind: str = "gauges", error: str | None = None) -> Snapshot:
    return Snapshot(time, 0.2, kind, "steady", error, partial(bytes, data))  # type: ignore[arg-type]


def hooked(per_request: float) -> Recording:
    """A run whose resident memory cannot be judged, beside exact levels of what Python holds."""
    recording = run(snapshots=False)
    rows = leaked({"GET /a": per_request})
    levels = [
        taken(float(at), gauges([("python_traced_memory_bytes", {}, 4e6 + rows[at - 1])]))
        for at in range(10, 240, 10)
    ]
    return replace(recording, series=(), snapshots=tuple(levels))


def test_each_gauge_is_a_series_with_its_labels() -> None:
    data = gauges([("python_container_length", {"holder": "shop.CACHE", "kind": "dict"}, 30.0)])
    recording = with_snapshot_series(
        replace(run(snapshots=False), snapshots=(taken(5.0, data), taken(9.0, data)))
    )
    series = recording.series[-1]
    assert (series.name, series.source) == ("python_container_length", SNAPSHOT_SOURCE)
    assert dict(series.labels) == {"holder": "shop.CACHE", "kind": "dict"}
    assert series.times.tolist() == [5.0, 9.0]


def bytes_of(*levels: float, name: str = "go_heap_after_gc_bytes") -> list[float]:
    snapshots = tuple(
        taken(5.0 * at, gauges([(name, {}, level)])) for at, level in enumerate(levels)
    )
    recording = with_snapshot_series(replace(run(snapshots=False), snapshots=snapshots))
    return list(recording.series[-1].values)


def test_what_is_gone_two_snapshots_later_was_garbage() -> None:
    assert bytes_of(5, 5, 9, 5, 5) == [5, 5, 5, 5, 5]
    assert bytes_of(5, 5, 9, 8, 5, 5) == [5, 5, 5, 5, 5, 5]
    assert bytes_of(9, 5, 5) == [5, 5, 5]
    # Three in a row are a level, what rose last may stay, and what only rises does.
    assert bytes_of(5, 5, 9, 9, 9, 5, 5) == [5, 5, 9, 9, 9, 5, 5]
    assert bytes_of(5, 5, 5, 9) == [5, 5, 5, 9]
    assert bytes_of(1, 2, 4, 7, 7, 8) == [1, 2, 4, 7, 7, 8]
    assert bytes_of(5, 9, 5, name="python_asyncio_tasks") == [5, 9, 5]


def test_goroutines_of_profiles_are_counted_where_no_metrics_page_does() -> None:
    both = run(goroutines={("main.wait", "main.handle"): {"GET /a": 0.1}})
    [page] = [series for series in both.series if series.name == "go_goroutines"]
    whole = replace(both, series=tuple(each for each in both.series if each is not page))
    told = with_snapshot_series(whole)
    [counted] = [series for series in told.series if series.name == "go_goroutines_in_profiles"]
    assert counted.source == SNAPSHOT_SOURCE
    assert len(counted.times) == sum(each.kind == "goroutine" for each in whole.snapshots)
    assert np.diff(counted.values).min() >= 0
    findings = judge(told, PROFILE).findings
    [finding] = [each for each in findings if each.series == counted.name]
    assert finding.verdict is Verdict.FAIL
    assert not any(series.name == counted.name for series in with_snapshot_series(both).series)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", json.dumps({"samples": [[1, 2], ["x", {}, "y"]]}).encode()]
)
def test_what_is_no_list_of_gauges_adds_nothing(data: bytes) -> None:
    recording = run(snapshots=False)
    recording = replace(recording, snapshots=(taken(5.0, data),))
    assert with_snapshot_series(recording) is recording


def test_what_a_hook_estimates_from_windows_is_no_level() -> None:
    memory = json.dumps(MEMORY).encode()
    totals = tuple(taken(float(at), memory, "tracemalloc") for at in range(10, 200, 10))
    recording = replace(run(snapshots=False), snapshots=totals)
    assert [
        s.name for s in with_snapshot_series(recording).series if s.source == SNAPSHOT_SOURCE
    ] == [
        "python_traced_memory_bytes"  # a recording from before there were gauges
    ]
    windowed = taken(10.0, gauges([("python_tracing_duty_ratio", {}, 0.15)]))
    recording = replace(recording, snapshots=(*totals, windowed))
    assert "python_traced_memory_bytes" not in {
        series.name for series in with_snapshot_series(recording).series
    }


def test_a_snapshot_that_failed_is_no_sample() -> None:
    failed = taken(5.0, gauges([("python_asyncio_tasks", {}, 1.0)]), error="timed out")
    recording = replace(run(snapshots=False), snapshots=(failed,))
    assert with_snapshot_series(recording) is recording


def test_a_heap_that_grows_in_a_straight_line_from_snapshot_to_snapshot_fails_the_run() -> None:
    [finding] = [
        finding
        for finding in judge(hooked(2048), PROFILE).findings
        if finding.series == "python_traced_memory_bytes"
    ]
    assert finding.verdict is Verdict.FAIL
    [steady] = [
        finding
        for finding in judge(hooked(0), PROFILE).findings
        if finding.series == "python_traced_memory_bytes"
    ]
    assert steady.verdict is Verdict.PASS


def test_a_heap_that_a_snapshot_collected_is_told_apart_although_it_never_falls() -> None:
    recording = with_snapshot_series(node_run())
    [live] = [series for series in recording.series if series.name == "nodejs_heap_live_bytes"]
    levels = levels_of(prepare(recording, 0.0), live)
    assert levels is not None
    assert len(levels.values) == len(live.values)


def test_a_leak_whose_requests_come_early_is_no_warm_up_on_their_own_clock() -> None:
    analysis = judge(node_run(), PROFILE)
    assert analysis.verdict is Verdict.FAIL
    assert [suspect.endpoint for suspect in analysis.suspects] == ["GET /a"]
    assert analysis.suspects[0].per_request == pytest.approx(7000, rel=0.1)


def node_run() -> Recording:
    """A Node service whose heap never falls from snapshot to snapshot; most of the leaking requests come early in the run."""
    recording = run(snapshots=False)
    windows = {endpoint.endpoint: endpoint for endpoint in recording.windows}
    made = windows["GET /a"].requests
    early = np.argsort(-made, kind="stable")
    crowded = tuple(
        replace(endpoint, requests=endpoint.requests[early], bytes=endpoint.bytes[early])
        for endpoint in windows.values()
    )
    kept = 7000.0 * np.cumsum(crowded[0].requests)
    snapshots = [
        taken(float(at), gauges([("nodejs_heap_live_bytes", {}, 9e6 + kept[at - 1])]))
        for at in range(10, 240, 10)
    ]
    mix = Event(1.0, EventKind.MIX, "the mix was varied")
    return replace(recording, series=(), windows=crowded, snapshots=tuple(snapshots), events=(mix,))


def test_a_series_that_a_recording_has_from_snapshots_is_not_made_again() -> None:
    data = gauges([("python_asyncio_tasks", {}, 3.0), ("python_traced_memory_bytes", {}, 9.0)])
    recording = replace(run(snapshots=False), series=(), snapshots=(taken(5.0, data),))
    both = with_snapshot_series(recording)
    assert len(both.series) == 2
    assert with_snapshot_series(both) is both
    scraped = replace(both.series[0], source="process")
    again = with_snapshot_series(replace(both, series=(scraped, both.series[1])))
    assert [(each.name, each.source) for each in again.series] == [
        ("python_asyncio_tasks", "process"),
        ("python_traced_memory_bytes", SNAPSHOT_SOURCE),
        ("python_asyncio_tasks", SNAPSHOT_SOURCE),
    ]
