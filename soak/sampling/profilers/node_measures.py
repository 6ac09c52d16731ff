"""What is measured of a Node process through its inspector: memory, requests, timers, running calls, the whole heap."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from soak.catalog.node import ACTIVE_RESOURCES, KEPT_REQUESTS, LIVE_HEAP
from soak.catalog.process import RESIDENT_AFTER_GC
from soak.errors import TargetError
from soak.sampling.profilers.inspector import Inspector

#: Seconds of CPU sampling, and its interval in microseconds.
RUNNING, EVERY = 0.5, 100
#: Most collections that a snapshot forces, and the seconds after which no more is forced (a large
#: heap: one).
MOST_COLLECTIONS, COLLECTING = 3, 0.2
MAX_SNAPSHOT = 256 * 2**20
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
#: The ports of the inspectors of a cluster's workers, which serve the requests; [] in any other process.
WORKERS = """(() => {
  const { isPrimary, workers } = require('cluster')
  const asked = worker => worker.process.spawnargs.findLast(word => /^--inspect-port=\\S*\\d$/.test(word))
  return isPrimary ? Object.values(workers).map(asked).filter(Boolean).map(word => +/\\d+$/.exec(word)[0]) : []
})()"""
_MEMORY = "(({ external, rss }) => [external, rss])(process.memoryUsage())"
#: How many timers wait, on Node 17.3 or later.
_TIMERS = "process.getActiveResourcesInfo?.().filter(type => type === 'Timeout').length"
_OUTSIDE = ("nodejs_external_live_bytes", RESIDENT_AFTER_GC)
STOP_COUNTING = "globalThis[Symbol.for('soak.requests')]?.stop()"


def collected(session: Inspector) -> dict[str, float]:
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
    sizes = evaluated(session, _MEMORY)
    for name, size in zip(_OUTSIDE, sizes if isinstance(sizes, list) else (), strict=False):
        if isinstance(size, (int, float)):
            yield name, float(size)


class Count(NamedTuple):
    """A gauge of one process, or None if Node does not tell it."""

    name: str
    labels: dict[str, str]
    told: float | None

    @property
    def value(self) -> float:
        """The gauge, 0 if it is not told."""
        return self.told or 0.0


def requests(session: Inspector) -> Count:
    """Return how many requests since the first snapshot are still on the heap; None before Node 18.7."""
    count = evaluated(session, _COUNT_REQUESTS, includeCommandLineAPI=True, awaitPromise=True)
    return Count(KEPT_REQUESTS, {}, float(count) if isinstance(count, (int, float)) else None)


def timers(session: Inspector) -> Count:
    """Return how many timers wait, under the name by which prom-client tells them; None if Node does not say."""
    count = evaluated(session, _TIMERS)
    known = float(count) if isinstance(count, (int, float)) else None
    return Count(ACTIVE_RESOURCES, {"type": "Timeout"}, known)


def rows(counts: Sequence[Count]) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield each gauge that a process told, added up over all."""
    for name in dict.fromkeys(count.name for count in counts):
        known = [count for count in counts if count.name == name and count.told is not None]
        if known:
            yield name, known[0].labels, sum(count.value for count in known)


def summed(levels: Iterable[dict[str, float]]) -> dict[str, float]:
    """Return each level added up over all processes."""
    whole: Counter[str] = Counter()
    for each in levels:
        whole.update(each)
    return dict(whole)


def one_tree(heads: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one tree of allocating calls: of several processes, they begin below a root that they share."""
    return heads[0] if len(heads) == 1 else {**heads[0], "children": list(heads), "selfSize": 0}


def evaluated(session: Inspector, expression: str, **options: Any) -> Any:
    """Return the value of an expression in the service; None if it has none or fails."""
    answer = session.call("Runtime.evaluate", expression=expression, returnByValue=True, **options)
    return answer.get("result", {}).get("value")


def running(session: Inspector) -> list[dict[str, Any]]:
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


def whole_heap(session: Inspector) -> bytes:
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
