"""Merge the windows of several endpoints into the windows of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.latency import LAST
from soak.windows import Arrivals, Cells, EndpointWindows, Ints, narrowed

#: Windows merged at a time: one number for each bucket of each window, 5 MB.
_TOGETHER = 1024
_BUCKETS = LAST + 1
#: Offsets, buckets and counts of the histograms of successive windows.
_Ragged = tuple[Ints, Cells, Cells]


def merged(windows: Sequence[EndpointWindows]) -> EndpointWindows:
    """Merge the windows of all endpoints into those of one; the result is exact."""
    first = windows[0]
    if len(windows) == 1:
        return first
    offsets, buckets, counts = _merged_cells(
        [(window.offsets, window.buckets, window.counts) for window in windows]
    )
    schedules = [window.arrivals for window in windows if window.arrivals is not None]
    kinds: dict[str, int] = {}
    for window in windows:
        for kind, failures in window.failure_kinds.items():
            kinds[kind] = kinds.get(kind, 0) + failures
    return EndpointWindows(
        "",
        first.times,
        first.seconds,
        np.sum([window.requests for window in windows], axis=0),
        np.sum([window.failures for window in windows], axis=0),
        np.sum([window.bytes for window in windows], axis=0),
        offsets,
        buckets,
        counts,
        kinds,
        _merged_arrivals(schedules) if schedules else None,
    )


def _merged_arrivals(schedules: Sequence[Arrivals]) -> Arrivals:
    late, dropped = (
        np.sum([getattr(schedule, name) for schedule in schedules], axis=0)
        for name in ("late", "dropped")
    )
    return Arrivals(
        late,
        dropped,
        *_merged_cells(
            [(schedule.offsets, schedule.buckets, schedule.counts) for schedule in schedules]
        ),
    )


def _merged_cells(ragged: Sequence[_Ragged]) -> _Ragged:
    """Merge several histograms of the same windows; each bucket of a window appears once, in rising order."""
    windows = len(ragged[0][0]) - 1
    sizes, buckets, counts = [], [], []
    for first in range(0, windows, _TOGETHER):
        together = min(_TOGETHER, windows - first)
        keys, added = [], []
        for offsets, own_buckets, own_counts in ragged:
            own = offsets[first : first + together + 1]
            cells = slice(int(own[0]), int(own[-1]))
            keys.append(
                np.repeat(np.arange(together) * _BUCKETS, np.diff(own)) + own_buckets[cells]
            )
            added.append(own_counts[cells])
        dense = np.bincount(np.concatenate(keys), np.concatenate(added), together * _BUCKETS)
        some = np.flatnonzero(dense != 0)
        rows = some // _BUCKETS
        sizes.append(np.bincount(rows, minlength=together))
        buckets.append((some - rows * _BUCKETS).astype(np.int16))
        counts.append(narrowed(dense[some]))
    offsets = np.concatenate(([0], np.cumsum(np.concatenate([[], *sizes]))))
    return (
        offsets.astype(np.int64),
        np.concatenate([np.zeros(0, np.int16), *buckets]),
        np.concatenate([np.zeros(0, np.int16), *counts]),
    )
