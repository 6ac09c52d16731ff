"""Data types of the profiles taken of the target during a run: when, of what kind, and how to read their bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

#: Go's pprof (heap, allocs, goroutine, goroutineleak) and its goroutines as text, which says who
#: created each (stacks); a JVM's classes and their allocation sites; V8's sampled heap, a short V8
#: CPU profile, V8's whole heap, which has no stacks and is for Chrome's developer tools, and what
#: keeps requests on it (keepers); Python's tracemalloc; a JVM's or Python's threads; and exact
#: counts of any runtime just after a garbage collection (gauges).
SnapshotKind = Literal[
    "heap",
    "allocs",
    "goroutine",
    "goroutineleak",
    "stacks",
    "classes",
    "v8heap",
    "v8cpu",
    "v8snapshot",
    "keepers",
    "tracemalloc",
    "threads",
    "gauges",
]
#: The source of series derived from snapshots: soak's own snapshots do not disturb them.
SNAPSHOT_SOURCE = "snapshots"
#: At the start of the steady phase, on schedule, at its end, after the drain, and after each load
#: that `confirm` makes: with the requests of the first load again (repeated), and with fresh ones
#: (confirmed).
SnapshotStage = Literal["start", "steady", "end", "drained", "repeated", "confirmed"]


def _nothing() -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One profile of a run, or a failed attempt to take it (`error`, and then no bytes).

    `time` is when it was requested and `took` how long it lasted, in seconds on the run's clock:
    samples in this time are perturbed and left out of trends. `read` returns the bytes as the
    target sent them, decompressed.
    """

    time: float
    took: float
    kind: SnapshotKind
    stage: SnapshotStage
    error: str | None = None
    read: Callable[[], bytes] = field(default=_nothing, compare=False, repr=False)
