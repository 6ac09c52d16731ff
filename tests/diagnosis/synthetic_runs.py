"""Runs made in memory whose leaks are known: a mix of traffic that varies, series, and snapshots of heap and goroutines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from soak.analysis import analyze
from soak.diagnosis.attribution.request_clock import on_request_clock
from soak.model import Analysis, Floats, Kind, Phase, Recording, RunInfo, Series
from soak.profile import Limits
from soak.snapshots import Snapshot, SnapshotKind
from soak.windows import EndpointWindows
from tests.diagnosis.writing import profile

SECONDS, SLOT = 240, 8
ENDPOINTS = ("GET /a", "POST /b", "GET /c")
HEAP = ("inuse_objects", "inuse_space")
BASE = 40 * 2**20
_EMPTY = np.zeros(0, dtype=np.int64)

Stack = Sequence[str]


def requests(seed: int = 7) -> dict[str, Floats]:
    """Requests a second by endpoint, each (n,): their shares vary from slot to slot, the total stays."""
    chance = np.random.default_rng(seed)
    shares = chance.dirichlet([4.0] * len(ENDPOINTS), SECONDS // SLOT).repeat(SLOT, axis=0)
    return {name: np.round(60 * shares[:, i]) for i, name in enumerate(ENDPOINTS)}


def leaked(costs: Mapping[str, float]) -> Floats:
    """What these costs a request add up to, second by second."""
    made = requests()
    return (
        np.cumsum(np.sum([made[name] * cost for name, cost in costs.items()], axis=0))
        if costs
        else np.zeros(SECONDS)
    )


def run(
    heap: Mapping[tuple[str, ...], Mapping[str, float]] | None = None,
    goroutines: Mapping[tuple[str, ...], Mapping[str, float]] | None = None,
    descriptors: Mapping[str, float] | None = None,
    *,
    snapshots: bool = True,
) -> Recording:
    """A run in which stacks (innermost first) keep so many bytes, or goroutines, a request to each endpoint."""
    heap, goroutines = heap or {}, goroutines or {}
    times = np.arange(1.0, SECONDS + 1)
    kept = np.sum([leaked(costs) for costs in heap.values()] or [np.zeros(SECONDS)], axis=0)
    waiting = np.sum(
        [leaked(costs) for costs in goroutines.values()] or [np.zeros(SECONDS)], axis=0
    )
    noise = np.random.default_rng(3).normal(0, 20_000, (2, SECONDS))
    gauges = {
        "go_gc_heap_live_bytes": BASE / 4 + kept + noise[0],
        "process_resident_memory_bytes": BASE + kept + 2600 * waiting + noise[1],
        "go_goroutines": 12 + waiting,
        "process_open_fds": 20 + leaked(descriptors or {}),
    }
    return Recording(
        RunInfo("made", seconds=float(SECONDS)),
        tuple(
            Series(name, times, values, kind=Kind.GAUGE, source="process")
            for name, values in gauges.items()
        ),
        tuple(_windows(name, times, made) for name, made in requests().items()),
        phases=(Phase("steady", 0.0, float(SECONDS)),),
        snapshots=tuple(_snapshots(heap, goroutines)) if snapshots else (),
    )


def judged(recording: Recording) -> Analysis:
    """As the pipeline judges a run whose mix was varied on purpose."""
    return analyze(recording, Limits(), request_clock=on_request_clock)


def _windows(name: str, times: Floats, made: Floats) -> EndpointWindows:
    none = np.zeros(SECONDS, dtype=np.int64)
    offsets = np.zeros(SECONDS + 1, dtype=np.int64)
    return EndpointWindows(
        name,
        times,
        np.ones(SECONDS),
        made.astype(np.int64),
        none,
        100 * made.astype(np.int64),
        offsets,
        _EMPTY,
        _EMPTY,
    )


def _snapshots(
    heap: Mapping[tuple[str, ...], Mapping[str, float]],
    goroutines: Mapping[tuple[str, ...], Mapping[str, float]],
) -> list[Snapshot]:
    taken = []
    for at in range(10, SECONDS, 10):
        held = [(["main.steady"], [1, BASE // 8])]
        held += [(list(stack), [1, int(leaked(costs)[at - 1])]) for stack, costs in heap.items()]
        stacks = [(["runtime.gopark", "main.main"], [1])]
        stacks += [
            (list(stack), [int(leaked(costs)[at - 1])]) for stack, costs in goroutines.items()
        ]
        for kind, data in (
            ("heap", profile(held, HEAP)),
            ("goroutine", profile(stacks, ("goroutine",))),
        ):
            taken.append(_snapshot(float(at), kind, data))
    return taken


def _snapshot(time: float, kind: SnapshotKind | str, data: bytes) -> Snapshot:
    return Snapshot(time, 0.01, kind, "steady", None, partial(bytes, data))  # type: ignore[arg-type]
