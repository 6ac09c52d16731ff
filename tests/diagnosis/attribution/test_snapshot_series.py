"""What snapshots count exactly becomes series that are judged."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from soak.diagnosis.attribution.snapshot_series import with_snapshot_series
from soak.model import Recording, Verdict
from soak.pipeline import judge
from soak.profile import parse_profile
from soak.sampling.profilers.base import gauges
from soak.snapshots import SNAPSHOT_SOURCE, Snapshot
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
        taken(float(at), gauges([("python_traced_memory_bytes", {}, 4e6 + rows[at - 1])])) for at in range(10, 240, 10)
    ]
    return replace(recording, series=(), snapshots=tuple(levels))


def test_each_gauge_is_a_series_with_its_labels() -> None:
    data = gauges([("python_container_length", {"holder": "shop.CACHE", "kind": "dict"}, 30.0)])
    recording = with_snapshot_series(replace(run(snapshots=False), snapshots=(taken(5.0, data), taken(9.0, data))))
    series = recording.series[-1]
    assert (series.name, series.source) == ("python_container_length", SNAPSHOT_SOURCE)
    assert dict(series.labels) == {"holder": "shop.CACHE", "kind": "dict"}
    assert series.times.tolist() == [5.0, 9.0]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", json.dumps({"samples": [[1, 2], ["x", {}, "y"]]}).encode()]
)
def test_what_is_no_list_of_gauges_adds_nothing(data: bytes) -> None:
    recording = run(snapshots=False)
    recording = replace(recording, snapshots=(taken(5.0, data),))
    assert with_snapshot_series(recording) is recording


def test_a_snapshot_that_failed_is_no_sample() -> None:
    failed = taken(5.0, gauges([("python_asyncio_tasks", {}, 1.0)]), error="timed out")
    recording = replace(run(snapshots=False), snapshots=(failed,))
    assert with_snapshot_series(recording) is recording


def test_a_heap_that_grows_in_a_straight_line_from_snapshot_to_snapshot_fails_the_run() -> None:
    [finding] = [one for one in judge(hooked(2048), PROFILE).findings if one.series == "python_traced_memory_bytes"]
    assert finding.verdict is Verdict.FAIL
    [steady] = [one for one in judge(hooked(0), PROFILE).findings if one.series == "python_traced_memory_bytes"]
    assert steady.verdict is Verdict.PASS
