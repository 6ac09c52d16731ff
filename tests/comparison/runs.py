"""Measured runs made of numbers alone, for tests of what compares them."""

from __future__ import annotations

from collections.abc import Sequence

from soak.compared import MeasuredRun, Measurement
from soak.model import Suspect


def measurement(
    value: float, metric: str = "memory", subject: str = "process_resident_memory_bytes"
) -> Measurement:
    unit = {
        "memory": "bytes",
        "p99": "seconds",
        "errors": "ratio",
        "growth": "bytes/h",
        "throughput": "requests/s",
    }
    drift = {"errors": 0.0, "growth": 0.001 * value}
    return Measurement(metric, subject, value, 0.0, drift.get(metric, 0.001), unit[metric])


def run(
    *measurements: Measurement,
    name: str = "shop",
    source: str = "run",
    load: str = "60 requests/s",
    target: str = "http://127.0.0.1:8080",
    seconds: float = 600.0,
    suspects: tuple[Suspect, ...] | None = (),
) -> MeasuredRun:
    return MeasuredRun(
        name, source, "2026-11-28T00:00:00Z", seconds, target, load, measurements, suspects=suspects
    )


def runs(values: Sequence[float], metric: str = "memory") -> list[MeasuredRun]:
    """A run for each value."""
    return [run(measurement(value, metric)) for value in values]
