"""Read Node's --trace-gc (MB of 1,048,576 bytes) and --trace-gc-nvp (names and values): the heap after each GC."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.model import Kind

_LINE = re.compile(
    r"\[(\d+)(?::0x[0-9a-f]+)?(?::\d+)?\]\s+(\d+) ms: ([A-Z][A-Za-z-]*)(?: \([^)]*\))* "
    r"(\d+(?:\.\d+)?) \((\d+(?:\.\d+)?)\) -> (\d+(?:\.\d+)?) \((\d+(?:\.\d+)?)\) MB"
)
#: A line of --trace-gc-nvp, in bytes; V8 marks collections of the young generation with s, ms and
#: mms.
_NAMED = re.compile(
    r"\[(\d+)(?::0x[0-9a-f]+)?(?::\d+)?\]\s+(\d+) ms: (?=\S*=)(?:.*?\s)?gc=(\w+)\s.*?\btotal_size_after=(\d+)"
)
_YOUNG = ("s", "ms", "mms")
_MIB = 2**20


def read(content: Content, options: Options) -> Reading:
    """Read the heap after each collection, and the number of minor and major collections."""
    rows: dict[str, list[tuple[float, float, bool]]] = {}
    for line in content.lines:
        if match := _LINE.search(line):
            major = not match[3].startswith(("Scavenge", "Minor"))
            rows.setdefault(match[1], []).append(
                (float(match[2]) / 1e3, float(match[6]) * _MIB, major)
            )
        elif match := _NAMED.search(line):
            rows.setdefault(match[1], []).append(
                (float(match[2]) / 1e3, float(match[4]), match[3] not in _YOUNG)
            )
    if not rows:
        raise refuse(content, "holds no line of --trace-gc")
    reading = Reading(notes=["times are milliseconds since each process started"])
    for process, several in rows.items():
        labels = {"instance": process} if len(rows) > 1 else {}
        times, heap = np.array([row[0] for row in several]), np.array([row[1] for row in several])
        majors = np.array([row[2] for row in several])
        reading.series.append(RawSeries("nodejs_heap_size_used_bytes", times, heap, labels))
        for kind, chosen in (("major", majors), ("minor", ~majors)):
            count = np.cumsum(chosen).astype(np.float64)
            own = {"kind": kind} | labels
            reading.series.append(
                RawSeries("nodejs_gc_duration_seconds_count", times, count, own, Kind.COUNTER)
            )
    return reading


def _recognises(content: Content) -> bool:
    return _LINE.search(content.head) is not None or _NAMED.search(content.head) is not None


FORMAT = Format("Node --trace-gc", "node --trace-gc app.js > gc.log", _recognises, read)
