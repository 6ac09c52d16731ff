"""Read memory_profiler's mprofile_*.dat: `MEM MiB unix-seconds` lines, `CHLD` lines for children, and `FUNC` lines."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse

_MIB = 2**20
_LINE = re.compile(r"(MEM) (\S+) (\S+)|(CHLD) (\d+) (\S+) (\S+)")
_OTHER = ("CMDLINE", "FUNC", "MEM", "CHLD", "#")


def read(content: Content, options: Options) -> Reading:
    """Read the resident memory of the process and of each child process."""
    points: dict[str, list[tuple[float, float]]] = {}
    lines = content.lines
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("CMDLINE", "FUNC", "#")):
            continue
        match = _LINE.fullmatch(line.strip())
        try:
            if match is None:
                raise ValueError("expected MEM, a size and a time")  # noqa: TRY301 - said below
            child, size, time = (
                ("", match[2], match[3]) if match[1] else (match[5], match[6], match[7])
            )
            point = (float(time), float(size) * _MIB)
            if not np.isfinite(point[0]):
                raise ValueError(f"not a time: {time}")  # noqa: TRY301 - said below
        except ValueError as error:
            raise refuse(content, f"not a line of mprof: {error}", number) from None
        points.setdefault(child, []).append(point)
    reading = Reading()
    for child, several in points.items():
        table = np.array(several, dtype=np.float64)
        labels = {"child": child} if child else {}
        reading.series.append(
            RawSeries("process_resident_memory_bytes", table[:, 0], table[:, 1], labels)
        )
    return reading


def _recognises(content: Content) -> bool:
    lines = content.first_lines[:5]
    return bool(lines) and (
        lines[0].startswith("CMDLINE ")
        or any(re.fullmatch(r"MEM \d+\.\d+ \d+\.\d+\s*", line) for line in lines)
    )


FORMAT = Format("mprof", "mprof run python app.py (memory_profiler)", _recognises, read)
