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
from typing import Any, ClassVar

import psutil

from soak.catalog.node import ACTIVE_RESOURCES, KEPT_REQUESTS, LIVE_HEAP
from soak.catalog.process import RESIDENT_AFTER_GC
from soak.errors import SoakError, TargetError
from soak.profile.runtimes import NodeProfiles
from soak.sampling.profilers.inspector import Inspector
from soak.sampling.profilers.profiler import ProfiledTarget, ProfileResult, gauges
from soak.sampling.profilers.v8_heap import keepers
from soak.snapshots import SnapshotKind, SnapshotStage

#: Bytes per heap sample on average; V8's default.
INTERVAL = 32 << 10
#: Seconds of CPU sampling, its interval in microseconds, and how many snapshots come to one: V8 first lists all code, so
#: that this costs twice as much as the rest of a snapshot.
RUNNING, EVERY, TURNS = 0.5, 100, 3
#: Most collections that a snapshot forces, and the seconds after which no more is forced (a large
#: heap: one).
MOST_COLLECTIONS, COLLECTING = 3, 0.2
MAX_SNAPSHOT = 256 * 2**20
#: Requests still on the heap after the drain for which the heap is searched for what keeps them, and the largest
#: live heap that is searched (bytes): V8 stands still while it writes its heap, and soak needs ten times
#: as much memory to read it.
KEPT, SEARCHED = 20, 64 * 2**20
#: Counts the requests on the heap: up when each comes, down when it is collected. The answer waits
#: until the last collection has been reported. If soak was killed and stops asking, counting ends
#: after an hour.
_COUNT_REQUESTS = """(() => {
  const channels = require('diagnostics_channel'), key = Symbol.for('soak.requests')
  if (!channels.subscribe) return undefined
  const counting = globalThis[key] ??= { alive: 0 }
  if (!counting.seen) {
    const collected = new FinalizationRegistry(() => { counting.alive-- })
    counting.seen = ({ request }) => {
      if (Date.now() - counting.asked > 3600e3) return counting.stop()
      counting.alive++
      collected.register(request)
    }
    counting.stop = () => {
      channels.unsubscribe('http.server.request.start', counting.seen)
      delete globalThis[key]
    }
    channels.subscribe('http.server.request.start', counting.seen)
  }
  counting.asked = Date.now()
  return new Promise(told => setImmediate(() => setImmediate(() => told(counting.alive))))
})()"""
_MEMORY = "(({ external, rss }) => [external, rss])(process.memoryUsage())"
#: How many timers wait, on Node 17.3 or later.
_TIMERS = "process.getActiveResourcesInfo?.().filter(type => type === 'Timeout').length"
_OUTSIDE = ("nodejs_external_live_bytes", RESIDENT_AFTER_GC)
_STOP_COUNTING = "globalThis[Symbol.for('soak.requests')]?.stop()"
_OPENING = 2.0
_USUAL = "127.0.0.1:9229"


@dataclass(frozen=True)
class NodeInspector:
    """`diagnose: {node: 127.0.0.1:9229}`. Sampling starts with the first snapshot and lasts as long as the session."""

    address: str
    pid: int | None = None
    snapshots: bool = False
    _session: list[Inspector] = field(init=False, repr=False, compare=False, default_factory=list)
    _turns: Iterator[int] = field(
        init=False, repr=False, compare=False, default_factory=itertools.count
    )
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
        session = self._connected()
        try:
            levels = _collected(session)
            profile = session.call("HeapProfiler.getSamplingProfile")["profile"]
            yield (
                "v8heap",
                json.dumps({"interval": INTERVAL, "profile": {"head": profile["head"]}}).encode(),
            )
            kept = list(_requests(session))
            sizes = [(name, dict[str, str](), size) for name, size in levels.items()]
            yield "gauges", gauges([*sizes, *kept, *_timers(session)])
            if next(self._turns) % TURNS == 0:
                nodes = _running(session)
                yield "v8cpu", json.dumps({"profile": {"nodes": nodes}}).encode()
            heap = b""
            if self.snapshots and stage in ("start", "end", "drained"):
                heap = _whole(session)
                yield "v8snapshot", heap
            if (
                stage == "drained"
                and levels[LIVE_HEAP] <= SEARCHED
                and any(n >= KEPT for *_, n in kept)
            ):
                yield "keepers", _keepers(session, heap)
        except (SoakError, LookupError, TypeError):
            self.close()
            raise

    def collect(self) -> None:
        """Force a full collection (HeapProfiler.collectGarbage)."""
        self._connected().call("HeapProfiler.collectGarbage")

    def close(self) -> None:
        """End the session, and with it the sampling and the counting of requests."""
        while self._session:
            session = self._session.pop()
            with suppress(TargetError):
                session.call("Runtime.evaluate", expression=_STOP_COUNTING)
            session.close()

    def _connected(self) -> Inspector:
        """Return the session, with sampling started."""
        if not self._session:
            session = self._opened()
            session.call("HeapProfiler.startSampling", samplingInterval=INTERVAL)
            self._session.append(session)
        return self._session[0]

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


