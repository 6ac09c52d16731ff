"""Lines of a time and numbers with spaces between: `echo "$(date +%s) $(ps -o rss= -p PID)"`, with or without a header."""

from __future__ import annotations

import numpy as np

from soak.formats.cells import NUMBER
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse, table_of
from soak.formats.table import read_table
from soak.formats.timed_lines import timed_lines

#: So many lines tell that a file is of this format.
_SAMPLE = 20


def read(content: Content, options: Options) -> Reading:
    """Read the columns; those without a header are called column_2 and so on. InputError names the line."""
    header: list[str] = []
    rows: list[list[str]] = []
    times: list[float] = []
    notes: list[str] = []
    first = 0
    for number, time, line in timed_lines(content):
        cells = line.split()
        if line.startswith("#") or (time is None and not rows):
            header = line.lstrip("# ").split()
            continue
        width = len(rows[0]) if rows else len(cells)
        if time is None or len(cells) != width or not all(map(NUMBER.fullmatch, cells)):
            raise refuse(
                content,
                f"expected a time and {width} number{'s' if width > 1 else ''}: {line.strip()!r}",
                number,
            )
        first = first or number
        times.append(time)
        rows.append(cells)
    if not rows:
        raise refuse(content, "has a header but no rows")
    width = len(rows[0])
    names = (
        header[-width:]
        if len(header) >= width
        else [f"column_{place}" for place in range(2, width + 2)]
    )
    table = table_of(names, rows, first_line=first, times=np.array(times, dtype=np.float64))
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
    timed = [(time, line.split()) for _, time, line in timed_lines(sample)]
    body = timed[1:] if timed and timed[0][0] is None else timed
    return bool(body) and all(
        time is not None and len(cells) == len(body[0][1]) and all(map(NUMBER.fullmatch, cells))
        for time, cells in body
    )


FORMAT = Format(
    "time and numbers",
    'while sleep 5; do echo "$(date +%s) $(ps -o rss= -p PID)"; done',
    _recognises,
    read,
)
