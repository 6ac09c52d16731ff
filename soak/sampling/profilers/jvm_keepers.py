"""What keeps the objects of a JVM's classes that have gained many: a dump of its heap, read and deleted at once.

A dump holds all that the target has in memory, so it is never part of a run: it lies in a directory that
only the target's user and soak can read, and only the names of classes and fields are kept of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from soak.errors import TargetError
from soak.sampling.profilers.heap_dump import kept_by
from soak.sampling.profilers.jcmd import ask
from soak.sampling.profilers.jvm_native import RUNTIME, instances

#: Objects that a class must have gained, and classes that are looked at.
_GAINED, _CLASSES = 100.0, 40
#: The largest live heap (bytes) that is dumped: the JVM stands still for half a second, soak reads it in
#: five seconds and takes 400 MiB of memory for it. So much of a disk must be free, in heaps.
DUMPED, _FREE = 64 * 2**20, 2.0


def keepers(
    pid: int,
    scratch: Path,
    histograms: tuple[str, str],
    live: float,
    libraries: tuple[str, ...],
) -> list[dict[str, object]]:
    """Return what keeps the classes that have gained objects between two histograms; empty if that is not looked for.

    `live` is the size of the heap (bytes). Raise TargetError if the dump cannot be made or read.
    """
    wanted = _gained(*map(instances, histograms))
    if not wanted or live > DUMPED or shutil.disk_usage(scratch).free < _FREE * live:
        return []
    file = scratch / "heap.hprof"
    said = ask(pid, f"GC.heap_dump {file}")
    if not file.is_file():
        raise TargetError(f"process {pid} wrote no heap dump: {said.strip()[:200]}")
    others = (*RUNTIME, *(f"{package}." for package in libraries))
    kept = kept_by(file, wanted, lambda name: not name.startswith(others))
    return [each.document for each in kept]


def _gained(before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """Return the classes that have gained enough objects, those that gained most first."""
    more = {name: many - before.get(name, 0.0) for name, many in now.items()}
    most = sorted((name for name in more if more[name] >= _GAINED), key=lambda name: -more[name])
    return most[:_CLASSES]
