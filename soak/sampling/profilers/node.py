"""Node through its inspector: the live heap by allocating calls, as sampled by V8, and the running calls."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import psutil

from soak.catalog.node import LIVE_HEAP
from soak.errors import SoakError, TargetError
from soak.profile.runtimes import NodeProfiles
from soak.sampling.profilers.inspector import Inspector
from soak.sampling.profilers.node_containers import (
    Container,
    ContainerLengths,
    holder_rows,
    length_rows,
)
from soak.sampling.profilers.node_measures import (
    STOP_COUNTING,
    WORKERS,
    collected,
    evaluated,
    one_tree,
    requests,
    rows,
    running,
    summed,
    timers,
    whole_heap,
)
from soak.sampling.profilers.profiler import ProfiledTarget, ProfileResult, gauges
from soak.sampling.profilers.source_maps import SourceMaps
from soak.sampling.profilers.v8_heap import keepers
from soak.snapshots import SnapshotKind, SnapshotStage

#: Bytes per heap sample on average; V8's default.
INTERVAL = 32 << 10
#: How many snapshots come to one of CPU samples: V8 first lists all code, so that this costs twice as much as
#: the rest of a snapshot.
TURNS = 3
#: Requests still on the heap after the drain for which the heap is searched for what keeps them, and the largest
#: live heap that is searched (bytes): V8 stands still while it writes its heap, and soak needs ten times
#: as much memory to read it.
KEPT, SEARCHED = 20, 64 * 2**20
#: Entries of a container for which the heap is searched for what holds it.
LEAST_LENGTH = 100
_OPENING = 2.0
_USUAL = "127.0.0.1:9229"


@dataclass(frozen=True)
class NodeInspector:
    """`diagnose: {node: 127.0.0.1:9229}`. Sampling starts with the first snapshot and lasts as long as the session.

    If the process is the primary of a cluster, the sessions are with its workers, whose inspectors have
    other ports, and what they hold is added up.
    """

    address: str
    pid: int | None = None
    snapshots: bool = False
    _sessions: list[Inspector] = field(init=False, repr=False, compare=False, default_factory=list)
    _containers: list[ContainerLengths] = field(
        init=False, repr=False, compare=False, default_factory=list
    )
    _turns: Iterator[int] = field(
        init=False, repr=False, compare=False, default_factory=itertools.count
    )
    _maps: SourceMaps = field(init=False, repr=False, compare=False, default_factory=SourceMaps)
    kinds: ClassVar[tuple[SnapshotKind, ...]] = (
        "v8heap",
        "gauges",
        "v8cpu",
        "v8snapshot",
        "keepers",
    )
    made_after: ClassVar[tuple[SnapshotKind, ...]] = ()

    @classmethod
    def named(cls, value: NodeProfiles, watched: ProfiledTarget) -> NodeInspector:
        """Return the profiler for an address; only the target's own process can be told to open its inspector."""
        return cls(value.inspector, watched.pid if value.open else None, value.snapshots)

    @classmethod
    def offered(cls, watched: ProfiledTarget) -> NodeInspector | None:
        """Return the profiler if the target's process is a Node started with --inspect."""
        try:
            command = psutil.Process(watched.pid).cmdline() if watched.pid is not None else []
        except psutil.Error:
            return None
        given = [
            word.partition("=")[2] or _USUAL
            for word in command[1:]
            if word.partition("=")[0] == "--inspect"
        ]
        try:
            return (
                cls(NodeProfiles.model_validate({"inspector": _completed(given[0])}).inspector)
                if given
                else None
            )
        except ValueError:
            return None

    def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
        """Yield the sampled heap after a collection, now and then running calls; at start and end a heap snapshot on request.

        After the drain, also what keeps the requests that are still on the heap.
        """
        sessions = self._connected()
        try:
            loaded = stage == "steady"
            lengths = [containers.measure(loaded=loaded) for containers in self._containers]
            if told := list(length_rows(lengths)):
                yield "gauges", gauges(told)  # at once, as they rise with every request
            levels = summed(collected(session) for session in sessions)
            heads = [
                session.call("HeapProfiler.getSamplingProfile")["profile"]["head"]
                for session in sessions
            ]
            for head in heads:
                self._maps.map_tree(head)
            yield (
                "v8heap",
                json.dumps({"interval": INTERVAL, "profile": {"head": one_tree(heads)}}).encode(),
            )
            kept = [requests(session) for session in sessions]
            counts = [*kept, *map(timers, sessions)]
            yield (
                "gauges",
                gauges([*((name, {}, size) for name, size in levels.items()), *rows(counts)]),
            )
            turn = next(self._turns)
            if turn % TURNS == 0:
                nodes = running(sessions[turn // TURNS % len(sessions)])
                for node in nodes:
                    node["callFrame"] = self._maps.mapped(node["callFrame"])
                yield "v8cpu", json.dumps({"profile": {"nodes": nodes}}).encode()
            most = max(range(len(sessions)), key=lambda index: kept[index].value)
            heap = b""
            if self.snapshots and stage in ("start", "end", "drained"):
                heap = whole_heap(sessions[most])
                yield "v8snapshot", heap
            if stage == "drained" and levels[LIVE_HEAP] <= SEARCHED * len(sessions):
                if kept[most].value >= KEPT:
                    heap = heap or whole_heap(sessions[most])
                    yield "keepers", _keepers(heap)
                yield from self._held(lengths, most, heap)
        except (SoakError, LookupError, TypeError):
            self.close()
            raise

    def _held(
        self, lengths: list[list[Container]], process: int, heap: bytes
    ) -> Iterator[ProfileResult]:
        """Yield what holds the containers of a process that have gained many entries, by its whole heap."""
        grown = [each for each in lengths[process] if each.length >= LEAST_LENGTH]
        if not grown:
            return
        # V8 numbers the objects of its heap only as it writes it.
        heap = heap or whole_heap(self._sessions[process])
        numbers = self._containers[process].numbers_on_heap(grown)
        try:
            yield "gauges", gauges(holder_rows(heap, numbers, process, len(lengths)))
        except TargetError as error:
            yield "gauges", error

    def collect(self) -> None:
        """Force a full collection (HeapProfiler.collectGarbage)."""
        for session in self._connected():
            session.call("HeapProfiler.collectGarbage")

    def close(self) -> None:
        """End the sessions, and with them sampling and counting."""
        while self._sessions:
            session = self._sessions.pop()
            with suppress(TargetError):
                session.call("Runtime.evaluate", expression=STOP_COUNTING)
            session.close()
        self._containers.clear()

    def _connected(self) -> list[Inspector]:
        """Return the sessions, with sampling started; with a cluster's workers as soon as there are any."""
        try:
            if not self._sessions:
                self._begun(self._opened())
            if len(self._sessions) == 1 and (ports := _workers(self._sessions[0])):
                self.close()
                host = self.address.rpartition(":")[0]
                for port in ports:
                    self._begun(Inspector.opened(f"{host}:{port}"))
        except (SoakError, LookupError, TypeError):
            self.close()
            raise
        return list(self._sessions)

    def _begun(self, session: Inspector) -> None:
        self._sessions.append(session)
        self._containers.append(ContainerLengths(session))
        session.call("HeapProfiler.startSampling", samplingInterval=INTERVAL)

    def _opened(self) -> Inspector:
        try:
            return Inspector.opened(self.address)
        except TargetError:
            if self.pid is None:
                raise
        _open(self.pid)
        deadline = time.monotonic() + _OPENING
        while True:
            try:
                return Inspector.opened(self.address)
            except TargetError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _workers(session: Inspector) -> list[int]:
    """Return the ports of the inspectors of a primary's workers; [] if the process is none."""
    told = evaluated(session, WORKERS, includeCommandLineAPI=True)
    return [port for port in told if isinstance(port, int)] if isinstance(told, list) else []


def _open(pid: int) -> None:
    """Tell a Node process to open its inspector; the signal would end any other process, so its name is checked."""
    try:
        name = psutil.Process(pid).name()
        if name not in ("node", "nodejs"):
            raise TargetError(
                f"process {pid} ({name}) is no node: diagnose.node.open can only open Node's inspector"
            )
        os.kill(pid, signal.SIGUSR1)
    except (psutil.Error, OSError):
        raise TargetError(
            f"process {pid}: cannot be told to open its inspector; run soak as its user"
        ) from None


def _keepers(heap: bytes) -> bytes | TargetError:
    """Return what keeps requests on the heap, by a heap snapshot; or why it is unknown."""
    try:
        return keepers(heap, "IncomingMessage")
    except TargetError as error:
        return error


def _completed(given: str) -> str:
    """Return HOST:PORT for the value of `--inspect`, which may be a port or a host alone."""
    if given.isdecimal():
        return f"127.0.0.1:{given}"
    return given if ":" in given else f"{given}:9229"
