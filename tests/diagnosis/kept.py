"""Recordings of real runs of tests/targets, small enough to keep: `python -m tests.diagnosis.kept RUN NAME` keeps one.

What diagnosis reads is kept: series with a role, requests by endpoint, phases, and every second
snapshot unpacked, in one archive whose compression finds what they have in common. Latencies are
not.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from functools import partial
from pathlib import Path

import numpy as np

from soak.catalog.metrics import metric_of
from soak.model import Kind, Phase, Recording, RunInfo, Series
from soak.recording import load_recording
from soak.snapshots import Snapshot
from soak.windows import EndpointWindows

DATA = Path(__file__).parent.parent / "data" / "diagnosis"
_ALSO = ("go_memstats_alloc_bytes_total", "go_memstats_last_gc_time_seconds", "http_requests_total")
_LATENCY = np.zeros(0, dtype=np.int64)


def keep(run: Path, name: str) -> Path:
    """Keep a run directory's recording under this name."""
    recording = load_recording(run)
    series = [
        [
            series.name,
            list(series.labels),
            series.kind.value,
            series.source,
            _short(series.times),
            _short(series.values),
        ]
        for series in recording.series
        if (metric_of(series.name) is not None and not series.name.startswith("soak_"))
        or series.name in _ALSO
    ]
    windows = [
        [
            window.endpoint,
            _short(window.times),
            _short(window.seconds),
            *(column.tolist() for column in (window.requests, window.failures, window.bytes)),
        ]
        for window in recording.windows
    ]
    taken = [snapshot for snapshot in recording.snapshots if snapshot.error is None]
    kept = [
        kept_snapshot
        for kind in dict.fromkeys(snapshot.kind for snapshot in taken)
        for kept_snapshot in [x for x in taken if x.kind == kind][::2]
    ]
    listed = [
        [kept_snapshot.time, kept_snapshot.took, kept_snapshot.kind, kept_snapshot.stage]
        for kept_snapshot in kept
    ]
    phases = [[phase.name, phase.start, phase.end] for phase in recording.phases]
    told = {
        "seconds": recording.run.seconds,
        "series": series,
        "windows": windows,
        "phases": phases,
        "snapshots": listed,
    }
    path = DATA / f"{name}.tar.xz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:xz", preset=9) as archive:
        _add(archive, "recording.json", json.dumps(told, separators=(",", ":")).encode())
        for number, kept_snapshot in enumerate(kept):
            _add(archive, f"{number}", kept_snapshot.read())
    return path


def kept(name: str) -> Recording:
    """A recording that was kept, as if loaded from its run directory."""
    with tarfile.open(DATA / f"{name}.tar.xz") as archive:
        held = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    told = json.loads(held["recording.json"])
    return Recording(
        RunInfo(name, seconds=told["seconds"]),
        tuple(
            Series(
                metric,
                np.array(times),
                np.array(values, dtype=np.float64),
                tuple(map(tuple, labels)),
                Kind(kind),
                source,
            )
            for metric, labels, kind, source, times, values in told["series"]
        ),
        tuple(_windows(*row) for row in told["windows"]),
        phases=tuple(Phase(*row) for row in told["phases"]),
        snapshots=tuple(
            Snapshot(time, took, kind, stage, None, partial(held.__getitem__, f"{number}"))
            for number, (time, took, kind, stage) in enumerate(told["snapshots"])
        ),
    )


def _windows(
    endpoint: str, times: list[float], seconds: list[float], *counts: list[int]
) -> EndpointWindows:
    requests, failures, sent = (np.array(column, dtype=np.int64) for column in counts)
    none = np.zeros(len(times) + 1, dtype=np.int64)
    return EndpointWindows(
        endpoint,
        np.array(times),
        np.array(seconds),
        requests,
        failures,
        sent,
        none,
        _LATENCY,
        _LATENCY,
    )


def _short(column: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float | None]:
    """To the millisecond, or seven figures; absent values as null."""
    return [
        None
        if not np.isfinite(number)
        else round(number, 3)
        if abs(number) < 1e4
        else float(f"{number:.12g}")
        for number in column.tolist()
    ]


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


if __name__ == "__main__":
    made = keep(Path(sys.argv[1]), sys.argv[2])
    print(f"{made}: {made.stat().st_size:,} bytes")
