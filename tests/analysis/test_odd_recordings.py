"""Small odd recordings, drawn at random, all of which are judged: few samples, gaps, no requests, nothing but failures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.random import Generator

from soak.latency import bucket_of
from soak.model import (
    Ending,
    Event,
    EventKind,
    Kind,
    Phase,
    Recording,
    RunInfo,
    Series,
    SourceHealth,
    Verdict,
)
from soak.pipeline import judge
from soak.profile import parse_profile
from soak.windows import EndpointWindows, GeneratorWindows

NAMES = (
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_threads",
    "go_goroutines",
    "go_gc_heap_live_bytes",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_next_gc_bytes",
    "nodejs_heap_size_used_bytes",
    "jvm_memory_used_bytes",
    "python_traced_memory_bytes",
    "db_pool_connections_in_use",
    "db_pool_connections_max",
    "container_memory_working_set_bytes",
    "queue_depth",
)
COUNTERS = ("go_gc_cycles_total_gc_cycles_total", "process_cpu_seconds_total", "hits_total")
PROFILES = (
    "load: {users: 2, duration: 1m}",
    "load: {rate: 5/s, duration: 1m, warmup: 10s}",
    "load: {rate: 5/s, duration: 1m}\nlimits: {p99: 100ms, errors: 1%, survive: {for: 30d, at: 2/s}}",
    "load: {users: 2, duration: 1m}\nlimits: {p95: 50ms, vouch: 3d, gc: {pause: 10ms}}",
)


def _values(rng: Generator, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A level, constant, in steps, rising or noisy, of any size, with holes now and then."""
    size = float(rng.choice([0.0, 1.0, 12.0, 4096.0, 5e7]))
    shape = rng.integers(5)
    moves = {
        0: np.zeros(count),
        1: rng.integers(0, 3, count).astype(np.float64),
        2: np.arange(count, dtype=np.float64),
        3: rng.normal(0, 1, count),
        4: np.floor(np.arange(count) / max(count // 3, 1)),
    }[int(shape)]
    values = size + moves * float(rng.choice([1.0, max(size / 10, 1e-3)]))
    if rng.random() < 0.3:
        values[rng.random(count) < rng.random()] = np.nan
    return np.asarray(values)


def _times(
    rng: Generator, count: int, interval: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    times = np.arange(count) * interval
    if count > 4 and rng.random() < 0.3:  # a gap
        times[int(rng.integers(1, count)) :] += 20 * interval
    return np.asarray(times + rng.random() * interval * 0.1)


def _windows(
    rng: Generator, endpoints: Sequence[str], count: int, seconds: float
) -> tuple[EndpointWindows, ...]:
    made = []
    for endpoint in endpoints:
        requests = rng.integers(0, int(rng.choice([1, 2, 30])), count)
        failures = requests if rng.random() < 0.2 else rng.integers(0, requests + 1)
        offsets, buckets, counts = [0], list[int](), list[int]()
        for successes in (requests - failures).tolist():
            if successes:
                buckets.append(bucket_of(float(rng.choice([0.001, 0.2]))))
                counts.append(successes)
            offsets.append(len(buckets))
        kinds = {"timeout": int(failures.sum())} if failures.any() else {}
        made.append(
            EndpointWindows(
                endpoint,
                np.arange(1.0, count + 1) * seconds,
                np.full(count, seconds),
                requests,
                failures,
                requests * 10,
                np.array(offsets, np.int64),
                np.array(buckets, np.int64),
                np.array(counts, np.int64),
                kinds,
            )
        )
    return tuple(made)


def _generator(rng: Generator, count: int, seconds: float) -> GeneratorWindows:
    """Windows of a generator, of a load with or without a rate, on a machine whose load may be unknown."""
    cpu, cpu_seconds, lag, memory, asked, made, queued, connections = (
        rng.choice([0.0, 1.0, 9.0], count) for _ in range(8)
    )
    unknown = np.full(count, np.nan)
    if rng.random() < 0.5:
        asked = made = unknown
    users, machine = rng.choice([0.0, 2.0, np.nan], count), rng.choice([3.0, np.nan], count)
    return GeneratorWindows(
        np.arange(1.0, count + 1) * seconds,
        np.full(count, seconds),
        cpu,
        cpu_seconds,
        lag,
        memory,
        asked,
        made,
        queued,
        connections,
        users,
        machine,
        rng.choice([0.0, 2.0, np.nan], count),
        rng.choice([2.0, np.nan], count),
    )


def odd_recording(seed: int) -> Recording:
    """A recording of at most 80 samples and windows of whatever there may be, or of nothing."""
    rng = np.random.default_rng(seed)
    count, interval = int(rng.choice([1, 2, 3, 8, 30, 80])), float(rng.choice([0.5, 1.0, 5.0]))
    times = _times(rng, count, interval)
    series = [
        Series(name, times, _values(rng, count), source="metrics")
        for name in rng.choice(NAMES, int(rng.integers(0, 6)), replace=False).tolist()
    ]
    series += [
        Series(
            name,
            times,
            np.cumsum(rng.integers(0, 3, count)).astype(float),
            (),
            Kind.COUNTER,
            "metrics",
        )
        for name in rng.choice(COUNTERS, int(rng.integers(0, 3)), replace=False).tolist()
    ]
    seconds = float(rng.choice([1.0, 3.0, 10.0]))
    many = int(rng.choice([0, 1, 2, 20]))
    endpoints = ["GET /", "POST /x / a", "POST /x / b"][: int(rng.integers(0, 4))]
    answered = rng.random(count) < rng.choice([0.0, 0.5, 1.0])
    health = SourceHealth(
        "metrics", count, int((~answered).sum()), 0.0, None, False, times, answered
    )
    end = max(count * interval, many * seconds, 1.0)
    ramp = float(rng.choice([0.0, end / 4]))
    phases = (*((Phase("ramp", 0.0, ramp),) if ramp else ()), Phase("steady", ramp, end))
    masked = (Phase("snapshot", end / 2, end / 2 + 1),) if rng.random() < 0.2 else ()
    events = (Event(end / 2, EventKind.WARNING, "odd"),) if rng.random() < 0.2 else ()
    return Recording(
        RunInfo("odd", "2026-01-01T00:00:00Z", end, Ending(rng.choice(list(Ending)))),
        tuple(series),
        _windows(rng, endpoints, many, seconds),
        None,
        (*phases, *masked),
        events,
        (health,) if rng.random() < 0.7 else (),
        generator=_generator(rng, many, seconds) if rng.random() < 0.5 else None,
    )


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.thorough) for n in range(60, 600, 60))]
)
def test_whatever_little_was_recorded_is_judged(first: int) -> None:
    for seed in range(first, first + 60):
        text = f'name: odd\ntarget: {{url: "http://127.0.0.1:1"}}\nendpoints: [GET /]\n{PROFILES[seed % len(PROFILES)]}\n'
        recorded = odd_recording(seed)
        analysis = judge(recorded, parse_profile(text, "odd.yaml")[0])
        assert analysis.verdict in Verdict
        if not recorded.series and not recorded.windows:
            assert analysis.verdict is not Verdict.PASS, seed
