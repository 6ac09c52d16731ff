"""Read repeated `ps` and `top -b` output: resident memory per process, and threads if `ps` prints them.

Both print memory in KiB, top also as `1.2g`. The time is the date before each sample, or the clock
in top's first line.
"""

from __future__ import annotations

import re

import numpy as np

from soak.formats.column_names import BYTES
from soak.formats.columns_by_position import Row, Samples
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse
from soak.formats.timed_lines import timed_lines
from soak.formats.times import seconds_of_day, unwrapped

_RESIDENT = ("RSS", "RSZ", "RES")
_THREADS = ("NLWP", "THCNT", "nTH")
_TOP = re.compile(r"top - (\d\d:\d\d:\d\d) up ")
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)([kmgt]?)", re.IGNORECASE)


def read(content: Content, options: Options) -> Reading:
    """Read each process's resident memory; InputError names the line."""
    samples, block = Samples(), -1
    header: list[str] = []
    lines = list(timed_lines(content))
    clocks = [
        seconds_of_day(match[1]) or 0.0 for _, _, line in lines if (match := _TOP.match(line))
    ]
    ticks, clock = iter(unwrapped(np.array(clocks))), None
    for number, time, line in lines:
        if _TOP.match(line):
            header, clock = [], float(next(ticks))
            continue
        words = line.split()
        if set(words) & set(_RESIDENT):
            header, block = words, block + 1
            continue
        if not header:
            continue
        cells = line.split(maxsplit=len(header) - 1)
        if len(cells) < len(header):
            raise refuse(content, f"expected {len(header)} columns, not {len(cells)}", number)
        try:
            samples.add(
                dict(zip(header, cells, strict=True)),
                _values,
                clock if time is None else time,
                block,
            )
        except ValueError as error:
            raise refuse(content, f"not a row of ps or top: {error}", number) from None
    if not samples.points:
        raise refuse(content, "has a header but no rows")
    reading = samples.reading(content, options)
    if clocks:
        reading.notes.append(
            "top prints the time of the day alone; the first sample's day is taken for the first day"
        )
    return reading


def _values(row: Row) -> tuple[dict[str, str], dict[str, float]]:
    labels = {name.lower(): row[name] for name in ("PID",) if name in row}
    command = row.get("COMMAND") or row.get("CMD")
    if command:
        labels["command"] = command.split()[0]
    resident = next(name for name in _RESIDENT if name in row)
    values = {"process_resident_memory_bytes": _size(row[resident])}
    threads = next((name for name in _THREADS if name in row), None)
    if threads is not None:
        values["process_threads"] = float(row[threads])
    return labels, values


def _size(text: str) -> float:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    return float(match[1].replace(",", ".")) * BYTES[f"{match[2].lower() or 'k'}b"]


def _recognises(content: Content) -> bool:
    """Return True if there is a header of process and memory columns that are separated by spaces only."""
    heads = [set(line.split()) for line in content.first_lines[:12] if not set(line) & set(",;|")]
    return any(
        words & set(_RESIDENT) and words & {"PID", "COMMAND", "CMD", *_THREADS} for words in heads
    )


FORMAT = Format(
    "ps, top",
    "while sleep 5; do date; ps -o pid,rss,nlwp,comm -p PID; done, or top -b -d 5 -p PID",
    _recognises,
    read,
)
