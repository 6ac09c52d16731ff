"""A JVM on this machine, queried with jcmd: its classes, who allocated what is alive, and its threads."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import psutil

from soak.catalog.process import RESIDENT_AFTER_GC, RESIDENT_OUTSIDE_HEAP
from soak.errors import SoakError, TargetError
from soak.profile.runtimes import JvmProfiles
from soak.sampling.profilers.attach import ask_attached
from soak.sampling.profilers.class_path import library_packages
from soak.sampling.profilers.flight_recording import Flight
from soak.sampling.profilers.jcmd import ask, is_jvm
from soak.sampling.profilers.jvm_keepers import keepers
from soak.sampling.profilers.jvm_native import (
    NATIVE_COMMANDS,
    heap_addresses,
    histogram_in,
    live_classes,
    native_gauges,
)
from soak.sampling.profilers.profiler import ProfiledTarget, ProfileResult, gauges
from soak.sampling.sources.process import listening_on
from soak.snapshots import SnapshotKind, SnapshotStage

#: The start of Thread.print's output.
_THREADS = "Full thread dump"
#: Bytes by which a live heap must have grown to be searched for what keeps its objects, and the
#: largest heap that is searched.
GREW, SEARCHED = 2**20, 2**30
#: Timeout of a reading between two snapshots (seconds): enough for a histogram of a heap of some
#: GB.
_LEVELS_PATIENCE = 10.0


@dataclass(slots=True)
class _Known:
    """What is known of the JVM: its histogram at the start of the recording, the recording, library packages, the bytes
    that were live `before` and are `live` at the last snapshot, and the addresses of its `heap`."""

    pid: int = 0
    baseline: str = ""
    flight: Flight | None = None
    libraries: tuple[str, ...] = ()
    before: float = 0.0
    live: float = 0.0
    heap: tuple[int, int] | None = None

    @property
    def grew(self) -> bool:
        """True if the live heap, as its snapshots measured it, has grown, and is not too large to be searched."""
        return self.live <= SEARCHED and self.live - self.before >= GREW


@dataclass(frozen=True)
class Jvm:
    """`diagnose: {jvm: true}`, or the `pid` or `port` of a process other than the target's own."""

    pid: int | None
    port: int | None = None
    recorder: bool = True
    _known: _Known = field(init=False, repr=False, compare=False, default_factory=_Known)
    kinds: ClassVar[tuple[SnapshotKind, ...]] = ("classes", "threads", "gauges")
    made_after: ClassVar[tuple[SnapshotKind, ...]] = ("classes", "threads")

    @classmethod
    def named(cls, value: JvmProfiles, watched: ProfiledTarget) -> Jvm:
        """Return the profiler of the named process, or else of the target's own."""
        return cls(value.pid or (None if value.port else watched.pid), value.port, value.recorder)

    @classmethod
    def offered(cls, watched: ProfiledTarget) -> Jvm | None:
        """Return the profiler if the target's process is a JVM."""
        try:
            return (
                cls(watched.pid)
                if watched.pid is not None and is_jvm(psutil.Process(watched.pid))
                else None
            )
        except psutil.Error:
            return None

    def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
        """Yield classes after a full collection, with sampled objects' allocators, and threads with their starters.

        After the drain, also what keeps the sampled objects of a heap that grew, and those of the classes that gained many.
        """
        pid = self._process()
        known = self._known
        flight = known.flight if known.pid == pid else None
        objects: list[dict[str, Any]] = []
        kept: list[dict[str, object]] = []
        failed: SoakError | None = None
        with _shared(pid) as scratch:
            file = scratch / "recording.jfr"
            # One start of jcmd for all commands.
            commands = [
                "GC.class_histogram",
                *NATIVE_COMMANDS,
                "Thread.print",
                *([flight.dump(file, ways=stage == "drained" and known.grew)] if flight else []),
            ]
            report, mark, threads = ask(pid, "\n".join(commands)).partition(_THREADS)
            known.heap = heap_addresses(report)
            resident = list(_resident(pid, known.heap))
            histogram = histogram_in(report)
            live = live_classes(report)
            known.live = sum(live.values())
            yield "gauges", gauges([*native_gauges(report), *resident], live)
            try:
                if flight is not None:
                    objects = flight.objects(file)
                elif known.pid != pid:
                    known.pid, known.baseline, known.flight = pid, histogram, None
                    known.before = known.live
                    known.libraries = _libraries(pid)
                    known.flight = self._recording(pid)
                if stage == "drained" and known.pid == pid:
                    both = known.baseline, histogram
                    kept = keepers(pid, scratch, both, known.live, known.libraries)
            except SoakError as error:
                failed = error
        made = flight.allocated if flight else {}
        allocated = [[size, stack, name] for (name, stack), size in made.items()]
        classes = {
            "histogram": histogram,
            "baseline": known.baseline,
            "objects": objects,
            "allocated": allocated,
            "kept": kept,
        }
        libraries = {"libraries": known.libraries}
        yield "classes", _text(classes | libraries)
        if failed is not None:
            yield "classes", failed
        yield (
            "threads",
            _text(
                {"dump": mark + threads, "started": flight.started if flight else {}} | libraries
            ),
        )

    def levels(self) -> Iterator[ProfileResult]:
        """Yield bytes of live classes through the socket that snapshots opened; nothing if it does not answer."""
        pid = self._process()
        report = ask_attached(pid, "GC.class_histogram", _LEVELS_PATIENCE)
        if report is not None:
            resident = list(_resident(pid, self._known.heap))
            yield "gauges", gauges([*native_gauges(report), *resident], live_classes(report))

    def collect(self) -> None:
        """Run System.gc(), unless -XX:+DisableExplicitGC is set."""
        ask(self._process(), "GC.run")

    def close(self) -> None:
        """End the recording."""
        flight, self._known.flight = self._known.flight, None
        if flight is not None:
            flight.stop()

    def _process(self) -> int:
        if self.port is not None:
            return listening_on(self.port)
        if self.pid is None:
            raise TargetError(
                "the target is no process of this machine that soak can see: name it by diagnose.jvm.pid"
            )
        return self.pid

    def _recording(self, pid: int) -> Flight | None:
        """Return a started recording; what exists before it is the baseline."""
        if not self.recorder:
            return None
        flight = Flight(pid)
        flight.start()
        return flight


