"""sysstat's text: `pidstat -r` (with or without -h) and `sar -r`, in kB of 1,024 bytes, with the time of day."""

from __future__ import annotations

import re

from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse, table_of
from soak.formats.table import read_table
from soak.formats.timed_lines import clock_times
from soak.formats.times import from_texts

_BANNER = re.compile(r"\S+ \S+ \(.*\)\s+(\S+)\s+_\S+_\s+\(\d+ CPU\)")
_KIB = 1024
_RENAMED = {"RSS": "process_resident_memory_bytes", "VSZ": "process_virtual_memory_bytes"}
_RENAMED |= {"kbmemused": "machine_memory_used_bytes", "kbmemfree": "machine_memory_free_bytes"}
_RENAMED |= {
    "kbavail": "machine_memory_available_bytes",
    "kbcommit": "machine_memory_committed_limit_bytes",
}
_RENAMED |= {
    "kbswpused": "machine_swap_used_bytes",
    "fd-nr": "process_open_fds",
    "threads": "process_threads",
}
_COLUMNS = ("RSS", "kbmemused", "kbmemfree", "kbswpused", "fd-nr")


def read(content: Content, options: Options) -> Reading:
    """Read the columns; several processes are told apart by PID. InputError names the line."""
    header: list[str] | None = None
    date = ""
    clocks, rows, lines = [], [], []
    notes: list[str] = []
    for number, line in enumerate(content.lines, 1):
        words = line.split()
        if match := _BANNER.match(line):
            date = match[1]
            continue
        if not words or words[0].startswith("Average") or "LINUX" in words:
            continue
        if header_words := _header(words):
            if header is not None and header_words != header:
                raise refuse(
                    content,
                    "its columns change: give sar and pidstat one report alone, such as -r",
                    number,
                )
            header = header_words
            continue
        if header is None:
            raise refuse(content, "expected a header of pidstat or sar first", number)
        clock, cells = _clock(words)
        if len(cells) < len(header) or (len(cells) > len(header) and header[-1] != "Command"):
            raise refuse(
                content, f"expected {len(header) + 1} columns, not {len(cells) + 1}", number
            )
        clocks.append(clock)
        lines.append(number)
        rows.append([*cells[: len(header) - 1], " ".join(cells[len(header) - 1 :])])
    if header is None or not rows:
        raise refuse(content, "has a header but no rows")
    times = clock_times(clocks)
    if times is None:
        import pandas as pd  # noqa: PLC0415 - takes a third of a second

        times, _, wrong = from_texts(pd.Series(clocks))
        if wrong is not None:
            raise refuse(content, f"not a time: {clocks[wrong]!r}", lines[wrong])
    elif date:
        notes.append(f"times are those of the days from {date} on")
    known = {name: own for name, own in _RENAMED.items() if name in header}
    scaled = {name: _KIB for name in known if name.startswith("kb") or name in ("RSS", "VSZ")}
    table = table_of(
        header,
        rows,
        first_line=lines[0],
        times=times,
        labels=("PID", "Command"),
        renamed=known,
        scaled=scaled,
    )
    table.notes += notes
    return read_table(content, table, options)


def _header(words: list[str]) -> list[str]:
    """The columns of a header line, without that of the time; nothing for any other line."""
    if not set(words) & set(_COLUMNS):
        return []
    rest = words[1:] if words[0].startswith("#") and len(words[0]) > 1 else words
    if rest[0] == "#":
        rest = rest[1:]
    if rest[0].lower() == "time" or rest[0][0].isdigit():
        rest = rest[1:]
    return rest[1:] if rest[0] in ("AM", "PM") else rest


def _clock(words: list[str]) -> tuple[str, list[str]]:
    """The time of a row (with AM or PM where it has that) and its other cells."""
    return (
        (f"{words[0]} {words[1]}", words[2:])
        if words[1:2] in (["AM"], ["PM"])
        else (words[0], words[1:])
    )


def _recognises_pidstat(content: Content) -> bool:
    return any(
        {"PID", "RSS"} <= set(line.split()) and "Command" in line
        for line in content.first_lines[:8]
    )


def _recognises_sar(content: Content) -> bool:
    lines = content.first_lines[:8]
    return any(map(_BANNER.match, lines)) and any(
        "kbmemused" in line or "kbswpused" in line for line in lines
    )


PIDSTAT = Format("pidstat", "pidstat -r -h -p PID 5 (sysstat)", _recognises_pidstat, read)
SAR = Format("sar", "sar -r 5, sar -S 5 (sysstat)", _recognises_sar, read)
