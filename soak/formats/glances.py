"""Read glances' CSV: of a machine's hundreds of columns, keep memory (in bytes), swap, processes and file systems."""

from __future__ import annotations

import re

from soak.formats.content import Content
from soak.formats.csv_text import parsed
from soak.formats.format import Format, Options, Reading, Table, counted
from soak.formats.table import read_table

#: The parts of a column's name are joined with a point in version 4, and with an underscore before
#: that.
_NAMES = {
    "mem_used": "machine_memory_used_bytes",
    "mem_available": "machine_memory_available_bytes",
    **{
        f"mem_{part}": f"machine_memory_{part}_bytes"
        for part in ("free", "active", "inactive", "buffers", "cached", "shared")
    },
    "memswap_used": "machine_swap_used_bytes",
    "memswap_free": "machine_swap_free_bytes",
}
_COUNTS = {"processcount_total": "processes", "processcount_thread": "threads"}
_FILES = re.compile(r"fs[._](.+)[._]used")


def read(content: Content, options: Options) -> Reading:
    """Read the columns about memory, processes and files; InputError names the line."""
    table, options = parsed(content, options)
    named = {
        *options.only,
        *options.without,
        *options.limited,
        *options.counters,
        *options.units,
        options.time,
    }
    chosen: dict[str, str] = {}
    for header in table.headers:
        name = header.replace(".", "_")
        files = _FILES.fullmatch(header)
        if known := _NAMES.get(name):
            chosen[header] = known
        elif name in _COUNTS:
            chosen[header] = _COUNTS[name]
        elif files:
            chosen[header] = "disk_used_bytes"
        elif header == "timestamp" or header in named:
            chosen[header] = header
    kept = [place for place, header in enumerate(table.headers) if header in chosen]
    left = len(table.headers) - len(kept)
    small = Table(
        [table.headers[place] for place in kept],
        [table.columns[place] for place in kept],
        table.first_line,
        renamed={header: name for header, name in chosen.items() if header not in (name, *named)},
        notes=table.notes,
    )
    if left:
        columns = counted(left, "column is", "columns are")
        small.notes.append(
            f"{columns} left out: of glances' own, memory, processes and file systems are judged (--only judges others)"
        )
    reading = read_table(content, small, options)
    for series in reading.series:
        if files := _FILES.fullmatch(series.column):
            series.labels["mountpoint"] = files[1]
    return reading


def _recognises(content: Content) -> bool:
    header = content.head.partition("\n")[0].replace(".", "_").split(",")
    return header[0] == "timestamp" and {"mem_used", "memswap_used"} <= set(header)


FORMAT = Format("glances CSV", "glances --export csv --export-csv-file FILE", _recognises, read)
