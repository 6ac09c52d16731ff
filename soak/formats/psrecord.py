"""psrecord's log: `# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)`, MB being 1,048,576 bytes."""

from __future__ import annotations

import re

from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse, table_of
from soak.formats.table import read_table

_HEADER = re.compile(r"#\s*Elapsed time\s+CPU \(%\)\s+Real \(MB\)\s+Virtual \(MB\)")
_RENAMED = {
    "Real (MB)": "process_resident_memory_bytes",
    "Virtual (MB)": "process_virtual_memory_bytes",
}
_MIB = 2**20


def read(content: Content, options: Options) -> Reading:
    """Read resident and virtual memory of the process (children counted in where it was asked for them)."""
    lines = content.lines
    start = next(place for place, line in enumerate(lines) if _HEADER.match(line))
    header = re.split(r"\s{2,}", lines[start].lstrip("# ").strip())
    rows = []
    for number, line in enumerate(lines[start + 1 :], start + 2):
        cells = line.split()
        if not cells or cells[0].startswith("#"):
            continue
        if len(cells) != len(header):
            raise refuse(content, f"expected {len(header)} columns, not {len(cells)}", number)
        rows.append(cells)
    table = table_of(
        header, rows, first_line=start + 2, renamed=_RENAMED, scaled=dict.fromkeys(_RENAMED, _MIB)
    )
    return read_table(content, table, options)


def _recognises(content: Content) -> bool:
    return any(_HEADER.match(line) for line in content.first_lines[:5])


FORMAT = Format("psrecord", "psrecord PID --log memory.log", _recognises, read)
