"""A run directory made small: one CSV file of the series that tell of the target's resources and of the load."""

from __future__ import annotations

import csv
import gzip
import io
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from soak.model import Floats, Series
from soak.recording import load_recording

KEPT = (
    "process_resident_memory_bytes",
    "process_resident_anonymous_bytes",
    "process_proportional_memory_bytes",
    "process_open_fds",
    "process_threads",
    "process_children",
    "go_goroutines",
    "go_memstats_heap_alloc_bytes",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_heap_objects",
    "go_memstats_heap_released_bytes",
    "go_memstats_next_gc_bytes",
    "go_memstats_sys_bytes",
    "go_gc_duration_seconds_count",
    "jvm_memory_used_bytes",
    "jvm_gc_live_data_size_bytes",
    "jvm_gc_pause_seconds_count",
    "jvm_threads_live_threads",
    "jvm_buffer_memory_used_bytes",
    "nodejs_heap_size_used_bytes",
    "nodejs_external_memory_bytes",
    "nodejs_gc_duration_seconds_count",
    "nodejs_active_handles_total",
    "nodejs_active_requests_total",
)


def export(run: Path, path: Path, apart: float) -> None:
    """Columns on the times of the first series, so many seconds apart; another source's values are the last before."""
    recording = load_recording(run)
    requests = np.sum([windows.requests for windows in recording.windows], axis=0)
    total = Series(
        "http_requests_total", recording.windows[0].times, np.cumsum(requests).astype(float)
    )
    kept = [
        series
        for series in recording.series
        if any(fnmatchcase(series.name, name) for name in KEPT)
    ]
    times = _thinned(kept[0].times, apart)
    columns: dict[str, Floats] = {}
    for process in (*kept, total):
        index = np.searchsorted(process.times, times + 0.25, side="right") - 1
        values = np.where(index >= 0, process.values[np.maximum(index, 0)], np.nan)
        columns.setdefault(_column(process), values)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["t", *columns])
    for row, time in enumerate(times):
        cells = [float(column[row]) for column in columns.values()]
        writer.writerow(
            [f"{time:.2f}", *("" if np.isnan(cell) else f"{cell:.10g}" for cell in cells)]
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def _thinned(times: Floats, apart: float) -> Floats:
    """Those of the times that are at least about so far apart."""
    kept = [times[0]]
    for time in times[1:]:
        if time - kept[-1] >= 0.9 * apart:
            kept.append(time)
    return np.array(kept)


def _column(series: Series) -> str:
    labels = ",".join(
        f'{name}="{value}"' for name, value in series.labels if name not in ("instance", "job")
    )
    return f"{series.name}{{{labels}}}" if labels else series.name
