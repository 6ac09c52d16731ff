"""Read tables that tools print at intervals, with columns two spaces apart: one series per row name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Options, RawSeries, Reading, refuse
from soak.formats.timed_lines import timed_lines, times_of_blocks

_GAP = re.compile(r"\s{2,}|\t")

Row = dict[str, str]
#: Maps a row to its labels and a value per series name; raises ValueError if it is not a row of the
#: table.
Reader = Callable[[Row], tuple[dict[str, str], dict[str, float]]]


@dataclass(slots=True)
class Samples:
    """Rows collected so far: for each series its points as (time or None, block, value)."""

    points: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[float | None, int, float]]] = (
        field(default_factory=dict)
    )

    def add(self, row: Row, reader: Reader, time: float | None, block: int) -> None:
        """Add one row of a block."""
        labels, values = reader(row)
        for name, value in values.items():
            self.points.setdefault((name, tuple(sorted(labels.items()))), []).append(
                (time, block, value)
            )

    def reading(self, content: Content, options: Options) -> Reading:
        """Return all series; raise InputError if the times are unknown."""
        reading = Reading()
        for (name, labels), points in self.points.items():
            times = times_of_blocks(
                content, options, [point[0] for point in points], [point[1] for point in points]
            )
            reading.series.append(
                RawSeries(name, times, np.array([point[2] for point in points]), dict(labels))
            )
        return reading


def printed_rows(
    content: Content, first: re.Pattern[str]
) -> Iterator[tuple[int, float | None, int, Row]]:
    """Yield line number, time, block and cells of each row below a header that `first` matches."""
    header: list[str] = []
    block = -1
    for number, time, line in timed_lines(content):
        if first.match(line):
            header = _GAP.split(line.strip())
            block += 1
            continue
        cells = _GAP.split(line.strip())
        if not header:
            continue
        if len(cells) < len(header):
            raise refuse(content, f"expected {len(header)} columns, not {len(cells)}", number)
        yield number, time, block, dict(zip(header, cells, strict=False))


def read_printed(
    content: Content, options: Options, first: re.Pattern[str], reader: Reader
) -> Reading:
    """Read a table whose header `first` matches; InputError names the line."""
    samples = Samples()
    for number, time, block, row in printed_rows(content, first):
        try:
            samples.add(row, reader, time, block)
        except (KeyError, ValueError) as error:
            raise refuse(content, f"not a row of this table: {error}", number) from None
    if not samples.points:
        raise refuse(content, "has a header but no rows")
    return samples.reading(content, options)
