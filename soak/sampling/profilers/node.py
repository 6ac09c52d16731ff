"""Node, asked through its inspector: what is alive on the heap by the calls that allocated it, sampled by V8, and what runs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psutil

from soak.catalog.node import KEPT_REQUESTS
from soak.errors import SoakError, TargetError
from soak.profile.runtimes import NodeProfiles
from soak.sampling.profilers.inspector import Inspector
from soak.sampling.profilers.profiler import ProfiledTarget, ProfileResult, gauges
from soak.snapshots import SnapshotKind, SnapshotStage

#: A sample in about so many bytes, V8's own default.
INTERVAL = 32 << 10
#: For how many seconds what runs is looked at with each snapshot, and how often, in microseconds.
RUNNING, EVERY = 0.5, 100
#: How many collections a snapshot forces at most, and for how many seconds: a large heap is collected once.
MOST_COLLECTIONS, COLLECTING = 3, 0.2
MAX_SNAPSHOT = 256 * 2**20
#: Counts the requests that are on the heap: each is counted when it comes, and again when it was collected. The answer waits
#: until the last collection has been told. Where soak was killed and nobody asks any more, counting ends after an hour.
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
    kinds: ClassVar[tuple[SnapshotKind, ...]] = ("v8heap", "gauges", "v8cpu", "v8snapshot")
    made_after: ClassVar[tuple[SnapshotKind, ...]] = ()

    @classmethod
    def named(cls, value: NodeProfiles, watched: ProfiledTarget) -> NodeInspector:
        """At its address; the process that may be told to open it is the target's own."""
        return cls(value.inspector, watched.pid if value.open else None, value.snapshots)

    @classmethod
    def offered(cls, watched: ProfiledTarget) -> NodeInspector | None:
        """Where the target's process is a Node that was started with --inspect."""
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
        """The sampled heap after a collection, and what runs; a whole heap snapshot at the start and the end, if asked for."""
        session = self._connected()
        try:
            used, external = _live(session), list(_external(session))
            profile = session.call("HeapProfiler.getSamplingProfile")["profile"]
            yield (
                "v8heap",
                json.dumps({"interval": INTERVAL, "profile": {"head": profile["head"]}}).encode(),
            )
            counted = [("nodejs_heap_live_bytes", {}, used), *external, *_requests(session)]
            yield "gauges", gauges(counted)
            yield "v8cpu", json.dumps({"profile": {"nodes": _running(session)}}).encode()
            if self.snapshots and stage in ("start", "end", "drained"):
                yield "v8snapshot", _whole(session)
        except (SoakError, LookupError, TypeError):
            self.close()
            raise

    def collect(self) -> None:
        """HeapProfiler.collectGarbage: a full one."""
        self._connected().call("HeapProfiler.collectGarbage")

    def close(self) -> None:
        """End the session, and so the sampling; nothing counts in the target any more."""
        while self._session:
            session = self._session.pop()
            with suppress(TargetError):
                session.call("Runtime.evaluate", expression=_STOP_COUNTING)
            session.close()

    def _connected(self) -> Inspector:
        """The session, with sampling under way."""
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


def _live(session: Inspector) -> float:
    """Bytes on the heap just after a collection, the least of some: what is served between collection and answer leaves garbage,
    and what finalisers and weak references let go of is freed by the next."""
    began = time.monotonic()
    least = float("inf")
    for _ in range(MOST_COLLECTIONS):
        session.call("HeapProfiler.collectGarbage")
        least = min(least, float(session.call("Runtime.getHeapUsage")["usedSize"]))
        if time.monotonic() - began > COLLECTING:
            break
    return least


def _external(session: Inspector) -> Iterator[tuple[str, dict[str, str], float]]:
    """Bytes of buffers outside of the heap that are alive, just after a collection; nothing where `process` is hidden."""
    said = session.call(
        "Runtime.evaluate", expression="process.memoryUsage().external", returnByValue=True
    )
    size = said.get("result", {}).get("value")
    if isinstance(size, (int, float)):
        yield "nodejs_external_live_bytes", {}, float(size)


def _requests(session: Inspector) -> Iterator[tuple[str, dict[str, str], float]]:
    """How many of the requests since the first snapshot are on the heap still; nothing before Node 18.7."""
    said = session.call(
        "Runtime.evaluate",
        expression=_COUNT_REQUESTS,
        includeCommandLineAPI=True,
        awaitPromise=True,
        returnByValue=True,
    )
    count = said.get("result", {}).get("value")
    if isinstance(count, (int, float)):
        yield KEPT_REQUESTS, {}, float(count)


def _running(session: Inspector) -> list[dict[str, Any]]:
    """What V8 runs for a moment: a tree of calls, each with how often it was met. Files that are opened leave no other trace."""
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
    """Tell a Node process to open its inspector; any other would be ended by that signal."""
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
    """A heap snapshot, as the developer tools of Chrome open it; TargetError where it is too large."""
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


def _completed(given: str) -> str:
    """`--inspect` may say a port or a host alone."""
    if given.isdecimal():
        return f"127.0.0.1:{given}"
    return given if ":" in given else f"{given}:9229"
