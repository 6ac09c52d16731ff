"""The load generator's own health as series: they show whether to trust the measurements; growth is not judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.model import Floats, Kind, Recording, Series

#: The series with the number of connections that the load has open.
CONNECTIONS = "soak_load_connections"


def generator_series(recording: Recording) -> Iterator[Series]:
    """Yield CPU, lag, memory, connections, asked arrivals and users of the load, and its late and dropped arrivals.

    Series without data are left out.
    """
    generator = recording.generator
    if generator is not None:
        columns: dict[str, Floats] = {
            "soak_load_cpu_ratio": generator.cpu_ratio,
            "soak_load_lag_seconds": generator.lag,
            "soak_load_resident_memory_bytes": generator.memory,
            "soak_load_asked_per_second": generator.asked / generator.seconds,
            "soak_load_asked_users": generator.users_asked,
            CONNECTIONS: generator.connections,
        }
        for name, column in columns.items():
            if np.isfinite(column).any():
                yield Series(name, generator.times, column, source="load")
    schedules = [window.arrivals for window in recording.windows if window.arrivals is not None]
    if schedules and sum(
        int(schedule.counts.sum()) + int(schedule.dropped.sum()) for schedule in schedules
    ):
        times = recording.windows[0].times
        late = np.sum([schedule.late for schedule in schedules], axis=0)
        requests = np.sum([window.requests for window in recording.windows], axis=0)
        ratio = np.where(requests > 0, late / np.maximum(requests, 1), np.nan)
        dropped = np.cumsum(np.sum([schedule.dropped for schedule in schedules], axis=0)).astype(
            np.float64
        )
        yield Series("soak_load_late_ratio", times, ratio, source="load")
        yield Series("soak_load_dropped_total", times, dropped, (), Kind.COUNTER, "load")
