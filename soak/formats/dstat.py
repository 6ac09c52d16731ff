"""Read `dstat --output FILE`: a preamble, a line of groups, and a header whose names repeat from group to group."""

from __future__ import annotations

import csv
import re

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.times import moment

#: The columns that are read, as (group, column), and soak's names for them. dstat writes bytes.
_NAMES = {
    ("memory usage", "used"): "machine_memory_used_bytes",
    ("memory usage", "free"): "machine_memory_free_bytes",
    ("swap", "used"): "machine_swap_used_bytes",
    ("filesystem", "files"): "machine_open_files",
}
_DAY_MONTH = re.compile(r"(\d\d)-(\d\d) (\d\d:\d\d:\d\d)")


def read(content: Content, options: Options) -> Reading:
    """Read memory, swap and open files; the year comes from the preamble. InputError names the line."""
    reader = csv.reader(content.lines)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise refuse(content, f"not valid CSV: {error}", reader.line_num) from None
    start = next((place for place, row in enumerate(rows) if {"time", "epoch"} & set(row)), 0)
    if not start:
        raise refuse(content, "has no header of two lines with a time: dstat -tm --output FILE 5")
    groups, header = _spread(rows[start - 1], len(rows[start])), rows[start]
    clock = next(place for place, name in enumerate(header) if name in ("time", "epoch"))
    year = next(
        (match[0] for line in content.lines[:start] if (match := re.search(r"\b20\d\d\b", line))),
        "1970",
    )
    names = {
        place: _NAMES[group, name]
        for place, (group, name) in enumerate(zip(groups, header, strict=True))
        if (group, name) in _NAMES
    }
    if not names:
        raise refuse(
            content,
            "holds neither memory nor swap nor open files: dstat -tm --fs --output FILE 5",
            start + 1,
        )
    times: list[float] = []
    columns: dict[int, list[float]] = {place: [] for place in names}
    for number, row in enumerate(rows[start + 1 :], start + 2):
        if not row:
            continue
        try:
            times.append(_time(row[clock], year))
            for place, column in columns.items():
                column.append(float(row[place]))
        except (ValueError, IndexError):
            raise refuse(
                content,
                f"expected {len(header)} columns with a time first: {','.join(row)[:60]!r}",
                number,
            ) from None
    if not times:
        raise refuse(content, "has a header but no rows")
    seconds = np.array(times)
    return Reading(
        [RawSeries(name, seconds, np.array(columns[place])) for place, name in names.items()]
    )


def _spread(groups: list[str], width: int) -> list[str]:
    """Return the group of each column; a group's name stands only above its first column."""
    spread, now = [], ""
    for place in range(width):
        now = groups[place] if place < len(groups) and groups[place] else now
        spread.append(now)
    return spread


def _time(text: str, year: str) -> float:
    match = _DAY_MONTH.fullmatch(text)
    seconds = moment(f"{year}-{match[2]}-{match[1]} {match[3]}") if match else moment(text)
    if seconds is None:
        raise ValueError
    return seconds


def _recognises(content: Content) -> bool:
    lines = content.first_lines[:12]
    return any("dstat" in line.lower() for line in lines[:2]) and any(
        "time" in line or "epoch" in line for line in lines
    )


FORMAT = Format("dstat", "dstat -tm --fs --output memory.csv 5", _recognises, read)
