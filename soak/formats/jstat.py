"""Read `jstat -gc` and `-gcold` (with -t for the time): the JVM's memory spaces in KiB, and its collections."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.timed_lines import timed_lines, times_of_blocks
from soak.model import Floats, Kind

#: Any of jstat's GC reports; `-gcutil` and `-gccause` print percentages, `-gccapacity` and others
#: the spaces' sizes.
_HEADER = re.compile(
    r"\s*(Timestamp\s+)?(S0C\s+S1C|MC\s+MU|S0\s+S1\s+E|NGCMN\s+NGCMX|MCMN\s+MCMX|OGCMN\s+OGCMX|Loaded\s+Bytes)\b"
)
_KIB = 1024
#: Memory spaces within and outside the heap, with Micrometer's labels.
_SPACES = {
    "OU": (("area", "heap"), ("id", "Old Gen")),
    "EU": (("area", "heap"), ("id", "Eden Space")),
    "MU": (("area", "nonheap"), ("id", "Metaspace")),
    "CCSU": (("area", "nonheap"), ("id", "Compressed Class Space")),
}


def read(content: Content, options: Options) -> Reading:
    """Read the use of each space, and the number of minor and major collections."""
    header: list[str] = []
    rows: list[list[float]] = []
    known: list[float | None] = []
    for number, time, line in timed_lines(content):
        if _HEADER.match(line):
            header = line.split()
            if not _SPACES.keys() & header:
                raise refuse(content, "holds no space in use: record it with jstat -gc -t PID 5s")
            continue
        cells = line.split()
        try:
            if not header or len(cells) != len(header):
                raise ValueError(f"expected {len(header)} columns, not {len(cells)}")  # noqa: TRY301 - said below
            rows.append(
                [np.nan if cell == "-" else float(cell.replace(",", ".")) for cell in cells]
            )
        except ValueError as error:
            raise refuse(content, f"not a row of jstat -gc: {error}", number) from None
        # A JVM whose statistics were read before its clock started never reports a time.
        stamped = header[0] == "Timestamp" and np.isfinite(rows[-1][0])
        known.append(rows[-1][0] if stamped else time)
    if not rows:
        raise refuse(content, "has a header but no rows")
    table = dict(zip(header, np.array(rows, dtype=np.float64).T, strict=True))
    times = times_of_blocks(content, options, known, list(range(len(rows))))
    reading = Reading()
    for column, labels in _SPACES.items():
        if column in table:
            reading.series.append(
                RawSeries("jvm_memory_used_bytes", times, table[column] * _KIB, dict(labels))
            )
    # Each concurrent cycle has two pauses, and CGC counts both.
    full = (
        table["FGC"] + np.floor(np.nan_to_num(table.get("CGC", np.zeros(len(times)))) / 2)
        if "FGC" in table
        else None
    )
    for action, count in (("end of minor GC", table.get("YGC")), ("end of major GC", full)):
        if count is not None:
            reading.series.append(_count(times, count, action))
    return reading


def _count(times: Floats, count: Floats, action: str) -> RawSeries:
    return RawSeries("jvm_gc_pause_seconds_count", times, count, {"action": action}, Kind.COUNTER)


def _recognises(content: Content) -> bool:
    return any(_HEADER.search(line) for line in content.first_lines[:5])


FORMAT = Format("jstat", "jstat -gc -t PID 5s (JDK)", _recognises, read)
