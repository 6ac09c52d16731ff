"""Read any runtime's snapshot as a profile: stacks with what each holds."""

from __future__ import annotations

from collections.abc import Callable

from soak.diagnosis.profiles.jvm_histogram import read_classes
from soak.diagnosis.profiles.pprof import ProfileFormatError, StackProfile, read_pprof
from soak.diagnosis.profiles.thread_dumps import read_threads
from soak.diagnosis.profiles.tracebacks import read_tracebacks
from soak.diagnosis.profiles.v8 import RUN, read_v8cpu, read_v8heap
from soak.snapshots import SnapshotKind

#: The reader of each kind; each raises a SoakError that describes data of another format.
READERS: dict[SnapshotKind, Callable[[bytes], StackProfile]] = {
    "heap": read_pprof,
    "allocs": read_pprof,
    "goroutine": read_pprof,
    "goroutineleak": read_pprof,
    "classes": read_classes,
    "v8heap": read_v8heap,
    "v8cpu": read_v8cpu,
    "tracemalloc": read_tracebacks,
    "threads": read_threads,
}

#: The column with what is held when the snapshot is taken (bytes, goroutines or threads), or with
#: what ran.
HELD: dict[SnapshotKind, str] = {
    "heap": "inuse_space",
    "allocs": "inuse_space",
    "goroutine": "goroutine",
    "goroutineleak": "goroutineleak",
    "classes": "inuse_space",
    "v8heap": "inuse_space",
    "v8cpu": RUN,
    "tracemalloc": "inuse_space",
    "threads": "threads",
}


def read_profile(kind: SnapshotKind, data: bytes) -> StackProfile:
    """Parse a snapshot's bytes as a profile; raise SoakError if they are not of this kind."""
    if kind not in READERS:
        raise ProfileFormatError(f"a {kind} has no stacks to read")
    return READERS[kind](data)
