"""Read `free -m -s 5`: a block of lines per sample; times come from a date before each block, or from --step."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.cells import value_of
from soak.formats.column_names import EXACT_BYTES
from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.timed_lines import timed_lines, times_of_blocks

_HEADER = re.compile(r"\s*total\s+used\s+free\b")
#: `free` does not print its unit. Machines have 2 GiB to 2 TiB: totals below these are MiB, KiB and
#: GiB.
_MOST_MIB, _MOST_KIB, _MOST_GIB = 2**21, 2**33, 2**9


def read(content: Content, options: Options) -> Reading:
    """Read memory and swap in use, with the machine's memory as capacity. InputError names the line."""
    known: list[float | None] = []
    columns: dict[str, list[float]] = {"total": [], "used": [], "swap": []}
    blocks: list[int] = []
    suffixed = False
    for number, time, line in timed_lines(content):
        words = line.split()
        if words[0] not in ("Mem:", "Swap:") or len(words) < 3:
            continue
        try:
            (total, unit), (used, _) = value_of(words[1]), value_of(words[2])
        except ValueError as error:
            raise refuse(content, f"not a line of free: {error}", number) from None
        suffixed = suffixed or unit == "bytes"
        if words[0] == "Mem:":
            known.append(time)
            blocks.append(len(blocks))
            columns["total"].append(total)
            columns["used"].append(used)
        elif len(columns["swap"]) < len(columns["used"]):
            columns["swap"].append(used)
    if not blocks:
        raise refuse(content, "has a header but no rows")
    times = times_of_blocks(content, options, known, blocks)
    reading = Reading()
    factor = 1.0 if suffixed else _unit(options, columns["total"][0], reading)
    totals, in_use = (np.array(columns[name]) * factor for name in ("total", "used"))
    reading.series.append(RawSeries("machine_memory_used_bytes", times, in_use))
    reading.series.append(RawSeries("machine_memory_bytes", times, totals))
    swap = np.array(columns["swap"]) * factor
    if len(swap) == len(times) and bool((swap > 0).any()):
        reading.series.append(RawSeries("machine_swap_used_bytes", times, swap))
    return reading


def _unit(options: Options, total: float, reading: Reading) -> float:
    for column in ("used", "total", "free"):
        if column in options.units:
            return float(EXACT_BYTES.get(options.units[column], 1))
    name, factor = ("bytes", 1)
    for most, unit, size in (
        (_MOST_GIB, "GiB", 2**30),
        (_MOST_MIB, "MiB", 2**20),
        (_MOST_KIB, "KiB", 2**10),
    ):
        if total < most:
            name, factor = unit, size
            break
    reading.notes.append(
        f"free does not say its unit; {name} is assumed (--unit used=KiB says otherwise)"
    )
    return float(factor)


def _recognises(content: Content) -> bool:
    lines = content.first_lines[:8]
    return any(_HEADER.search(line) for line in lines) and any("Mem:" in line for line in lines)


FORMAT = Format(
    "free",
    "while sleep 5; do date; free -m; done, or free -m -s 5 with --step 5s",
    _recognises,
    read,
)