def _collected(session: Inspector) -> dict[str, float]:
    """Return the bytes on the heap, of live buffers outside it, and of resident memory, just after a collection.

    Each is the least of several collections. Requests served between collection and answer leave
    garbage, what finalisers and weak references release is freed only by the next collection, and
    freed buffers are returned to the system a little later. The last two are left out if `process`
    is hidden.
    """
    began = time.monotonic()
    least: dict[str, float] = {}
    for _ in range(MOST_COLLECTIONS):
        session.call("HeapProfiler.collectGarbage")
        for name, size in _sizes(session):
            least[name] = min(size, least.get(name, size))
        if time.monotonic() - began > COLLECTING:
            break
    return least


def _sizes(session: Inspector) -> Iterator[tuple[str, float]]:
    yield LIVE_HEAP, float(session.call("Runtime.getHeapUsage")["usedSize"])
    sizes = _evaluated(session, _MEMORY)
    for name, size in zip(_OUTSIDE, sizes if isinstance(sizes, list) else (), strict=False):
        if isinstance(size, (int, float)):
            yield name, float(size)


def _requests(session: Inspector) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield how many requests since the first snapshot are still on the heap; nothing before Node 18.7."""
    count = _evaluated(session, _COUNT_REQUESTS, includeCommandLineAPI=True, awaitPromise=True)
    if isinstance(count, (int, float)):
        yield KEPT_REQUESTS, {}, float(count)


def _timers(session: Inspector) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield how many timers wait, under the name by which prom-client tells them; nothing if Node does not say."""
    count = _evaluated(session, _TIMERS)
    if isinstance(count, (int, float)):
        yield ACTIVE_RESOURCES, {"type": "Timeout"}, float(count)


def _evaluated(session: Inspector, expression: str, **options: Any) -> Any:
    """Return the value of an expression in the service; None if it has none or fails."""
    answer = session.call("Runtime.evaluate", expression=expression, returnByValue=True, **options)
    return answer.get("result", {}).get("value")


def _running(session: Inspector) -> list[dict[str, Any]]:
    """Return the tree of running calls with hit counts, from a short CPU profile; it also shows who opens files."""
    session.call("Profiler.enable")
    session.call("Profiler.setSamplingInterval", interval=EVERY)
    session.call("Profiler.start")
    time.sleep(RUNNING)
    nodes = session.call("Profiler.stop")["profile"]["nodes"]
    session.call("Profiler.disable")
    return [
        {key: node[key] for key in ("id", "callFrame", "hitCount", "children") if key in node}
        for node in nodes
    ]


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


def _whole(session: Inspector) -> bytes:
    """Return a heap snapshot in the format of Chrome's developer tools; raise TargetError if it is too large."""
    chunks: list[bytes] = []
    size = 0

    def told(message: dict[str, Any]) -> None:
        nonlocal size
        if message.get("method") == "HeapProfiler.addHeapSnapshotChunk":
            chunk = str(message["params"]["chunk"]).encode()
            size += len(chunk)
            if size <= MAX_SNAPSHOT:
                chunks.append(chunk)

    session.call("HeapProfiler.takeHeapSnapshot", told)
    if size > MAX_SNAPSHOT:
        raise TargetError(
            f"{session.address}: the heap snapshot is larger than {MAX_SNAPSHOT >> 20} MiB"
        )
    return b"".join(chunks)


def _keepers(session: Inspector, heap: bytes) -> bytes | TargetError:
    """Return what keeps requests on the heap, by the heap snapshot that was taken if there is one; or why it is unknown."""
    try:
        return keepers(heap or _whole(session), "IncomingMessage")
    except TargetError as error:
        return error


def _completed(given: str) -> str:
    """Return HOST:PORT for the value of `--inspect`, which may be a port or a host alone."""
    if given.isdecimal():
        return f"127.0.0.1:{given}"
    return given if ":" in given else f"{given}:9229"
