"""Read Go's GODEBUG=gctrace=1: per collection the heap before, after and live (https://pkg.go.dev/runtime)."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.model import Kind

_LINE = re.compile(r"gc (\d+) @(\d+(?:\.\d+)?)s (\d+)%: .*?(\d+)->(\d+)->(\d+) MB, (\d+) MB goal")
_MIB = 2**20


def read(content: Content, options: Options) -> Reading:
    """Read the live heap after each collection, the heap goal, and the number of collections; ignore other lines."""
    rows = []
    offset, last, process = 0.0, 0.0, 0
    number = 0
    for line in content.lines:
        match = _LINE.search(line)
        if match is None:
            continue
        if int(match[1]) <= number:  # a new process: its numbers and times start again
            offset, process = last, process + 1
        number = int(match[1])
        last = offset + float(match[2])
        rows.append(
            (last, float(match[6]) * _MIB, float(match[7]) * _MIB, float(number), float(process))
        )
    if not rows:
        raise refuse(content, "holds no line of gctrace")
    times, live, goal, count, processes = np.array(rows, dtype=np.float64).T
    # Collections within the same millisecond share a time; the last of them counts.
    reading = Reading()
    reading.series.append(RawSeries("go_gc_heap_live_bytes", times, live))
    reading.series.append(RawSeries("go_memstats_next_gc_bytes", times, goal))
    reading.series.append(
        RawSeries("go_gc_cycles_total_gc_cycles_total", times, count, kind=Kind.COUNTER)
    )
    if process:
        reading.series.append(RawSeries("process_pid", times, processes))
        reading.notes.append(
            f"the process was started {process} times again; its times go on where they ended"
        )
    reading.notes.append("sizes are whole MiB; times are seconds since the process started")
    return reading


def _recognises(content: Content) -> bool:
    return _LINE.search(content.head) is not None


FORMAT = Format("Go gctrace", "GODEBUG=gctrace=1 ./app 2> gc.log", _recognises, read)
