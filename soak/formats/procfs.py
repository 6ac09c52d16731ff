"""Read repeated `/proc/PID/status`, smaps_rollup or meminfo lines; times come from a date before each, or --step."""

from __future__ import annotations

import re

from soak.formats.columns_by_position import Samples
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse
from soak.formats.timed_lines import timed_lines

#: The kernel's names that are read; its other names are limits, peaks, or parts of these.
_NAMES = {
    "VmRSS": "process_resident_memory_bytes",
    "Rss": "process_resident_memory_bytes",
    "RssAnon": "process_resident_anonymous_bytes",
    "Pss": "process_pss_bytes",
    "VmSwap": "process_swap_bytes",
    "Threads": "process_threads",
    "MemAvailable": "machine_memory_available_bytes",
    "MemTotal": "machine_memory_bytes",
    "SUnreclaim": "node_memory_SUnreclaim_bytes",
}
_KIB = 1024.0
#: A name and its value, after the file's name if grep was given several files.
_PAIR = re.compile(r"(?:/proc/(\d+)/\w+:)?\b([A-Z]\w+):\s*(\d+)( kB)?")
#: Lines that are tested, and the share of them that must match, because the kernel's files have
#: other lines too.
_SAMPLE, _SHARE = 60, 0.5


def read(content: Content, options: Options) -> Reading:
    """Read the kernel's values of a process or the machine; a name that occurs again starts the next sample."""
    samples, block, seen = Samples(), 0, set[tuple[str, str]]()
    for _, time, line in timed_lines(content):
        for pid, name, value, kib in _PAIR.findall(line):
            if name not in _NAMES:
                continue
            if (pid, name) in seen:
                block, seen = block + 1, set()
            seen.add((pid, name))
            row = {"pid": pid, "name": _NAMES[name], "value": value, "unit": kib}
            samples.add(row, _sample, time, block)
    if not samples.points:
        known = ", ".join(_NAMES)
        raise refuse(content, f"holds nothing that a leak uses up; record one of {known}")
    return samples.reading(content, options)


def _sample(row: dict[str, str]) -> tuple[dict[str, str], dict[str, float]]:
    labels = {"pid": row["pid"]} if row["pid"] else {}
    return labels, {row["name"]: float(row["value"]) * (_KIB if row["unit"] else 1.0)}


def _recognises(content: Content) -> bool:
    lines = [
        line
        for _, _, line in timed_lines(
            Content(content.path, "\n".join(content.first_lines[:_SAMPLE]).encode())
        )
    ]
    pairs = [_PAIR.search(line) for line in lines]
    known = any(match is not None and match[2] in _NAMES for match in pairs)
    return known and sum(match is not None for match in pairs) >= _SHARE * len(lines)


FORMAT = Format(
    "/proc/PID/status",
    "while sleep 5; do date; grep VmRSS /proc/PID/status; done; smaps_rollup and meminfo alike",
    _recognises,
    read,
)
