"""Read lines of a time and numbers separated by spaces: `echo "$(date +%s) $(ps -o rss= -p PID)"`.

A header is optional. If the numbers carry units, a line may also contain words that name its
subject, as when a time precedes each line of `docker stats --format` or `kubectl top --no-headers`.
"""

from __future__ import annotations

import re

import numpy as np

from soak.formats.cells import NUMBER, value_of
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, counted, refuse, table_of
from soak.formats.table import read_table
from soak.formats.timed_lines import timed_lines

#: Lines by which the format is recognised.
_SAMPLE = 20
_LIMIT = re.compile(r"\s+/\s+\S+")


def read(content: Content, options: Options) -> Reading:
    """Read the columns; without a header they are called column_2 and so on. InputError names the line."""
    header: list[str] = []
    rows: list[list[str]] = []
    times: list[float] = []
    notes: list[str] = []
    first = 0
    for number, time, line in timed_lines(content):
        cells = _cells(line)
        if line.startswith("#") or (time is None and not rows):
            header = line.lstrip("# ").split()
            continue
        width = len(rows[0]) if rows else len(cells)
        kinds = list(map(_kind, rows[0] if rows else cells))
        if time is None or list(map(_kind, cells)) != kinds:
            words = kinds.count("word")
            beside = f" and {counted(words, 'word', 'words')}" if words else ""
            expected = f"a time, {counted(width - words, 'number', 'numbers')}{beside}"
            raise refuse(content, f"expected {expected}: {line.strip()!r}", number)
        first = first or number
        times.append(time)
        rows.append(cells)
    if not rows:
        raise refuse(content, "has a header but no rows")
    width = len(rows[0])
    if len(header) < width and _is_unnamed(rows[0]):
        raise refuse(
            content,
            f"its {width + 1} columns have no names: put a line above them such as `time pid rss_kb threads command`",
        )
    names = (
        header[-width:]
        if len(header) >= width
        else [f"column_{place}" for place in range(2, width + 2)]
    )
    labels = tuple(name for name, cell in zip(names, rows[0], strict=True) if _kind(cell) == "word")
    table = table_of(
        names, rows, first_line=first, times=np.array(times, dtype=np.float64), labels=labels
    )
    if len(header) < width:
        notes.append(
            "there is no header; the columns after the time are called column_2, column_3 and so on"
        )
    table.notes += notes
    return read_table(content, table, options)


def _recognises(content: Content) -> bool:
    lines = [line for line in content.first_lines if line.strip() and not line.startswith("#")][
        :_SAMPLE
    ]
    if len(lines) < 2 or any(set(line) & set(",;|\t") for line in lines):
        return False
    sample = Content(content.path, "\n".join(lines).encode())
    timed = [(time, list(map(_kind, _cells(line)))) for _, time, line in timed_lines(sample)]
    body = timed[1:] if timed and timed[0][0] is None else timed
    if not body or any(time is None or kinds != body[0][1] for time, kinds in body):
        return False
    rows = [_cells(line) for _, time, line in timed_lines(sample) if time is not None]
    words = [place for place, cell in enumerate(rows[0]) if _kind(cell) == "word"]
    if not _is_unnamed(rows[0]):
        return True
    # Log lines also have words and numbers, but their words differ and no header names them.
    named = len(timed) > len(body) and len(lines[0].split()) in (len(rows[0]), len(rows[0]) + 1)
    alike = all(row[place] == rows[0][place] for row in rows for place in words)
    return "number" in body[0][1] and (named or alike)


def _is_unnamed(cells: list[str]) -> bool:
    """Return True if the cells are words and numbers without units, so that only a header can explain them."""
    kinds = list(map(_kind, cells))
    return "word" in kinds and "size" not in kinds


def _cells(line: str) -> list[str]:
    """Return the cells of a line; of `12MiB / 2GiB`, only the first value."""
    return _LIMIT.sub("", line).split()


def _kind(cell: str) -> str:
    """Classify a cell as `number` (including units other than bytes), `size`, or `word`."""
    if NUMBER.fullmatch(cell):
        return "number"
    try:
        return "size" if value_of(cell)[1] == "bytes" else "number"
    except ValueError:
        return "word"


FORMAT = Format(
    "time and numbers",
    'while sleep 5; do echo "$(date +%s) $(ps -o rss= -p PID)"; done',
    _recognises,
    read,
)