def _resident(
    pid: int, heap: tuple[int, int] | None
) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield the resident memory (bytes) of a JVM that has just collected its heap, and what of it lies outside of the heap.

    Nothing of what cannot be read. A young JVM touches ever more pages of its heap, whatever lives in it.
    """
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        whole = float(process.memory_info().rss)
        yield RESIDENT_AFTER_GC, {}, whole
        if heap is not None and psutil.LINUX:
            inside = sum(
                mapping.rss
                for mapping in process.memory_maps(grouped=False)
                if heap[0] <= int(mapping.addr.partition("-")[0], 16) < heap[1]
            )
            yield RESIDENT_OUTSIDE_HEAP, {}, max(0.0, whole - inside)


def _libraries(pid: int) -> tuple[str, ...]:
    """Return the library packages on the class path; empty if it cannot be read, as in another container."""
    try:
        return tuple(
            library_packages(ask(pid, "VM.system_properties"), Path(psutil.Process(pid).cwd()))
        )
    except (SoakError, psutil.Error, OSError):
        return ()


@contextmanager
def _shared(pid: int) -> Iterator[Path]:
    """Yield a directory that only the target's process and soak's user can write."""
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        if os.geteuid() == 0:
            with suppress(OSError):
                os.chown(scratch, Path(f"/proc/{pid}").stat().st_uid, -1)
        yield Path(scratch)


def _text(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
