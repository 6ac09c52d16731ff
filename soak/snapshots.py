"""Profiles that were taken of the target during a run: when, of what kind, and how their bytes are had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

#: Go's pprof (heap, allocs, goroutine, goroutineleak) and its goroutines as text, which says who created each (stacks); a
#: JVM's classes with who allocated them; V8's sampled heap, what V8 ran for a moment, and its whole heap, which has no stacks
#: and is for Chrome's developer tools; Python's tracemalloc; a JVM's or Python's threads; and what any runtime counts exactly
#: just after a collection (gauges).
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
    "tracemalloc",
    "threads",
    "gauges",
]
#: The source of series that snapshots gave: soak's own snapshots do not disturb them.
SNAPSHOT_SOURCE = "snapshots"
#: At the steady phase's beginning, on schedule, at its end, after the drain, and after each load that `confirm` makes: with
#: what the first one sent, and with what it did not.
SnapshotStage = Literal["start", "steady", "end", "drained", "repeated", "confirmed"]


def _nothing() -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One profile of a run, or one that could not be taken (`error`, and then no bytes).

    `time` is when it was asked for and `took` how long that lasted, in seconds on the run's clock:
    samples of that stretch are perturbed and left out of trends. `read` gives the bytes, unpacked,
    as the target gave them.
    """

    time: float
    took: float
    kind: SnapshotKind
    stage: SnapshotStage
    error: str | None = None
    read: Callable[[], bytes] = field(default=_nothing, compare=False, repr=False)
