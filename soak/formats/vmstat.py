"""Read vmstat's output: memory in KiB; times come from -t, or from --step."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.column_names import EXACT_BYTES
from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.timed_lines import timed_lines, times_of_blocks
from soak.formats.times import moment

_HEADER = re.compile(r"\s*r\s+b\s+swpd\s+free\b")
_BANNER = re.compile(r"\s*-*procs-*\s+-+memory")
_MEMORY = ("swpd", "free", "buff", "cache", "inact", "active")
_FEW_ROWS = 10  # fewest rows for a verdict; on a live machine, memory changes within them
_DATE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*$")


def read(content: Content, options: Options) -> Reading:
    """Read available memory (free, buffers and cache) and swap in use. InputError names the line."""
    header: list[str] = []
    known: list[float | None] = []
    rows: list[dict[str, float]] = []
    for number, time, line in timed_lines(content):
        if _BANNER.match(line):
            continue
        if _HEADER.match(line):
            header = line.split()
            continue
        dated = _DATE.search(line)
        cells = (line[: dated.start()] if dated else line).split()
        names = header[:-1] if header and header[-1].isupper() else header
        if not header or len(cells) < min(len(names), 4):
            raise refuse(content, f"not a row of vmstat: {line[:60]!r}", number)
        try:
            rows.append({name: float(cell) for name, cell in zip(names, cells, strict=False)})
        except ValueError as error:
            raise refuse(content, f"not a row of vmstat: {error}", number) from None
        known.append(moment(dated[1]) if dated else time)
    times = times_of_blocks(content, options, known, list(range(len(rows))))
    _refuse_frozen(content, rows)
    unit = _unit(content, options)
    cache = "cache" if "cache" in header else "inact"
    left = (
        np.array([row.get("free", 0) + row.get("buff", 0) + row.get(cache, 0) for row in rows])
        * unit
    )
    swapped = np.array([row.get("swpd", np.nan) for row in rows]) * unit
    reading = Reading([RawSeries("machine_memory_available_bytes", times, left)])
    if "free" not in options.units:
        reading.notes.append(
            "vmstat does not say its unit; KiB is taken (--unit free=MiB after vmstat -S M)"
        )
    reading.notes.append(
        "memory that is left is free, buffers and cache together; the first row, a mean since the start, is kept"
    )
    if bool((swapped > 0).any()):
        reading.series.append(RawSeries("machine_swap_used_bytes", times, swapped))
    return reading


def _refuse_frozen(content: Content, rows: list[dict[str, float]]) -> None:
    """Raise InputError if many rows all have the same memory: vmstat of procps 4.0.2 reads it only once."""
    memory = {tuple(row.get(name) for name in _MEMORY) for row in rows}
    if len(rows) >= _FEW_ROWS and len(memory) == 1:
        raise refuse(
            content,
            f"the memory is the same in all {len(rows)} rows: vmstat of procps 4.0.2 reads it once and "
            "repeats it; record with `sar -r 5` or `free`, or with another version of vmstat",
        )


def _unit(content: Content, options: Options) -> float:
    """Return the size of vmstat's unit in bytes (KiB unless --unit says otherwise); InputError for an unknown unit."""
    given = options.units.get("free", "KiB")
    if given not in EXACT_BYTES:
        raise refuse(content, f"--unit free={given}: no unit of memory, such as KiB or MiB")
    return float(EXACT_BYTES[given])


def _recognises(content: Content) -> bool:
    return any(
        _HEADER.match(re.sub(r"^\S+ \S+ (?=\s*r\s)", "", line)) for line in content.first_lines[:5]
    )


FORMAT = Format("vmstat", "vmstat -t 5", _recognises, read)
