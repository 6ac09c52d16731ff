"""Read Windows counters as CSV (`typeperf`, `relog -f csv`): columns `\\\\HOST\\Process(app)\\Working Set`."""

from __future__ import annotations

import re

from soak.formats.content import Content
from soak.formats.csv_text import parsed
from soak.formats.format import Format, Options, Reading
from soak.formats.table import read_table

_COLUMN = re.compile(
    r"\\\\[^\\]+\\(?P<object>[^\\(]+)(?:\((?P<instance>[^\\]*)\))?\\(?P<counter>[^\\]+)"
)
#: Counters of processes and the machine, with Prometheus's names.
_NAMES = {
    "working set": "process_resident_memory_bytes",
    "private bytes": "process_private_memory_bytes",
    "virtual bytes": "process_virtual_memory_bytes",
    "handle count": "process_open_fds",
    "thread count": "process_threads",
    "available bytes": "machine_memory_available_bytes",
    "# bytes in all heaps": "dotnet_total_memory_bytes",
}
_TIME = re.compile(r"\(PDH-(CSV|TSV) \d")


def read(content: Content, options: Options) -> Reading:
    """Read all counters; times are the host's local times, as written. InputError names the line."""
    table, options = parsed(content, options)
    for place, header in enumerate(table.headers):
        if _TIME.match(header):
            table.headers[place] = "time"
            continue
        match = _COLUMN.fullmatch(header)
        name = _NAMES.get(match["counter"].strip().lower()) if match else None
        if match and name:
            instance = (match["instance"] or "").replace('"', '\\"')
            label = f'{{process="{instance}"}}' if instance else ""
            table.headers[place] = f"{name}{label}"
    return read_table(content, table, options)


def _recognises(content: Content) -> bool:
    return _TIME.match(content.head.lstrip('"')) is not None


FORMAT = Format(
    "Windows counters",
    r'typeperf "\Process(app)\Working Set" -si 5 -o memory.csv',
    _recognises,
    read,
)
