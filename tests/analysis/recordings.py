"""Recordings made in memory, for tests of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from soak.latency import bucket_of
from soak.model import Ending, Event, Floats, Kind, Phase, Recording, RunInfo, Series, SourceHealth
from soak.windows import EndpointWindows

SECONDS = 300


def gauge(name: str, values: Any, source: str = "process", **labels: str) -> Series:
    """One value a second; a number stays constant."""
    column = (
        np.broadcast_to(np.asarray(values, dtype=np.float64), (SECONDS,))
        if np.ndim(values) == 0
        else values
    )
    return Series(
        name,
        np.arange(len(column), dtype=np.float64),
        np.asarray(column, np.float64),
        tuple(labels.items()),
        source=source,
    )


def counter(name: str, values: Any, source: str = "process", **labels: str) -> Series:
    column = np.asarray(values, np.float64)
    times = np.arange(len(column), dtype=np.float64)
    return Series(name, times, column, tuple(labels.items()), Kind.COUNTER, source)


def noise(scale: float, seed: int = 1, seconds: int = SECONDS) -> Floats:
    return np.random.default_rng(seed).normal(0, scale, seconds)


def windows(
    endpoint: str = "GET /",
    latency: float | Floats = 0.01,
    requests: int = 50,
    failures: int = 0,
    seconds: int = SECONDS,
    spread: float = 0.0,
) -> EndpointWindows:
    """One window a second; all successes of a window at one latency, or spread around it."""
    level = np.broadcast_to(np.asarray(latency, np.float64), (seconds,))
    rng = np.random.default_rng(5)
    cells: list[tuple[int, int]] = []
    offsets = [0]
    for value in level:
        drawn = value * np.exp(spread * rng.normal(size=requests - failures))
        buckets, counts = np.unique(
            [bucket_of(float(latency_seconds)) for latency_seconds in drawn], return_counts=True
        )
        cells += zip(buckets.tolist(), counts.tolist(), strict=True)
        offsets.append(len(cells))
    table = np.array(cells, dtype=np.int64).reshape(-1, 2)
    many = np.full(seconds, requests, np.int64)
    kinds = {"status 500": failures * seconds} if failures else {}
    return EndpointWindows(
        endpoint,
        np.arange(1.0, seconds + 1),
        np.ones(seconds),
        many,
        np.full(seconds, failures, np.int64),
        many * 100,
        np.array(offsets, np.int64),
        table[:, 0],
        table[:, 1],
        kinds,
    )


def health(
    source: str = "process", failing: Sequence[int] = (), error: str = "refused", gone: bool = False
) -> SourceHealth:
    """A source polled once a second, that failed at these seconds."""
    answered = np.ones(SECONDS, np.bool_)
    answered[list(failing)] = False
    last = error if len(failing) else None
    return SourceHealth(
        source, SECONDS, len(failing), 0.0, last, gone, np.arange(float(SECONDS)), answered
    )


def recording(
    *series: Series,
    requests: Sequence[EndpointWindows] | None = None,
    sources: Sequence[SourceHealth] = (SourceHealth("process", SECONDS, 0, 0.0),),
    events: Sequence[Event] = (),
    ended: Ending = Ending.COMPLETED,
    ramp: float = 0.0,
    seconds: int = SECONDS,
) -> Recording:
    """A run of `seconds` at full load after the ramp; `requests` default to one healthy endpoint."""
    phases = (Phase("ramp", 0.0, ramp),) if ramp else ()
    seen = (windows(seconds=seconds),) if requests is None else tuple(requests)
    return Recording(
        RunInfo("test", "2026-01-01T00:00:00Z", seconds, ended),
        series,
        seen,
        None,
        (*phases, Phase("steady", ramp, float(seconds))),
        tuple(events),
        tuple(sources),
    )
