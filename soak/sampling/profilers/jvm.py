"""A JVM on this machine, by jcmd: its classes, who allocated what is alive, and its threads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import psutil

from soak.errors import SoakError, TargetError
from soak.profile.runtimes import JvmProfiles
from soak.sampling.profilers.base import Taken, Watched
from soak.sampling.profilers.flight import Flight
from soak.sampling.profilers.jcmd import ask, is_jvm
from soak.sampling.sources.process import listening_on
from soak.snapshots import SnapshotKind, SnapshotStage

#: How Thread.print begins.
_THREADS = "Full thread dump"


@dataclass(slots=True)
class _Known:
    """What was learnt of the JVM so far: its histogram when the recording began, and the recording."""

    pid: int = 0
    baseline: str = ""
    flight: Flight | None = None


@dataclass(frozen=True)
class Jvm:
    """`diagnose: {jvm: true}`, or the `pid` or `port` of another process than the target's own."""

    pid: int | None
    port: int | None = None
    recorder: bool = True
    _known: _Known = field(init=False, repr=False, compare=False, default_factory=_Known)
    kinds: ClassVar[tuple[SnapshotKind, ...]] = ("classes", "threads")

    @classmethod
    def named(cls, value: JvmProfiles, watched: Watched) -> Jvm:
        """The process that is named, or else the target's own."""
        return cls(value.pid or (None if value.port else watched.pid), value.port, value.recorder)

    @classmethod
    def offered(cls, watched: Watched) -> Jvm | None:
        """Wherever the target's process is a JVM."""
        try:
            return cls(watched.pid) if watched.pid is not None and is_jvm(psutil.Process(watched.pid)) else None
        except psutil.Error:
            return None

    def take(self, stage: SnapshotStage) -> Iterator[Taken]:  # noqa: ARG002 - the same at every stage
        """Classes after a full collection, with sampled objects' allocators; threads with who started them."""
        pid = self._process()
        # Lines are commands of their own: two of them cost one start of jcmd.
        histogram, mark, threads = ask(pid, "GC.class_histogram\nThread.print").partition(_THREADS)
        objects: list[object] = []
        failed: SoakError | None = None
        try:
            objects = self._objects(pid, histogram)
        except SoakError as error:
            failed = error
        known = self._known
        yield "classes", _text({"histogram": histogram, "baseline": known.baseline or histogram, "objects": objects})
        if failed is not None:
            yield "classes", failed
        started = known.flight.started if known.flight else {}
        yield "threads", _text({"dump": mark + threads, "started": started})

    def collect(self) -> None:
        """System.gc(), unless -XX:+DisableExplicitGC is set."""
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
            raise TargetError("the target is no process of this machine that soak can see: name it by diagnose.jvm.pid")
        return self.pid

    def _objects(self, pid: int, histogram: str) -> list[object]:
        """Objects that the recording tells of; what is there when it begins is none of them."""
        if not self.recorder:
            return []
        known = self._known
        if known.pid != pid:
            known.pid, known.baseline, known.flight = pid, histogram, None
            flight = Flight(pid)
            flight.start()
            known.flight = flight
            return []
        return list(known.flight.objects()) if known.flight else []


def _text(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
