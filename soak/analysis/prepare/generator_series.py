"""The load's own health as series: they say whether to believe what was measured, and are never judged for growth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.model import Floats, Kind, Recording, Series

#: How many connections the load has open.

CONNECTIONS = "soak_load_connections"


def generator_series(recording: Recording) -> Iterator[Series]:
    """CPU, lag, memory, asked arrivals and connections of the load's processes; late and dropped arrivals. None without."""
    found = recording.generator
    if found is not None:
        columns: dict[str, Floats] = {
            "soak_load_cpu_ratio": found.cpu_ratio,
            "soak_load_lag_seconds": found.lag,
            "soak_load_resident_memory_bytes": found.memory,
            "soak_load_asked_per_second": found.asked / found.seconds,
            CONNECTIONS: found.connections,
        }
        for name, column in columns.items():
            if np.isfinite(column).any():
                yield Series(name, found.times, column, source="load")
    schedules = [one.arrivals for one in recording.windows if one.arrivals is not None]
    if schedules and sum(int(one.counts.sum()) + int(one.dropped.sum()) for one in schedules):
        times = recording.windows[0].times
        late = np.sum([one.late for one in schedules], axis=0)
        requests = np.sum([one.requests for one in recording.windows], axis=0)
        ratio = np.where(requests > 0, late / np.maximum(requests, 1), np.nan)
        dropped = np.cumsum(np.sum([one.dropped for one in schedules], axis=0)).astype(np.float64)
        yield Series("soak_load_late_ratio", times, ratio, source="load")
        yield Series("soak_load_dropped_total", times, dropped, (), Kind.COUNTER, "load")
