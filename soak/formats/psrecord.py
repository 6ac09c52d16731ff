"""Read psrecord's log, as text or CSV (`--log-format csv`), in seconds and MB of 1,048,576 bytes."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse, table_of
from soak.formats.table import read_table

_HEADER = re.compile(
    r"#\s*Elapsed time\s+CPU \(%\)\s+Real \(MB\)\s+Virtual \(MB\)"
    r"|elapsed_time,.*\bmem_real,mem_virtual\b"
)
_RENAMED = {
    "Real (MB)": "process_resident_memory_bytes",
    "mem_real": "process_resident_memory_bytes",
    "Virtual (MB)": "process_virtual_memory_bytes",
    "mem_virtual": "process_virtual_memory_bytes",
}
_MIB = 2**20


def read(content: Content, options: Options) -> Reading:
    """Read resident and virtual memory of the process (including children if psrecord was told to)."""
    lines = content.lines
    start = next(place for place, line in enumerate(lines) if _HEADER.match(line))
    delimiter = "," if lines[start].startswith("elapsed_time") else None
    header = lines[start].strip().split(",")
    if delimiter is None:
        header = re.split(r"\s{2,}", lines[start].lstrip("# ").strip())
    rows = []
    for number, line in enumerate(lines[start + 1 :], start + 2):
        cells = line.split(delimiter)
        if not line.strip() or cells[0].startswith("#"):
            continue
        if len(cells) != len(header):
            raise refuse(content, f"expected {len(header)} columns, not {len(cells)}", number)
        rows.append(cells)
    if not rows:
        raise refuse(content, "has a header but no rows")
    try:
        times = np.array([float(row[0]) for row in rows])
    except ValueError as error:
        raise refuse(content, f"not a time: {error}") from None
    known = {name: own for name, own in _RENAMED.items() if name in header}
    table = table_of(
        header[1:],
        [row[1:] for row in rows],
        first_line=start + 2,
        times=times,
        renamed=known,
        scaled=dict.fromkeys(known, _MIB),
    )
    return read_table(content, table, options)


def _recognises(content: Content) -> bool:
    return any(_HEADER.match(line) for line in content.first_lines[:5])


FORMAT = Format("psrecord", "psrecord PID --log memory.log", _recognises, read)
