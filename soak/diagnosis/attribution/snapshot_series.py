"""Series from snapshots: what a runtime holds just after the collection that a snapshot forces, and counts taken with it.

Such a level contains no garbage, so a few of them prove growth that resident memory, which moves in
arenas, cannot prove. They are judged like any other series.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from soak.catalog.go import COUNTED_GOROUTINES
from soak.catalog.jvm import GROWING_CLASSES, LIVE_CLASSES
from soak.catalog.metrics import metric_of
from soak.catalog.python import TRACED_MEMORY
from soak.catalog.row_types import Unit
from soak.diagnosis.attribution.growing_classes import growing_classes
from soak.diagnosis.attribution.growing_entries import growing_entries
from soak.diagnosis.profiles.formats import HELD, read_profile
from soak.errors import OTHER_SHAPE, SoakError
from soak.model import Floats, Kind, Labels, Recording, Series, label_pairs
from soak.snapshots import SNAPSHOT_SOURCE, Snapshot, SnapshotKind

#: Kinds whose total stands for a gauge in recordings of older versions of soak, which took no
#: gauges.
_TOTALS: dict[SnapshotKind, str] = {"tracemalloc": TRACED_MEMORY, "classes": LIVE_CLASSES}


def with_snapshot_series(recording: Recording) -> Recording:
    """Add a gauge for everything that the recording's snapshots counted exactly; unchanged if there is nothing."""
    taken = tuple(snapshot for snapshot in recording.snapshots if snapshot.error is None)
    have = {series.name for series in recording.series if series.source == SNAPSHOT_SOURCE}
    points: dict[tuple[str, Labels], list[tuple[float, float]]] = {}
    for snapshot in taken:
        if snapshot.kind == "gauges":
            for name, labels, value in _gauges(snapshot.read()):
                points.setdefault((name, labels), []).append((snapshot.time, value))
    # A hook that traces in windows gives gauges without a total: its total is an estimate, not a
    # level to judge.
    totals_of = {} if any(snapshot.kind == "gauges" for snapshot in taken) else dict(_TOTALS)
    if not any(_is_of(series, Unit.GOROUTINES) for series in recording.series):
        totals_of["goroutine"] = COUNTED_GOROUTINES
    for kind, name in totals_of.items():
        totals = [
            (snapshot.time, total)
            for snapshot in taken
            if (total := _total(snapshot, kind)) is not None
        ]
        if totals:
            points[name, ()] = totals
    added = tuple(
        _series(name, labels, rows) for (name, labels), rows in points.items() if name not in have
    )
    if GROWING_CLASSES not in have and (growing := growing_classes(recording)) is not None:
        added = (*added, growing.series)
    added = (*added, *(each for each in growing_entries(recording, added) if each.name not in have))
    return replace(recording, series=(*recording.series, *added)) if added else recording


@lru_cache(maxsize=512)
def _gauges(data: bytes) -> tuple[tuple[str, Labels, float], ...]:
    """Parse `{"samples": [[name, {label: value}, value], …]}`; rows of another format are left out."""
    try:
        return tuple(_samples(json.loads(data)))
    except OTHER_SHAPE:
        return ()


def _samples(document: dict[str, list[list[object]]]) -> Iterator[tuple[str, Labels, float]]:
    for row in document["samples"]:
        match row:
            case [str() as name, dict() as labels, int() | float() as value] if np.isfinite(value):
                yield (
                    name,
                    label_pairs({str(key): str(text) for key, text in labels.items()}),
                    float(value),
                )


def _is_of(series: Series, unit: Unit) -> bool:
    metric = metric_of(series.name)
    return metric is not None and metric.unit is unit


def _total(snapshot: Snapshot, kind: SnapshotKind) -> float | None:
    if snapshot.kind != kind:
        return None
    try:
        return float(read_profile(kind, snapshot.read()).column(HELD[kind]).sum())
    except (SoakError, OSError):
        return None


def _series(name: str, labels: Labels, rows: list[tuple[float, float]]) -> Series:
    times, values = (
        np.array(column, dtype=np.float64) for column in zip(*sorted(rows), strict=True)
    )
    if name.endswith("_bytes"):
        values = without_garbage(values)
    return Series(name, times, values, labels, Kind.GAUGE, SNAPSHOT_SOURCE)


def without_garbage(levels: Floats) -> Floats:
    """Return levels (n,) of memory without rises that were gone again one or two snapshots later.

    Requests under way leave garbage between a collection and the reading. This is a morphological
    opening (Serra, Image Analysis and Mathematical Morphology, 1982): a level that only rises stays
    as it is, and so does a rise at the end.
    """
    ahead = np.append(levels, [np.inf, np.inf])
    lasting = np.min([ahead[:-2], ahead[1:-1], ahead[2:]], axis=0)
    behind = np.append([-np.inf, -np.inf], lasting)
    opened: Floats = np.max([behind[:-2], behind[1:-1], behind[2:]], axis=0)
    return opened
