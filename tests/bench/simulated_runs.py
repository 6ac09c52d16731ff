"""Runs of one simulated build, as recordings: latency, memory and processor time with noise that remembers, and run effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from soak.analysis.prepare.prepare import prepare
from soak.compared import MeasuredRun
from soak.comparison.measuring import measurements
from soak.comparison.run_view import RunView
from soak.latency import GROWTH, LAST, LOWEST
from soak.model import Analysis, Floats, Kind, Phase, Recording, RunInfo, Series, Verdict
from soak.windows import EndpointWindows

ENDPOINTS = ("GET /orders", "GET /search", "POST /orders")


@dataclass(frozen=True)
class Noise:
    """One kind of noise: its memory from window to window, and the scatter between runs, as shares.

    `within` is the standard deviation of a window's level around the run's, `between` that of the
    runs' levels around the build's; with `heavy` the latter has Student's distribution with 3
    degrees of freedom. In a share `busy` of all runs the machine is slow for a third of the time.
    """

    name: str
    memory: float
    within: float
    between: float
    heavy: bool = False
    busy: float = 0.0


KINDS = (
    Noise("independent windows", 0.0, 0.10, 0.02),
    Noise("memory of ten windows", 0.9, 0.10, 0.02),
    Noise("memory of a hundred windows", 0.99, 0.10, 0.02),
    Noise("runs that differ", 0.9, 0.10, 0.10),
    Noise("runs that differ, heavy tails", 0.9, 0.10, 0.08, heavy=True),
    Noise("busy stretches", 0.5, 0.05, 0.02, busy=0.3),
)


def run(
    kind: Noise, rng: np.random.Generator, windows: int = 120, change: float = 0.0
) -> MeasuredRun:
    """One run of a build whose latency, memory and processor time are `change` (a share) above the others'."""
    times = np.arange(1.0, windows + 1)
    everything = np.log1p(change)
    series = (
        _gauge(
            "process_resident_memory_bytes",
            2e8 * np.exp(everything + _level(kind, rng, windows, 0.3)),
            times,
        ),
        _gauge("process_open_fds", 40.0 + rng.poisson(3, windows), times),
        _gauge("go_goroutines", 60.0 + rng.poisson(5, windows), times),
        Series(
            "process_cpu_seconds_total",
            times,
            np.cumsum(0.2 * np.exp(everything + _level(kind, rng, windows, 1.0))),
            kind=Kind.COUNTER,
            source="process",
        ),
    )
    endpoints = tuple(_endpoint(name, kind, rng, times, everything) for name in ENDPOINTS)
    info = RunInfo("simulated", "2026-01-01T00:00:00Z", float(windows))
    recording = Recording(info, series, endpoints, phases=(Phase("steady", 0.0, float(windows)),))
    view = RunView(prepare(recording, 0.0), Analysis(info, Verdict.PASS, "", ()))
    return MeasuredRun(
        "simulated",
        "simulated",
        info.started,
        info.seconds,
        "",
        "60 requests/s",
        tuple(measurements(view)),
    )


def _level(kind: Noise, rng: np.random.Generator, windows: int, size: float) -> Floats:
    """The logarithm of a level over a run: what the run is off by, and an autoregressive process around it."""
    effect = rng.standard_t(3) / 3**0.5 if kind.heavy else rng.normal()
    steps = rng.normal(0, (1 - kind.memory**2) ** 0.5, windows)
    noise = np.empty(windows)
    noise[0] = rng.normal()
    for index in range(1, windows):
        noise[index] = kind.memory * noise[index - 1] + steps[index]
    level: Floats = size * (kind.between * effect + kind.within * noise)
    if kind.busy and rng.random() < kind.busy:
        begin = int(rng.integers(0, windows))
        level[begin : begin + windows // 3] += size * 0.5
    return level


def _gauge(name: str, values: Any, times: Floats) -> Series:
    return Series(name, times, np.asarray(values, np.float64), source="process")


def _endpoint(
    name: str,
    kind: Noise,
    rng: np.random.Generator,
    times: Floats,
    change: float,
    requests: int = 20,
) -> EndpointWindows:
    count = len(times)
    level = np.log(0.02) + change + _level(kind, rng, count, 1.0)
    seconds = np.exp(level[:, None] + 0.4 * rng.gumbel(size=(count, requests)))
    numbers = np.clip(np.ceil(np.log(seconds / LOWEST) / np.log(GROWTH)), 0, LAST).astype(np.int64)
    buckets, counts, offsets = [], [], [0]
    for row in numbers:
        held_buckets, many = np.unique(row, return_counts=True)
        buckets.append(held_buckets)
        counts.append(many)
        offsets.append(offsets[-1] + len(held_buckets))
    failures = rng.binomial(requests, 0.001, count)
    return EndpointWindows(
        name,
        times,
        np.ones(count),
        np.full(count, requests, np.int64),
        failures.astype(np.int64),
        np.full(count, 1000, np.int64),
        np.array(offsets, np.int64),
        np.concatenate(buckets),
        np.concatenate(counts).astype(np.int64),
    )
