"""Read the JVM's unified GC log (-Xlog:gc): the heap after each collection (https://openjdk.org/jeps/271)."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.times import moment
from soak.model import Kind

_DATE = re.compile(r"\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d+[+-]\d{4})\]")
_UPTIME = re.compile(r"\[(\d+(?:[.,]\d+)?)(s|ms|ns)\]")
_COLLECTION = re.compile(
    r"GC\((\d+)\) (?:Major |Minor |[YyOo]: )?"
    r"(Pause [A-Za-z]+|Garbage Collection|Concurrent cleanup|Major Collection|Minor Collection)"
    r".*?(\d+)([KMG])(?:\(\d+%\))?->(\d+)([KMG])"
)
_CYCLE = re.compile(r"GC\(\d+\) Concurrent (?:Mark )?Cycle [\d.,]+ms")
_SIZES = {"K": 2**10, "M": 2**20, "G": 2**30}
_SECONDS = {"s": 1.0, "ms": 1e-3, "ns": 1e-9}
#: Collections of the whole heap: what remains after them is live.
_WHOLE = ("Pause Full", "Garbage Collection", "Major Collection")


def read(content: Content, options: Options) -> Reading:
    """Read the heap after each collection, the live data after each full collection, and the numbers of collections."""
    after: list[tuple[float, float]] = []
    live: list[tuple[float, float]] = []
    counts: dict[str, list[float]] = {"end of minor GC": [], "end of major GC": []}
    timed = 0
    for line in content.lines:
        match = _COLLECTION.search(line)
        time = _time(line) if match or _CYCLE.search(line) else None
        if time is None:
            continue
        timed += 1
        if match is None:
            counts["end of major GC"].append(time)
            continue
        size = float(match[5]) * _SIZES[match[6]]
        whole = match[2].startswith(_WHOLE)
        if not match[2].startswith(("Pause Remark", "Pause Cleanup")):
            after.append((time, size))
            counts["end of major GC" if whole else "end of minor GC"].append(time)
        if whole:
            live.append((time, size))
    if not after:
        raise refuse(
            content,
            "holds no collection with a time; log it with -Xlog:gc:file=gc.log:time,uptime,tags",
        )
    reading = Reading()
    heap = np.array(after)
    reading.series.append(
        RawSeries("jvm_memory_used_bytes", heap[:, 0], heap[:, 1], {"area": "heap"})
    )
    if live:
        # Like a gauge, the value holds until the next collection of the whole heap.
        table = np.array(live)
        times = heap[heap[:, 0] >= table[0, 0], 0]
        latest = np.searchsorted(table[:, 0], times, side="right") - 1
        reading.series.append(RawSeries("jvm_gc_live_data_size_bytes", times, table[latest, 1]))
    start = float(heap[0, 0])
    for action, moments in counts.items():
        times = (
            np.array([start, *moments]) if not moments or moments[0] > start else np.array(moments)
        )
        numbers = np.arange(len(times), dtype=np.float64)
        reading.series.append(
            RawSeries(
                "jvm_gc_pause_seconds_count", times, numbers, {"action": action}, Kind.COUNTER
            )
        )
    return reading


def _time(line: str) -> float | None:
    """Return a line's date, or its time since the start, in seconds."""
    if date := _DATE.search(line):
        text = date[1].replace(",", ".")
        return moment(f"{text[:-2]}:{text[-2:]}")
    uptime = _UPTIME.search(line)
    return float(uptime[1].replace(",", ".")) * _SECONDS[uptime[2]] if uptime else None


def _recognises(content: Content) -> bool:
    return bool(re.search(r"^\[.*\].*GC\(\d+\) ", content.head, re.MULTILINE)) or any(
        line.rstrip().endswith(
            (
                "Using G1",
                "Using Serial",
                "Using Parallel",
                "Using The Z Garbage Collector",
                "Using Shenandoah",
            )
        )
        for line in content.first_lines[:5]
    )


FORMAT = Format("JVM GC log", "java -Xlog:gc:file=gc.log:time,uptime,tags", _recognises, read)
